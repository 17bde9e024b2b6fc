"""Puts shares into words: what most people hold, how many, and what the others hold. Knows nothing of models."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from culturechat import records
from culturechat.survey import Question, Stance

PHRASINGS = Path(__file__).parent / "data" / "phrasings.toml"


@dataclass(frozen=True)
class Rule:
    """How a stance of some size is worded."""

    least: float
    """Smallest share of the largest stance for which the rule holds."""
    first: tuple[str, ...]
    """Sentences that `{says}` completes."""
    second: tuple[str, ...]
    """Sentences on the rest; `{other}` is the second largest stance."""


@dataclass(frozen=True)
class Phrasings:
    """What the file of phrasings holds, the largest share first."""

    rules: tuple[Rule, ...]


def answer(question: Question, shares: Mapping[str, float], chance: random.Random) -> str:
    """Return two sentences on what people hold, worded by the size of the largest stance."""
    first, *others = ranked(question, shares)
    size = sum(shares[code] for code in first.codes)
    rule = next(rule for rule in _phrasings().rules if size >= rule.least)
    opening = chance.choice(rule.first).format(says=_says(first, question))
    rest = chance.choice(rule.second)
    return f"{opening} {rest.format(other=_says(others[0], question))}" if others else opening


def ranked(question: Question, shares: Mapping[str, float]) -> list[Stance]:
    """Return the stances of the question's scale, the one with most people first."""
    return sorted(question.scale.stances, key=lambda stance: -sum(shares[code] for code in stance.codes))


def _says(stance: Stance, question: Question) -> str:
    return stance.says.format(claim=question.claim)


@cache
def _phrasings() -> Phrasings:
    return records.read(PHRASINGS, Phrasings)
