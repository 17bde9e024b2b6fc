"""What sets the answers to the last question apart: a line below the columns, and a table on demand.

In the table each pair’s agreement is a number and a shade; beside it stand each column’s stance and the words it alone
has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive

from culturechat.catalogue import Column
from culturechat.differences import Differences, Only, Stance, summary
from culturechat.locale import N_, _, decimal
from culturechat.terminal import one_line
from culturechat.tui.bidi import runs_from_right
from culturechat.tui.chart import fitted
from culturechat.tui.widgets import header
from culturechat.tui.widgets.text import FittedText

SHADES = " ░▒▓█"
WIDE_CELLS, NARROW_CELLS, NARROWEST_CELLS = 8, 5, 4
"""Cells of a number with its shade, and of one with two digits and no shade of its own."""
LEAST_FOR_WORDS = 18
SIGN_CELLS = 3
NAME_CELLS = 18
SIGNS = {
    "agree": ("✓", N_("agree")),
    "disagree": ("✗", N_("disagree")),
    "divided": ("≈", N_("divided")),
    None: ("–", N_("no clear stance")),
}
LEFT_TO_RIGHT = "\u200e"
"""Behind a name written from the right, so that a terminal that orders text puts no figure on the name's other side."""
WIDE_ENOUGH_FOR_HINT = 100
HINT = N_("^d table · f6 words")
LEGEND = N_(
    "0–1: how much of their meaning sentences share (in English) · ≠ one agrees, one disagrees · (2) said twice"
)


@dataclass(frozen=True)
class Found:
    """A comparison and what its columns are called."""

    differences: Differences
    marks: Mapping[str, str]
    names: Mapping[str, str]


def mark(column: Column) -> str:
    """Return a column's name in one or two letters."""
    return _kept_in_place(one_line(column.culture.mark if column.culture else column.id))


def title(column: Column) -> str:
    """Return what a column is called where there is more room."""
    return _kept_in_place(header.title(column))


class SummaryLine(FittedText):
    """The differences in one line."""

    found: reactive[Found | None] = reactive(None, layout=True)
    note: reactive[str] = reactive("", layout=True)
    """Why there is nothing to show."""

    def lines(self, width: int) -> list[Content]:
        """Return as much as fits, whole figures only."""
        if self.found is None:
            return [Content.styled(fitted(self.note, width), "$foreground 60%")] if self.note else []
        hint = f"  {_(HINT)}" if width >= WIDE_ENOUGH_FOR_HINT else ""
        line = summary.line(self.found.differences, self.found.marks, width - len(hint))
        hint = hint.rjust(width - cell_len(line)) if hint else ""
        return [Content.assemble((line, "$foreground 80%"), (hint, "$foreground 65%"))]

    def watch_found(self) -> None:
        """Take no row while there is nothing to show."""
        self.set_class(bool(self.found or self.note), "-shown")

    def watch_note(self) -> None:
        """Take no row while there is nothing to show."""
        self.watch_found()


class DifferencesTable(FittedText):
    """Every pair's agreement, and each column's stance and words."""

    found: reactive[Found | None] = reactive(None, layout=True)
    short: reactive[bool] = reactive(False, layout=True)
    """Whether rows are few."""

    def lines(self, width: int) -> list[Content]:
        """Return a row for each column, with what there is room for."""
        if self.found is None:
            nothing = _("Two answers are needed before they can be compared.")
            return [Content.styled(fitted(nothing, width), "italic")]
        plan = _Plan.of(self.found, width)
        rows = [_head(self.found, plan)]
        rows += [_row(self.found, plan, column) for column in self.found.differences.columns]
        if not plan.words:
            rows += [_words_below(self.found, column, width) for column in self.found.differences.columns]
        return rows if self.short else [*rows, Content.styled(fitted(_(LEGEND), width), "$foreground 60%")]


class DifferencesPanel(VerticalScroll, can_focus=False):
    """The table, with a bar to scroll where it is long."""

    def __init__(self) -> None:
        super().__init__()
        self.table = DifferencesTable()

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield self.table


