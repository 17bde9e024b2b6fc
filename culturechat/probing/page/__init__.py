"""The report of a run as one self-contained web page: no script, no font, no picture from elsewhere.

Every text is escaped by the template engine; a policy in the page itself forbids loading anything. Makes no numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from culturechat.probing.method import CITATION, LIMITS, METHOD
from culturechat.probing.page import charts
from culturechat.probing.resample import Interval
from culturechat.probing.results import ItemResult
from culturechat.survey import Question
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.probing.run import ProbeRun

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """One question with the results of all columns."""

    place: int
    """From 1; the anchor in the page."""
    question: Question
    results: dict[str, ItemResult]
    """By column."""
    translations: dict[str, str]
    """The question in the languages other than English in which it was asked, by their codes."""


def render(run: ProbeRun, made: str = "") -> str:
    """Return the page.

    Args:
        run: What to show.
        made: The date to print, if any.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "line": one_line,
        "interval": interval_text,
        "signed": signed_text,
        "number": number_text,
        "percent": percent_text,
        "points": points_text,
    }
    values = _values(run) | {"made": made, "style": Markup((FOLDER / "style.css").read_text("utf-8"))}
    return environment.get_template("page.html.j2").render(values)


def interval_text(interval: Interval | None, digits: int = 3) -> str:
    """Return a value with its interval for a table."""
    if interval is None:
        return "–"
    return f"{interval.mean:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def signed_text(interval: Interval | None) -> str:
    """Return a value in percentage points with its interval and sign."""
    if interval is None:
        return "–"
    return f"{100 * interval.mean:+.0f} [{100 * interval.low:+.0f}, {100 * interval.high:+.0f}]"


def number_text(value: float | Interval | None, digits: int = 3) -> str:
    """Return a bare value."""
    known = value.mean if isinstance(value, Interval) else value
    return f"{known:.{digits}f}" if known is not None else "–"


def percent_text(share: float) -> str:
    """Return a share as whole per cent."""
    return f"{100 * share:.0f}"


def points_text(share: float) -> str:
    """Return a difference of probabilities in percentage points."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _values(run: ProbeRun) -> dict[str, Any]:
    columns = [column.culture for column in run.columns]
    return {
        "run": run,
        "columns": columns,
        "titles": {column.culture: column.title for column in run.columns},
        "parts": list(_parts(run)),
        "themes": list(dict.fromkeys(run.bank.questions[result.item].theme for result in run.items)),
        "compared": [summary for summary in run.summary if summary.items],
        "distances": charts.distances(run.summary),
        "plane": charts.plane(run.plane) if run.plane else None,
        "worst": _worst(run),
        "farthest": _farthest(run),
        "biases": {bias.culture: bias for bias in run.bias},
        "marks": _marks(run),
        "method": METHOD,
        "limits": LIMITS,
        "citation": CITATION,
    }


def _marks(run: ProbeRun) -> list[str]:
    """Return every mark whose bias is known, letters before digits."""
    found = {mark for bias in run.bias for places in bias.places for mark in places.by_mark or ()}
    return sorted(found, key=lambda mark: (mark.isdigit(), mark))


def _parts(run: ProbeRun) -> Iterator[Part]:
    by_item: dict[str, dict[str, ItemResult]] = {}
    for result in run.items:
        by_item.setdefault(result.item, {})[result.culture] = result
    for place, (item, results) in enumerate(by_item.items(), 1):
        asked = {run.language_of(result): run.asked(result).question for result in results.values()}
        question = run.bank.questions[item]
        others = {code: text for code, text in asked.items() if text != question.question}
        yield Part(place, question, results, others)


def _worst(run: ProbeRun) -> float:
    """Return the value that gets the full colour of the heat maps."""
    known: Sequence[float] = [result.wd for result in run.items if result.wd is not None]
    return max(known, default=1.0) or 1.0


def _farthest(run: ProbeRun) -> float:
    """Return the value that gets the full colour of the matrix of columns and peoples."""
    rows = run.nearest.rows if run.nearest else ()
    return max((wd.mean for row in rows for wd in row.wd), default=1.0) or 1.0
