"""Small windows over a screen: a line to type, a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from culturechat.locale import _
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
            frame.border_subtitle = Content(_("Enter takes it · Esc leaves it"))
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

    def __init__(
        self,
        title: str,
        choices: Mapping[str, str],
        current: str | None = None,
        preview: Callable[[str], None] | None = None,
    ) -> None:
        """Offer choices.

        Args:
            title: What is chosen.
            choices: What is offered: what the dialog ends with, and how it is called.
            current: Where the cursor stands at first.
            preview: Told of each choice that the cursor comes to.
        """
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current
        self._preview = preview

    def compose(self) -> ComposeResult:
        """A list with a frame."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = Content(self._title)
            frame.border_subtitle = Content(_("Enter takes it · Esc leaves it"))
            choices = OptionList(*(Option(Content(text), name) for name, text in self._choices.items()), compact=True)
            if self._current is not None and self._current in self._choices:
                choices.highlighted = list(self._choices).index(self._current)
            yield choices

    @on(OptionList.OptionHighlighted)
    def show(self, event: OptionList.OptionHighlighted) -> None:
        """Let the choice under the cursor be seen."""
        if self._preview and event.option_id is not None:
            self._preview(event.option_id)

    @on(OptionList.OptionSelected)
    def take(self, event: OptionList.OptionSelected) -> None:
        """Leave with what was chosen."""
        self.dismiss(event.option_id)
