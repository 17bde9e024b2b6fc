"""The questions of a probe as rows: what each asks, and per column the model's bars beside the people's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from culturechat.catalogue import Column
from culturechat.locale import N_, _, decimal
from culturechat.probing import Tally
from culturechat.survey import Bank, Question
from culturechat.terminal import one_line
from culturechat.tui.chart import fitted, upright
from culturechat.tui.widgets import header
from culturechat.tui.widgets.text import FittedText

CURSOR = "❯"
MARK_CELLS = 2
GAP = 2
WD_CELLS = 5
LONGEST_CODE = 8
NARROWEST_BARS = 10
WIDEST_BARS = 15
NARROWEST_TEXT = 18
ROOMY_TEXT = 40
UNKNOWN = "·"
NOT_ASKED = N_("not asked")
Part = tuple[str, str]
"""Text and its style."""


class Sorting(Enum):
    """The order of the questions, and how it is called."""

    THEME = N_("by theme")
    FAR = N_("farthest from the people first")
    NEAR = N_("nearest to the people first")


@dataclass(frozen=True)
class View:
    """What of the columns has room, and how wide everything is."""

    columns: tuple[Column, ...]
    """Those that are shown."""
    first: int
    """Which of all columns the first of them is, from 0."""
    text: int
    """Cells of the question, its code included."""
    bars: int
    """Cells of a model's or a people's bars."""
    rows: int
    """Lines of one question."""

    @property
    def width(self) -> int:
        """Cells of a whole row."""
        return MARK_CELLS + self.text + len(self.columns) * _cells(self.bars)


def view(columns: Sequence[Column], first: int, width: int, rows: int) -> View:
    """Return how many of the columns fit into so many cells from the first one shown on, at least one."""
    room = width - MARK_CELLS
    beside = max(1, min(len(columns), (room - (NARROWEST_TEXT if room < 80 else ROOMY_TEXT)) // _cells(NARROWEST_BARS)))
    bars = (room - ROOMY_TEXT) // beside - _cells(0)
    bars = max(NARROWEST_BARS, min(WIDEST_BARS, bars // 2))
    first = max(0, min(first, len(columns) - beside))
    text = max(1, room - beside * _cells(bars))
    return View(tuple(columns[first : first + beside]), first, text, bars, rows)


class ItemsHeading(FittedText):
    """Whose bars stand below, and which are the model's."""

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._note = ""
        self._columns = 0

    def show(self, view: View, note: str, columns: int) -> None:
        """Head the columns in view, which may not be all; the note says what the rows are and in which order."""
        self._view, self._note, self._columns = view, note, columns
        self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        """Return names, and below them what each part of a column is."""
        if self._view is None:
            return []
        cells, text = self._view.bars, MARK_CELLS + self._view.text
        names: list[Part] = [(fitted(self._where(self._view), text), "$foreground 60%")]
        parts: list[Part] = [(fitted(self._note, text), "$foreground 60%")]
        for column in self._view.columns:
            names.append((" " * GAP + fitted(header.title(column), _cells(cells) - GAP), "bold"))
            parts.append((" " * GAP + fitted(_("model"), cells + GAP), "$text-accent"))
            parts.append((fitted(_("people"), cells), "$primary" if column.culture else "$foreground 30%"))
            parts.append(("WD".rjust(WD_CELLS), "$foreground 60%"))
        return [Content.assemble(*names), Content.assemble(*parts)]

    def _where(self, view: View) -> str:
        """Return which columns are in view, where that are not all."""
        beside, last = len(view.columns), view.first + len(view.columns)
        if beside == self._columns:
            return ""
        told = _("column {place} of {all}") if beside == 1 else _("columns {places} of {all}")
        return f"← → {told.format(place=last, places=f'{view.first + 1}–{last}', all=self._columns)}"


