"""Small windows in which a setting is changed: a value to type, a text of several lines, a key to press.

Each asks until what was given can be a value; None when the user leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from culturechat.errors import UsageError
from culturechat.locale import _
from culturechat.terminal import clean, one_line

Parse = Callable[[str], Any]


class _Asking(ModalScreen[Any]):
    """What all of them share: a frame, a line for complaints, and an end when the value is right."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Leave", show=False)]

    def __init__(self, title: str, about: str, parse: Parse) -> None:
        super().__init__()
        self._title = title
        self._about = about
        self._parse = parse
        self._complaint = Static("", markup=False, classes="complaint")

    def frame(self, subtitle: str, *inside: Static | Input | TextArea) -> Vertical:
        """Return a window around what is asked."""
        about = Static(Content(self._about), markup=False, classes="about")
        frame = Vertical(about, *inside, self._complaint, classes="dialog")
        frame.border_title = Content(self._title)
        frame.border_subtitle = Content(subtitle)
        return frame

    def take(self, text: str) -> None:
        """Leave with the value that a text means, or say why it cannot be one."""
        try:
            value = self._parse(text)
        except UsageError as error:
            self._complaint.update(Content(one_line(str(error))))
        else:
            self.dismiss(value)


class ValueDialog(_Asking):
    """Asks for a value on one line."""

    def __init__(self, title: str, about: str, parse: Parse, value: str) -> None:
        super().__init__(title, about, parse)
        self._line = Input(value, compact=True)
        self._line.cursor_blink = False

    def compose(self) -> ComposeResult:
        """What it is for, the line, and what is wrong with it."""
        yield self.frame(_("Enter takes it · Esc leaves it"), self._line)

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Take the line."""
        self.take(event.value)


class TextDialog(_Asking):
    """Asks for a text of any length."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "take_text", "Take", show=False, priority=True),
    ]

    def __init__(self, title: str, about: str, parse: Parse, value: str) -> None:
        super().__init__(title, about, parse)
        self._text = TextArea(value, show_line_numbers=False, compact=True)
        self._text.cursor_blink = False

    def compose(self) -> ComposeResult:
        """What it is for, the text, and what is wrong with it."""
        yield self.frame(_("Ctrl+S takes it · Esc leaves it"), self._text)

    def on_mount(self) -> None:
        """Begin at the end of the text."""
        self._text.move_cursor(self._text.document.end)

    def action_take_text(self) -> None:
        """Take the text."""
        self.take(clean(self._text.text).strip())


class KeyDialog(_Asking):
    """Waits for a key."""

    def __init__(self, title: str, about: str, parse: Parse) -> None:
        super().__init__(title, about, parse)
        self._wait = Static(Content(_("Press the new key …")), markup=False)

    def compose(self) -> ComposeResult:
        """What it is for, and what is wrong with the key."""
        yield self.frame(_("Esc leaves it"), self._wait)

    def on_key(self, event: events.Key) -> None:
        """Take the key, whatever it does elsewhere."""
        if event.key != "escape":
            event.stop()
            event.prevent_default()
            self.take(event.key)
