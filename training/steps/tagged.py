"""Splits English text into words with part of speech and dictionary form, and puts dictionary forms back into shape.

HanTa tags (its model, a hidden Markov model over morphemes trained on British English, comes inside the package, so
nothing is downloaded; it tells infinitives from finite verbs, which inflection needs), lemminflect inflects, inflect
chooses between "a" and "an". Knows nothing of synonyms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from culturechat.errors import UsageError

Part = Literal["noun", "adjective", "adverb", "verb"]

PENN = {
    "NN0": "NN", "NN1": "NN", "NN2": "NNS", "NP0": "NNP",
    "AJ0": "JJ", "AJC": "JJR", "AJS": "JJS", "AV0": "RB",
    "VVB": "VBP", "VVD": "VBD", "VVG": "VBG", "VVI": "VB", "VVN": "VBN", "VVZ": "VBZ",
}  # fmt: skip
"""The tagger's C5 tags in those of the Penn treebank, which lemminflect knows. Be, do and have are left out: they are
auxiliaries more often than not."""

PARTS: dict[str, Part] = {"N": "noun", "J": "adjective", "R": "adverb", "V": "verb"}
UPOS = {"noun": "NOUN", "adjective": "ADJ", "adverb": "ADV", "verb": "VERB"}
PREPOSITIONS = {"of", "for", "in", "to", "from", "with", "at", "on", "between"}

_WORD = re.compile(r"n['’]t\b|['’](?:s|re|ve|ll|d|m)\b|\w+(?=n['’]t\b)|\w+(?:-\w+)*|[^\w\s]")
_SENTENCE_END = {".", "?", "!", ":"}
_QUOTES = {"'", '"', "‘", "“", "("}


@dataclass(frozen=True)
class Word:
    """One word or mark of a text."""

    text: str
    start: int
    """Where it begins in the text; `end` is where the next character stands."""
    end: int
    tag: str
    """Its tag in the Penn treebank's names, or nothing for what is never replaced."""
    part: Part | None
    lemma: str
    """Dictionary form in lower case."""
    opens: bool
    """Whether a sentence begins here, so that a capital says nothing."""


@dataclass(frozen=True)
class Sentence:
    """A text and its words; it may hold several grammatical sentences."""

    text: str
    words: tuple[Word, ...]


def split(text: str) -> list[str]:
    """Return a text's words and marks; "don't" and "country's" are two words each."""
    return _WORD.findall(text)


@cache
def tagged(text: str) -> Sentence:
    """Return a text with its words tagged.

    Raises:
        UsageError: the tagger is not installed.
    """
    found = list(_WORD.finditer(text))
    opens = _openings([match.group() for match in found])
    # A capital at the start of a sentence would make the tagger see a name.
    shown = [_lowered(match.group()) if first else match.group() for match, first in zip(found, opens, strict=True)]
    tags = [tag for _, _, tag in _tagger().tag_sent(shown)]
    return Sentence(
        text,
        tuple(
            _word(match, word, tag, first) for match, word, tag, first in zip(found, shown, tags, opens, strict=True)
        ),
    )


def inflected(phrase: str, part: Part, tag: str) -> str:
    """Return a dictionary form in the shape that the tag asks for, or nothing where there is no such shape.

    Of several words the head is inflected: a verb's first word, a noun's last before a preposition.
    """
    words = phrase.split()
    if tag in ("JJR", "JJS"):
        return _compared(phrase, tag)
    if part not in ("noun", "verb") or tag in ("NN", "VB"):
        return phrase
    if words[0] == "be" and tag in ("VBP", "VBD"):
        return " ".join(["are" if tag == "VBP" else "were", *words[1:]])  # these tags stand with plurals, or with "you"
    place = 0 if part == "verb" else head(words)
    forms = _library("lemminflect").getInflection(words[place], tag=tag)
    if not forms:
        return ""
    return " ".join([*words[:place], forms[0], *words[place + 1 :]])


def head(words: list[str]) -> int:
    """Return the place of a noun phrase's head: the last word before the first preposition."""
    return next((place for place, word in enumerate(words) if place and word in PREPOSITIONS), len(words)) - 1


def article(word: str) -> str:
    """Return the indefinite article that goes before a word: `a` or `an`."""
    return str(_articles().a(word)).split()[0]


def _compared(phrase: str, tag: str) -> str:
    forms = _library("lemminflect").getInflection(phrase, tag=tag, inflect_oov=False)
    return str(forms[0]) if forms else f"{'more' if tag == 'JJR' else 'most'} {phrase}"


def _openings(texts: list[str]) -> list[bool]:
    opens, first = [], True
    for text in texts:
        opens.append(first and text not in _QUOTES)
        first = text in _SENTENCE_END or (first and text in _QUOTES)
    return opens


def _lowered(text: str) -> str:
    return text.lower() if text[1:] == text[1:].lower() and text != "I" else text


def _word(match: re.Match[str], shown: str, c5: str, opens: bool) -> Word:
    tag = PENN.get(c5, "")
    if shown.lower() == "people" and tag == "NN":
        tag = "NNS"  # C5 leaves its number open; it is a plural wherever a synonym could stand for it
    part = PARTS.get(tag[:1]) if tag != "NNP" else None
    return Word(match.group(), match.start(), match.end(), tag, part, _lemma(shown.lower(), part, tag), opens)


def _lemma(text: str, part: Part | None, tag: str) -> str:
    if part is None or tag in ("NN", "JJ", "RB") or text == "people":
        return text
    return str(next(iter(_library("lemminflect").getLemma(text, upos=UPOS[part])), text))


@cache
def _tagger() -> Any:
    return _library("HanTa.HanoverTagger").HanoverTagger("morphmodel_en.pgz")


@cache
def _articles() -> Any:
    return _library("inflect").engine()


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(f"{name.partition('.')[0]} is not installed: pip install -e '.[train]'.") from None
