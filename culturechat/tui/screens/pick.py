"""The first screen when no culture was named: which columns to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from culturechat import survey
from culturechat.cultures import Culture
from culturechat.locale import N_, _, listed
from culturechat.terminal import one_line
from culturechat.tui.chart import fitted
from culturechat.tui.examples import EXAMPLES
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.ticks import TickList

SHOWS = N_(
    "Ask one question, get an answer from each culture’s model, next to what people in those countries told the World"
    " Values Survey."
)
CLAIMS = N_(
    "It shows how answers of people surveyed in a country and year were spread. It does not claim what “they” think,"
    " and a model is no person."
)
LOW_TERMINAL = 24
SUGGESTED = ("arabic", "chinese")


class PickScreen(Screen[None]):
    """What the app does, the columns to tick, and three questions to begin with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "start(True)", "Probe", tooltip="Measure what they answer to the survey"),
    ]

    @dataclass
    class Chosen(Message):
        """The user has ticked columns and wants to see them."""

        columns: tuple[str, ...]
        probe: bool

    def __init__(self, known: Sequence[Culture], base: str) -> None:
        super().__init__()
        names = [*(culture.id for culture in known), base]
        ticked = {name for name in SUGGESTED if name in names}
        self._list = TickList(names, _labels(known, base), ticked)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Vertical(id="pick"), Vertical():
            yield Static(Content.styled("culturechat", "bold $primary"), markup=False)
            yield Static(Content(_(SHOWS)), markup=False)
            yield Static(Content(_(CLAIMS)), markup=False, classes="claims")
            yield self._list
            yield Static(_examples(), markup=False, classes="examples")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin on the list."""
        self._list.highlighted = 0
        self._list.focus()

    def on_resize(self, event: Resize) -> None:
        """Spare rows where they are few."""
        self.set_class(event.size.height < LOW_TERMINAL, "-low")

    def action_start(self, probe: bool = False) -> None:
        """Go on with what is ticked."""
        if self._list.chosen:
            self.post_message(self.Chosen(tuple(self._list.chosen), probe))
        else:
            self.notify(_("Tick at least one column with Space."), markup=False, timeout=4)


def _labels(known: Sequence[Culture], base: str) -> list[str]:
    countries = survey.countries()
    names = [(culture.own_name, _(culture.name), culture.countries) for culture in known]
    own = max((cell_len(one_line(name)) for name, _name, _codes in names), default=0) + 2
    english = max((cell_len(one_line(name)) for _own, name, _codes in names), default=0) + 2
    labels = [
        fitted(one_line(mine), own)
        + fitted(one_line(name), english)
        + listed(_(countries[code].name) if code in countries else one_line(code) for code in codes)
        for mine, name, codes in names
    ]
    return [*labels, fitted(base, own) + fitted("", english) + _("the same model, no culture")]


def _examples() -> Content:
    heading = Content.styled(_("Questions to begin with (↑ on the prompt brings them)"), "$foreground 60%")
    return Content("\n").join([heading, *(Content(f"· {example}") for example in EXAMPLES)])
