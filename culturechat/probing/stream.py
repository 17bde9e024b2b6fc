"""Puts every question to every column and yields the results as they come. Knows nothing of screens or statistics.

Prompts go to the engine in fixed blocks of whole questions. What stands beside a prompt in a batch changes the last
digits of its probabilities, so a resumed run repeats a block that was cut and gets the very same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from culturechat.catalogue import Column
from culturechat.engines import Engine
from culturechat.probing.plan import Plan, check_labels
from culturechat.probing.results import ItemResult, item_result
from culturechat.probing.runfile import Logprobs, RunFile
from culturechat.survey import Bank, Question

BLOCK_CHOICES = 64
"""A block ends with the question that fills it so far: enough to share the beginning, seconds of work to lose."""


def stream(
    engine: Engine,
    columns: Sequence[Column],
    bank: Bank,
    items: Sequence[str] | None = None,
    plan: Plan | None = None,
    file: RunFile | None = None,
) -> Iterator[ItemResult]:
    """Yield each column's result for each question, columns one after the other, as they become known.

    Args:
        engine: With the columns open.
        columns: What answers.
        bank: The questions and people's answers.
        items: Codes of the questions to ask; all by default.
        plan: How they are put.
        file: Where scores are kept and taken from.

    Raises:
        UsageError: a question is not in the bank, or two of its labels look the same.
        EngineError: the engine failed.
    """
    plan = plan or Plan()
    questions = checked(bank, items)
    for column in columns:
        for block in blocks([plan.asked(column, question) for question in questions], plan):
            for question, logprobs in _block(engine, column, block, plan, file):
                yield result(column, question, bank, plan, logprobs)


def result(column: Column, question: Question, bank: Bank, plan: Plan, logprobs: Logprobs) -> ItemResult:
    """Return a column's result for a question, given as the column was asked it."""
    people = bank.people(question.item, column.culture.countries if column.culture else ())
    return item_result(column.id, question, people, plan, logprobs)


def checked(bank: Bank, items: Sequence[str] | None) -> list[Question]:
    """Return the questions of these codes after a look at their labels."""
    questions = [bank.question(item) for item in items or bank.questions]
    for question in questions:
        check_labels(question)
    return questions


def blocks(questions: Sequence[Question], plan: Plan) -> Iterator[list[Question]]:
    """Cut the questions into blocks of at least `BLOCK_CHOICES` prompts, the last one excepted."""
    block: list[Question] = []
    size = 0
    for question in questions:
        block.append(question)
        size += len(plan.settings(question))
        if size >= BLOCK_CHOICES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _block(
    engine: Engine, column: Column, block: Sequence[Question], plan: Plan, file: RunFile | None
) -> Iterator[tuple[Question, Logprobs]]:
    known = [file.known(column.id, question.item) if file else None for question in block]
    if all(known):
        yield from ((question, logprobs) for question, logprobs in zip(block, known, strict=True) if logprobs)
        return
    scores = engine.score(column.id, list(chain.from_iterable(plan.choices(column, question) for question in block)))
    for question in block:
        logprobs = tuple(next(scores).logprobs for _ in plan.settings(question))
        if file is not None:
            file.add(column.id, question.item, logprobs)
        yield question, logprobs
