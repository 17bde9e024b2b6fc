"""A finished run: its results, what follows from them, and how they came about. Knows nothing of engines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from culturechat import __version__, prompting, survey
from culturechat.catalogue import Column
from culturechat.probing.bias import Bias, biases
from culturechat.probing.nearest import Nearest, nearest
from culturechat.probing.plan import Plan
from culturechat.probing.plane import Plane, plane
from culturechat.probing.results import ItemResult
from culturechat.probing.runfile import file_hashes, llama_cpp_version
from culturechat.probing.summary import Summary, summarise
from culturechat.survey import Bank, Question, translations
from culturechat.terminal import safe_json

if TYPE_CHECKING:
    import pandas
    import polars


@dataclass(frozen=True)
class Source:
    """Where the questions and people's answers of a run come from."""

    people: str = survey.SOURCE
    """Who was asked when, for the reader; empty where there are no figures."""
    questions: str = "the shipped question bank"
    notes: tuple[str, ...] = ()
    """What the reader of the figures left out or found, one sentence each."""


@dataclass(frozen=True)
class ColumnFacts:
    """What answered in one column."""

    culture: str
    title: str
    form: str
    """adapter, prompt or base."""
    model: str
    files: dict[str, str]
    """SHA-256 of every file of the model, by file name."""
    language: str = "en"
    """BCP 47 code of the language in which the bank's questions were asked."""


@dataclass(frozen=True)
class ProbeRun:
    """What `probe` returns: every result, and, worked out when first asked for, what follows from them.

    Nothing in it depends on the clock: the same models, questions, plan and seed give the same object and files.
    """

    items: tuple[ItemResult, ...]
    """One per column and question, columns one after the other."""
    bank: Bank
    """The questions and people's answers."""
    columns: tuple[ColumnFacts, ...]
    """What answered."""
    plan: Plan = field(default_factory=Plan)
    """How every question was put."""
    seed: int = 0
    """Of the bootstrap and the simulated halves."""
    source: Source = field(default_factory=Source)
    """Where the figures come from."""
    version: str = __version__
    """Of culturechat."""
    llama_cpp: str = ""
    """Version of llama-cpp-python."""

    def asked(self, result: ItemResult) -> Question:
        """Return the question of a result in the language in which its column was asked."""
        question, language = self.bank.questions[result.item], self.language_of(result)
        return question if language == "en" else translations.translated(question, language) or question

    def language_of(self, result: ItemResult) -> str:
        """Return the BCP 47 code of the language in which a result's column was asked."""
        return next((column.language for column in self.columns if column.culture == result.culture), "en")

    @property
    def unreviewed(self) -> list[str]:
        """Codes of the languages it was asked in whose translation no native speaker has read."""
        asked = sorted({column.language for column in self.columns if column.language in translations.names()})
        return [code for code in asked if not translations.load(code).reviewed]

    @cached_property
    def summary(self) -> list[Summary]:
        """One summary per column: distances from its people, controls, correlations, themes."""
        return summarise(self.items, self.bank, self.seed)

    @cached_property
    def bias(self) -> list[Bias]:
        """One per column: how far places and marks draw its answers."""
        return biases(self.items, self.seed)

    @cached_property
    def nearest(self) -> Nearest | None:
        """Columns × peoples; None where there are not two peoples to compare."""
        return nearest(self.items, self.bank, self.seed)

    @cached_property
    def plane(self) -> Plane | None:
        """The map of models and peoples; None where points or common items are too few."""
        return plane(self.items, self.bank, self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain values, in the form of `culturechat probe --json`."""
        from culturechat.probing.report import as_json

        return as_json(self)

    def to_json(self) -> str:
        """Return the run as JSON text."""
        return safe_json(json.dumps(self.to_dict(), ensure_ascii=False, indent=1)) + "\n"

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one row per column, question and option, as the CSV file holds them."""
        from culturechat.probing.table import rows

        return rows(self)

    def to_polars(self) -> polars.DataFrame:
        """Return `to_rows` as a polars frame; needs `pip install 'culturechat[probe]'`."""
        from culturechat.probing.table import polars_frame

        return polars_frame(self)

    def to_pandas(self) -> pandas.DataFrame:
        """Return `to_rows` as a pandas frame; needs pandas."""
        from culturechat.probing.table import pandas_frame

        return pandas_frame(self)

    def to_html(self, made: str = "") -> str:
        """Return the report as one self-contained page.

        Args:
            made: The date to print, if any.
        """
        from culturechat.probing.page import render

        return render(self, made)


def finished(
    items: Sequence[ItemResult], columns: Sequence[Column], bank: Bank, plan: Plan, seed: int, source: Source
) -> ProbeRun:
    """Return a run from its results and the columns that gave them."""
    facts = [
        ColumnFacts(
            column.id,
            column.title,
            column.form,
            column.model,
            file_hashes(column),
            prompting.spoken(column.culture, plan.language),
        )
        for column in columns
    ]
    noted = replace(source, notes=(*source.notes, *_unseen(items, columns)))
    return ProbeRun(tuple(items), bank, tuple(facts), plan, seed, noted, llama_cpp=llama_cpp_version())


def _unseen(items: Sequence[ItemResult], columns: Sequence[Column]) -> Iterator[str]:
    """Say how much of the option probabilities a server did not show."""
    for column in columns:
        if column.server:
            readings = [reading for item in items if item.culture == column.id for reading in item.readings]
            unseen = sum(reading.unseen for reading in readings)
            every = sum(len(reading.order) for reading in readings)
            hidden = f"{unseen:,} were not and count as 0, so option mass is a minimum" if unseen else "all were"
            yield (
                f"{column.id} is {column.model} at {column.server}, which names only its likeliest tokens; "
                f"of {every:,} option probabilities {hidden}."
            )


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    from culturechat import records
    from culturechat.errors import UsageError

    try:
        with records.replacing(path) as temporary:
            temporary.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None
