"""Says in Markdown how good the other wordings are: acceptance, diversity, perplexity, flips and samples to read."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from culturechat.survey import Question
from training.bases import Base
from training.recipes import Augment
from training.rows import Wording
from training.steps.similarity import Similarity
from training.steps.tagged import split

if TYPE_CHECKING:
    from training.steps.augment import Outcome

MOST_READ = 30
"""Questions of which the perplexity is taken, in one wording of each kind."""

TEXTS_AT_ONCE = 12

Groups = Mapping[str, Mapping[str, Sequence[str]]]
"""Texts by what they are and by the question that they ask."""

SAMPLES = 10
"""Questions whose wordings stand at the end, to be read."""

QUESTIONS = "questions"
STAGES = {"restated": "a: restated", "replaced": "b: words replaced"}
ABOUT = """\
Acceptance is the share of the proposed wordings that was kept; wordings beyond the number wanted are never proposed.
Each is first tried for a flip of its meaning, then for being there already, then for its cosine.
Distinct-n is the share of different runs of n words among all such runs; it falls with the number of texts. Diversity
gain is the mean distance (Euclidean, unit vectors of the encoder) of a wording to the nearest question of the bank that
was put into other words. Perplexity is the base model's, over all tokens but the first, of one wording of each kind of
up to {most} questions.
"""


def text(asked: Sequence[Question], outcomes: Sequence[Outcome], settings: Augment, base: Base) -> str:
    """Return the report."""
    kept = [wording for outcome in outcomes for wording in outcome.kept]
    groups = {QUESTIONS: {question.item: [question.question] for question in asked}}
    groups |= {name: _by_item(kept, stage) for stage, name in STAGES.items()}
    parts = (
        _head(asked, settings),
        _acceptance(outcomes),
        _quality({name: group for name, group in groups.items() if group}, kept, settings, base),
        _flips(outcomes),
        _samples(asked, kept),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def distinct(texts: Sequence[str], length: int) -> float:
    """Return the share of different runs of `length` words among all runs of that length in the texts."""
    runs = [
        tuple(words[start : start + length])
        for words in ([word for word in split(text.lower()) if word[0].isalnum()] for text in texts)
        for start in range(len(words) - length + 1)
    ]
    return len(set(runs)) / len(runs) if runs else 0.0


def diversity_gain(similarity: Similarity, seeds: Sequence[str], texts: Sequence[str]) -> float:
    """Return the mean Euclidean distance, from 0 to 2, of each text to the nearest seed."""
    nearest = (similarity.vectors(texts) @ similarity.vectors(seeds).T).max(axis=1)
    return float(fmean(math.sqrt(max(0.0, 2 - 2 * float(cosine))) for cosine in nearest))


def perplexities(base: Base, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return what the untrained base makes of each group of texts: e to the mean surprise of a token."""
    import torch

    from training.steps import weights
    from training.steps.tree import forest

    tokens, model = weights.Tokens(base), weights.load(base).eval()
    found = {}
    for name, texts in groups.items():
        surprise, count = 0.0, 0
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            ids = [tokens.answer(one, ended=False) for one in texts[start : start + TEXTS_AT_ONCE]]
            trees, places = forest([[one[:-1]] for one in ids])
            wanted = [(row, node) for ((row, path),) in places for node in path]
            next_tokens = [token for one in ids for token in one[1:]]
            with torch.inference_mode():
                predicted = weights.log_probabilities(model, weights.as_tensors(trees, wanted))
            surprise -= float(predicted[torch.arange(len(wanted)), torch.tensor(next_tokens)].sum())
            count += len(wanted)
        found[name] = math.exp(surprise / max(count, 1))
    return found


def _head(asked: Sequence[Question], settings: Augment) -> Iterator[str]:
    yield "# Augmentation"
    yield ""
    yield (
        f"{len(asked)} questions; restated with {settings.restate_with}, words replaced with {settings.replace_with}; "
        f"cosine > {settings.similarity:g} by {settings.encoder}; wordings differ in at least "
        f"{100 * settings.least_change:g} % of their words."
    )


