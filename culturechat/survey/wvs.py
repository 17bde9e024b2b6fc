"""Reads people's answers from the official World Values Survey file, wave 7, that a user has downloaded.

The file is read row by row, so memory does not grow with it. Weights (W_WEIGHT) are applied, negative codes are missing
answers (don't know, no answer, not asked, refused), and what cannot be used is left out and named. Comma and semicolon
CSV are read as they are, SPSS files where `pyreadstat` is installed. Knows nothing of models.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from culturechat.errors import BadFile, UsageError
from culturechat.survey import Answers, Bank, Question, countries

COUNTRY, WEIGHT = "B_COUNTRY_ALPHA", "W_WEIGHT"
SOURCE = "World Values Survey wave 7, read from {name}, weighted by W_WEIGHT, doi:10.14281/18241.20"
_SPSS_ROWS = 20_000


@dataclass(frozen=True)
class Reading:
    """What was found in a survey file."""

    bank: Bank
    """The questions with the shares of the valid answers, weighted; `n` counts valid answers, not weights."""
    notes: tuple[str, ...]
    """What was left out and why, one sentence each."""
    rows: int
    """Respondents in the file, of all countries."""


@dataclass
class _Tally:
    """One country's answers to one question so far."""

    weights: dict[str, float] = field(default_factory=dict)
    """Sum of weights by option code."""
    n: int = 0
    stranger: str = ""
    """The first valid code that the question has no option for, with its place in the file."""


def read(path: Path, questions: Mapping[str, Question], wanted: Iterable[str]) -> Reading:
    """Return the answers of the people of these countries to these questions.

    Args:
        path: The survey's file, .csv or .sav.
        questions: Questions by the survey's codes, such as Q38.
        wanted: Countries, ISO 3166 alpha-3.

    Raises:
        BadFile: the file is missing, no such file, or a cell is no number; line and column are named.
        UsageError: an SPSS file, and `pyreadstat` is not installed.
    """
    countries_wanted = tuple(dict.fromkeys(wanted))
    tallies: dict[tuple[str, str], _Tally] = {}
    rows = _sav(path, questions) if path.suffix.lower() in (".sav", ".zsav") else _csv(path, questions)
    counter = _Counter(path, questions, set(countries_wanted), tallies)
    total = sum(1 for line, row in rows if counter.take(line, row))
    return Reading(*_finished(tallies, questions, countries_wanted, counter.present), total)


class _Counter:
    """Adds rows to the tallies. A row is country, weight, then one cell per question, missing columns as ''."""

    def __init__(
        self,
        path: Path,
        questions: Mapping[str, Question],
        wanted: set[str],
        tallies: dict[tuple[str, str], _Tally],
    ) -> None:
        self.path = path
        self.items = list(questions)
        self.codes = [set(question.codes) for question in questions.values()]
        self.wanted = wanted
        self.tallies = tallies
        self.present: set[str] = set()

    def take(self, line: int, row: Sequence[str]) -> bool:
        """Count one respondent; always true, so that rows can be counted."""
        country = row[0].strip()
        if country not in self.wanted:
            return True
        self.present.add(country)
        weight = self._number(row[1], line, WEIGHT)
        if weight < 0:
            raise BadFile(self.path, f"line {line}, column {WEIGHT}: {row[1]!r} is no weight.")
        for item, codes, cell in zip(self.items, self.codes, row[2:], strict=True):
            if cell:
                self._add(country, item, codes, cell, weight, line)
        return True

    def _add(self, country: str, item: str, codes: set[str], cell: str, weight: float, line: int) -> None:
        code = cell if cell in codes else self._code(cell, line, item)
        if code.startswith("-"):
            return
        tally = self.tallies.setdefault((country, item), _Tally())
        if code not in codes:
            tally.stranger = tally.stranger or f"line {line} has {code}"
            return
        tally.weights[code] = tally.weights.get(code, 0.0) + weight
        tally.n += 1

    def _code(self, cell: str, line: int, column: str) -> str:
        """Return an answer's code as the bank writes it; '1.0' is 1, a blank cell is missing."""
        if not cell.strip():
            return "-"
        number = self._number(cell, line, column)
        return str(int(number)) if number == int(number) else cell.strip()

    def _number(self, cell: str, line: int, column: str) -> float:
        with suppress(ValueError, OverflowError):
            number = float(cell.strip().replace(",", "."))
            if abs(number) < float("inf"):
                return number
        raise BadFile(self.path, f"line {line}, column {column}: {cell!r} is not a number.")


