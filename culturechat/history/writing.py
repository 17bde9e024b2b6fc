"""What happens in a chat, as values, and how each is written to the history. Knows nothing of threads or failures."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from culturechat.conversation import Message
from culturechat.history import rows
from culturechat.history.chat import Finish, Judgement, Voice
from culturechat.terminal import one_line

_TITLE_CHARACTERS = 120


@dataclass(frozen=True)
class Asked:
    """The user asked some columns."""

    cultures: tuple[str, ...]
    question: str
    at: datetime


@dataclass(frozen=True)
class Begun:
    """A column was given its messages."""

    culture: str
    seed: int
    sampling: dict[str, int | float]
    context: int
    apart: bool
    engine: str
    messages: tuple[Message, ...]
    at: datetime


@dataclass(frozen=True)
class Read:
    """A column reads its messages, some of which it still remembers."""

    culture: str
    cached_tokens: int


@dataclass(frozen=True)
class Wrote:
    """A column wrote more text."""

    culture: str
    text: str


@dataclass(frozen=True)
class Ended:
    """A column's answer is over."""

    culture: str
    finish: Finish
    at: datetime
    tokens: int | None = None
    tokens_per_second: float | None = None
    shared_batch: bool = False
    error: str = ""


@dataclass(frozen=True)
class Judged:
    """What was thought of the columns' last answers, before it was told whose they are."""

    places: dict[str, int]
    """Where each column stood that had answered."""
    guesses: dict[str, str]
    """What each was taken for, where something was guessed."""
    best: str | None
    at: datetime


@dataclass(frozen=True)
class Identified:
    """The files of a column's model were read through."""

    culture: str
    base_sha256: str
    adapter_sha256: str


@dataclass(frozen=True)
class Seated:
    """Other columns are compared from now on."""

    voices: tuple[Voice, ...]


@dataclass(frozen=True)
class Replaced:
    """The last question to these columns is put in other words; its answers no longer count."""

    cultures: tuple[str, ...]


News = Asked | Begun | Read | Wrote | Ended | Identified | Judged | Seated | Replaced


@dataclass
class Page:
    """Where a chat is being written: rows of the tables, by culture."""

    chat: int | None
    """None until something is asked."""
    seated: tuple[Voice, ...] = ()
    """Who answers, in the order of the columns."""
    voices: dict[str, int] = field(default_factory=dict)
    stored: dict[str, Voice] = field(default_factory=dict)
    """What the rows of `voices` say, hashes left out."""
    turns: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Page:
        """Return the same page, to come back to when a transaction fails."""
        return Page(self.chat, self.seated, dict(self.voices), dict(self.stored), dict(self.turns), dict(self.answers))


def write(connection: sqlite3.Connection, page: Page, news: Iterable[News]) -> None:
    """Write what happened, inside the caller's transaction.

    Args:
        connection: The history.
        page: Where to write; it goes along with the news, and who answers is stored with the first of them.
        news: What happened, oldest first.
    """
    for item in _merged(news):
        match item:
            case Asked():
                _ask(connection, page, item)
            case Begun():
                _begin(connection, page, item)
            case Read(culture, cached):
                _set(connection, page, culture, "cached_tokens = ?", cached)
            case Wrote(culture, text):
                _set(connection, page, culture, "text = text || ?", text)
            case Ended():
                _end(connection, page, item)
            case Judged():
                _judge(connection, page, item)
            case Identified(culture, base, adapter):
                values = (base, adapter, page.voices.get(culture))
                connection.execute("UPDATE voice SET base_sha256 = ?, adapter_sha256 = ? WHERE id = ?", values)
            case Replaced(cultures):
                _replace(connection, page, cultures)
            case Seated(voices):
                page.seated = voices
                if page.voices:
                    _seat(connection, page)


def _replace(connection: sqlite3.Connection, page: Page, cultures: Iterable[str]) -> None:
    for culture in cultures:
        turn = page.turns.get(culture) or (_last_turn(connection, page.chat, culture) if page.chat else None)
        connection.execute(
            "UPDATE answer SET replaced = 1 WHERE turn = ? AND voice IN (SELECT id FROM voice WHERE culture = ?)",
            (turn, culture),
        )


def _ask(connection: sqlite3.Connection, page: Page, news: Asked) -> None:
    chat = _chat(connection, page, news.at, news.question)
    turn = rows.add_turn(connection, chat, news.question, news.at)
    page.turns |= dict.fromkeys(news.cultures, turn)


