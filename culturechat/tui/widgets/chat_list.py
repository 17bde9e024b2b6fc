"""Chats of the past, two lines each; and the one under the cursor, to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from culturechat.history import Chat, Entry, files, voices
from culturechat.tui.widgets.prose import Prose

MOST_CHARACTERS = 20_000
"""Of a chat, about so much is shown."""


class ChatList(OptionList):
    """The chats."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.open", "Open", tooltip="Open the chat and go on with it"),
    ]

    def __init__(self) -> None:
        super().__init__(id="chats", markup=False, compact=True)
        self.entries: list[Entry] = []

    @property
    def chosen(self) -> Entry | None:
        """The chat under the cursor."""
        place = self.highlighted
        return self.entries[place] if place is not None and place < len(self.entries) else None

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these chats in place of others; the cursor stays in its line."""
        place = self.highlighted or 0
        self.entries = []
        self.clear_options()
        self.add(entries)
        self.highlighted = min(place, len(entries) - 1) if entries else None

    def add(self, entries: Sequence[Entry]) -> None:
        """Show further chats at the end."""
        self.entries += entries
        self.add_options(Option(_row(entry)) for entry in entries)


class Reader(VerticalScroll):
    """A chat as it is read: questions, and the last answer of each column."""

    async def show(self, chat: Chat | None) -> None:
        """Show the beginning of a chat, or nothing."""
        await self.remove_children()
        if chat and self.is_attached:  # not while the app ends
            await self.mount(*_texts(chat))
        self.scroll_home(animate=False)


def _row(entry: Entry) -> Content:
    title = Content.styled(entry.title + "\n", "bold")
    if entry.found:
        before, word, after = entry.found
        return Content.assemble(title, (before, "dim"), (word, "bold underline"), (after, "dim"))
    facts = (
        files.local_time(entry.changed),
        f"{entry.unfinished} unfinished" if entry.unfinished else "",
        f"{entry.turns} question{'s' if entry.turns != 1 else ''}",
        ", ".join(entry.columns),
    )
    return Content.assemble(title, (" · ".join(fact for fact in facts if fact), "dim"))


def _texts(chat: Chat) -> Iterator[Static]:
    left = MOST_CHARACTERS
    for turn in chat.turns:
        yield Prose(Content(turn.question), "question")
        for answer in turn.latest.values():
            yield Static(Content(voices.title(answer.voice)), markup=False, classes="who")
            yield Prose(Content(answer.text.strip() or "(no text)"), "said")
            yield Static(Content(files.facts(answer)), markup=False, classes="facts")
            left -= len(answer.text)
        if left < 0:
            yield Static(Content(f"… the rest: culturechat history show {chat.id}"), markup=False, classes="facts")
            return
