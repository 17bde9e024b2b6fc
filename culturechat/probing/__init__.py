"""What a model would answer to survey questions, read from its option probabilities, next to what people answered.

Nothing is sampled and no text is parsed: the model's probabilities of the option marks are read at the place where its
answer would begin, and averaged over the orders in which the options can stand. Knows nothing of screens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from culturechat import prompting
from culturechat.catalogue import Column
from culturechat.engines import Choice, Engine, Scores
from culturechat.probing.metrics import jensen_shannon_bits, wasserstein
from culturechat.survey import Bank, People, Question

MOST_OPTIONS_PERMUTED = 5
DEFAULT_ORDERS = 2

Order = tuple[int, ...]
"""Which option stands at each place."""


@dataclass(frozen=True)
class ItemResult:
    """How one column's model would answer one question."""

    item: str
    culture: str
    """The column: a culture's id, or `base`."""
    codes: tuple[str, ...]
    """Option codes in scale order."""
    p: tuple[float, ...]
    """The model's probabilities of the options among themselves, mean of the orders."""
    option_mass: float
    """Probability that the model answers with any option mark at all, mean of the orders."""
    people: People | None
    """How people of the culture's countries answered; None where they were not asked."""
    jsd_bits: float | None
    """Jensen-Shannon divergence from the people, in bits."""
    wd: float | None
    """Normalised Wasserstein distance from the people; None also for options without an order."""


def orders(options: int, count: int | Literal["all"] = DEFAULT_ORDERS) -> list[Order]:
    """Return different orders of so many options: forward, reverse, then rotations of both.

    Over all rotations every option stands in every place equally often. `all` gives every permutation of up to
    `MOST_OPTIONS_PERMUTED` options, and every rotation of both directions for more.
    """
    forward = tuple(range(options))
    if count == "all" and options <= MOST_OPTIONS_PERMUTED:
        return list(permutations(forward))
    reverse = forward[::-1]
    turned = [base[shift:] + base[:shift] for shift in range(options) for base in (forward, reverse)]
    different = list(dict.fromkeys(turned))
    return different if count == "all" else different[:count]


def probe(
    engine: Engine,
    columns: Sequence[Column],
    bank: Bank,
    items: Sequence[str] | None = None,
    count: int | Literal["all"] = DEFAULT_ORDERS,
) -> Iterator[ItemResult]:
    """Yield each column's result for each question, columns one after the other, as they become known.

    Args:
        engine: With the columns open.
        columns: What answers.
        bank: The questions and people's answers.
        items: Codes of the questions to ask; all by default.
        count: How many orders of the options are averaged.

    Raises:
        UsageError: a question is not in the bank.
        EngineError: the engine failed.
    """
    questions = [bank.question(item) for item in items or bank.questions]
    for column in columns:
        choices = [choice for question in questions for choice in _choices(column, question, count)]
        scores = engine.score(column.id, choices)
        for question in questions:
            arranged = orders(len(question.codes), count)
            yield _result(column, question, bank, arranged, [next(scores) for _ in arranged])


def _choices(column: Column, question: Question, count: int | Literal["all"]) -> Iterator[Choice]:
    for order in orders(len(question.codes), count):
        labels = [question.labels[option] for option in order]
        messages = prompting.survey(column.culture, question.question, labels)
        yield Choice(tuple(messages), prompting.marks(labels))


def _result(
    column: Column, question: Question, bank: Bank, arranged: Sequence[Order], scores: Sequence[Scores]
) -> ItemResult:
    p = [0.0] * len(question.codes)
    for order, score in zip(arranged, scores, strict=True):
        for place, option in enumerate(order):
            p[option] += score.probabilities[place] / len(arranged)
    people = bank.people(question.item, column.culture.countries if column.culture else ())
    return ItemResult(
        item=question.item,
        culture=column.id,
        codes=question.codes,
        p=tuple(p),
        option_mass=sum(score.mass for score in scores) / len(scores),
        people=people,
        jsd_bits=jensen_shannon_bits(p, people.shares) if people else None,
        wd=wasserstein(p, people.shares) if people and question.ordered else None,
    )
