"""One question of a probe: its words, and every column's answer to it with all that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.screen import Screen
from textual.widgets import Static

from culturechat.locale import _
from culturechat.survey import Bank, Question
from culturechat.terminal import one_line
from culturechat.tui.measurement import Measurement
from culturechat.tui.widgets import header
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.narrow import NarrowNote
from culturechat.tui.widgets.probe_panel import ItemPanel
from culturechat.tui.widgets.status import StatusLine
from culturechat.tui.widgets.tabs import ColumnTabs

NARROWEST_PANEL = 48
WIDEST_ROOM = 4
"""Most panels side by side; more would be too thin for the figures of every prompt."""


class ItemScreen(Screen[str]):
    """Panels side by side, or one at a time; ends with the code of the question that was shown last."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", tooltip="Back to all questions"),
        Binding("left", "turn(-1)", "Column before", show=False, priority=True),
        Binding("right", "turn(1)", "Column", tooltip="Next column", priority=True),
        Binding("n", "go(1)", "Next", tooltip="Next question"),
        Binding("p", "go(-1)", "Previous", tooltip="Question before"),
        Binding("c", "chat", "Chat", tooltip="Ask this question in the chat"),
        Binding("f1", "help", "Help", priority=True),
        Binding("question_mark", "help", "Help", show=False),
    ]

    def __init__(
        self,
        bank: Bank,
        measurement: Measurement,
        items: Sequence[str],
        place: int,
        column: int,
        chat: Callable[[str], None],
        show_help: Callable[[], None],
    ) -> None:
        """Show one of several questions.

        Args:
            bank: The questions and people's answers.
            measurement: What was asked, and what is known.
            items: Codes of the questions one can go to.
            place: Which of them is shown.
            column: Which column is looked at.
            chat: Takes a question to where it can be asked freely.
            show_help: Shows the keys.
        """
        super().__init__()
        self._bank = bank
        self._items = list(items)
        self._place = place
        self._current = column
        self._chat = chat
        self._show_help = show_help
        self._status = StatusLine("")
        self._topic = Static("", markup=False, id="topic")
        columns = measurement.columns
        self._tabs = ColumnTabs([header.title(column) for column in columns])
        self.panels = [ItemPanel(column, bank, measurement.tally, measurement.selection.plan) for column in columns]
        self._narrow = NarrowNote()

    @property
    def item(self) -> str:
        """The code of the question that is shown."""
        return self._items[self._place]

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Vertical(id="main"):
            yield self._status
            yield self._topic
            yield self._tabs
            yield Horizontal(*self.panels, id="panels")
            yield KeyFooter()
        yield self._narrow

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Arrange anew for the room there is."""
        self._narrow.fit(event.size)
        self._show()
        self._arrange()

    @on(DescendantFocus)
    def remember_column(self, event: DescendantFocus) -> None:
        """Keep which column was focused last."""
        if isinstance(event.widget, ItemPanel):
            self._current = self._tabs.current = self.panels.index(event.widget)

    @on(ColumnTabs.Chosen)
    def choose_column(self, event: ColumnTabs.Chosen) -> None:
        """Show the column whose name was clicked."""
        self._current = event.place
        self._arrange()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what leads nowhere."""
        if action == "turn":
            return len(self.panels) > 1
        if action == "go":
            return True if 0 <= self._place + int(str(parameters[0])) < len(self._items) else None
        return True

    def renew(self) -> None:
        """Show what has come to be known."""
        for panel in self.panels:
            panel.show(self.item)

    def action_leave(self) -> None:
        """Go back to all questions."""
        self.dismiss(self.item)

    def action_turn(self, step: int) -> None:
        """Go to another column."""
        self._current = (self._current + step) % len(self.panels)
        self._arrange()

    def action_go(self, step: int) -> None:
        """Go to another question."""
        self._place += step
        self._show()
        for panel in self.panels:
            panel.scroll_home(animate=False)
        self.refresh_bindings()

    def action_chat(self) -> None:
        """Ask this question freely."""
        self._chat(freely(self._bank.question(self.item)))

    def action_help(self) -> None:
        """Show the keys."""
        self._show_help()

    def _show(self) -> None:
        question = self._bank.question(self.item)
        self._status.details = one_line(f"{_('probe')} · {_(question.theme)}")
        self._status.state = _("{n} of {all}").format(n=self._place + 1, all=len(self._items))
        topic = one_line(question.topic)
        asks = _("c asks in the chat: {question}").format(question=freely(question))
        self._topic.update(
            Content.assemble(
                (one_line(question.item), "bold $primary"),
                (f"  {topic}" if topic else "", "bold"),
                "\n",
                (one_line(question.question), "italic $foreground 80%"),
                (f"\n{asks}" if not self.has_class("-low") else "", "$foreground 60%"),
            )
        )
        self.renew()

    def _arrange(self) -> None:
        count = len(self.panels)
        beside = max(1, min(count, WIDEST_ROOM, self.size.width // NARROWEST_PANEL))
        first = max(0, min(self._current, count - beside))
        for place, panel in enumerate(self.panels):
            panel.display = first <= place < first + beside
        self._tabs.display = beside < count
        self._tabs.current = self._current
        self.panels[self._current].focus()


def freely(question: Question) -> str:
    """Return the question as one would ask it in a chat."""
    return one_line(question.open or question.question)
