"""Scores an adapter against the human shares, beside its controls. Knows nothing of GGUF adapters.

Two wordings: `canonical`, which training has seen, and `held_back`, in which neither the question's wording nor its
labels were ever shown. Each option list is shown forward and backward and the two are averaged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import torch
from peft import PeftModel

from culturechat import cultures, prompting, records
from culturechat.cultures import Culture
from culturechat.errors import BadFile
from culturechat.probing import metrics
from culturechat.survey import Bank, Question
from training import rows
from training.bases import Base
from training.recipes import Recipe
from training.rows import Seed
from training.steps import weights
from training.steps.tree import TokenTree
from training.steps.weights import Tokens
from training.workspace import Workspace

Shares = Sequence[float]

QUESTIONS_AT_ONCE = 6


def run(workspace: Workspace, culture: Culture, base: Base, recipe: Recipe, bank: Bank) -> str:
    """Write the scores; return the adapter's distance in both wordings."""
    seeds = rows.read(workspace.seeds, Seed)
    if not workspace.lora_config.is_file():
        raise BadFile(workspace.lora, "holds no adapter. Run `python -m training finetune` first.")
    tokens = Tokens(base)
    model = PeftModel.from_pretrained(weights.load(base), str(workspace.lora)).eval()
    found = {}
    for wording in wordings(recipe):
        asked = [(seed, *wording_of(bank.questions[seed.item], wording)) for seed in seeds]
        shown = [(text, labels) for _, text, labels in asked]
        answers = ask(model, tokens, culture, shown)
        with model.disable_adapter():
            untrained = ask(model, tokens, culture, shown)
        found[wording] = scores(seeds, answers, untrained, culture, bank)
    with records.replacing(workspace.scores) as temporary:
        temporary.write_text(json.dumps(found, indent=1), "utf-8")
    return f"{len(seeds)} questions in, " + "; ".join(_line(name, values) for name, values in found.items())


def wordings(recipe: Recipe) -> tuple[str, ...]:
    """Return the wordings that are scored; without held-back wordings only the canonical one is."""
    return ("canonical", "held_back") if recipe.data.held_back_wordings else ("canonical",)


def wording_of(question: Question, wording: str) -> tuple[str, tuple[str, ...]]:
    """Return the question and its labels in the canonical wording, or in the last one, which training holds back."""
    if wording == "canonical":
        return question.question, question.labels
    return (question.restatements or (question.question,))[-1], (question.scale.alternates or (question.labels,))[-1]


@torch.no_grad()
def ask(
    model: Any, tokens: Tokens, culture: Culture, questions: Sequence[tuple[str, Sequence[str]]]
) -> list[tuple[list[float], float]]:
    """Return each question's option shares, forward and backward averaged, and the options' total mass."""
    found = []
    for start in range(0, len(questions), QUESTIONS_AT_ONCE):
        found += _ask_some(model, tokens, culture, questions[start : start + QUESTIONS_AT_ONCE])
    return found


def _ask_some(
    model: Any, tokens: Tokens, culture: Culture, questions: Sequence[tuple[str, Sequence[str]]]
) -> list[tuple[list[float], float]]:
    tree = TokenTree()
    wanted = []
    for text, labels in questions:
        for order in (1, -1):
            wanted.append(tree.add(tokens.prompt(prompting.survey(culture, text, labels[::order])))[-1])
    predicted = weights.log_probabilities(model, weights.as_tensors(tree, wanted)).exp()
    found = []
    for index, (_, labels) in enumerate(questions):
        marks = [tokens.mark(mark) for mark in prompting.marks(labels)]
        forward, backward = predicted[2 * index, marks], predicted[2 * index + 1, marks].flip(0)
        shares = (forward / forward.sum() + backward / backward.sum()) / 2
        found.append((shares.tolist(), float((forward.sum() + backward.sum()) / 2)))
    return found


def scores(
    seeds: Sequence[Seed],
    answers: Sequence[tuple[list[float], float]],
    untrained: Sequence[tuple[list[float], float]],
    culture: Culture,
    bank: Bank,
) -> dict[str, Any]:
    """Return mean distances of the adapter and its controls to the human shares, on all questions and on the seeds."""
    predictions: dict[str, list[Shares]] = {
        "adapter": [shares for shares, _ in answers],
        "untrained": [shares for shares, _ in untrained],
        "others_pooled": [others_pooled(seed.item, culture, bank) for seed in seeds],
        "uniform": [[1 / len(seed.shares)] * len(seed.shares) for seed in seeds],
    }
    groups = {"all": [True] * len(seeds), "seeds": [bank.questions[seed.item].seed for seed in seeds]}
    found: dict[str, Any] = {"option_mass": round(fmean(mass for _, mass in answers), 4)}
    for group, chosen in groups.items():
        found[group] = {
            name: _distances([(s, p) for s, p, c in zip(seeds, given, chosen, strict=True) if c], bank)
            for name, given in predictions.items()
            if any(chosen)
        }
    return found


def others_pooled(item: str, culture: Culture, bank: Bank) -> Shares:
    """Return the mean shares of the other cultures: what one would say who knows people, but not these."""
    known = [
        people.shares
        for people in (bank.people(item, cultures.load(name).countries) for name in _others(culture))
        if people is not None
    ]
    return [fmean(column) for column in zip(*known, strict=True)]


def _others(culture: Culture) -> Iterable[str]:
    return (name for name in cultures.names() if name != culture.id)


def _distances(pairs: Sequence[tuple[Seed, Shares]], bank: Bank) -> dict[str, float]:
    ordered = [(seed, shares) for seed, shares in pairs if bank.questions[seed.item].ordered]
    return {
        "items": len(pairs),
        "wd": round(fmean(metrics.wasserstein(seed.shares, shares) for seed, shares in ordered), 4),
        "jsd_bits": round(fmean(metrics.jensen_shannon_bits(seed.shares, shares) for seed, shares in pairs), 4),
    }


def _line(name: str, values: dict[str, Any]) -> str:
    return f"{name} " + ", ".join(f"{who} {distance['wd']:.3f}" for who, distance in values["all"].items())
