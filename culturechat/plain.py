"""Answers, tables and figures as lines of text, for pipes, scripts and screen readers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from rich.cells import cell_len

from culturechat.catalogue import Card, Column
from culturechat.engines import Event, Failed, Finished, Token
from culturechat.survey import Bank
from culturechat.terminal import one_line, safe_json

if TYPE_CHECKING:
    from culturechat.probing import Interval, ItemResult, ProbeRun, Summary
    from culturechat.probing.bias import Bias
    from culturechat.probing.compare import Comparison
    from culturechat.probing.nearest import Nearest
    from culturechat.replaying import Verdict

Value = TypeVar("Value")

_PROGRESS_SECONDS = 0.2
_MOST_NAMED = 10


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
            "culture": column.culture.id if column.culture else column.id,
            "language": column.language,
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


def progress(results: Iterable[Value], total: int) -> Iterator[Value]:
    """Hand the results on; while they come, a terminal on standard error shows how many there are and how fast."""
    began = shown = monotonic()
    try:
        for count, result in enumerate(results, 1):
            yield result
            now = monotonic()
            if sys.stderr.isatty() and now - shown > _PROGRESS_SECONDS:
                shown = now
                sys.stderr.write(f"\r{_progress_line(count, total, now - began)}\x1b[K")
                sys.stderr.flush()
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


@contextmanager
def stoppable(hint: str) -> Iterator[None]:
    """Say what to do next when the work inside is stopped by Ctrl-C, and let the stop go on."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"{hint}\n")
        raise


def today() -> str:
    """Return the date for people and machines alike."""
    return date.today().isoformat()


def say(text: str) -> None:
    """Print text as it is."""
    _out(text)


