"""Scores an adapter against the human shares, beside its controls. Knows nothing of GGUF adapters.

Three wordings: `canonical`, which training has seen; `restated`, a restatement that it has not, over the canonical
labels; and `held_back`, in which neither the question's wording nor its labels were ever shown. Each option list is
shown forward and backward and the two are averaged; the marks are those that training showed. An adapter of several
cultures is scored for each of them, and the means over them are given. What was forgotten shows in the perplexity of
the base's own answers to everyday prompts that training left out, under the adapter and under the base.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import torch
from peft import PeftModel

from culturechat import cultures, prompting, records
from culturechat.cultures import Culture
from culturechat.errors import BadFile
from culturechat.probing import metrics
from culturechat.probing.resample import bootstrap
from culturechat.prompting import Style
from culturechat.survey import Bank, Question
from training import rows
from training.bases import Base
from training.recipes import Data, Recipe
from training.rows import Answer, Reply, Seed
from training.steps import weights
from training.steps.tree import forest
from training.steps.weights import Tokens
from training.workspace import Workspace

Shares = Sequence[float]

WordingName = Literal["canonical", "restated", "held_back"]

QUESTIONS_AT_ONCE = 12


@dataclass(frozen=True)
class Asked:
    """One question in one wording, and whose people were asked it."""

    item: str
    text: str
    labels: tuple[str, ...]
    cultures: tuple[Culture, ...]
    style: Style = "letters"
    """What the options stand under."""


def run(workspace: Workspace, speakers: Sequence[Culture], base: Base, recipe: Recipe, bank: Bank) -> str:
    """Write answers and scores; return the adapter's distance in every wording, beside the controls'.

    Args:
        workspace: Where the adapter is.
        speakers: For whom it speaks.
        base: What it was trained on.
        recipe: How.
        bank: The questions and the answers of people.
    """
    seeds = rows.read(workspace.seeds, Seed)
    if not workspace.lora_config.is_file():
        raise BadFile(workspace.lora, "holds no adapter. Run `python -m training finetune` first.")
    tokens = Tokens(base)
    model = weights.keep_inputs(PeftModel.from_pretrained(weights.load(base), str(workspace.lora))).eval()
    given: list[Answer] = []
    found: dict[str, Any] = {}
    for wording in wordings(recipe):
        asked = list(asked_in(wording, seeds, speakers, bank, recipe.data))
        answers = ask(model, tokens, asked, wording)
        with model.disable_adapter():
            untrained = ask(model, tokens, asked, wording)
        given += answers
        found[wording] = scores(seeds, answers, untrained, bank)
    found["forgetting"] = forgetting(model, tokens, rows.read(workspace.replies, Reply))
    rows.write(workspace.answers, given)
    with records.replacing(workspace.scores) as temporary:
        temporary.write_text(json.dumps(found, indent=1), "utf-8")
    lines = [_line(name, found[name]) for name in wordings(recipe)]
    return f"{len({seed.item for seed in seeds})} questions in, {'; '.join(lines)}{_forgotten(found['forgetting'])}"


def wordings(recipe: Recipe) -> tuple[WordingName, ...]:
    """Return the wordings that are scored; without held-back wordings only the canonical one is."""
    return ("canonical", "restated", "held_back") if recipe.data.held_back_wordings else ("canonical",)


def wording_of(question: Question, wording: WordingName) -> tuple[str, tuple[str, ...]]:
    """Return the question and its labels; held back are the last restatement and the last label set."""
    if wording == "canonical":
        return question.question, question.labels
    text = (question.restatements or (question.question,))[-1]
    return text, question.labels if wording == "restated" else (question.scale.alternates or (question.labels,))[-1]


def asked_in(
    wording: WordingName, seeds: Sequence[Seed], speakers: Sequence[Culture], bank: Bank, data: Data
) -> Iterable[Asked]:
    """Return every question in this wording, for those whose people were asked it."""
    for item in dict.fromkeys(seed.item for seed in seeds):
        whose = {seed.culture for seed in seeds if seed.item == item}
        text, labels = wording_of(bank.questions[item], wording)
        style: Style = "digits" if data.digits == 1 and len(labels) <= prompting.MOST_DIGITS else "letters"
        yield Asked(item, text, labels, tuple(culture for culture in speakers if culture.id in whose), style)


@torch.no_grad()
def ask(model: Any, tokens: Tokens, asked: Sequence[Asked], wording: WordingName) -> list[Answer]:
    """Return each culture's answer to each question, the options forward and backward averaged."""
    found: list[Answer] = []
    for start in range(0, len(asked), QUESTIONS_AT_ONCE):
        found += _ask_some(model, tokens, asked[start : start + QUESTIONS_AT_ONCE], wording)
    return found


def _ask_some(model: Any, tokens: Tokens, asked: Sequence[Asked], wording: WordingName) -> list[Answer]:
    # what a culture is asked of one question begins alike up to its options, so both orders stay in one tree
    groups = [
        [tokens.prompt(prompting.survey(culture, one.text, one.labels[::order], style=one.style)) for order in (1, -1)]
        for one in asked
        for culture in one.cultures
    ]
    trees, places = forest(groups)
    wanted = [(row, path[-1]) for group in places for row, path in group]
    predicted = iter(weights.log_probabilities(model, weights.as_tensors(trees, wanted)).exp())
    found = []
    for one in asked:
        marks = [tokens.mark(mark) for mark in prompting.marks(one.labels, one.style)]
        for culture in one.cultures:
            first, second = next(predicted)[marks], next(predicted)[marks].flip(0)
            shares = (first / first.sum() + second / second.sum()) / 2
            mass = float((first.sum() + second.sum()) / 2)
            found.append(Answer(culture.id, one.item, wording, tuple(shares.tolist()), mass))
    return found