def _acceptance(outcomes: Sequence[Outcome]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.counts)
    yield from ("", "## Acceptance", "")
    yield "| stage | proposed | flipped | near-duplicates | too far in meaning | kept | acceptance |"
    yield "|---|---|---|---|---|---|---|"
    for stage, name in STAGES.items():
        proposed, *others = (counts[f"{stage}.{what}"] for what in ("proposed", "flipped", "duplicate", "far", "kept"))
        share = f"{100 * others[-1] / proposed:.0f} %" if proposed else "-"
        yield f"| {name} | {proposed} | {' | '.join(map(str, others))} | {share} |"


def _quality(groups: Groups, kept: Sequence[Wording], settings: Augment, base: Base) -> Iterator[str]:
    similarity = Similarity(settings.encoder)
    read = perplexities(base, _some(groups))
    cosines = {name: [one.cosine for one in kept if one.stage == stage] for stage, name in STAGES.items()}
    seeds = _texts(groups[QUESTIONS])
    yield from ("", "## Diversity and fluency", "")
    yield "| texts | number | distinct-1 | distinct-2 | distinct-3 | cosine to question | diversity gain | perplexity |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, group in groups.items():
        texts = _texts(group)
        cells = [name, str(len(texts)), *(f"{distinct(texts, length):.3f}" for length in (1, 2, 3))]
        if name in cosines:
            cells += [f"{fmean(cosines[name]):.3f}", f"{diversity_gain(similarity, seeds, texts):.3f}"]
        else:
            cells += ["-", "-"]
        yield f"| {' | '.join(cells)} | {read[name]:.1f} |"
    yield from ("", *ABOUT.format(most=MOST_READ).splitlines())


def _by_item(kept: Sequence[Wording], stage: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for wording in kept:
        if wording.stage == stage:
            found.setdefault(wording.item, []).append(wording.text)
    return found


def _texts(group: Mapping[str, Sequence[str]]) -> list[str]:
    return [text for texts in group.values() for text in texts]


def _some(groups: Groups) -> dict[str, list[str]]:
    """Return one wording of each kind of some questions, the same questions for every kind."""
    chance = random.Random(0)
    items = [item for item in groups[QUESTIONS] if all(item in group for group in groups.values())]
    chosen = items if len(items) <= MOST_READ else sorted(chance.sample(items, MOST_READ))
    return {name: [chance.choice(group[item]) for item in chosen] for name, group in groups.items()}


def _flips(outcomes: Sequence[Outcome]) -> Iterator[str]:
    flips = [flip for outcome in outcomes for flip in outcome.flips]
    yield from ("", "## Refused as flips", "")
    if not flips:
        yield "None was found."
    for flip in flips:
        yield f"- {flip.item}, {flip.why}: “{_safe(flip.text)}” from “{_safe(flip.source)}”"


def _samples(asked: Sequence[Question], kept: Sequence[Wording]) -> Iterator[str]:
    yield from ("", "## Samples", "")
    step = max(1, len(asked) // SAMPLES)
    for question in asked[::step][:SAMPLES]:
        yield f"**{question.item}** {question.question}"
        yield ""
        for wording in kept:
            if wording.item == question.item:
                yield f"- {STAGES[wording.stage][0]} {wording.cosine:.2f} {_marked(wording)}"
        yield ""


def _marked(wording: Wording) -> str:
    """Return the text with the new words in italics."""
    marked, start = "", 0
    for _, new in wording.changes:
        place = wording.text.find(new, start)
        if place >= 0:
            marked += _safe(wording.text[start:place]) + f"*{_safe(new)}*"
            start = place + len(new)
    return marked + _safe(wording.text[start:])


def _safe(text: str) -> str:
    """Return text that a model may have written so that Markdown shows it as it is."""
    return text.translate({ord(mark): f"\\{mark}" for mark in "\\`*_<>[]|"})
