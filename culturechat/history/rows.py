"""Chats to rows of the history's tables and back. Every text is made safe for a terminal on its way out.

The functions work inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from culturechat.conversation import Message
from culturechat.history.chat import Answer, Chat, Judgement, Turn, Voice
from culturechat.history.search import fold
from culturechat.terminal import clean, one_line

_VOICE = "culture, form, model, base, base_sha256, adapter, adapter_sha256"
_ANSWER = (
    "attempt, seed, sampling, context, apart, engine, messages, begun, ended, text, finish, error, tokens, "
    "tokens_per_second, cached_tokens, shared_batch, replaced"
)
_JUDGEMENT = "at, place, columns, guess, best"
_JSON = msgspec.json.Encoder()
_SAMPLING = msgspec.json.Decoder(dict[str, int | float])
_MESSAGES = msgspec.json.Decoder(tuple[Message, ...])


def stamp(time: datetime) -> str:
    """Return a moment as it is stored."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def moment(text: str) -> datetime:
    """Return a stored moment."""
    return datetime.fromisoformat(text)


def as_json(value: Any) -> str:
    """Return a value as it is stored in one column."""
    return _JSON.encode(value).decode()


def load(connection: sqlite3.Connection, chat: int) -> Chat | None:
    """Return a chat, or None where there is none of that number."""
    row = connection.execute("SELECT title, created, changed, columns FROM chat WHERE id = ?", (chat,)).fetchone()
    if row is None:
        return None
    found = connection.execute(f"SELECT id, {_VOICE} FROM voice WHERE chat = ? ORDER BY id", (chat,))
    voices = {id_: Voice(*map(clean, texts)) for id_, *texts in found}
    title, created, changed, columns = row
    return Chat(
        chat,
        one_line(title),
        moment(created),
        moment(changed),
        _seated(voices.values(), columns),
        _turns(connection, chat, voices),
    )


def _seated(voices: Iterable[Voice], columns: str) -> tuple[Voice, ...]:
    """Return who answers now, of all who ever did."""
    latest = {voice.culture: voice for voice in voices}
    named = [latest[name] for name in dict.fromkeys(columns.split(",")) if name in latest]
    # a chat from elsewhere may have columns with commas in their names; of such a one all columns answer
    return tuple(latest.values()) if not named or columns == ",".join(latest) else tuple(named)


def insert(connection: sqlite3.Connection, chat: Chat) -> int:
    """Store a chat with everything in it and return its number here; the one it carries is not used."""
    number = add_chat(connection, chat.title, chat.created)
    voices: dict[Voice, int] = {}
    for voice in [*(answer.voice for turn in chat.turns for answer in turn.answers), *chat.columns]:
        if voice not in voices:
            voices[voice] = add_voice(connection, number, voice)
    for turn in chat.turns:
        place = add_turn(connection, number, turn.question, turn.asked)
        for answer in turn.answers:
            row = _insert_answer(connection, place, voices[answer.voice], answer)
            if answer.judgement:
                judge(connection, row, answer.judgement)
            if answer.finish != "unfinished":
                add_passage(connection, number, "answer", row, answer.text)
    set_columns(connection, number, chat.columns)
    connection.execute("UPDATE chat SET changed = ? WHERE id = ?", (stamp(chat.changed), number))
    return number


def add_chat(connection: sqlite3.Connection, title: str, created: datetime) -> int:
    """Store a chat without turns and return its number."""
    times = (stamp(created), stamp(created))
    cursor = connection.execute("INSERT INTO chat (title, created, changed) VALUES (?, ?, ?)", (title, *times))
    number = cast(int, cursor.lastrowid)
    add_passage(connection, number, "title", number, title)
    return number


def add_voice(connection: sqlite3.Connection, chat: int, voice: Voice) -> int:
    """Store who answers in a column and return the row's number."""
    values = msgspec.structs.astuple(voice)
    cursor = connection.execute(f"INSERT INTO voice (chat, {_VOICE}) VALUES (?, {_marks(values)})", (chat, *values))
    return cast(int, cursor.lastrowid)


def set_columns(connection: sqlite3.Connection, chat: int, voices: Iterable[Voice]) -> None:
    """Store which columns a chat has, for lists."""
    names = ",".join(dict.fromkeys(voice.culture for voice in voices))
    connection.execute("UPDATE chat SET columns = ? WHERE id = ?", (names, chat))