def _finished(
    tallies: Mapping[tuple[str, str], _Tally],
    questions: Mapping[str, Question],
    wanted: Sequence[str],
    present: set[str],
) -> tuple[Bank, tuple[str, ...]]:
    answers: dict[tuple[str, str], Answers] = {}
    notes = []
    for country in wanted:
        if country not in present:
            notes.append(f"{_name(country)} is not in the file.")
            continue
        unasked = []
        for item in questions:
            tally = tallies.get((country, item), _Tally())
            total = sum(tally.weights.values())
            if tally.stranger:
                notes.append(f"{_name(country)}, {item} left out: {tally.stranger}, which is none of its options.")
            elif total <= 0:
                unasked.append(item)
            else:
                answers[country, item] = Answers({code: sum_ / total for code, sum_ in tally.weights.items()}, tally.n)
        if unasked:
            notes.append(f"{_name(country)} was not asked {', '.join(unasked)}.")
    return Bank(dict(questions), answers), tuple(notes)


def _name(country: str) -> str:
    known = countries().get(country)
    return known.name if known else country


def _csv(path: Path, questions: Mapping[str, Question]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield line and cells of every row."""
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            first = file.readline()
            delimiter = max(",;\t", key=first.count)
            heads = next(csv.reader([first], delimiter=delimiter), [])
            places = _places(path, heads, questions)
            reader = csv.reader(file, delimiter=delimiter)
            for row in reader:
                if len(row) != len(heads):
                    if not row:
                        continue
                    raise BadFile(path, f"line {reader.line_num + 1}: {len(row)} fields, line 1 has {len(heads)}.")
                yield reader.line_num + 1, [row[place] if place is not None else "" for place in places]
    except FileNotFoundError:
        raise BadFile(path, "no such file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(path, f"cannot be read as CSV ({error}).") from None


def _encoding(path: Path) -> str:
    """Return Latin-1, which takes every byte: only ASCII cells are looked at. A UTF-8 mark at the start is skipped."""
    with path.open("rb") as file:
        return "utf-8-sig" if file.read(3) == b"\xef\xbb\xbf" else "latin-1"


def _places(path: Path, heads: Sequence[str], questions: Mapping[str, Question]) -> list[int | None]:
    """Return where country, weight and each question stand; a head may carry its title, as in `Q1: Family`."""
    found = {head.strip().partition(":")[0].strip().upper(): place for place, head in enumerate(heads)}
    for needed in (COUNTRY, WEIGHT):
        if needed not in found:
            raise BadFile(path, f"line 1: column {needed} is missing; is this the wave 7 file of the survey?")
    if not any(item.upper() in found for item in questions):
        raise BadFile(path, "line 1: none of the bank's questions is a column.")
    return [found[COUNTRY], found[WEIGHT], *(found.get(item.upper()) for item in questions)]


def _sav(path: Path, questions: Mapping[str, Question]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield number and cells of every case of an SPSS file, in pieces."""
    try:
        spss: Any = import_module("pyreadstat")
    except ImportError:
        raise UsageError("pyreadstat is not installed: pip install pyreadstat, or use the CSV file.") from None
    if not path.is_file():
        raise BadFile(path, "no such file.")
    try:
        _, about = spss.read_sav(str(path), metadataonly=True)
        heads = about.column_names
        places = _places(path, heads, questions)
        columns = [heads[place] if place is not None else None for place in places]
        chunks = spss.read_file_in_chunks(
            spss.read_sav, str(path), chunksize=_SPSS_ROWS, usecols=[name for name in columns if name]
        )
        start = 1
        for frame, _ in chunks:
            cells = [_cells(frame[name]) if name else [""] * len(frame) for name in columns]
            yield from enumerate(zip(*cells, strict=True), start)
            start += len(frame)
    except (OSError, spss.ReadstatError) as error:
        raise BadFile(path, f"cannot be read as SPSS ({error}).") from None


def _cells(series: Any) -> list[str]:
    """Return a column of an SPSS file as text; system-missing is empty."""
    return ["" if value is None or value != value else str(value).removesuffix(".0") for value in series.tolist()]