@contextmanager
def percentage(name: str) -> Iterator[Callable[[float], None]]:
    """Give a function that shows on a terminal how much of some work, from 0 to 1, is done."""

    def show(share: float) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{name} {share:4.0%} \x1b[K")
            sys.stderr.flush()

    yield show
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def card_row(card: Card, state: str) -> dict[str, Any]:
    """Return what a list of models says of one."""
    return {
        "model": card.id,
        "form": card.form,
        "culture": card.culture or None,
        "base": card.base or None,
        "bytes": card.bytes,
        "licence": card.licence,
        "state": state,
        "path": str(card.path) if card.path else None,
    }


def print_cards(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a list of models."""
    cells = [
        (row["model"], row["form"], megabytes(row["bytes"]), row["licence"], row["state"], _room(row)) for row in rows
    ]
    print_table(("model", "form", "size", "licence", "state", "memory"), cells)


def _room(row: Mapping[str, Any]) -> str:
    if row["memory_bytes"] is None:
        return ""
    fits = {True: "fits", False: "too large", None: "unknown whether it fits"}[row["fits"]]
    return f"{row['memory_bytes'] / 2**30:.1f} GiB, {fits}"


def print_fields(fields: Mapping[str, Any], indent: str = "") -> None:
    """Print names and values one below the other, tables in tables indented."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            _out(f"{indent}{one_line(name)}\n")
            print_fields(value, indent + "  ")
        elif value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            _out(f"{indent}{one_line(name)}: {one_line(shown)}\n")


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    _out(safe_json(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as their widest cell on a terminal."""
    lines = [heads, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(line[index]) for line in lines) for index in range(len(heads))]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        _out("  ".join(padded).rstrip() + "\n")


def print_probe(run: ProbeRun) -> None:
    """Print every item's distributions, then each column's distance from the people, the controls, bias and map."""
    print_table(("item", "column", "model", "people", "WD", "mass", "topic"), list(_probe_rows(run.items, run.bank)))
    if run.plan.language == "own":
        spoken = ", ".join(f"{column.culture} {column.language}" for column in run.columns)
        _out(f"\nAsked in the culture's own language: {spoken}.\n")
    _out("\nMean distance from the people [95 % bootstrap interval]; 0 is equal, lower is nearer.\n")
    print_table(_DISTANCE_HEADS, [_distance_row(summary) for summary in run.summary])
    _out("\nHow firm the reading is.\n")
    places = zip(run.summary, run.bias, strict=True)
    print_table(_FIRMNESS_HEADS, [_firmness_row(summary, bias) for summary, bias in places])
    if any(len(summary.themes) > 1 for summary in run.summary):
        _print_themes(run.summary)
    if run.nearest is not None:
        _print_nearest(run.nearest)
    for note in run.source.notes:
        _out(f"\nNote: {one_line(note)}")
    _out("\n" if run.source.notes else "")


def print_comparison(comparison: Comparison, most: int) -> None:
    """Print what two runs differ in: by column, then the questions that moved most."""
    _out("Second run less first; negative is nearer to the people [95 % paired bootstrap interval over questions].\n")
    rows = [
        (
            change.culture,
            str(change.items),
            _number(change.wd_a),
            _number(change.wd_b),
            _interval(change.wd_difference, "+.3f"),
            _interval(change.jsd_bits_difference, "+.3f"),
            f"{change.nearer} / {change.farther}",
        )
        for change in comparison.changes
    ]
    print_table(("column", "items", "WD first", "WD second", "ΔWD", "ΔJSD (bits)", "nearer / farther"), rows)
    if most:
        _out("\nWhat moved most (share of probability that moved between options).\n")
        moved = [
            (row.item, row.culture, f"{row.total_variation:.0%}", _number(row.wd_a), _number(row.wd_b))
            for row in comparison.moved[:most]
        ]
        print_table(("item", "column", "moved", "WD first", "WD second"), moved)
    for name, only in (("first", comparison.only_a), ("second", comparison.only_b)):
        if only:
            more = f" and {len(only) - _MOST_NAMED} more" if len(only) > _MOST_NAMED else ""
            _out(f"\nOnly in the {name} run: {', '.join(map(one_line, only[:_MOST_NAMED]))}{more}\n")


def print_verdict(verdict: Verdict) -> None:
    """Print how one answer came out the second time, in one line."""
    answer = verdict.answer
    head = (
        f"{verdict.turn} {answer.voice.culture}, seed {answer.seed}: {'identical' if verdict.identical else 'differs'}"
    )
    notes = "; ".join(verdict.differences)
    _out(
        one_line(f"{head}, although {notes}" if verdict.identical and notes else f"{head}: {notes}" if notes else head)
    )
    _out("\n")


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """Return how one answer came out the second time, for JSON."""
    answer = verdict.answer
    return {
        "turn": verdict.turn,
        "culture": answer.voice.culture,
        "attempt": answer.attempt,
        "seed": answer.seed,
        "identical": verdict.identical,
        "differences": list(verdict.differences),
    }


def megabytes(size: int) -> str:
    """Return a file size for people."""
    return f"{size / 1e6:.1f} MB"


_DISTANCE_HEADS = ("column", "items", "WD", "uniform", "others pooled", "noise floor", "JSD (bits)", "correlation")
_FIRMNESS_HEADS = ("column", "option mass", "first place", "last place", "moved by places")


def _progress_line(count: int, total: int, seconds: float) -> str:
    rate = count / seconds
    filled = round(20 * count / total)
    bar = "█" * filled + "░" * (20 - filled)
    return f"{bar} {count}/{total} items · {rate:.1f} items/s · {(total - count) / rate:.0f} s left"


def _probe_rows(results: Sequence[ItemResult], bank: Bank) -> Iterator[tuple[str, ...]]:
    for result in results:
        yield (
            result.item,
            result.culture,
            _percentages(result.p),
            _percentages(result.people.shares) if result.people else "not asked",
            _number(result.wd),
            f"{result.option_mass:.2f}",
            bank.questions[result.item].topic or bank.questions[result.item].question,
        )


def _distance_row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.culture,
        str(summary.items),
        _interval(summary.model.wd),
        _mean(summary.uniform.wd),
        _mean(summary.others_pooled.wd),
        _mean(summary.noise_floor.wd),
        _interval(summary.model.jsd_bits),
        _interval(summary.correlation, ".2f"),
    )


def _firmness_row(summary: Summary, bias: Bias) -> tuple[str, ...]:
    return (
        summary.culture,
        _interval(summary.option_mass, ".2f"),
        _interval(bias.first, "+.2f"),
        _interval(bias.last, "+.2f"),
        _interval(bias.size, ".2f"),
    )


def _print_themes(summaries: Sequence[Summary]) -> None:
    rows = [
        (theme, summary.culture, str(own.items), _interval(own.model.wd), _mean(own.others_pooled.wd))
        for theme in dict.fromkeys(theme for summary in summaries for theme in summary.themes)
        for summary in summaries
        if (own := summary.themes.get(theme)) and own.items
    ]
    if rows:
        _out("\nBy theme.\n")
        print_table(("theme", "column", "items", "WD", "others pooled"), rows)


def _print_nearest(nearest: Nearest) -> None:
    _out(f"\nMean WD from each people on the {len(nearest.items)} questions that all of them were asked.\n")
    rows = [
        (row.culture, *(_mean(wd) for wd in row.wd), f"{row.nearest} ({row.share_of_resamples:.0%} of resamples)")
        for row in nearest.rows
    ]
    print_table(("column", *nearest.peoples, "nearest"), rows)


def _percentages(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.0%}".rjust(4) for share in shares)


def _interval(interval: Interval | None, form: str = ".3f") -> str:
    if interval is None:
        return "–"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _mean(interval: Interval | None) -> str:
    return _number(interval.mean if interval else None)


def _number(value: float | None) -> str:
    return f"{value:.3f}" if value is not None else "–"


def _out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