class ItemList(OptionList):
    """The questions; grouped by theme, or all in the order of their distance."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", tooltip="The whole question, and what every single prompt gave"),
    ]

    def __init__(self, bank: Bank) -> None:
        super().__init__(markup=False, compact=True)
        self._bank = bank
        self._items: tuple[str, ...] = ()
        self._tally = Tally()
        self._view = View((), 0, 1, NARROWEST_BARS, 1)
        self._sorting = Sorting.THEME
        self._shown: list[str] = []
        self._marked: str | None = None

    @property
    def order(self) -> list[str]:
        """The questions' codes as they stand."""
        return [item for item in self._shown if item in self._bank.questions]

    @property
    def current(self) -> str | None:
        """The code of the question under the cursor."""
        return self.highlighted_option.id if self.highlighted_option else None

    def show(self, items: Sequence[str], tally: Tally) -> None:
        """Show other questions, from the first on."""
        self._items, self._tally = tuple(items), tally
        self._fill()
        self.action_first()
        self.scroll_home(animate=False)

    def look(self, view: View) -> None:
        """Show other columns, or the same in another width."""
        if view != self._view:
            self._view = view
            self._refill()

    def sort(self, sorting: Sorting) -> None:
        """Put the questions into another order and go to the first."""
        self._sorting = sorting
        self._fill()
        self.action_first()
        self.scroll_home(animate=False)

    def go_to(self, item: str) -> None:
        """Put the cursor on a question."""
        self.highlighted = self.get_option_index(item)

    def renew(self, items: Collection[str]) -> None:
        """Show what is new of these questions."""
        if self._sorted() != self._shown:
            self._refill()
            return
        for item in items:
            self._renew(item)
        for heading in {self._heading_of(item) for item in items}:
            self._renew(heading)

    @on(OptionList.OptionHighlighted)
    def mark(self, event: OptionList.OptionHighlighted) -> None:
        """Let the cursor be seen without colour."""
        before, self._marked = self._marked, event.option_id
        for item in {before, self._marked}:
            if item in self._shown:
                self._renew(item)
        if event.option_index == 1 and self._shown[0] not in self._bank.questions:
            self.scroll_home(animate=False)

    def _fill(self) -> None:
        self._shown = self._sorted()
        self._marked = None
        self.set_options(Option(self._prompt(name), name, name not in self._bank.questions) for name in self._shown)

    def _refill(self) -> None:
        """Fill the list anew, with cursor and place as they were."""
        current, top = self.current, self.scroll_y
        self._fill()
        if current in self._shown:
            self.go_to(current)
        self.scroll_to(y=top, animate=False, force=True)

    def _renew(self, name: str) -> None:
        if name in self._shown:
            self.replace_option_prompt(name, self._prompt(name))

    def _sorted(self) -> list[str]:
        """Return codes in the order wanted, by theme with a heading before each."""
        if self._sorting is Sorting.THEME:
            groups: dict[str, list[str]] = {}
            for item in self._items:
                groups.setdefault(self._heading_of(item), []).append(item)
            return [name for heading, items in groups.items() for name in (heading, *items)]
        distances = {item: self._distance(item) for item in self._items}
        sign = -1 if self._sorting is Sorting.FAR else 1
        return sorted(self._items, key=lambda item: (distances[item] is None, sign * (distances[item] or 0)))

    def _distance(self, item: str) -> float | None:
        """Return a question's mean WD over the columns in view."""
        results = [self._tally.result(column.id, item) for column in self._view.columns]
        known = [result.wd for result in results if result and result.wd is not None]
        return sum(known) / len(known) if known else None

    def _heading_of(self, item: str) -> str:
        """Return the name of the heading a question stands under; no code of a question looks like it."""
        return f"theme {self._bank.questions[item].theme}"

    def _prompt(self, name: str) -> Content:
        question = self._bank.questions.get(name)
        return (
            self._row(question) if question else self._heading([i for i in self._items if self._heading_of(i) == name])
        )

    def _heading(self, items: Sequence[str]) -> Content:
        theme = one_line(_(self._bank.questions[items[0]].theme))
        parts: list[Part] = [(fitted(theme, MARK_CELLS + self._view.text), "bold $secondary")]
        for column in self._view.columns:
            wd = self._tally.means(column.id, items).wd
            parts.append((" " * GAP + "─" * (2 * self._view.bars + GAP), "$foreground 20%"))
            parts.append((_distance(wd), "bold $secondary"))
        return Content.assemble(*parts)

    def _row(self, question: Question) -> Content:
        lines: list[list[Part]] = [[(text, style)] for text, style in self._texts(question)]
        for column in self._view.columns:
            for line, parts in zip(lines, self._bars(question, column), strict=True):
                line += parts
        return Content("\n").join(Content.assemble(*line) for line in lines)

    def _texts(self, question: Question) -> list[Part]:
        mark = CURSOR if question.item == self._marked else ""
        code = max(cell_len(one_line(item)) for item in self._items)
        code = min(code, LONGEST_CODE) + 1
        heading = fitted(one_line(question.topic or question.question), max(0, self._view.text - code))
        first = fitted(mark, MARK_CELLS) + fitted(one_line(question.item), code) + heading
        wording = one_line(question.question) if question.topic else ""
        second = " " * (MARK_CELLS + code) + fitted(wording, max(0, self._view.text - code))
        return [(first, "$foreground"), (second, "italic $foreground 60%")][: self._view.rows]

    def _bars(self, question: Question, column: Column) -> list[list[Part]]:
        rows, cells = self._view.rows, self._view.bars
        result = self._tally.result(column.id, question.item)
        people = self._bank.people(question.item, column.culture.countries if column.culture else ())
        most = max([*(result.p if result else ()), *(people.shares if people else ()), 0.01])
        model = upright(result.p, most, cells, rows) if result else _words(UNKNOWN * (cells - 1), cells, rows)
        nobody = _(NOT_ASKED) if column.culture else ""
        asked = upright(people.shares, most, cells, rows) if people else _words(nobody, cells, rows)
        wd = _distance(result.wd if result else None)
        return [
            [
                (" " * GAP + own, "$accent" if result else "$foreground 30%"),
                (" " * GAP + theirs, "$primary" if people else "$foreground 60%"),
                (wd if last else " " * WD_CELLS, "bold"),
            ]
            for own, theirs, last in zip(model, asked, (row == rows - 1 for row in range(rows)), strict=True)
        ]


def _cells(bars: int) -> int:
    """Return the cells of one column with bars of this width."""
    return GAP + bars + GAP + bars + WD_CELLS


def _words(text: str, cells: int, rows: int) -> list[str]:
    """Return what stands in the place of bars."""
    return [" " * cells] * (rows - 1) + [fitted(text, cells)]


def _distance(wd: float | None) -> str:
    return ("–" if wd is None else decimal(wd, 2)).rjust(WD_CELLS)
