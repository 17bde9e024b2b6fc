"""Chats of the past, two lines each; and the one under the cursor, to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from culturechat import catalogue, cultures
from culturechat.history import Answer, Chat, Entry, Voice, files, voices
from culturechat.locale import N_, _, listed, ngettext, whole
from culturechat.tui.naming import briefly, called
from culturechat.tui.widgets.prose import Prose

MOST_CHARACTERS = 20_000
"""Of a chat, about so much is shown."""
ENDS = {
    "unfinished": N_("unfinished"),
    "length": N_("cut at the limit"),
    "cancelled": N_("stopped"),
    "failed": N_("failed"),
}


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
        _("{n} unfinished").format(n=entry.unfinished) if entry.unfinished else "",
        ngettext("{n} question", "{n} questions", entry.turns).format(n=entry.turns),
        listed(map(briefly, entry.columns)),
    )
    return Content.assemble(title, (" · ".join(fact for fact in facts if fact), "dim"))


def _texts(chat: Chat) -> Iterator[Static]:
    left = MOST_CHARACTERS
    for turn in chat.turns:
        yield Prose(Content(turn.question), "question")
        for answer in turn.latest.values():
            yield Static(Content(_who(answer.voice)), markup=False, classes="who")
            yield Prose(Content(answer.text.strip() or _("(no text)")), "said")
            yield Static(Content(_facts(answer)), markup=False, classes="facts")
            left -= len(answer.text)
        if left < 0:
            rest = _("… the rest: {command}").format(command=f"culturechat history show {chat.id}")
            yield Static(Content(rest), markup=False, classes="facts")
            return


def _who(voice: Voice) -> str:
    name = catalogue.culture_of(voice.culture)
    if name not in cultures.names():
        return voices.title(voice)
    culture = cultures.load(name)
    return called(culture) if name == voice.culture else f"{called(culture)} ({culture.language})"


def _facts(answer: Answer) -> str:
    """Return in the language of the screen what files tell of an answer."""
    end = _(ENDS.get(answer.finish, ""))
    tokens = answer.tokens
    parts = (
        f"{end or answer.finish}: {answer.error}" if answer.error else end,
        ngettext("{n} token", "{n} tokens", tokens).format(n=whole(tokens)) if tokens is not None else "",
        _("seed {seed}").format(seed=answer.seed),
        _("temperature {figure}").format(figure=f"{answer.sampling['temperature']:g}")
        if "temperature" in answer.sampling
        else "",
        _("answer {number}").format(number=answer.attempt + 1) if answer.attempt else "",
        _judged(answer) if answer.judgement else "",
        _("its question was put in other words afterwards") if answer.replaced else "",
    )
    return " · ".join(part for part in parts if part)


def _judged(answer: Answer) -> str:
    judgement = answer.judgement
    assert judgement is not None
    guess = ""
    if judgement.guess:
        right = judgement.guess == answer.voice.culture
        guess = _("recognised") if right else _("taken for {culture}").format(culture=briefly(judgement.guess))
    place = _("blind as {letter} of {columns}").format(letter=judgement.letter, columns=judgement.columns)
    return listed(part for part in (place, guess, _("voted best") if judgement.best else "") if part)