@torch.no_grad()
def forgetting(model: Any, tokens: Tokens, replies: Sequence[Reply]) -> dict[str, float]:
    """Return the perplexity of the base's own answers that training left out, under the base and the adapter."""
    kept = [reply for reply in replies if reply.held_out]
    if not kept:
        return {}
    with model.disable_adapter():
        before = _surprise(model, tokens, kept)
    after = _surprise(model, tokens, kept)
    return {
        "answers": len(kept),
        "base_perplexity": round(math.exp(before), 4),
        "adapter_perplexity": round(math.exp(after), 4),
        "ratio": round(math.exp(after - before), 4),
    }


def _surprise(model: Any, tokens: Tokens, replies: Sequence[Reply]) -> float:
    """Return the mean negative log-probability of the answers' tokens, in nats."""
    prompts = [tokens.prompt(reply.messages) for reply in replies]
    answers = [tokens.answer(reply.answer, reply.ended) for reply in replies]
    trees, places = forest([[[*p, *a[:-1]]] for p, a in zip(prompts, answers, strict=True)])
    wanted = [
        (row, node) for ((row, path),), prompt in zip(places, prompts, strict=True) for node in path[len(prompt) - 1 :]
    ]
    predicted = weights.log_probabilities(model, weights.as_tensors(trees, wanted))
    said = torch.tensor([token for answer in answers for token in answer])
    return float(-predicted.gather(1, said[:, None]).mean())


def scores(seeds: Sequence[Seed], answers: Sequence[Answer], untrained: Sequence[Answer], bank: Bank) -> dict[str, Any]:
    """Return mean distances of the adapter and its controls to the human shares, the mean over its cultures.

    `all` are the questions it was trained on, `seeds` the paper's among them, `held_out` those left out of training.
    """
    each = {
        culture: _scores([seed for seed in seeds if seed.culture == culture], answers, untrained, bank)
        for culture in dict.fromkeys(seed.culture for seed in seeds)
    }
    if len(each) == 1:
        return next(iter(each.values()))
    wd_of = {
        group: {culture: values[group]["adapter"]["wd"] for culture, values in each.items() if group in values}
        for group in ("all", "seeds", "held_out")
    }
    return {**_mean(list(each.values())), "wd_of": {group: values for group, values in wd_of.items() if values}}


def _scores(
    seeds: Sequence[Seed], answers: Sequence[Answer], untrained: Sequence[Answer], bank: Bank
) -> dict[str, Any]:
    culture = cultures.load(seeds[0].culture)
    said, before = (
        {answer.item: answer for answer in some if answer.culture == culture.id} for some in (answers, untrained)
    )
    predictions: dict[str, dict[str, Shares]] = {
        "adapter": {item: answer.shares for item, answer in said.items()},
        "untrained": {item: answer.shares for item, answer in before.items()},
        "others_pooled": {seed.item: others_pooled(seed.item, culture, bank) for seed in seeds},
        "uniform": {seed.item: [1 / len(seed.shares)] * len(seed.shares) for seed in seeds},
    }
    groups = {
        "all": [seed for seed in seeds if not seed.held_out],
        "seeds": [seed for seed in seeds if bank.questions[seed.item].seed and not seed.held_out],
        "held_out": [seed for seed in seeds if seed.held_out],
    }
    found: dict[str, Any] = {"option_mass": round(fmean(answer.mass for answer in said.values()), 4)}
    for group, chosen in groups.items():
        if chosen:
            found[group] = {name: _distances(chosen, given, bank) for name, given in predictions.items()}
    return found


def _mean(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means of numbers that lie alike in each; intervals are left out, for they are of single cultures."""
    keys = [key for key in values[0] if key not in ("low", "high")]
    return {
        key: _mean([value[key] for value in values if key in value])
        if isinstance(values[0][key], dict)
        else round(fmean(value[key] for value in values if key in value), 4)
        for key in keys
    }


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


def _distances(seeds: Sequence[Seed], given: Mapping[str, Shares], bank: Bank) -> dict[str, float]:
    ordered = [seed for seed in seeds if bank.questions[seed.item].ordered]
    distances = bootstrap([metrics.wasserstein(seed.shares, given[seed.item]) for seed in ordered])
    assert distances is not None
    return {
        "items": len(seeds),
        "wd": round(distances.mean, 4),
        "low": round(distances.low, 4),
        "high": round(distances.high, 4),
        "jsd_bits": round(fmean(metrics.jensen_shannon_bits(seed.shares, given[seed.item]) for seed in seeds), 4),
    }


def _line(name: str, values: dict[str, Any]) -> str:
    parts = [f"{who} {distance['wd']:.3f}" for who, distance in values["all"].items()]
    held_out = [f"{who} {distance['wd']:.3f}" for who, distance in values.get("held_out", {}).items()]
    return f"{name} " + ", ".join(parts) + (f" (left out: {', '.join(held_out)})" if held_out else "")


def _forgotten(found: Mapping[str, float]) -> str:
    return f"; perplexity of everyday answers {found['ratio']:.2f} × the base's" if found else ""
