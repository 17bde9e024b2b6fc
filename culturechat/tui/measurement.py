"""A probe under way: what was chosen, what of it is known, and how it goes. Knows nothing of widgets or threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from culturechat.catalogue import Column
from culturechat.probing import Interval, ItemResult, Plan, Summary, Tally
from culturechat.probing.summary import ItemControls
from culturechat.survey import Bank
from culturechat.tui.pace import Pace


@dataclass(frozen=True)
class Selection:
    """What is measured."""

    themes: tuple[str, ...]
    columns: tuple[str, ...]
    """Their ids."""
    plan: Plan

    def items(self, bank: Bank) -> tuple[str, ...]:
        """Return the codes of the questions in the bank's order, in which the command asks them too."""
        return tuple(item for item, question in bank.questions.items() if question.theme in self.themes)

    def prompts(self, bank: Bank, columns: Iterable[Column]) -> dict[tuple[str, str], int]:
        """Return in how many ways each column is asked each of the questions, by column and item."""
        return {
            (column.id, item): self.plan.ways(self.plan.asked(column, bank.questions[item]))
            for column in columns
            for item in self.items(bank)
        }


def everything(bank: Bank, columns: Iterable[Column]) -> Selection:
    """Return all themes and columns, each question put forward and in reverse."""
    themes = dict.fromkeys(question.theme for question in bank.questions.values())
    return Selection(tuple(themes), tuple(column.id for column in columns), Plan())


class Measurement:
    """Columns × questions, measured one column after the other; can be stopped and gone on with."""

    def __init__(self, selection: Selection, columns: Sequence[Column], bank: Bank, clock: Callable[[], float]) -> None:
        """Know nothing yet.

        Args:
            selection: What is measured.
            columns: Those that are selected.
            bank: The questions.
            clock: Seconds.
        """
        self.selection = selection
        self.columns = tuple(columns)
        self.items = selection.items(bank)
        self.tally = Tally()
        self.intervals: dict[str, Interval | None] = {}
        """Of each column's WD, once all is known."""
        self.running = False
        self.stop = threading.Event()
        """Set by who wants the measurement to stop."""
        self.error = ""
        """Why it ended before its time."""
        self.seconds = 0.0
        """How long it took, pauses left out."""
        self._prompts = selection.prompts(bank, self.columns)
        self._clock = clock
        self._began = clock()
        self._pace = Pace(self._began)

    @property
    def total(self) -> int:
        """Results in the end."""
        return len(self.items) * len(self.columns)

    @property
    def complete(self) -> bool:
        """Whether all is known."""
        return len(self.tally) == self.total

    @property
    def stopping(self) -> bool:
        """Whether it will stop when the question under way is known."""
        return self.running and self.stop.is_set()

    @property
    def items_per_second(self) -> float:
        """Of the last seconds; 0 while nothing is known."""
        return self._pace.items_per_second

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take, or None while nothing is known."""
        return self._pace.seconds_left(
            sum(self._prompts[column.id, item] for column in self.columns for item in self._left(column))
        )

    def begin(self) -> None:
        """Begin, or go on."""
        self.running, self.error = True, ""
        self.stop = threading.Event()
        self._began = self._clock()
        self._pace = Pace(self._began)

    def end(self, error: str = "") -> None:
        """Take note that no more results come."""
        self.running, self.error = False, error
        self.seconds += self._clock() - self._began

    def add(self, results: Iterable[tuple[ItemResult, ItemControls | None]]) -> set[str]:
        """Take in what came together and return the codes of the questions of which something was not known before."""
        new = [(result.culture, result.item) for result, controls in results if self.tally.add(result, controls)]
        if new:
            self._pace.add(self._clock(), len(new), sum(self._prompts[place] for place in new))
        return {item for _, item in new}

    def sum_up(self, summaries: Iterable[Summary]) -> None:
        """Take in the intervals."""
        self.intervals = {summary.culture: summary.model.wd for summary in summaries}

    def mark(self, column: Column) -> str:
        """Return what a column is doing, as one character."""
        if not self._left(column):
            return "✓"
        if column is next(one for one in self.columns if self._left(one)):
            return "●" if self.running else "■"
        return "○"

    def _left(self, column: Column) -> list[str]:
        return [item for item in self.items if self.tally.result(column.id, item) is None]
