"""What has to be known of a language to compare answers: one TOML file each, this folder is their registry.

Which words say little, how words are brought to one form, and the phrases in which an answer takes a side. Knows
nothing of answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from culturechat import records

FOLDER = Path(__file__).parent
ENGLISH = "en"
# Arabic vowel signs and kashida are left out as often as not
_OPTIONAL = re.compile("[\u0640\u064b-\u065f\u0670]")
SHORTEST_STEM = 2
"""Letters that stay of a word whose ending is taken off."""


@dataclass(frozen=True)
class Cues:
    """Phrases that take a side, in small letters."""

    yes: tuple[str, ...]
    """At the very beginning of an answer, as a sentence or half of one."""
    no: tuple[str, ...]
    agree: tuple[str, ...]
    disagree: tuple[str, ...]
    divided: tuple[str, ...]
    """That there is more than one side."""
    negation: str
    """A regular expression for what turns a claim into its opposite."""
    weakening: str
    """A regular expression for what, before a phrase, makes it the view of a few."""
    comparing: str = ""
    """A regular expression for what sets one thing above another; a claim that only likens them is another claim."""


@dataclass(frozen=True)
class LanguageFile:
    """What a language's TOML file holds."""

    letters: str
    """Its script as ranges of a regular expression's set; empty for Latin letters, which several languages share."""
    spaced: bool
    """Whether words stand apart."""
    stemmer: str
    """A Snowball algorithm; empty where there is none."""
    common: str
    """Words that say little, with spaces between."""
    endings: tuple[str, ...]
    """What is taken off a word instead, the longest first."""
    stances: Cues


@dataclass(frozen=True)
class Language(LanguageFile):
    """A language in which answers can be compared."""

    id: str = ""
    """The name of its file: an ISO 639 code."""

    @cached_property
    def common_words(self) -> frozenset[str]:
        """The words that say little."""
        return frozenset(map(fold, self.common.split()))

    @cached_property
    def folded_endings(self) -> tuple[str, ...]:
        """The endings as they stand in folded words."""
        return tuple(map(fold, self.endings))

    def owns(self, character: str) -> bool:
        """Return whether the character belongs to its script, if it has one of its own."""
        return bool(self.letters) and re.match(f"[{self.letters}]", character) is not None

    def stem(self, word: str) -> str:
        """Return what the forms of a folded word have in common."""
        if self.stemmer:
            return _stemmer(self.stemmer)(word)
        for ending in self.folded_endings:
            if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
                return word[: -len(ending)]
        return word


def fold(word: str) -> str:
    """Return a word without case, width and marks that are often left out."""
    folded = unicodedata.normalize("NFKC", word).casefold().replace("’", "'")
    return _OPTIONAL.sub("", folded).removesuffix("'s")


def names() -> list[str]:
    """Return the ids of all languages, English first: where nothing tells languages apart, it is taken."""
    return sorted((path.stem for path in FOLDER.glob("*.toml")), key=lambda name: (name != ENGLISH, name))


@cache
def load(name: str) -> Language:
    """Return one language."""
    file = records.read(FOLDER / f"{name}.toml", LanguageFile)
    return Language(**vars(file), id=name)


@cache
def by_script(character: str) -> Language | None:
    """Return the language whose own script a character belongs to; None for Latin and other letters."""
    return next((language for language in map(load, names()) if language.owns(character)), None)


@cache
def _stemmer(algorithm: str) -> Callable[[str], str]:
    # reading the stemmers takes a tenth of a second, which an app that compares nothing need not wait for
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer(algorithm).stemWord
    return cache(stem)
