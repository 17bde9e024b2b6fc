"""The line where questions are typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from culturechat.terminal import one_line


class PromptInput(Input):
    """A line of text; in an empty one, up and down recall what was asked before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", tooltip="Ask all columns", priority=False),
        Binding("up", "recall(-1)", "Earlier question", tooltip="In an empty line: what was asked before", show=False),
        Binding("down", "recall(1)", "Later question", show=False),
    ]

    def __init__(self, examples: Sequence[str]) -> None:
        super().__init__(select_on_focus=False, compact=True)
        self.cursor_blink = False
        self._asked = list(examples)
        self._place = len(self._asked)
        self._recalled = ""

    def remember(self, question: str) -> None:
        """Keep a question for recall."""
        if self._asked[-1:] != [question]:
            self._asked.append(question)
        self._place = len(self._asked)

    def suggest(self, question: str) -> None:
        """Put a question on the line; up brings back what stood there."""
        if self.value.strip():
            self.remember(one_line(self.value))
        self._place = len(self._asked)
        self._recalled = self.value = question
        self.action_end()

    def action_recall(self, step: int) -> None:
        """Put an earlier or later question on the line, unless the user is writing another."""
        if self.value not in ("", self._recalled):
            return
        self._place = min(max(self._place + step, 0), len(self._asked))
        self._recalled = self._asked[self._place] if self._place < len(self._asked) else ""
        self.value = self._recalled
        self.action_end()

    def on_paste(self, event: events.Paste) -> None:
        """Take all lines of a pasted text, not only the first, and nothing a terminal would act on."""
        event.prevent_default()
        event.stop()
        self.replace(one_line(event.text), *self.selection)


class PromptLine(Horizontal):
    """The prompt's mark and the line."""

    @dataclass
    class Asked(Message):
        """The user wants this answered."""

        text: str

    def __init__(self, examples: Sequence[str] = ()) -> None:
        super().__init__()
        self.input = PromptInput(examples)

    def compose(self) -> ComposeResult:
        """Mark and line."""
        yield Label("❯", markup=False)
        yield self.input

    def take(self) -> str:
        """Return what is on the line and clear it."""
        text, self.input.value = one_line(self.input.value), ""
        if text:
            self.input.remember(text)
        return text

    def suggest(self, question: str) -> None:
        """Put a question on the line, ready to be sent or changed."""
        self.input.suggest(question)
        self.input.focus()

    @on(Input.Submitted)
    def ask(self, event: Input.Submitted) -> None:
        """Offer the line to the screen, which takes it when it can."""
        event.stop()
        self.post_message(self.Asked(event.value))
