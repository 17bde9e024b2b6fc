"""What people thought of answers without knowing whose they were, summed up by culture.

A copy of a chat counts once. Knows nothing of screens.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from culturechat.terminal import one_line

Z = 1.959964
"""Of the normal distribution for an interval of 95 %."""
_JUDGED = """
    SELECT DISTINCT judgement.at, answer.begun, voice.culture, judgement.columns, guess, best, (
        SELECT max(other.best) FROM judgement AS other JOIN answer AS beside ON beside.id = other.answer
        WHERE beside.turn = answer.turn AND other.at = judgement.at
    )
    FROM judgement
    JOIN answer ON answer.id = judgement.answer
    JOIN voice ON voice.id = answer.voice
    JOIN turn ON turn.id = answer.turn
    JOIN chat ON chat.id = turn.chat
    WHERE chat.trashed IS NULL
"""


@dataclass(frozen=True)
class Proportion:
    """A part of a count, with its Wilson score interval (Wilson, JASA 22, 1927) of 95 %."""

    count: int
    of: int
    chance: float
    """The part that choosing blindly would give; each round counts with its own number of columns."""

    @property
    def share(self) -> float:
        """The part, 0 to 1; 0 of nothing."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Its lower and upper bound; from 0 to 1 where nothing is known."""
        if not self.of:
            return 0.0, 1.0
        middle = self.share + Z**2 / (2 * self.of)
        half = Z * sqrt(self.share * (1 - self.share) / self.of + Z**2 / (4 * self.of**2))
        whole = 1 + Z**2 / self.of
        return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


@dataclass(frozen=True)
class Tally:
    """How a culture's answers fared."""

    culture: str
    rounds: int
    """Rounds in which it was shown without its name."""
    best: Proportion
    """How often it was voted best, of the rounds with a vote."""
    recognised: Proportion
    """How often it was taken for what it is, of the rounds in which it was guessed at."""


def tally(connection: sqlite3.Connection) -> list[Tally]:
    """Return every culture that was judged, by name; chats in the trash do not count."""
    judged = defaultdict(list)
    for _, _, culture, columns, guess, best, voted in connection.execute(_JUDGED):
        judged[one_line(culture)].append((1 / max(1, columns), guess == culture, bool(guess), bool(best), bool(voted)))
    return [_tally(culture, judged[culture]) for culture in sorted(judged)]


def _tally(culture: str, rows: Sequence[tuple[float, bool, bool, bool, bool]]) -> Tally:
    best = [(chance, best) for chance, _, _, best, voted in rows if voted]
    guessed = [(chance, right) for chance, right, guessed, _, _ in rows if guessed]
    return Tally(culture, len(rows), _proportion(best), _proportion(guessed))


def _proportion(rows: Sequence[tuple[float, bool]]) -> Proportion:
    chance = sum(chance for chance, _ in rows) / len(rows) if rows else 0.0
    return Proportion(sum(hit for _, hit in rows), len(rows), chance)