def _begin(connection: sqlite3.Connection, page: Page, news: Begun) -> None:
    question = next((message.text for message in reversed(news.messages) if message.role == "user"), "")
    chat = _chat(connection, page, news.at, question)
    if news.culture not in page.turns:
        page.turns[news.culture] = _last_turn(connection, chat, news.culture) or rows.add_turn(
            connection, chat, question, news.at
        )
    turn, voice = page.turns[news.culture], page.voices[news.culture]
    attempts = connection.execute(
        "SELECT count(*) FROM answer JOIN voice ON voice.id = answer.voice WHERE turn = ? AND culture = ?",
        (turn, news.culture),
    )
    values = (
        *(turn, voice, attempts.fetchone()[0], news.seed, rows.as_json(news.sampling), news.context),
        *(news.apart, news.engine, rows.as_json(news.messages), rows.stamp(news.at)),
    )
    cursor = connection.execute(
        "INSERT INTO answer (turn, voice, attempt, seed, sampling, context, apart, engine, messages, begun)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    page.answers[news.culture] = cast(int, cursor.lastrowid)


def _end(connection: sqlite3.Connection, page: Page, news: Ended) -> None:
    figures = (news.tokens, news.tokens_per_second, news.shared_batch, news.error)
    _set(
        connection,
        page,
        news.culture,
        "finish = ?, ended = ?, tokens = ?, tokens_per_second = ?, shared_batch = ?, error = ?",
        *(news.finish, rows.stamp(news.at), *figures),
    )
    answer = page.answers[news.culture]
    text = connection.execute("SELECT text FROM answer WHERE id = ?", (answer,)).fetchone()
    if text is not None and page.chat is not None:
        rows.add_passage(connection, page.chat, "answer", answer, text[0])
        connection.execute("UPDATE chat SET changed = ? WHERE id = ?", (rows.stamp(news.at), page.chat))


def _judge(connection: sqlite3.Connection, page: Page, news: Judged) -> None:
    for culture, place in news.places.items():
        if culture in page.answers:
            guess = news.guesses.get(culture, "")
            judgement = Judgement(news.at, place, len(news.places), guess, culture == news.best)
            rows.judge(connection, page.answers[culture], judgement)


def _set(connection: sqlite3.Connection, page: Page, culture: str, assignments: str, *values: object) -> None:
    connection.execute(f"UPDATE answer SET {assignments} WHERE id = ?", (*values, page.answers[culture]))


def _chat(connection: sqlite3.Connection, page: Page, at: datetime, question: str) -> int:
    """Return the number of the chat, taken out of the trash; a new one where it is gone for good."""
    found = connection.execute(
        "UPDATE chat SET changed = ?, trashed = NULL WHERE id = ? RETURNING id", (rows.stamp(at), page.chat)
    ).fetchone()
    if found is None:
        page.chat, page.turns, page.answers = rows.add_chat(connection, _title(question), at), {}, {}
        page.voices, page.stored = {}, {}
    assert page.chat is not None
    if not page.voices:
        _seat(connection, page)
    return page.chat


def _seat(connection: sqlite3.Connection, page: Page) -> None:
    """Store who answers now; a column that was there stays the same one."""
    assert page.chat is not None
    for voice in page.seated:
        if page.stored.get(voice.culture) != voice:
            page.voices[voice.culture] = rows.add_voice(connection, page.chat, voice)
            page.stored[voice.culture] = voice
    rows.set_columns(connection, page.chat, page.seated)


def _last_turn(connection: sqlite3.Connection, chat: int, culture: str) -> int | None:
    found = connection.execute(
        "SELECT max(answer.turn) FROM answer JOIN voice ON voice.id = answer.voice"
        " WHERE chat = ? AND culture = ? AND NOT replaced",
        (chat, culture),
    )
    return cast("int | None", found.fetchone()[0])


def _title(question: str) -> str:
    title = one_line(question)
    return title if len(title) <= _TITLE_CHARACTERS else title[: _TITLE_CHARACTERS - 1].rstrip() + "…"


def _merged(news: Iterable[News]) -> Iterator[News]:
    """Yield the news with each column's text put together up to its next other news."""
    texts: dict[str, str] = {}
    for item in news:
        if isinstance(item, Wrote):
            texts[item.culture] = texts.get(item.culture, "") + item.text
            continue
        yield from (Wrote(culture, text) for culture, text in texts.items())
        texts.clear()
        yield item
    yield from (Wrote(culture, text) for culture, text in texts.items())
