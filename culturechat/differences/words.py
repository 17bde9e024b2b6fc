"""Answers as words, in any script: where each stands, and the form in which it is compared.

Words are runs of letters, marks and digits (the categories L, M and N of Unicode); runs of Han characters, which have
no spaces, are cut by BudouX. A word is compared without case, width and diacritics that are often left out, by its stem
(Snowball) or without its usual endings. Knows nothing of models or columns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Protocol, cast

from culturechat.differences import languages
from culturechat.differences.languages import ENGLISH, Language, fold

SHORTEST_LATIN = 3
SHORTEST = 2
"""Letters below which a word says too little to be named."""
_JOINERS = "\u200c\u200d"
_APOSTROPHES = "'’"
_MARKUP = re.compile(r"[*_`#>|~]+|^[ \t]*(?:[-+•]|\d+[.)])[ \t]+", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?؟])[\"”’)]*\s+|(?<=[。！？।॥])|\n+")


@dataclass(frozen=True)
class Word:
    """A word of a text."""

    text: str
    start: int
    """Place of its first character."""
    key: str
    """What it has in common with its other forms; empty for a word that says little."""

    @property
    def end(self) -> int:
        """Place behind its last character."""
        return self.start + len(self.text)


class _Cutter(Protocol):
    def parse(self, sentence: str) -> list[str]: ...


def of(text: str, latin: Language | None = None) -> list[Word]:
    """Return the words of a text in their order.

    Args:
        text: What to cut.
        latin: The language of its words in Latin letters; by default, what the text itself speaks for.
    """
    latin = latin or latin_language(text)
    return [word for start, run in _runs(text) for word in _words(start, run, latin)]


def language(text: str) -> Language:
    """Return the language that most words of a text belong to."""
    counts: dict[str, int] = {}
    for _, run in _runs(text):
        owner = languages.by_script(run[0])
        name, count = (owner.id if owner else "", 1 if not owner or owner.spaced else len(_cutter().parse(run)))
        counts[name] = counts.get(name, 0) + count
    most = max(counts, key=lambda name: counts[name], default="")
    return languages.load(most) if most else latin_language(text)


def latin_language(text: str) -> Language:
    """Return the language of Latin letters whose common words a text has most of; English where none stands out."""
    found = [fold(run) for _, run in _runs(text)]
    known = [language for language in map(languages.load, languages.names()) if not language.letters]
    return max(known, key=lambda one: sum(word in one.common_words for word in found))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text without the marks of Markdown."""
    return [part.strip() for part in _SENTENCE_END.split(_MARKUP.sub("", text)) if part.strip()]


def _runs(text: str) -> Iterator[tuple[int, str]]:
    """Yield runs of characters that belong to words, of one script each."""
    scripts = [_script(text, place) for place in range(len(text))]
    start = 0
    for script, places in groupby(scripts):
        length = len(list(places))
        if script is not None:
            yield start, text[start : start + length]
        start += length


def _script(text: str, place: int) -> str | None:
    """Return what a character's neighbours must have to stand in a word with it; None outside words."""
    character = text[place]
    if character in _APOSTROPHES:
        inside = 0 < place < len(text) - 1 and text[place - 1].isalpha() and text[place + 1].isalpha()
        return _script(text, place - 1) if inside else None
    if character in _JOINERS or unicodedata.category(character)[0] == "M":
        return _script(text, place - 1) if place else None
    if unicodedata.category(character)[0] not in "LN":
        return None
    owner = languages.by_script(character)
    return owner.id if owner else ""


def _words(start: int, run: str, latin: Language) -> Iterator[Word]:
    own = languages.by_script(run[0]) or latin
    if own.spaced:
        yield _word(start, run, own)
        return
    for part in _joined(_cutter().parse(run), own):
        yield _word(start, part, own)
        start += len(part)


def _joined(parts: list[str], own: Language) -> Iterator[str]:
    """Yield what was cut, with single characters put together that are no words of their own."""
    for single, group in groupby(parts, lambda part: len(part) == 1 and part not in own.common_words):
        if single:
            yield "".join(group)
        else:
            yield from group


def _word(start: int, text: str, own: Language) -> Word:
    folded = fold(text)
    shortest = SHORTEST if own.letters else SHORTEST_LATIN
    if len(folded) < shortest or not any(map(str.isalpha, folded)) or folded in own.common_words:
        return Word(text, start, "")
    stem = own.stem(folded)
    return Word(text, start, "" if stem in own.common_words and own.id != ENGLISH else stem)


@cache
def _cutter() -> _Cutter:
    import budoux

    return cast(_Cutter, budoux.load_default_simplified_chinese_parser())
