"""Puts synonyms into sentences by the span of whole words, with the shape, capital and article that belong there.

What carries the question's meaning is left alone: option labels, negations and names. Knows nothing of where synonyms
come from.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from training.steps import polarity
from training.steps.synonyms import Place
from training.steps.tagged import Sentence, Word, article, inflected

REACH = 3
"""How far behind a negator the word that it denies is looked for."""


@dataclass(frozen=True)
class Slot:
    """A span of a text and what can be written there."""

    start: int
    end: int
    forms: tuple[str, ...]
    """In the shape that the sentence needs."""


@dataclass(frozen=True)
class Draft:
    """A sentence with words replaced."""

    text: str
    changes: tuple[tuple[str, str], ...]
    """What stood there and what stands there now, from left to right."""


def slots(sentence: Sentence, places: Iterable[Place], labels: Iterable[str] = ()) -> list[Slot]:
    """Return what can be replaced in a sentence, from left to right.

    Args:
        sentence: The words as they are.
        places: Where a source has synonyms.
        labels: Option labels; nothing is replaced inside one.
    """
    kept = protected(sentence, labels)
    found = (_slot(sentence, place) for place in places if kept.isdisjoint(range(place.first, place.last + 1)))
    return [slot for slot in found if slot.forms]


def drafts(sentence: Sentence, slots: Sequence[Slot], rate: float, chance: random.Random) -> Iterator[Draft]:
    """Yield sentences, endlessly, with each slot filled anew with probability `rate`, and at least one of them."""
    while slots:
        chosen = [slot for slot in slots if chance.random() < rate] or [chance.choice(list(slots))]
        yield _filled(sentence, [(slot, chance.choice(slot.forms)) for slot in chosen])


def protected(sentence: Sentence, labels: Iterable[str] = ()) -> frozenset[int]:
    """Return the places of words that must stay as they are: option labels, negations and names."""
    return frozenset([*_labels(sentence, labels), *_negations(sentence.words), *_names(sentence.words)])


def _labels(sentence: Sentence, labels: Iterable[str]) -> Iterator[int]:
    for label in filter(None, labels):
        for found in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", sentence.text, re.IGNORECASE):
            for index, word in enumerate(sentence.words):
                if word.start < found.end() and word.end > found.start():
                    yield index


def _negations(words: Sequence[Word]) -> Iterator[int]:
    """Yield each negator with what it hangs on, and the word that it denies with all between."""
    for index, word in enumerate(words):
        if polarity.negator(word):
            yield index
            if word.text.lower().startswith("n") and word.text[1:2] in "'’" and index:
                yield index - 1
            yield from range(index + 1, _denied(words, index) + 1)


def _denied(words: Sequence[Word], negator: int) -> int:
    """Return the place of the last word that a negator denies, its own where there is none near.

    In "not very common" that is the adjective, in "not often" the adverb.
    """
    found = negator
    for place in range(negator + 1, min(negator + 1 + REACH, len(words))):
        word = words[place]
        if not word.text[0].isalnum():
            break
        if word.part:
            found = place
        if word.part and word.part != "adverb":
            break
    return found


def _names(words: Sequence[Word]) -> Iterator[int]:
    """Yield words tagged as names, capitals where no sentence begins, and a capital first word before one of these."""
    for index, word in enumerate(words):
        name_follows = index + 1 < len(words) and _capital(words[index + 1]) and not words[index + 1].opens
        if word.tag == "NNP" or (_capital(word) and (name_follows if word.opens else word.text != "I")):
            yield index


def _capital(word: Word) -> bool:
    return word.text[:1].isupper()


def _slot(sentence: Sentence, place: Place) -> Slot:
    start, end = sentence.words[place.first].start, sentence.words[place.last].end
    written = sentence.text[start:end].lower()
    part = place.part
    forms = place.synonyms if part is None else tuple(inflected(name, part, place.tag) for name in place.synonyms)
    return Slot(start, end, tuple(dict.fromkeys(form for form in forms if form and form.lower() != written)))


def _filled(sentence: Sentence, chosen: Sequence[tuple[Slot, str]]) -> Draft:
    text, changes = sentence.text, []
    for slot, form in reversed(chosen):
        before = text[slot.start : slot.end]
        new = form[:1].upper() + form[1:] if before[:1].isupper() else form
        head = _with_article(text[: slot.start], new)
        text = head + new + text[slot.end :]
        changes.append((before, new))
    return Draft(text, tuple(reversed(changes)))


def _with_article(head: str, word: str) -> str:
    """Return what stands before a word, its "a" or "an" made to fit."""
    found = re.search(r"(?<![\w'’-])(an?)(\s+)$", head, re.IGNORECASE)
    if not found:
        return head
    fitting = article(word.split()[0])
    if found.group(1)[0].isupper():
        fitting = fitting.capitalize()
    return head[: found.start()] + fitting + found.group(2)
