"""Writes a chat to the history while it happens, in a thread beside it: the chat neither waits for the disk nor fails.

What cannot be written is kept and tried again with the next words and at the end.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic

from culturechat import catalogue
from culturechat.catalogue import Column
from culturechat.conversation import Message
from culturechat.errors import CulturechatError
from culturechat.history import database, voices, writing
from culturechat.history.chat import Chat, Finish, Voice
from culturechat.history.writing import (
    Asked,
    Begun,
    Ended,
    Identified,
    Judged,
    News,
    Page,
    Read,
    Replaced,
    Seated,
    Wrote,
)
from culturechat.locale import _
from culturechat.settings import Settings
from culturechat.terminal import one_line

FLUSH_SECONDS = 0.25
"""How long text is collected before it is written: this much can be lost when the process is killed."""
CLOSE_SECONDS = 6.0
"""How long the end waits for the last words to be written."""

Report = Callable[[str], None]


class Recorder:
    """What happens in one chat goes in here; every method returns at once and never raises."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        settings: Settings,
        engine: str,
        clock: Callable[[], datetime],
        chat: Chat | None = None,
    ) -> None:
        self._path = path
        self._columns = columns
        self._base = settings.base
        self.context = settings.context
        """Tokens that a column holds; less than was wished for where memory is short."""
        self._apart = settings.deterministic
        self._engine = engine
        self._clock = clock
        self._page = Page(chat.id if chat else None, self._voices(columns))
        self._news: SimpleQueue[News | None] = SimpleQueue()
        self._writing = threading.Thread(target=self._write, daemon=True, name="culturechat-history")
        self._hashing: list[threading.Thread] = []
        self._begun = False
        self._report: Report = lambda message: None
        self._problem = ""

    @property
    def chat(self) -> int | None:
        """The chat's number in the history; None until something of it was written."""
        return self._page.chat

    def watch(self, report: Report) -> None:
        """Let a failure be told: called from another thread with one line, and with none when all is saved again."""
        self._report = report
        if self._problem:
            report(self._problem)

    def seated(self, columns: Sequence[Column]) -> None:
        """Take note that other columns are compared from now on."""
        before, self._columns = self._columns, tuple(columns)
        if self._begun:
            self._take(Seated(self._voices(columns)))
            self._identify([column for column in columns if column not in before])
        else:
            self._page.seated = self._voices(columns)

    def asked(self, question: str, cultures: Sequence[str]) -> None:
        """Take note of a question to some columns."""
        self._take(Asked(tuple(cultures), question, self._clock()))

    def replaced(self, cultures: Sequence[str]) -> None:
        """Take note that the last question to these columns gives way to the next."""
        self._take(Replaced(tuple(cultures)))

    def begun(
        self, requests: Iterable[tuple[str, int, tuple[Message, ...]]], sampling: Mapping[str, int | float]
    ) -> None:
        """Take note of what columns are given to answer together: culture, seed and messages of each."""
        at = self._clock()
        for culture, seed, messages in requests:
            drawn = (seed, dict(sampling), self.context, self._apart)
            self._take(Begun(culture, *drawn, self._engine, messages, at))

    def read(self, culture: str, cached_tokens: int) -> None:
        """Take note that a column reads its messages."""
        self._take(Read(culture, cached_tokens))

    def wrote(self, culture: str, text: str) -> None:
        """Take note of more text."""
        self._take(Wrote(culture, text))

    def ended(self, culture: str, finish: Finish, tokens: int, tokens_per_second: float, shared_batch: bool) -> None:
        """Take note that an answer is whole, or was stopped."""
        self._take(Ended(culture, finish, self._clock(), tokens, tokens_per_second, shared_batch))

    def failed(self, culture: str, error: str) -> None:
        """Take note that an answer failed."""
        self._take(Ended(culture, "failed", self._clock(), error=error))

    def judged(self, places: Mapping[str, int], guesses: Mapping[str, str], best: str | None) -> None:
        """Take note of what was thought of the last answers: where they stood, what they were taken for, the best."""
        self._take(Judged(dict(places), dict(guesses), best, self._clock()))

    def close(self) -> None:
        """Write what is left; waits for it, but not for long."""
        if self._begun:
            for thread in self._hashing:
                thread.join(CLOSE_SECONDS)
            self._news.put(None)
            self._writing.join(CLOSE_SECONDS)

    def _take(self, news: News) -> None:
        self._news.put(news)
        if not self._begun:
            self._begun = True
            self._writing.start()
            self._identify(self._columns)

    def _write(self) -> None:
        waiting: list[News] = []
        connection: sqlite3.Connection | None = None
        more = True
        while more:
            more = self._collect(waiting)
            page = self._page.copy()
            try:
                with database.in_words(self._path):
                    connection = connection or database.connect(self._path)
                    with database.transaction(connection):
                        writing.write(connection, page, waiting)
            except Exception as error:
                self._tell(error)
                if connection is not None:
                    connection.close()
                    connection = None
            else:
                self._page = page
                waiting.clear()
                self._tell(None)
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _collect(self, waiting: list[News]) -> bool:
        """Add what happens until it is time to write; return whether more may come."""
        item = self._news.get()
        until = monotonic() + FLUSH_SECONDS
        while item is not None:
            waiting.append(item)
            try:
                item = self._news.get(timeout=until - monotonic())
            except (Empty, ValueError):  # a negative time is a ValueError: words may come faster than they are taken
                return True
        return False

    def _tell(self, error: Exception | None) -> None:
        was, self._problem = self._problem, _in_words(error) if error else ""
        if bool(was) != bool(self._problem):
            self._report(self._problem)

    def _voices(self, columns: Sequence[Column]) -> tuple[Voice, ...]:
        return tuple(voices.of(column, self._base) for column in columns)

    def _identify(self, columns: Sequence[Column]) -> None:
        """Read through the models' files beside the chat, which can take seconds for large ones."""
        thread = threading.Thread(target=self._read_files, args=(columns,), daemon=True, name="culturechat-hashes")
        self._hashing.append(thread)
        thread.start()

    def _read_files(self, columns: Sequence[Column]) -> None:
        for column in columns:
            with suppress(OSError):
                adapter = catalogue.sha256_of(column.adapter_path) if column.adapter_path else ""
                self._news.put(Identified(column.id, catalogue.sha256_of(column.base_path), adapter))


def _in_words(error: Exception) -> str:
    what = str(error) if isinstance(error, CulturechatError) else f"Unexpected {type(error).__name__}: {error}"
    return one_line(_("This chat is not being saved: {reason}").format(reason=what))
