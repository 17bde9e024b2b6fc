"""Finds texts in the history, in every script: words, parts of words and single characters.

A trigram index finds three characters and more anywhere in a text, so scripts that set no spaces need no dictionary;
one or two characters are looked for by reading all texts. Knows nothing of chats beyond where a text stands.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from culturechat.terminal import one_line

_INDEXED = 3
"""Characters from which on the index finds a word."""
_LAST = 1 << 60
_BEFORE, _AFTER = 20, 80
"""Characters shown on each side of what was found."""
_WORD = re.compile(r'"([^"]+)"?|(\S+)')
# marks that are left out when people type: accents, Arabic vowel signs, hamza and madda on a carrier, kashida
_OPTIONAL = re.compile("[\u0300-\u036f\u0640\u064b-\u065f\u0670]")


class Place(NamedTuple):
    """Where something was found."""

    source: str
    """title, question or answer."""
    origin: int
    """The row's number in its table."""


def fold(text: str) -> str:
    """Return the text without case, accents and forms of presentation, as it is stored and searched."""
    return "".join(map(_fold_character, unicodedata.normalize("NFC", text)))


def words(query: str) -> list[str]:
    """Return what has to occur, folded: each word, or what stands in quotation marks as a whole."""
    parts = (quoted or word for quoted, word in _WORD.findall(one_line(query)))
    return [folded for part in parts if (folded := fold(part).strip())]


def find(connection: sqlite3.Connection, query: str) -> dict[int, Place]:
    """Return the chats in which every word of the query occurs, each with a place where the first one does."""
    wanted = words(query)
    if not wanted:
        return {}
    first, *others = (_places(connection, word) for word in wanted)
    return {chat: place for chat, place in first.items() if all(chat in other for other in others)}


def excerpt(text: str, query: str) -> tuple[str, str, str]:
    """Return what stands around the first of the query's words that occurs in the text, the word itself between."""
    whole = unicodedata.normalize("NFC", one_line(text))
    folded = [_fold_character(character) for character in whole]
    searched = "".join(folded)
    start = next((place for word in words(query) if (place := searched.find(word)) >= 0), -1)
    if start < 0:
        return whole[:_AFTER], "", ""
    length = next(len(word) for word in words(query) if searched.startswith(word, start))
    # which character of the text each character of the folded text comes from
    origin = [place for place, characters in enumerate(folded) for _ in characters]
    begin, end = origin[start], origin[start + length - 1] + 1
    before, after = max(0, begin - _BEFORE), end + _AFTER
    return ("…" if before else "") + whole[before:begin], whole[begin:end], whole[end:after]


def _places(connection: sqlite3.Connection, word: str) -> dict[int, Place]:
    if len(word) < _INDEXED:
        condition, argument = "instr(folded, ?)", word
    else:
        condition = "id IN (SELECT rowid FROM passage_index WHERE passage_index MATCH ?)"
        argument = '"{}"'.format(word.replace('"', '""'))
    # what was said tells more than the title, which is often the first question; SQLite takes the row of the minimum
    rows = connection.execute(
        f"SELECT chat, source, origin, min(id + (source = 'title') * {_LAST}) FROM passage"
        f" WHERE {condition} GROUP BY chat",
        (argument,),
    )
    found = {chat: Place(source, origin) for chat, source, origin, _ in rows}
    for chat, place, text in _unfinished(connection):
        if chat not in found and word in fold(text):
            found[chat] = place
    return found


def _unfinished(connection: sqlite3.Connection) -> Iterator[tuple[int, Place, str]]:
    """Yield the answers that are not in the index, because nobody saw their end."""
    rows = connection.execute(
        "SELECT turn.chat, answer.id, answer.text FROM answer JOIN turn ON turn.id = answer.turn"
        " WHERE answer.finish = 'unfinished'"
    )
    for chat, answer, text in rows:
        yield chat, Place("answer", answer), text


@cache
def _fold_character(character: str) -> str:
    if character in "ıİ":
        return "i"
    plain = _OPTIONAL.sub("", unicodedata.normalize("NFKD", character))
    return unicodedata.normalize("NFC", plain).casefold()
