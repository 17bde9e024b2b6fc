"""Chats of the past as the screen uses them: sessions that are written down, and chats gone on with.

Knows nothing of widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from culturechat import catalogue, cultures
from culturechat.catalogue import Column
from culturechat.cultures import names
from culturechat.engines import Engine
from culturechat.history import Chat, History, Recorder, voices
from culturechat.locale import _
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.terminal import one_line

MOST_RECALLED = 200
"""Questions of the past that can be brought back on the prompt."""


Find = Callable[[str, str, int], Column]
"""Finds what answers in a further column, by its name and base, beside so many others."""


@dataclass(eq=False)
class Library:
    """The history beside an engine that answers."""

    engine: Engine
    version: str
    """What the engine is, with its version."""
    settings: Settings
    """How answers are drawn in sessions that are begun from now on."""
    history: History = field(default_factory=History)
    recorders: list[Recorder] = field(default_factory=list)
    """All that was begun since the start; each writes until the end."""
    find: Find | None = None
    """Finds what answers in a further column; None where none can be added."""

    def begin(self, columns: Sequence[Column], past: Chat | None = None) -> Session:
        """Return a session on these columns, a new one or one that goes on with a chat."""
        settings = replace(self.settings, base=past.columns[0].base) if past else self.settings
        recorder = self.history.record(columns, settings, self.version, past) if settings.history else None
        if recorder:
            self.recorders.append(recorder)
        return Session(self.engine, columns, settings, recorder, past)

    def reopen(self, number: int) -> tuple[Session, Chat]:
        """Return a session that goes on with a chat, and the chat.

        Raises:
            CulturechatError: the chat cannot be read, or one of its columns cannot be had any more.
        """
        past = self.history.load(number)
        return self.begin(voices.columns(past), past), past

    def others(self, session: Session) -> dict[str, str]:
        """Return the columns that could be added to a session: ids, and what they are called."""
        cards = catalogue.cards().values()
        one = any(card.culture == catalogue.ONE and card.path for card in cards)
        if self.find is None:
            return {}
        named = {name: one_line(f"{cultures.load(name).own_name}  {_(cultures.load(name).name)}") for name in names()}
        named |= {catalogue.ONE: f"one  {_('the adapter of all cultures, not told any')}"} if one else {}
        named |= {catalogue.BASE_COLUMN: f"base  {_('the same model, no culture')}"}
        return {name: title for name, title in named.items() if name not in session.columns}

    def column(self, name: str, session: Session) -> Column:
        """Return what answers in a further column of a session.

        Raises:
            CulturechatError: its model is not installed or damaged.
        """
        assert self.find is not None
        return self.find(name, session.settings.base, len(session.columns))

    def questions(self) -> list[str]:
        """Return what was asked in chats of the past, oldest first."""
        return self.history.questions(MOST_RECALLED)

    def close(self) -> None:
        """Write down what is left."""
        for recorder in self.recorders:
            recorder.close()
