"""Chats of the past as the screen uses them: sessions that are written down, and chats gone on with.

Knows nothing of widgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from culturechat.catalogue import Column
from culturechat.engines import Engine
from culturechat.history import Chat, History, Recorder, voices
from culturechat.session import Session
from culturechat.settings import Settings


@dataclass(frozen=True)
class Library:
    """The history beside an engine that answers."""

    engine: Engine
    version: str
    """What the engine is, with its version."""
    settings: Settings
    history: History = field(default_factory=History)
    recorders: list[Recorder] = field(default_factory=list)
    """All that was begun since the start; each writes until the end."""

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

    def close(self) -> None:
        """Write down what is left."""
        for recorder in self.recorders:
            recorder.close()
