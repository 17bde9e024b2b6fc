"""Answers, tables and figures as lines of text, for pipes, scripts and screen readers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from rich.cells import cell_len

from culturechat import records
from culturechat.catalogue import Column
from culturechat.engines import Event, Failed, Finished, Token
from culturechat.errors import UsageError
from culturechat.probing import ItemResult
from culturechat.probing.summary import Interval, Summary
from culturechat.survey import Bank
from culturechat.terminal import one_line

Value = TypeVar("Value")

_PROGRESS_SECONDS = 0.2


class Answers:
    """Collects the answers of all columns and prints them one below the other, the first one while it is written."""

    def __init__(self, columns: Sequence[Column], seed: int, silent: bool = False) -> None:
        self._columns = {column.id: column for column in columns}
        self._seed = seed
        self._texts = dict.fromkeys(self._columns, "")
        self._ends: dict[str, Finished | Failed] = {}
        self._shown = 0
        self._left = [] if silent else list(self._columns)
        self._open = ""

    @property
    def complete(self) -> bool:
        """Whether every column has answered."""
        return all(isinstance(self._ends.get(column), Finished) for column in self._columns)

    def take(self, event: Event) -> None:
        """Take note of an event and print what can be printed."""
        if isinstance(event, Token):
            self._texts[event.column] += event.text
        elif isinstance(event, Finished | Failed):
            self._ends[event.column] = event
        while self._left and self._print_first():
            self._left.pop(0)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the answers in the form that others rely on."""
        return [self._answer(column) for column in self._columns.values()]

    def _answer(self, column: Column) -> dict[str, Any]:
        end = self._ends.get(column.id)
        answer: dict[str, Any] = {
            "culture": column.id,
            "form": column.form,
            "model": column.model,
            "text": self._texts[column.id].strip(),
            "tokens": end.tokens if isinstance(end, Finished) else None,
            "tokens_per_second": round(end.tokens_per_second, 2) if isinstance(end, Finished) else None,
            "first_token_s": round(end.first_token_s, 4) if isinstance(end, Finished) else None,
            "seed": self._seed,
            "finish": end.reason if isinstance(end, Finished) else "failed",
        }
        return answer | ({"error": end.error} if isinstance(end, Failed) else {})

    def _print_first(self) -> bool:
        """Print what is new of the first unfinished answer; return whether it has ended."""
        column = self._left[0]
        if self._open != column:
            _out(f"── {self._columns[column].title} ({self._columns[column].form}) ──\n")
            self._open, self._shown = column, 0
        text = self._texts[column].lstrip()
        _out(text[self._shown :])
        self._shown = len(text)
        end = self._ends.get(column)
        if isinstance(end, Failed):
            _out(f"\n[failed: {one_line(end.error)}]")
        if end is not None:
            _out("\n\n")
        return end is not None


def with_progress(results: Iterable[Value], total: int) -> list[Value]:
    """Return all results; while they come, a terminal on standard error shows how many there are and how fast."""
    collected: list[Value] = []
    began = shown = monotonic()
    for result in results:
        collected.append(result)
        now = monotonic()
        if sys.stderr.isatty() and now - shown > _PROGRESS_SECONDS:
            shown = now
            rate = len(collected) / (now - began)
            left = (total - len(collected)) / rate
            sys.stderr.write(f"\r{len(collected)}/{total} items · {rate:.1f} items/s · {left:.0f} s left \x1b[K")
            sys.stderr.flush()
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    return collected


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    _out(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_json(path: Path, value: Any) -> None:
    """Write a value as a JSON file, whole or not at all."""
    try:
        with records.replacing(path) as temporary:
            temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as their widest cell on a terminal."""
    lines = [heads, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(line[index]) for line in lines) for index in range(len(heads))]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        _out("  ".join(padded).rstrip() + "\n")


def print_probe(results: Sequence[ItemResult], summaries: Sequence[Summary], bank: Bank) -> None:
    """Print every item's distributions, then each column's mean distance from the people and the controls."""
    print_table(("item", "column", "model", "people", "WD", "mass", "topic"), list(_probe_rows(results, bank)))
    _out("\nMean distance from the people (95 % bootstrap interval over items); 0 is equal, lower is nearer.\n")
    rows = [
        (
            summary.culture,
            str(summary.items),
            _interval(summary.model.wd),
            _interval(summary.model.jsd_bits),
            _interval(summary.uniform.wd),
            _interval(summary.others_pooled.wd),
        )
        for summary in summaries
    ]
    print_table(("column", "items", "WD", "JSD (bits)", "WD of a uniform guess", "WD of the other cultures"), rows)


def megabytes(size: int) -> str:
    """Return a file size for people."""
    return f"{size / 1e6:.1f} MB"


def _probe_rows(results: Sequence[ItemResult], bank: Bank) -> Iterator[tuple[str, ...]]:
    for result in results:
        yield (
            result.item,
            result.culture,
            _percentages(result.p),
            _percentages(result.people.shares) if result.people else "not asked",
            f"{result.wd:.3f}" if result.wd is not None else "–",
            f"{result.option_mass:.2f}",
            bank.questions[result.item].topic,
        )


def _percentages(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.0%}".rjust(4) for share in shares)


def _interval(interval: Interval | None) -> str:
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]" if interval else "–"


def _out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
