"""Small windows over a screen: a line to type, a choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from culturechat.tui.widgets.prose import Typed


class LineDialog(ModalScreen[str | None]):
    """Asks for a line of text; None when the user leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, title: str, value: str) -> None:
        super().__init__()
        self._title = title
        self._value = value

    def compose(self) -> ComposeResult:
        """One line with a frame."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = Content(self._title)
            frame.border_subtitle = Content("Enter takes it · Esc leaves it")
            line = Typed(self._value, compact=True)
            line.cursor_blink = False
            yield line

    @on(Input.Submitted)
    def take(self, event: Input.Submitted) -> None:
        """Leave with the line."""
        self.dismiss(event.value)


class ChoiceDialog(ModalScreen[str | None]):
    """Asks for one of several things; None when the user leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", show=False)]

    def __init__(self, title: str, choices: Mapping[str, str]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        """A list with a frame."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = Content(self._title)
            frame.border_subtitle = Content("Enter takes it · Esc leaves it")
            yield OptionList(*(Option(Content(text), name) for name, text in self._choices.items()), compact=True)

    @on(OptionList.OptionSelected)
    def take(self, event: OptionList.OptionSelected) -> None:
        """Leave with what was chosen."""
        self.dismiss(event.option_id)
