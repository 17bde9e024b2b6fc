"""Finds out whether two sentences say the opposite of each other: negators, opposites and turned comparisons.

A sentence encoder hardly sees a "not", so what is near in meaning to it may mean the reverse. Every negator that only
one of them has, every word replaced by its opposite and every comparison whose sides changed places turns the meaning
round; an odd number of turns is a flip. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from culturechat import records
from training.steps.tagged import Sentence, Word, tagged

WORDS = Path(__file__).parent.parent / "data" / "polarity.toml"
PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "non-", "mis")
"""With one of these before it a word usually means its opposite."""

Opposites = Callable[[str], frozenset[str]]
"""Dictionary form to those of its opposites."""


@dataclass(frozen=True)
class Polarity:
    """What the file of turning words holds."""

    negators: frozenset[str]
    lesser: frozenset[str]
    comparing: frozenset[str]
    harmless: tuple[str, ...]
    alike: tuple[tuple[str, str], ...]
    opposites: tuple[tuple[str, str], ...]


def flipped(before: str, after: str, labels: Iterable[str] = (), opposites: Opposites | None = None) -> str:
    """Return why `after` says the opposite of `before`, or nothing if it does not.

    Args:
        before: A question.
        after: The same in other words.
        labels: Option labels, which are no part of what the question says.
        opposites: Where to find opposites, beside the shipped ones.
    """
    masked = tuple(labels)
    first, second = (tagged(_bare(text, masked)) for text in (before, after))
    turns = [
        *_turned_words("denies", first, second, words().negators),
        *_turned_words("lessens", first, second, words().lesser),
        *_turned_pairs(first, second, opposites or known_opposites),
        *_turned_comparisons(first, second),
    ]
    return "; ".join(turns) if len(turns) % 2 else ""


def negator(word: Word) -> bool:
    """Return whether a word denies what stands behind it."""
    return word.text.lower().replace("’", "'") in words().negators


def known_opposites(lemma: str) -> frozenset[str]:
    """Return the shipped opposites of a word in dictionary form."""
    return _opposites().get(lemma, frozenset())


@cache
def words() -> Polarity:
    """Return the shipped turning words."""
    return records.read(WORDS, Polarity)


@cache
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for one, other in words().opposites:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


def _bare(text: str, labels: tuple[str, ...]) -> str:
    """Return the text without labels and harmless phrases, and with one word for each phrase that lessens."""
    one_word = _one_word(labels)
    return _phrases(labels).sub(lambda found: one_word[found.group().lower()], text)


@cache
def _one_word(labels: tuple[str, ...]) -> dict[str, str]:
    lessening = (phrase for phrase in words().lesser if " " in phrase)
    return {**{phrase.lower(): "…" for phrase in (*labels, *words().harmless)}, **dict.fromkeys(lessening, "less")}


@cache
def _phrases(labels: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(_one_word(labels), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


def _turned_words(what: str, before: Sentence, after: Sentence, turning: frozenset[str]) -> Iterator[str]:
    """Yield one turn where the number of such words became odd or even."""
    first, second = (_counted(sentence, turning) for sentence in (before, after))
    if (first.total() - second.total()) % 2:
        lost, new = first - second, second - first
        yield f"{what} otherwise ({_listed(lost) or 'none'} → {_listed(new) or 'none'})"


def _counted(sentence: Sentence, turning: frozenset[str]) -> Counter[str]:
    return Counter(text for word in sentence.words if (text := word.text.lower().replace("’", "'")) in turning)


def _listed(counted: Counter[str]) -> str:
    return ", ".join(sorted(counted.elements()))


def _turned_pairs(before: Sentence, after: Sentence, opposites: Opposites) -> Iterator[str]:
    """Yield a turn for each word that went while its opposite came."""
    first, second = (_lemmas(sentence) for sentence in (before, after))
    came = second - first
    for lemma in sorted(first - second):
        for other in sorted(came):
            if other in opposites(lemma) or lemma in opposites(other) or _prefixed(lemma, other):
                yield f"{lemma} → {other}"
                came.discard(other)
                break


def _lemmas(sentence: Sentence) -> set[str]:
    """Return the words in dictionary form, but for those that are counted as turns by themselves."""
    counted = words().negators | words().lesser
    return {word.lemma for word in sentence.words if word.text.lower() not in counted}


def _prefixed(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if (long, short) in words().alike:
        return False
    return len(short) > 3 and any(long == prefix + short for prefix in PREFIXES)


def _turned_comparisons(before: Sentence, after: Sentence) -> Iterator[str]:
    first, second = (list(_compared(sentence.words)) for sentence in (before, after))
    for left, right in first:
        for other_left, other_right in second:
            if (left & other_right) - right and (right & other_left) - left:
                yield f"{'/'.join(sorted(left & other_right))} and {'/'.join(sorted(right & other_left))} change places"
                return


def _compared(sentence: Sequence[Word]) -> Iterator[tuple[set[str], set[str]]]:
    """Yield the nouns before and behind each word that compares."""
    for place, word in enumerate(sentence):
        if word.text.lower() in words().comparing:
            yield _nouns(sentence[:place]), _nouns(sentence[place + 1 :])


def _nouns(sentence: Sequence[Word]) -> set[str]:
    return {word.lemma for word in sentence if word.part == "noun"}
