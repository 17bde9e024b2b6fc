"""A run as a long table: one row per column, question and option. Makes CSV, Parquet and data frames of it."""

from __future__ import annotations

import csv
import io
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from culturechat import records
from culturechat.errors import UsageError
from culturechat.probing.results import ItemResult

if TYPE_CHECKING:
    import pandas
    import polars

    from culturechat.probing.run import ProbeRun

COLUMNS: dict[str, type] = {
    "culture": str,
    "form": str,
    "model": str,
    "item": str,
    "theme": str,
    "question": str,
    "option": str,
    "label": str,
    "place": int,
    "p": float,
    "human": float,
    "human_n": int,
    "option_mass": float,
    "jsd_bits": float,
    "wd": float,
    "wd_uniform": float,
    "wd_others_pooled": float,
    "wd_noise_floor": float,
}
"""`place` is the option's on the scale, from 1; what was not asked is empty."""


def rows(run: ProbeRun) -> list[dict[str, Any]]:
    """Return the table, columns and questions in the order of the run."""
    return [row for result in run.items for row in _rows(result, run)]


def csv_text(run: ProbeRun) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(run))
    return text.getvalue()


def write_parquet(run: ProbeRun, path: Path) -> None:
    """Write the table as Parquet.

    Raises:
        UsageError: polars is not installed, or the file cannot be written.
    """
    frame = polars_frame(run)
    try:
        with records.replacing(path) as temporary:
            frame.write_parquet(temporary)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error}).") from None


def polars_frame(run: ProbeRun) -> polars.DataFrame:
    """Return the table as a polars frame."""
    library = installed("polars")
    kinds = {str: library.String, int: library.Int64, float: library.Float64}
    frame: polars.DataFrame = library.DataFrame(rows(run), {name: kinds[kind] for name, kind in COLUMNS.items()})
    return frame


def pandas_frame(run: ProbeRun) -> pandas.DataFrame:
    """Return the table as a pandas frame."""
    frame: pandas.DataFrame = installed("pandas").DataFrame(rows(run), columns=list(COLUMNS))
    return frame


def installed(library: str) -> Any:
    """Return an optional library.

    Raises:
        UsageError: it is not installed; the text says how to get it.
    """
    try:
        return import_module(library)
    except ImportError:
        hint = "culturechat[probe]" if library == "polars" else library
        raise UsageError(f"{library} is not installed: pip install '{hint}'.") from None


def _rows(result: ItemResult, run: ProbeRun) -> list[dict[str, Any]]:
    question = run.bank.questions[result.item]
    facts = next(column for column in run.columns if column.culture == result.culture)
    summary = next(summary for summary in run.summary if summary.culture == result.culture)
    measured = summary.controls.get(result.item)
    people = result.people
    shared = {
        "culture": result.culture,
        "form": facts.form,
        "model": facts.model,
        "item": result.item,
        "theme": question.theme,
        "question": question.question,
        "human_n": people.n if people else None,
        "option_mass": result.option_mass,
        "jsd_bits": result.jsd_bits,
        "wd": result.wd,
        "wd_uniform": measured.uniform[1] if measured else None,
        "wd_others_pooled": measured.others_pooled[1] if measured and measured.others_pooled else None,
        "wd_noise_floor": measured.noise_floor[1] if measured and measured.noise_floor else None,
    }
    own = [
        {"option": code, "label": label, "place": place + 1, "p": result.p[place], "human": _share(result, place)}
        for place, (code, label) in enumerate(question.scale.labels.items())
    ]
    return [{name: (shared | option)[name] for name in COLUMNS} for option in own]


def _share(result: ItemResult, place: int) -> float | None:
    return result.people.shares[place] if result.people else None
