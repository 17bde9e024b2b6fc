"""The first screen when no culture was named: which columns to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from culturechat import survey
from culturechat.cultures import Culture
from culturechat.terminal import one_line
from culturechat.tui.chart import fitted
from culturechat.tui.examples import EXAMPLES

SHOWS = (
    "Ask one question, get an answer from each culture’s model, next to what people in those countries told the World"
    " Values Survey."
)
CLAIMS = (
    "It shows how answers of people surveyed in a country and year were spread. It does not claim what “they” think,"
    " and a model is no person."
)
LOW_TERMINAL = 24
SUGGESTED = ("arabic", "chinese")


class ColumnList(OptionList):
    """The columns that can be had; Space ticks one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Tick"),
        Binding("a", "tick_all", "All or none"),
        Binding("enter", "screen.start", "Start"),
    ]

    def __init__(self, names: Sequence[str], labels: Sequence[str], ticked: set[str]) -> None:
        super().__init__(markup=False, compact=True)
        self._names = list(names)
        self._labels = list(labels)
        self.ticked = ticked
        self.add_options([Option(self._prompt(place)) for place in range(len(names))])

    @property
    def chosen(self) -> list[str]:
        """The names of what is ticked, in the order shown."""
        return [name for name in self._names if name in self.ticked]

    def action_tick(self) -> None:
        """Tick the highlighted column, or take its tick away."""
        if self.highlighted is not None:
            self.toggle(self.highlighted)

    def action_tick_all(self) -> None:
        """Tick all, or none when all are ticked."""
        self.ticked = set() if len(self.ticked) == len(self._names) else set(self._names)
        for place in range(len(self._names)):
            self.replace_option_prompt_at_index(place, self._prompt(place))

    def toggle(self, place: int) -> None:
        """Tick one column, or take its tick away."""
        self.ticked ^= {self._names[place]}
        self.replace_option_prompt_at_index(place, self._prompt(place))

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        """Let the mouse tick as well."""
        event.stop()
        self.toggle(event.option_index)

    def _prompt(self, place: int) -> Content:
        ticked = self._names[place] in self.ticked
        return Content.assemble(("[x] " if ticked else "[ ] ", "bold" if ticked else ""), self._labels[place])


class PickScreen(Screen[None]):
    """What the app does, the columns to tick, and three questions to begin with."""

    def __init__(self, known: Sequence[Culture], base: str) -> None:
        super().__init__()
        names = [*(culture.id for culture in known), base]
        ticked = {name for name in SUGGESTED if name in names}
        self._list = ColumnList(names, _labels(known, base), ticked)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Vertical(id="pick"), Vertical():
            yield Static(Content.styled("culturechat", "bold $primary"), markup=False)
            yield Static(Content(SHOWS), markup=False)
            yield Static(Content(CLAIMS), markup=False, classes="claims")
            yield self._list
            yield Static(_examples(), markup=False, classes="examples")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin on the list."""
        self._list.highlighted = 0
        self._list.focus()

    def on_resize(self, event: Resize) -> None:
        """Spare rows where they are few."""
        self.set_class(event.size.height < LOW_TERMINAL, "-low")

    def action_start(self) -> None:
        """Leave with what is ticked."""
        if self._list.chosen:
            self.app.exit(self._list.chosen)
        else:
            self.notify("Tick at least one column with Space.", markup=False, timeout=4)


def _labels(known: Sequence[Culture], base: str) -> list[str]:
    countries = survey.countries()
    names = [(culture.own_name, culture.name, culture.countries) for culture in known]
    own = max((cell_len(one_line(name)) for name, _, _ in names), default=0) + 2
    english = max((cell_len(one_line(name)) for _, name, _ in names), default=0) + 2
    labels = [
        fitted(one_line(mine), own)
        + fitted(one_line(name), english)
        + ", ".join(countries[code].name if code in countries else one_line(code) for code in codes)
        for mine, name, codes in names
    ]
    return [*labels, fitted(base, own) + fitted("", english) + "the same model, no culture"]


def _examples() -> Content:
    heading = Content.styled("Questions to begin with (↑ on the prompt brings them)", "$foreground 60%")
    return Content("\n").join([heading, *(Content(f"· {example}") for example in EXAMPLES)])
