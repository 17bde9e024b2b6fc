"""Makes the training rows: option questions, answers in sentences, and replay. Knows nothing of tokens or torch."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TypeVar

from culturechat import prompting
from culturechat.conversation import Conversation
from culturechat.prompting import Style
from culturechat.survey import Bank, Question
from training import prose, rows, speaker
from training.recipes import Data, Recipe, Target
from training.rows import Reply, Row, Seed, Wording
from training.workspace import Workspace

Choice = TypeVar("Choice")

Others = Mapping[str, Sequence[str]]
"""The wordings of each question, by item, that are shown beside its own."""


def run(workspace: Workspace, recipe: Recipe, bank: Bank, seed: int) -> str:
    """Write the training rows; return how many questions became how many rows."""
    asked = [given for given in rows.read(workspace.seeds, Seed) if not given.held_out]
    replies = [reply for reply in rows.read(workspace.replies, Reply) if not reply.held_out]
    made = build(asked, replies, recipe.data, bank, seed, augmented(workspace, recipe))
    count = rows.write(workspace.dataset, made)
    kinds = {kind: sum(row.kind == kind for row in made) for kind in ("option", "prose", "replay")}
    items = len({given.item for given in asked})
    return f"{items} questions in, {count} rows out ({', '.join(f'{n} {kind}' for kind, n in kinds.items())})"


def augmented(workspace: Workspace, recipe: Recipe) -> Others | None:
    """Return the wordings that `augment` made and the recipe trains on, or None where it asks for no augmentation."""
    if recipe.augment is None:
        return None
    found = defaultdict(list)
    for wording in rows.read(workspace.run.augmented, Wording):
        if wording.stage == "replaced" or recipe.augment.train_on_restatements:
            found[wording.item].append(wording.text)
    return found


def build(
    seeds: Iterable[Seed],
    replies: Iterable[Reply],
    data: Data,
    bank: Bank,
    seed: int,
    others: Others | None = None,
) -> list[Row]:
    """Return the same rows for the same arguments.

    Each question draws from its own stream of chance, so that one more question changes none of the others' rows, and
    all cultures are asked it in the same forms. Rows that share a wording follow each other and then comes another
    question, so that a step of training meets many questions.

    Args:
        seeds: What is to be learnt, of one culture or several.
        replies: What is to be kept.
        data: How much of what.
        bank: The questions.
        seed: Start of all chance.
        others: Wordings to use in place of the bank's restatements.
    """
    options: list[list[list[Row]]] = []
    freely: list[Row] = []
    for given in seeds:
        question = bank.questions[given.item]
        chance = random.Random(f"{seed}:{given.item}")
        texts = wordings(question, data.held_back_wordings, others)
        options.append(list(option_rows(question, given, data, chance, texts)))
        freely.extend(prose_rows(question, given, data, chance, texts))
    made = [row for turn in zip_longest(*options, fillvalue=()) for together in turn for row in together] + freely
    made.extend(Row("replay", "", reply.messages, answer=reply.answer, ended=reply.ended) for reply in replies)
    return made


def wordings(question: Question, held_back: int, others: Others | None = None) -> tuple[str, ...]:
    """Return what training may show: the question, and its restatements but the last or the others in their place."""
    if others is not None:
        return (question.question, *others.get(question.item, ()))
    return (question.question, *_without_last(question.restatements, held_back))


def label_sets(question: Question, data: Data) -> tuple[tuple[str, ...], ...]:
    """Return the label sets that training may use: the canonical one, and the alternates but the last."""
    others = () if data.canonical_labels else _without_last(question.scale.alternates, data.held_back_wordings)
    return (question.labels, *others)


def option_rows(
    question: Question, given: Seed, data: Data, chance: random.Random, wordings: Sequence[str]
) -> Iterator[list[Row]]:
    """Return the question with its options, in lists that share a wording."""
    sets = _endless(label_sets(question, data), chance)
    texts = _endless(wordings, chance)
    backward = False
    for start in range(0, data.options_per_item, data.options_per_wording):
        canonical = chance.random() < data.canonical
        wording = question.question if canonical else next(texts)
        together = []
        for _ in range(min(data.options_per_wording, data.options_per_item - start)):
            labels = question.labels if canonical else next(sets)
            order = _order(len(labels), backward and not data.forward_only, data, chance)
            style = _style(len(labels), data, chance)
            together.append(option_row(question, given, wording, labels, order, style, data.target))
            backward = not backward
        yield together


def option_row(
    question: Question,
    seed: Seed,
    wording: str,
    labels: Sequence[str],
    order: Sequence[int],
    style: Style = "letters",
    target: Target = "shares",
) -> Row:
    """Return one option question, its options and its target in this order, as this culture's people answer."""
    shown = [labels[index] for index in order]
    messages = tuple(prompting.survey(speaker.culture(seed.culture), wording, shown, style=style))
    shares = seed.shares if target == "shares" else rounded_mean(seed.shares, question.ordered)
    marks = prompting.marks(shown, style)
    return Row("option", question.item, messages, seed.culture, wording, marks, tuple(shares[index] for index in order))


def rounded_mean(shares: Sequence[float], ordered: bool) -> tuple[float, ...]:
    """Return all weight on the option nearest to the mean answer, as CultureLLM labels; without an order on the mode.

    The mean is of valid answers and rounded, not cut off: of the paper's recipe, not of its reference code.
    """
    mean = sum(place * share for place, share in enumerate(shares))
    best = round(mean) if ordered else max(range(len(shares)), key=lambda place: shares[place])
    return tuple(float(place == best) for place in range(len(shares)))


def prose_rows(
    question: Question, given: Seed, data: Data, chance: random.Random, wordings: Sequence[str]
) -> Iterator[Row]:
    """Return the question asked freely, answered in sentences that follow the shares."""
    asked = _endless((question.open, *wordings), chance)
    shares = dict(zip(given.codes, given.shares, strict=True))
    for _ in range(data.prose_per_item if question.open and question.scale.stances else 0):
        messages = tuple(prompting.chat(speaker.culture(given.culture), Conversation().with_user(next(asked))))
        answer = prose.answer(question, shares, chance)
        yield Row("prose", question.item, messages, given.culture, answer=answer)


def _style(options: int, data: Data, chance: random.Random) -> Style:
    return "digits" if options <= prompting.MOST_DIGITS and chance.random() < data.digits else "letters"


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
