"""All chats that were kept: listed, searched, opened, renamed, duplicated, deleted and brought back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from culturechat.catalogue import Column
from culturechat.errors import UsageError
from culturechat.history import database, rows, search, votes
from culturechat.history.chat import Chat, Entry
from culturechat.history.recorder import Recorder
from culturechat.history.search import Place
from culturechat.locale import _
from culturechat.settings import Settings
from culturechat.terminal import clean, one_line

_TEXTS = {
    "title": "SELECT title FROM chat WHERE id = ?",
    "question": "SELECT question FROM turn WHERE id = ?",
    "answer": "SELECT text FROM answer WHERE id = ?",
}
_ENTRIES = """
    SELECT id, title, created, changed, columns, (SELECT count(*) FROM turn WHERE turn.chat = chat.id) FROM chat
"""
_UNFINISHED = """
    SELECT turn.chat, count(*) FROM answer JOIN turn ON turn.id = answer.turn WHERE finish = 'unfinished' GROUP BY 1
"""


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class History:
    """The chats in one file.

    Every method opens it anew, so any thread may call. All raise `HistoryError` where the file cannot be read or
    written, and `BadFile` where it is damaged.
    """

    path: Path = field(default_factory=database.default_path)
    clock: Callable[[], datetime] = now

    def entries(self, most: int = -1, skip: int = 0, trash: bool = False) -> list[Entry]:
        """Return chats, those that changed last first.

        Args:
            most: Return no more than these; -1 returns all.
            skip: Leave out so many from the beginning.
            trash: Return the deleted ones, those deleted last first.
        """
        where = "trashed IS NOT NULL ORDER BY trashed DESC" if trash else "trashed IS NULL ORDER BY changed DESC"
        if not self.path.exists():
            return []
        with database.opened(self.path) as connection, database.snapshot(connection):
            unfinished = dict(connection.execute(_UNFINISHED).fetchall())
            found = connection.execute(f"{_ENTRIES} WHERE {where}, id DESC LIMIT ? OFFSET ?", (most, skip))
            return [_entry(row, unfinished) for row in found]

    def count(self, trash: bool = False) -> int:
        """Return how many chats there are, or how many are in the trash."""
        if not self.path.exists():
            return 0
        with database.opened(self.path) as connection:
            where = "IS NOT NULL" if trash else "IS NULL"
            return int(connection.execute(f"SELECT count(*) FROM chat WHERE trashed {where}").fetchone()[0])

    def questions(self, most: int) -> list[str]:
        """Return what was asked last, oldest first, each question once."""
        if not self.path.exists():
            return []
        with database.opened(self.path) as connection:
            found = connection.execute(
                "SELECT question FROM turn JOIN chat ON chat.id = turn.chat WHERE trashed IS NULL"
                " GROUP BY question ORDER BY max(turn.id) DESC LIMIT ?",
                (most,),
            )
            return [clean(question) for (question,) in found][::-1]

    def search(self, query: str, most: int = -1) -> list[Entry]:
        """Return the chats in which all words of the query occur, anywhere and in parts of words too, newest first.

        Case and accents make no difference; words in quotation marks must follow each other as they stand.
        """
        if not self.path.exists():
            return []
        with database.opened(self.path) as connection, database.snapshot(connection):
            places = search.find(connection, query)
            newest = connection.execute("SELECT id FROM chat WHERE trashed IS NULL ORDER BY changed DESC, id DESC")
            chosen = [chat for (chat,) in newest if chat in places][: most if most >= 0 else None]
            unfinished = dict(connection.execute(_UNFINISHED).fetchall())
            return [_found(connection, unfinished, chat, places[chat], query) for chat in chosen]

    def votes(self) -> list[votes.Tally]:
        """Return how each culture fared where it was judged without its name."""
        if not self.path.exists():
            return []
        with database.opened(self.path) as connection:
            return votes.tally(connection)

    def load(self, chat: int) -> Chat:
        """Return one chat with everything in it; one in the trash as well.

        Raises:
            UsageError: there is none of that number.
        """
        return self.load_all([chat])[0]

    def load_all(self, chats: Sequence[int]) -> list[Chat]:
        """Return chats with everything in them, all as they were at one moment.

        Raises:
            UsageError: there is none of one of the numbers.
        """
        if chats and not self.path.exists():
            raise _no_such(chats[0])
        loaded = []
        with database.opened(self.path) as connection, database.snapshot(connection):
            for number in chats:
                chat = rows.load(connection, number)
                if chat is None:
                    raise _no_such(number)
                loaded.append(chat)
        return loaded

    def add(self, chats: Sequence[Chat]) -> list[int]:
        """Store chats, all or none of them, and return their numbers."""
        with database.opened(self.path) as connection, database.transaction(connection):
            return [rows.insert(connection, chat) for chat in chats]

    def missing(self, chats: Sequence[Chat]) -> list[Chat]:
        """Return those chats of which there is no equal one here, apart from their titles and numbers."""
        if not self.path.exists():
            return list(chats)
        with database.opened(self.path) as connection:
            return [chat for chat in chats if not _is_here(connection, chat)]

    def rename(self, chat: int, title: str) -> None:
        """Give a chat another title.

        Raises:
            UsageError: the title is empty, or there is no such chat.
        """
        title = one_line(title)
        if not title:
            raise UsageError(_("The title is empty; type one."))
        with self._changing(chat) as connection:
            connection.execute("UPDATE chat SET title = ? WHERE id = ?", (title, chat))
            rows.add_passage(connection, chat, "title", chat, title)

    def duplicate(self, chat: int) -> int:
        """Copy a chat with everything in it and return the copy's number; the copy is the newest chat.

        Raises:
            UsageError: there is no such chat.
        """
        original, at = self.load(chat), self.clock()
        title = _("{title} (copy)").format(title=original.title)
        copy = msgspec.structs.replace(original, title=title, created=at, changed=at)
        return self.add([copy])[0]

    def delete(self, chat: int) -> None:
        """Put a chat in the trash.

        Raises:
            UsageError: there is no such chat.
        """
        with self._changing(chat) as connection:
            connection.execute("UPDATE chat SET trashed = ? WHERE id = ?", (rows.stamp(self.clock()), chat))

    def restore(self, chat: int | None = None) -> int:
        """Take a chat out of the trash, by default the one deleted last, and return its number.

        Raises:
            UsageError: it is not in the trash.
        """
        if chat is None:
            last = self.entries(most=1, trash=True)
            if not last:
                raise UsageError(_("The trash is empty; there is nothing to bring back."))
            chat = last[0].id
        with self._changing(chat) as connection:
            back = connection.execute("UPDATE chat SET trashed = NULL WHERE id = ? AND trashed IS NOT NULL", (chat,))
            if not back.rowcount:
                raise UsageError(f"Chat {chat} is not in the trash.")
        return chat

    def empty_trash(self) -> int:
        """Delete what is in the trash for good and return how many chats that were."""
        if not self.path.exists():
            return 0
        with database.opened(self.path) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            with database.transaction(connection):
                gone = connection.execute("DELETE FROM chat WHERE trashed IS NOT NULL").rowcount
                # without this the words would stay in parts of the index that are not merged yet
                connection.execute("INSERT INTO passage_index (passage_index) VALUES ('optimize')")
            connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
        return gone

    def record(self, columns: Sequence[Column], settings: Settings, engine: str, chat: Chat | None = None) -> Recorder:
        """Return what writes a chat down as it happens: a new one, or one that is continued.

        Args:
            columns: Who answers.
            settings: The base's name, the context, and whether columns are decoded by themselves.
            engine: What runs the models, with its version.
            chat: What is continued.
        """
        return Recorder(self.path, columns, settings, engine, self.clock, chat)

    @contextmanager
    def _changing(self, chat: int) -> Iterator[sqlite3.Connection]:
        """Give a connection inside a transaction, if there is such a chat."""
        if not self.path.exists():
            raise _no_such(chat)
        with database.opened(self.path) as connection, database.transaction(connection):
            if connection.execute("SELECT 1 FROM chat WHERE id = ?", (chat,)).fetchone() is None:
                raise _no_such(chat)
            yield connection


def _entry(row: tuple[Any, ...], unfinished: Mapping[int, int]) -> Entry:
    chat, title, created, changed, columns, turns = row
    names = tuple(one_line(columns).split(",")) if columns else ()
    times = (rows.moment(created), rows.moment(changed))
    return Entry(chat, one_line(title), *times, names, turns, unfinished.get(chat, 0))


def _found(connection: sqlite3.Connection, unfinished: Mapping[int, int], chat: int, place: Place, query: str) -> Entry:
    entry = _entry(connection.execute(f"{_ENTRIES} WHERE id = ?", (chat,)).fetchone(), unfinished)
    (text,) = connection.execute(_TEXTS[place.source], (place.origin,)).fetchone()
    return msgspec.structs.replace(entry, found=search.excerpt(text, query))


def _is_here(connection: sqlite3.Connection, chat: Chat) -> bool:
    times = (rows.stamp(chat.created), rows.stamp(chat.changed))
    same = connection.execute("SELECT id FROM chat WHERE created = ? AND changed = ?", times)
    return any(_said(rows.load(connection, id_)) == _said(chat) for (id_,) in same.fetchall())


def _said(chat: Chat | None) -> object:
    turns = chat.turns if chat else ()
    return [
        (turn.question, [(answer.voice.culture, answer.text, answer.finish) for answer in turn.answers])
        for turn in turns
    ]


def _no_such(chat: int) -> UsageError:
    return UsageError(f"There is no chat {chat} in the history; `culturechat history list` shows them.")
