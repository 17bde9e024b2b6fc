"""Where questions are typed: one line that grows to a few, with earlier questions and long texts out of the way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from culturechat.locale import _, whole
from culturechat.terminal import clean
from culturechat.tui.chart import fitted
from culturechat.tui.widgets.prose import TypedText

LONG_CHARACTERS = 1500
LONG_LINES = 12
"""A text beyond either is shown by a mark that stands for it, so that the line stays one that can be worked with."""
WHO_CELLS = 24


class PromptInput(TypedText):
    """What is being typed; up and down recall what was asked before, while nothing else is being written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", tooltip="Ask the columns that are named before the mark"),
        Binding("ctrl+j,shift+enter", "newline", "New line", tooltip="Begin another line, without asking", show=False),
        Binding("up", "recall(-1)", "Earlier question", tooltip="In an empty line: what was asked before", show=False),
        Binding("down", "recall(1)", "Later question", show=False),
    ]

    class Submitted(Message):
        """The user wants it asked."""

    def __init__(self, examples: Sequence[str]) -> None:
        super().__init__(compact=True, highlight_cursor_line=False)
        self.cursor_blink = False
        self._asked = list(examples)
        self._examples = len(self._asked)
        self._place = len(self._asked)
        self._recalled = ""
        self._long: dict[str, str] = {}

    @property
    def value(self) -> str:
        """What is typed, long texts in full."""
        return _expanded(self.text, self._long)

    @value.setter
    def value(self, text: str) -> None:
        self._long = {}
        self.text = self._shortened(text)
        self.move_cursor(self.document.end)

    def remember(self, question: str) -> None:
        """Keep a question for recall."""
        if self._asked[-1:] != [question]:
            self._asked.append(question)
        self._place = len(self._asked)

    def remember_earlier(self, questions: Iterable[str]) -> None:
        """Keep questions of the past for recall, before those of this session; oldest first."""
        earlier = list(questions)
        self._asked[self._examples : self._examples] = earlier
        self._place += len(earlier)

    def suggest(self, question: str) -> None:
        """Put a question here; up brings back what stood there."""
        if self.value.strip():
            self.remember(self.value.strip())
        self._place = len(self._asked)
        self.value = question
        self._recalled = self.value

    def action_submit(self) -> None:
        """Offer what is typed."""
        self.post_message(self.Submitted())

    def action_newline(self) -> None:
        """Begin another line."""
        self.insert("\n")

    def action_recall(self, step: int) -> None:
        """Put an earlier or later question here, unless the user is writing another or moves within a long one."""
        inside = self.navigator.is_first_wrapped_line if step < 0 else self.navigator.is_last_wrapped_line
        if self.value not in ("", self._recalled) or not inside(self.cursor_location):
            (self.action_cursor_up if step < 0 else self.action_cursor_down)()
            return
        self._place = min(max(self._place + step, 0), len(self._asked))
        self.value = self._asked[self._place] if self._place < len(self._asked) else ""
        self._recalled = self.value

    def action_delete_left(self) -> None:
        """Delete a character, or the whole of a long text."""
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        mark = next((mark for mark in self._long if before.endswith(mark)), None)
        if mark is not None and self.selection.is_empty:
            self.delete((row, column - len(mark)), (row, column))
        else:
            super().action_delete_left()

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "shift+enter"):
            event.prevent_default()  # the binding decides; by itself the widget begins a line

    async def _on_paste(self, event: events.Paste) -> None:
        """Take a pasted text without anything a terminal would act on."""
        event.prevent_default()
        event.stop()
        # an older terminal ends pasted lines with a carriage return alone
        text = clean(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        self.replace(self._shortened(text), *self.selection)

    def _shortened(self, text: str) -> str:
        if len(text) <= LONG_CHARACTERS and text.count("\n") < LONG_LINES:
            return text
        characters = whole(len(text))
        mark = _("[long text {number}: {characters} characters]").format(
            number=len(self._long) + 1, characters=characters
        )
        self._long[mark] = text
        return mark


class PromptLine(Horizontal):
    """Who is asked, the prompt's mark and the line."""

    @dataclass
    class Asked(Message):
        """The user wants this answered."""

        text: str

    def __init__(self, examples: Sequence[str] = ()) -> None:
        super().__init__()
        self.input = PromptInput(examples)
        self._mark = Static("❯", markup=False, classes="mark")

    def compose(self) -> ComposeResult:
        """Mark and line."""
        yield self._mark
        yield self.input

    def name_asked(self, who: str) -> None:
        """Say before the mark who is asked; nothing where that goes without saying."""
        cells = min(cell_len(who), WHO_CELLS)
        self._mark.update(f"{fitted(who, cells)} ❯" if who else "❯")
        self._mark.styles.width = cells + 3 if who else 2

    def take(self) -> str:
        """Return what is typed and clear it."""
        text, self.input.value = clean(self.input.value).strip(), ""
        if text:
            self.input.remember(text)
        return text

    def suggest(self, question: str) -> None:
        """Put a question on the line, ready to be sent or changed."""
        self.input.suggest(question)
        self.input.focus()

    @on(PromptInput.Submitted)
    def ask(self, event: PromptInput.Submitted) -> None:
        """Offer the text to the screen, which takes it when it can."""
        event.stop()
        self.post_message(self.Asked(self.input.value))


def _expanded(text: str, long: dict[str, str]) -> str:
    if not long:
        return text
    marks = re.compile("|".join(map(re.escape, long)))
    return marks.sub(lambda found: long[found.group()], text)
