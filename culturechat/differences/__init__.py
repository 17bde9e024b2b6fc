"""What sets answers to the same question apart: how far pairs agree, words only one has, and the side each takes.

`agreement` says how meaning is measured, `words` what counts as a word, `stances` when a side is clear, `summary` puts
it all in a line. Everything is computed here, offline; knows nothing of models, sessions or screens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from culturechat.differences import stances, words
from culturechat.differences.stances import Side, Stance

__all__ = ["Differences", "Only", "Side", "Stance", "between", "places"]


@dataclass(frozen=True)
class Only:
    """A word that one answer has, in some form, and the others and the question have not."""

    text: str
    """As it stands there first."""
    key: str
    """What its forms have in common."""
    times: int


@dataclass(frozen=True)
class Differences:
    """How the answers of some columns to the same question differ."""

    agreement: Mapping[tuple[str, str], float | None]
    """For each pair, in the order of the columns: 0 to 1, or None where not both answers are in English."""
    only: Mapping[str, tuple[Only, ...]]
    """For each column, what it alone says: the most frequent first, then in the order of the answer."""
    stances: Mapping[str, Stance]

    @property
    def columns(self) -> tuple[str, ...]:
        """Whose answers were compared."""
        return tuple(self.only)

    def between(self, one: str, other: str) -> float | None:
        """Return how far two columns agree, in whichever order they are named."""
        pair = (one, other)
        return self.agreement[pair] if pair in self.agreement else self.agreement[(other, one)]

    def opposed(self, one: str, other: str) -> bool:
        """Return whether one clearly agrees and the other clearly disagrees."""
        return {self.stances[one].side, self.stances[other].side} == {"agree", "disagree"}


def between(answers: Mapping[str, str], question: str) -> Differences:
    """Compare answers to a question, by column."""
    from culturechat.differences.agreement import agreement, spoken

    meant = {column: spoken(text) for column, text in answers.items()}
    measured: dict[tuple[str, str], float | None] = {}
    for (column, one), (neighbour, other) in combinations(meant.items(), 2):
        measured[column, neighbour] = agreement(one, other) if one and other else None
    return Differences(
        measured,
        _only(answers, question),
        {column: stances.of(text, question) for column, text in answers.items()},
    )


def places(text: str, only: Sequence[Only], whole: str) -> list[tuple[int, int]]:
    """Return where words that only one answer has stand in a part of it, as start and end.

    Args:
        text: The part, as it is shown.
        only: The words.
        whole: The answer, which tells in what language the part is.
    """
    keys = {word.key for word in only}
    return [(word.start, word.end) for word in words.of(text, words.latin_language(whole)) if word.key in keys]


def _only(answers: Mapping[str, str], question: str) -> dict[str, tuple[Only, ...]]:
    found = {column: [word for word in words.of(text) if word.key] for column, text in answers.items()}
    asked = {word.key for word in words.of(question)}
    holders = Counter(key for said in found.values() for key in {word.key for word in said})
    return {
        column: _ranked([word for word in said if holders[word.key] == 1 and word.key not in asked])
        for column, said in found.items()
    }


def _ranked(said: list[words.Word]) -> tuple[Only, ...]:
    times = Counter(word.key for word in said)
    first = {word.key: word.text for word in reversed(said)}
    # sorted keeps the order of the answer among equals
    keys = sorted(dict.fromkeys(word.key for word in said), key=lambda key: -times[key])
    return tuple(Only(first[key], key, times[key]) for key in keys)
