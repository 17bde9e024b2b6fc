"""Which side an answer takes, where its own words say so: rules over phrases, and no guess where they are not clear.

Phrases (`languages/*.toml`) speak for agreeing, disagreeing or being divided; in the opening sentence they count twice.
What agrees or disagrees "that …" counts only if that claim is the question's: most of its content words occur in the
question, and both are negated, or speak of "some", or of "more", or neither does. What a few or others hold does not
count, nor does which of its sides a divided sentence calls larger. Agreeing and disagreeing in one answer are, pair by
pair, signs of being divided. The confidence is how far the strongest side is ahead of the second, as a part of all
signs; below `LEAST`, or with fewer than `FEWEST` signs, the answer has no clear stance. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from culturechat.differences import words
from culturechat.differences.languages import Language, fold

Side = Literal["agree", "disagree", "divided"]

LEAST = 0.5
FEWEST = 2.0
IN_OPENING = 2.0
DIVIDED_IN_OPENING = 3.0
"""Who opens with more than one side and then dwells on the larger one is still divided."""
CLAIM_SHARE = 0.6
"""Part of a claim's content words that has to be the question's."""
_STOP = r"(?=\s*(?:[,.!;:،؛。！，；：।—–]|$))"
_CLAUSE_END = r"[,;:،؛，；：—–]"


@dataclass(frozen=True)
class Stance:
    """The side of an answer."""

    side: Side | None
    """None: no clear stance."""
    confidence: float
    """How far this side is ahead, 0 to 1; 0 where there is none."""


NONE = Stance(None, 0.0)


def of(answer: str, question: str) -> Stance:
    """Return the side that an answer takes towards what a question asks."""
    language = words.language(answer)
    sums: dict[Side, float] = {"agree": 0.0, "disagree": 0.0, "divided": 0.0}
    for place, sentence in enumerate(words.sentences(answer)):
        for side in _signs(_folded(sentence), question, language, opening=place == 0):
            opening = DIVIDED_IN_OPENING if side == "divided" else IN_OPENING
            sums[side] += opening if place == 0 else 1.0
    both = min(sums["agree"], sums["disagree"])
    sums = {
        "agree": sums["agree"] - both,
        "disagree": sums["disagree"] - both,
        "divided": sums["divided"] + 2 * both,
    }
    first, second, _ = sorted(sums, key=lambda side: -sums[side])
    total = sum(sums.values())
    confidence = (sums[first] - sums[second]) / total if total else 0.0
    if total < FEWEST or confidence < LEAST:
        return NONE
    return Stance(first, confidence)


def _signs(sentence: str, question: str, language: Language, opening: bool) -> Iterator[Side]:
    cues = language.stances
    rest = sentence
    if opening:
        openings: tuple[tuple[Side, tuple[str, ...]], ...] = (("disagree", cues.no), ("agree", cues.yes))
        for side, phrases in openings:
            if begun := re.match(f"(?:{_any(phrases)}){_STOP}", sentence):
                yield side
                rest = sentence[begun.end() :]
                break
    pattern, sides = _phrases(language)
    clause = 0
    if any(sides[phrase] == "divided" for phrase in pattern.findall(rest)):
        yield "divided"
        return
    for found in pattern.finditer(rest):
        before = re.split(_CLAUSE_END, rest[clause : found.start()])[-1]
        side = sides[found.group()]
        if not re.search(cues.weakening, before) and _is_of_question(rest[found.end() :], question, language):
            yield side
        clause = found.end()


def _is_of_question(rest: str, question: str, language: Language) -> bool:
    """Return whether what is agreed with is what was asked."""
    claim = re.split(_CLAUSE_END, rest)[0]
    keys = {word.key for word in words.of(claim, language) if word.key}
    if not keys:
        return True
    cues = language.stances
    turned = (cues.negation, cues.weakening, cues.comparing)
    if any(bool(re.search(sign, claim)) != bool(re.search(sign, _folded(question))) for sign in turned):
        return False
    asked = {word.key for word in words.of(question) if word.key}
    return len(keys & asked) >= CLAIM_SHARE * len(keys)


@cache
def _phrases(language: Language) -> tuple[re.Pattern[str], dict[str, Side]]:
    """Return what finds a language's phrases, and whose side each is; a longer one is found before one inside it."""
    cues = language.stances
    by_side: dict[Side, tuple[str, ...]] = {"divided": cues.divided, "agree": cues.agree, "disagree": cues.disagree}
    sides = {_folded(phrase): side for side, phrases in by_side.items() for phrase in phrases}
    edges = (r"(?<!\w)", r"(?!\w)") if language.spaced else ("", "")
    return re.compile(f"{edges[0]}(?:{_any(tuple(sides))}){edges[1]}"), sides


def _any(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(_folded(phrase)) for phrase in sorted(phrases, key=len, reverse=True))


def _folded(text: str) -> str:
    return " ".join(fold(word) for word in text.split())
