"""The question bank in our words and what people answered. Knows nothing of models.

Figures: World Values Survey, wave 7 (see NOTICE): shares of the valid answers of a country's respondents, unweighted.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from culturechat import records
from culturechat.errors import BadFile, UsageError, unknown

FOLDER = Path(__file__).parent
SOURCE = "World Values Survey wave 7 (2017-2022), doi:10.14281/18241.20, unweighted"
SUM_TOLERANCE = 0.01
MOST_OPTIONS = 26
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Stance:
    """Options that mean the same side of a matter."""

    codes: tuple[str, ...]
    says: str
    """Completes "Most people here …"; holds `{claim}`."""


@dataclass(frozen=True)
class Scale:
    """The options of an answer, in order."""

    labels: dict[str, str]
    """Option code to label, in scale order."""
    kind: Literal["ordinal", "binary", "nominal"] = "ordinal"
    alternates: tuple[tuple[str, ...], ...] = ()
    """The same options in other words, each in the order of `labels`."""
    stances: tuple[Stance, ...] = ()
    low: str = ""
    """What the lowest step means, for scales of which only the ends are labelled."""
    high: str = ""
    name: str = ""
    """Of the shipped scale; empty where the options are of the user's own."""


@dataclass(frozen=True)
class Question:
    """One item of the survey in our words."""

    item: str
    """The survey's code for it, such as Q38."""
    theme: str
    question: str
    scale: Scale
    topic: str = ""
    """A heading of a few words."""
    kind: Literal["value", "perception"] = "value"
    """Whether it asks what one holds right or what one sees around oneself."""
    seed: bool = False
    """Whether it is one of the 50 seeds of CultureLLM."""
    open: str = ""
    """How a person would ask it freely."""
    claim: str = ""
    """What the stances of the scale are about."""
    restatements: tuple[str, ...] = ()
    """Other sentences of equal meaning."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Option codes in scale order."""
        return tuple(self.scale.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Option labels in scale order."""
        return tuple(self.scale.labels.values())

    @property
    def ordered(self) -> bool:
        """Whether distances between options mean anything."""
        return self.scale.kind != "nominal"


@dataclass(frozen=True)
class Country:
    """Where and when people were asked."""

    name: str
    year: int
    interviews: int
    """Completed interviews."""


@dataclass(frozen=True)
class Answers:
    """How the people of one country answered one question."""

    shares: dict[str, float]
    """Option code to share of the valid answers."""
    n: int | None
    """Valid answers; None where the source does not say."""


@dataclass(frozen=True)
class People:
    """How the people who stand for one culture answered one question."""

    shares: tuple[float, ...]
    """In the order of the question's options; the mean of the countries."""
    n: int | None
    """Valid answers in all countries; None where one of them does not say."""
    countries: tuple[str, ...]
    """The countries that were asked."""


@dataclass(frozen=True)
class Bank:
    """Questions and the answers of people."""

    questions: dict[str, Question]
    answers: dict[tuple[str, str], Answers]
    """By country and item; what was not asked is absent."""

    def question(self, item: str) -> Question:
        """Return one question.

        Raises:
            UsageError: there is none of that code; the nearest is named.
        """
        for known in (item, item.upper()):
            if known in self.questions:
                return self.questions[known]
        raise unknown("question", item, self.questions)

    def people(self, item: str, countries: Iterable[str]) -> People | None:
        """Return how people of these countries answered, or None where none of them was asked."""
        asked = [country for country in countries if (country, item) in self.answers]
        if not asked:
            return None
        given = [self.answers[country, item] for country in asked]
        shares = tuple(
            sum(answers.shares.get(code, 0.0) for answers in given) / len(given) for code in self.questions[item].codes
        )
        counts = [answers.n for answers in given]
        n = None if None in counts else sum(count for count in counts if count is not None)
        return People(shares, n, tuple(asked))


@dataclass(frozen=True)
class _QuestionRow:
    theme: str
    kind: Literal["value", "perception"]
    seed: bool
    scale: str
    topic: str
    question: str
    open: str
    claim: str
    restatements: tuple[str, ...]


@cache
def load() -> Bank:
    """Return the shipped bank: 84 questions, 12 countries."""
    scales = scales_in(FOLDER / "scales.toml")
    questions = dict(_questions_in(FOLDER / "questions.toml", scales))
    return Bank(questions, answers_in(FOLDER / "shares.csv", questions))


@cache
def countries() -> dict[str, Country]:
    """Return the surveyed countries by ISO 3166 alpha-3 code."""
    path = FOLDER / "countries.toml"
    return {code: records.build(row, Country, path, code) for code, row in records.parse(path).items()}


def from_csv(items: Path, shares: Path | None) -> Bank:
    """Return a bank from `item,theme,question,options_json` and `country,item,option,share[,n]` files.

    Without `shares` nothing is known of people's answers.
    """
    questions = {question.item: question for question in _csv_questions(items)}
    return Bank(questions, answers_in(shares, questions) if shares else {})


def scales_in(path: Path) -> dict[str, Scale]:
    """Return the answer scales of a file by name, each checked for labels and stances that fit."""
    scales = {}
    for name, row in records.parse(path).items():
        scale = records.build(row, Scale, path, name)
        if any(len(labels) != len(scale.labels) for labels in scale.alternates):
            raise BadFile(path, f"[{name}] alternates need {len(scale.labels)} labels each.")
        if scale.stances and sorted(code for stance in scale.stances for code in stance.codes) != sorted(scale.labels):
            raise BadFile(path, f"[{name}] stances must name every option code once.")
        scales[name] = replace(scale, name=name)
    return scales


def answers_in(path: Path, questions: Mapping[str, Question]) -> dict[tuple[str, str], Answers]:
    """Return the answers of a shares file by country and item.

    Raises:
        BadFile: an item or option is not in the bank, a share is no share, or shares do not sum to 1.
    """
    shares: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    counts: dict[tuple[str, str], int | None] = {}
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line, row in _rows(path, ("country", "item", "option", "share")):
        key, code = (row["country"], row["item"]), row["option"]
        if row["item"] not in questions:
            raise BadFile(path, f"line {line}, column item: {unknown('item', row['item'], questions)}")
        if code not in questions[row["item"]].codes:
            known = ", ".join(questions[row["item"]].codes)
            raise BadFile(path, f"line {line}, column option: {row['item']} has no option {code!r}; it has {known}.")
        if code in shares[key]:
            raise BadFile(path, f"line {line}, column option: {row['country']} {row['item']} {code} stands twice.")
        shares[key][code] = _share(row["share"], path, line)
        counts[key] = _count(row.get("n", ""), path, line)
        lines[key].append(line)
    for (country, item), given in shares.items():
        total = sum(given.values())
        if abs(total - 1) > SUM_TOLERANCE:
            place = f"lines {', '.join(map(str, lines[country, item]))}, column share"
            raise BadFile(path, f"{place}: {country} {item}: shares sum to {total:.3f}, not to 1.")
    return {key: Answers(given, counts[key]) for key, given in shares.items()}


def _questions_in(path: Path, scales: Mapping[str, Scale]) -> Iterator[tuple[str, Question]]:
    for item, values in records.parse(path).items():
        row = records.build(values, _QuestionRow, path, item)
        if row.scale not in scales:
            raise BadFile(path, f"[{item}] scale: {unknown('scale', row.scale, scales)}")
        yield item, Question(**{**vars(row), "item": item, "scale": scales[row.scale]})


def _csv_questions(path: Path) -> Iterator[Question]:
    seen: set[str] = set()
    for line, row in _rows(path, ("item", "theme", "question", "options_json")):
        item = row["item"].strip()
        if not item or not row["question"].strip():
            raise BadFile(path, f"line {line}: item and question must not be empty.")
        if item in seen:
            raise BadFile(path, f"line {line}, column item: {item} stands twice.")
        seen.add(item)
        yield Question(item, row["theme"], row["question"].strip(), Scale(_options(row["options_json"], path, line)))
    if not seen:
        raise BadFile(path, "holds no items.")


def _options(text: str, path: Path, line: int) -> dict[str, str]:
    place = f"line {line}, column options_json"
    try:
        options: Any = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise BadFile(path, f"{place}: is not valid JSON: {error}.") from None
    except UsageError as error:
        raise BadFile(path, f"{place}: {error}") from None
    if not isinstance(options, dict) or not all(isinstance(label, str) for label in options.values()):
        raise BadFile(path, f'{place}: expected {{"code": "label", …}} in scale order.')
    try:
        check_whole(options)
        check_labels(options.values())
    except UsageError as error:
        raise BadFile(path, f"{place}: {error}") from None
    return {code: label.strip() for code, label in options.items()}


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys all differ; `json` alone would keep the last of two."""
    codes = [code for code, _ in pairs]
    twice = next((code for code in codes if codes.count(code) > 1 or not code.strip()), None)
    if twice is not None:
        raise UsageError(f"option code {twice!r} {'stands twice' if twice.strip() else 'is empty'}.")
    return dict(pairs)


def check_whole(texts: Iterable[str]) -> None:
    """Refuse texts that no model can be asked, because they hold bytes or halves of characters.

    Raises:
        UsageError: one does.
    """
    for text in texts:
        if _HALF.search(text):
            raise UsageError(f"{_HALF.sub('�', text)!r} holds half of a character; write it as UTF-8.")


def check_labels(labels: Iterable[str]) -> None:
    """Refuse option labels that cannot be chosen between.

    They have to differ in more than what no reader and hardly a tokenizer sees: width, spaces, invisible signs.

    Raises:
        UsageError: there are too few or too many, one is empty, or two look the same; these are named.
    """
    labels = list(labels)
    check_whole(labels)
    given = [label.strip() for label in labels]
    if not 2 <= len(given) <= MOST_OPTIONS:
        raise UsageError(f"{len(given)} options; a question needs 2 to {MOST_OPTIONS}.")
    if "" in given:
        raise UsageError(f"option {given.index('') + 1} has an empty label.")
    twice = next((label for label in given if given.count(label) > 1), None)
    if twice is not None:
        raise UsageError(f"two options are both labelled {twice!r}.")
    seen: dict[str, str] = {}
    for label in given:
        plain = _visible(label)
        if not plain:
            raise UsageError(f"option {label!r} shows nothing.")
        if plain in seen:
            raise UsageError(f"options {seen[plain]!r} and {label!r} cannot be told apart.")
        seen[plain] = label


def _visible(label: str) -> str:
    normal = unicodedata.normalize("NFKC", label)
    return " ".join("".join(sign for sign in normal if unicodedata.category(sign) not in ("Cf", "Cc")).split())


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise BadFile(path, f"line 1: column {', '.join(missing)} is missing; needed: {', '.join(needed)}.")
            for row in reader:
                if None in row or None in row.values():
                    raise BadFile(path, f"line {reader.line_num}: has another number of fields than line 1.")
                yield reader.line_num, row
    except FileNotFoundError:
        raise BadFile(path, "no such file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(path, f"cannot be read as CSV ({error}).") from None


def _share(text: str, path: Path, line: int) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadFile(path, f"line {line}, column share: {text!r} is not a number from 0 to 1.")
    return share


def _count(text: str, path: Path, line: int) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdigit():
        raise BadFile(path, f"line {line}, column n: {text!r} is not a whole number.")
    return int(text)
