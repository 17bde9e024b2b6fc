"""The head of a column: whose answers these are, how the model comes, and what it is doing."""

from __future__ import annotations

from enum import Enum

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive

from culturechat import survey
from culturechat.catalogue import Column, Form
from culturechat.locale import N_, _, listed
from culturechat.terminal import one_line
from culturechat.tui.chart import fitted
from culturechat.tui.widgets.text import FittedText

ONE_LINE_CELLS = 62
"""From here on names, details and state share a line; by width only, so that neighbours look alike."""
FORMS: dict[Form, str] = {
    "merged": N_("model of its own"),
    "adapter": N_("adapter"),
    "one": N_("adapter of all cultures"),
    "prompt": N_("prompt only"),
    "base": N_("no culture, for comparison"),
    "server": N_("on a server"),
}


class Phase(Enum):
    """What a column is doing: its mark, its word and its colour."""

    LOADING = ("…", N_("loading"), "$foreground 60%")
    READY = ("○", N_("ready"), "$foreground 60%")
    WAITING = ("○", N_("waiting"), "$foreground 60%")
    READING = ("◐", N_("reading"), "$accent")
    WRITING = ("●", N_("writing"), "$accent")
    DONE = ("✓", N_("done"), "$success")
    STOPPED = ("■", N_("stopped"), "$warning")
    FAILED = ("✗", N_("failed"), "$error")

    @property
    def mark(self) -> str:
        """One character that tells the state without colour."""
        return self.value[0]

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return self in (Phase.WAITING, Phase.READING, Phase.WRITING)


def title(column: Column) -> str:
    """Return what a column is called where there is one line for it and others."""
    return " ".join(text.strip() for text, _style in _names(column)) if column.culture else one_line(column.id)


class ColumnHeader(FittedText):
    """Names on the left, state on the right; in two lines where one is too short."""

    short: reactive[bool] = reactive(False, layout=True)
    """Whether rows are few."""
    letter: reactive[str] = reactive("", layout=True)
    """What the column is called in blind mode."""
    hidden: reactive[bool] = reactive(False, layout=True)
    """Whether the letter is all that may be shown; the speed would tell forms of models apart."""
    phase: reactive[Phase] = reactive(Phase.LOADING)
    rate: reactive[float] = reactive(0.0)
    """Tokens per second while writing; 0 when not known yet."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self._names = _names(column)
        self._details = _details(column)

    def lines(self, width: int) -> list[Content]:
        """Return one line, or two."""
        state = self._state()
        if self.hidden:
            return [Content.styled(fitted(self.letter, width - state.cell_length), "bold") + state]
        shown = [(f"{self.letter} ", "bold $primary"), *self._names] if self.letter else self._names
        names = sum(cell_len(text) for text, _ in shown)
        if width >= ONE_LINE_CELLS or (self.short and width >= names + _state_cells() + 12):
            details = fitted(self._details, max(0, width - names - 3 - state.cell_length)) + " "
            return [Content.assemble(*shown, "  ", (details, "$foreground 60%"), state)]
        room = width - state.cell_length - 1
        line = Content.assemble(*shown).truncate(max(1, room), ellipsis=True, pad=True)
        return [line + " " + state, Content.styled(fitted(self._details, width), "$foreground 60%")]

    def _state(self) -> Content:
        mark, word, colour = self.phase.value
        shown = self.phase is Phase.WRITING and self.rate and not self.hidden
        rate = f" {self.rate:.0f} {_('tok/s')}" if shown else ""
        return Content.styled(f"{mark} {_(word)}{rate}", colour)


def _state_cells() -> int:
    """Return the cells of the longest state, so that the head keeps its shape while an answer is written."""
    words = [_(word) for _mark, word, _colour in (phase.value for phase in Phase)]
    return max(*map(cell_len, words), cell_len(f"{_(Phase.WRITING.value[1])} 999 {_('tok/s')}")) + 2


def _names(column: Column) -> list[tuple[str, str]]:
    if column.culture is None:
        return [(column.id, "bold"), (f" {one_line(column.model)}", "")]
    own, name = one_line(column.culture.own_name), one_line(_(column.culture.name))
    names = [(own, "bold")] if own == name else [(own, "bold"), (f" {name}", "")]
    return [*names, (f" ({column.told_apart_by})", "$accent")] if column.told_apart_by else names


def _details(column: Column) -> str:
    known = survey.countries()
    codes = column.culture.countries if column.culture else ()
    countries = listed(_(known[code].name) if code in known else code for code in codes)
    return one_line(" · ".join(part for part in (countries, _(FORMS[column.form])) if part))