@dataclass(frozen=True)
class _Plan:
    """How a table's width is spent."""

    name: int
    cell: int
    stance: int
    words: int

    @classmethod
    def of(cls, found: Found, width: int) -> _Plan:
        """Return the widest form that leaves room for words, or else the widest there is."""
        count = len(found.differences.columns)
        marks = max(cell_len(mark) for mark in found.marks.values())
        full = min(NAME_CELLS, max(cell_len(name) for name in found.names.values())) + marks + 2
        said = max(cell_len(_(word)) for _sign, word in SIGNS.values()) + SIGN_CELLS + 1
        forms = [
            (name, cell, stance, width - name - count * cell - stance - 2)
            for name, cell, stance in (
                (full, WIDE_CELLS, said),
                (marks + 1, WIDE_CELLS, said),
                (marks + 1, WIDE_CELLS, SIGN_CELLS),
                (marks + 1, NARROW_CELLS, SIGN_CELLS),
                (marks + 1, NARROWEST_CELLS, SIGN_CELLS),
            )
        ]
        for name, cell, stance, words in forms:
            if words >= LEAST_FOR_WORDS:
                return cls(name, cell, stance, words)
        name, cell, stance, _room = next((form for form in forms if form[-1] >= -2), forms[-1])
        return cls(name, cell, stance, 0)


def _head(found: Found, plan: _Plan) -> Content:
    marks = "".join(_placed(found.marks[column], plan.cell) for column in found.differences.columns)
    stance = fitted(f"  {_('stance')}" if plan.stance > SIGN_CELLS else "", plan.stance)
    words = fitted(f"  {_('only here')}", plan.words) if plan.words else ""
    agreement = _("agreement")
    head = fitted(agreement if plan.name > cell_len(agreement) else "", plan.name)
    return Content.styled(f"{head}{marks}{stance}{words}", "$foreground 60%")


def _row(found: Found, plan: _Plan, column: str) -> Content:
    differences = found.differences
    name = found.marks[column]
    marks = max(cell_len(mark) for mark in found.marks.values())
    if plan.name > marks + 1 and found.names[column] != name:
        name = f"{fitted(name, marks)} {found.names[column]}"
    cells = [_cell(differences, column, other, plan.cell) for other in differences.columns]
    stance = _stance(differences.stances[column], plan.stance)
    words = Content("  ") + _words(differences.only[column], plan.words - 2) if plan.words else Content()
    return Content.assemble((fitted(name, plan.name), "bold"), *cells, stance, words)


def _cell(differences: Differences, column: str, other: str, cells: int) -> Content:
    if column == other:
        return Content.styled(_placed("·", cells), "$foreground 40%")
    value = differences.between(column, other)
    opposed = "≠" if differences.opposed(column, other) else " "
    if value is None:
        return Content.styled(_placed(f"?{opposed}", cells), "$foreground 60%")
    digits = decimal(value, 2)
    if cells == NARROWEST_CELLS:
        return Content.styled(f"{opposed}{digits[-3:]}", "bold")
    if cells == NARROW_CELLS:
        return Content.styled(f" {digits[-3:]}{opposed}", "bold")
    shade = SHADES[min(len(SHADES) - 1, int(value * len(SHADES)))]
    return Content.assemble(" ", (shade, "$primary"), " ", (f"{digits}{opposed}", "bold"))


def _stance(stance: Stance, cells: int) -> Content:
    sign, word = SIGNS[stance.side]
    style = "$foreground 60%" if stance.side is None else "bold"
    return Content.styled(fitted(f"  {sign} {_(word)}" if cells > SIGN_CELLS else f"  {sign}", cells), style)


def _words(only: Sequence[Only], cells: int) -> Content:
    """Return the first words that fit whole."""
    text = ""
    for word in only:
        times = f" ({word.times})" if word.times > 1 else ""
        longer = f"{text}, {word.text}{times}" if text else f"{word.text}{times}"
        if cell_len(longer) > cells:
            break
        text = longer
    nothing = _("nothing of its own") if not only else fitted(only[0].text, cells)
    return Content(text) if text else Content.styled(fitted(nothing, cells), "$foreground 60%")


def _words_below(found: Found, column: str, width: int) -> Content:
    lead = _("only {column}: {words}").format(column=found.marks[column], words="")
    words = _words(found.differences.only[column], max(1, width - cell_len(lead)))
    return Content.styled(lead, "$foreground 60%") + words


def _placed(text: str, cells: int) -> str:
    """Return a text that stands where the number of its column begins."""
    return fitted((" " * 3 if cells == WIDE_CELLS else " ") + text, cells)


def _kept_in_place(name: str) -> str:
    return f"{name}{LEFT_TO_RIGHT}" if runs_from_right(name) else name