def add_turn(connection: sqlite3.Connection, chat: int, question: str, asked: datetime) -> int:
    """Store a question and return the turn's number."""
    values = (chat, question, stamp(asked))
    cursor = connection.execute("INSERT INTO turn (chat, question, asked) VALUES (?, ?, ?)", values)
    turn = cast(int, cursor.lastrowid)
    add_passage(connection, chat, "question", turn, question)
    return turn


def add_passage(connection: sqlite3.Connection, chat: int, source: str, origin: int, text: str) -> None:
    """Let a text be found, in place of what the same row held before."""
    connection.execute(
        "INSERT INTO passage (chat, source, origin, folded) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (source, origin) DO UPDATE SET folded = excluded.folded",
        (chat, source, origin, fold(text)),
    )


def judge(connection: sqlite3.Connection, answer: int, judgement: Judgement) -> None:
    """Store what was thought of an answer, if it is still there."""
    values = (stamp(judgement.at), judgement.place, judgement.columns, judgement.guess, judgement.best)
    connection.execute(
        f"INSERT OR REPLACE INTO judgement (answer, {_JUDGEMENT}) SELECT id, ?, ?, ?, ?, ? FROM answer WHERE id = ?",
        (*values, answer),
    )


def _insert_answer(connection: sqlite3.Connection, turn: int, voice: int, answer: Answer) -> int:
    values = (
        answer.attempt,
        answer.seed,
        as_json(answer.sampling),
        answer.context,
        answer.apart,
        answer.engine,
        as_json(answer.messages),
        stamp(answer.begun),
        stamp(answer.ended) if answer.ended else None,
        answer.text,
        answer.finish,
        answer.error,
        answer.tokens,
        answer.tokens_per_second,
        answer.cached_tokens,
        answer.shared_batch,
        answer.replaced,
    )
    cursor = connection.execute(
        f"INSERT INTO answer (turn, voice, {_ANSWER}) VALUES (?, ?, {_marks(values)})", (turn, voice, *values)
    )
    return cast(int, cursor.lastrowid)


def _turns(connection: sqlite3.Connection, chat: int, voices: dict[int, Voice]) -> tuple[Turn, ...]:
    answers: dict[int, list[Answer]] = {}
    judged = _judgements(connection, chat)
    for row, turn, voice, *values in connection.execute(
        f"SELECT id, turn, voice, {_ANSWER} FROM answer WHERE turn IN (SELECT id FROM turn WHERE chat = ?) ORDER BY id",
        (chat,),
    ):
        answer = msgspec.structs.replace(_answer(voices[voice], values), judgement=judged.get(row))
        answers.setdefault(turn, []).append(answer)
    turns = connection.execute("SELECT id, question, asked FROM turn WHERE chat = ? ORDER BY id", (chat,))
    return tuple(Turn(clean(question), moment(asked), tuple(answers.get(id_, ()))) for id_, question, asked in turns)


def _judgements(connection: sqlite3.Connection, chat: int) -> dict[int, Judgement]:
    found = connection.execute(
        f"SELECT answer, {_JUDGEMENT} FROM judgement"
        " WHERE answer IN (SELECT answer.id FROM answer JOIN turn ON turn.id = answer.turn WHERE chat = ?)",
        (chat,),
    )
    return {
        answer: Judgement(moment(at), place, columns, one_line(guess), bool(best))
        for answer, at, place, columns, guess, best in found
    }


def _answer(voice: Voice, values: list[Any]) -> Answer:
    attempt, seed, sampling, context, apart, engine, messages, begun, ended, text, finish, error, *figures = values
    tokens, rate, cached, shared, replaced = figures
    return Answer(
        voice,
        attempt,
        seed,
        _SAMPLING.decode(sampling),
        context,
        bool(apart),
        one_line(engine),
        tuple(Message(message.role, clean(message.text)) for message in _MESSAGES.decode(messages)),
        moment(begun),
        moment(ended) if ended else None,
        clean(text),
        finish,
        one_line(error),
        tokens,
        rate,
        cached,
        bool(shared),
        replaced=bool(replaced),
    )


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
