"""Makes the training rows: option questions, answers in sentences, and replay. Knows nothing of tokens or torch."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from culturechat import prompting
from culturechat.conversation import Conversation
from culturechat.cultures import Culture
from culturechat.survey import Bank, Question
from training import prose, rows
from training.recipes import Data, Recipe
from training.rows import Reply, Row, Seed
from training.workspace import Workspace

Choice = TypeVar("Choice")


def run(workspace: Workspace, culture: Culture, recipe: Recipe, bank: Bank, seed: int) -> str:
    """Write the training rows; return how many questions became how many rows."""
    asked = rows.read(workspace.seeds, Seed)
    made = build(asked, rows.read(workspace.replies, Reply), culture, recipe.data, bank, seed)
    count = rows.write(workspace.dataset, made)
    kinds = {kind: sum(row.kind == kind for row in made) for kind in ("option", "prose", "replay")}
    return f"{len(asked)} questions in, {count} rows out ({', '.join(f'{n} {kind}' for kind, n in kinds.items())})"


def build(
    seeds: Iterable[Seed], replies: Iterable[Reply], culture: Culture, data: Data, bank: Bank, seed: int
) -> list[Row]:
    """Return the same rows for the same arguments.

    Each question draws from its own stream of chance, so that one more question changes none of the others' rows.
    """
    made: list[Row] = []
    for given in seeds:
        question = bank.questions[given.item]
        chance = random.Random(f"{seed}:{culture.id}:{given.item}")
        made.extend(option_rows(question, given, culture, data, chance))
        made.extend(prose_rows(question, given, culture, data, chance))
    made.extend(Row("replay", "", reply.messages, answer=reply.answer, ended=reply.ended) for reply in replies)
    return made


def wordings(question: Question, held_back: int) -> tuple[str, ...]:
    """Return the wordings that training may use: the question itself and its restatements but the last."""
    return (question.question, *_without_last(question.restatements, held_back))


def label_sets(question: Question, held_back: int) -> tuple[tuple[str, ...], ...]:
    """Return the label sets that training may use: the canonical one and the alternates but the last."""
    return (question.labels, *_without_last(question.scale.alternates, held_back))


def option_rows(question: Question, seed: Seed, culture: Culture, data: Data, chance: random.Random) -> Iterator[Row]:
    """Return the question with its options, rows that share a wording next to each other."""
    sets = _endless(label_sets(question, data.held_back_wordings), chance)
    texts = _endless(wordings(question, data.held_back_wordings), chance)
    backward = False
    for start in range(0, data.options_per_item, data.options_per_wording):
        canonical = chance.random() < data.canonical
        wording = question.question if canonical else next(texts)
        for _ in range(min(data.options_per_wording, data.options_per_item - start)):
            labels = question.labels if canonical else next(sets)
            yield option_row(question.item, seed, culture, wording, labels, _order(len(labels), backward, data, chance))
            backward = not backward


def option_row(
    item: str, seed: Seed, culture: Culture, wording: str, labels: Sequence[str], order: Sequence[int]
) -> Row:
    """Return one option question, its options and its target in this order."""
    shown = [labels[index] for index in order]
    messages = tuple(prompting.survey(culture, wording, shown))
    target = tuple(seed.shares[index] for index in order)
    return Row("option", item, messages, wording, prompting.marks(shown), target)


def prose_rows(question: Question, seed: Seed, culture: Culture, data: Data, chance: random.Random) -> Iterator[Row]:
    """Return the question asked freely, answered in sentences that follow the shares."""
    asked = _endless((question.open, *wordings(question, data.held_back_wordings)), chance)
    shares = dict(zip(seed.codes, seed.shares, strict=True))
    for _ in range(data.prose_per_item if question.open and question.scale.stances else 0):
        messages = tuple(prompting.chat(culture, Conversation().with_user(next(asked))))
        yield Row("prose", question.item, messages, answer=prose.answer(question, shares, chance))


def _order(count: int, backward: bool, data: Data, chance: random.Random) -> list[int]:
    order = list(range(count))[:: -1 if backward else 1]
    if count > 2 and chance.random() < data.rotated:
        start = chance.randrange(1, count)
        order = order[start:] + order[:start]
    return order


def _without_last(values: Sequence[Choice], count: int) -> tuple[Choice, ...]:
    return tuple(values[: max(0, len(values) - count)])


def _endless(values: Sequence[Choice], chance: random.Random) -> Iterator[Choice]:
    """Return the values over and over, each round in another order, so that all are used about equally often."""
    while True:
        yield from chance.sample(list(values), len(values))
