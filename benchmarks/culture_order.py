"""Do two cultures' adapters differ where their survey shares differ?

Takes the seed questions whose human shares lie at least WD 0.25 apart between the two cultures, asks both adapters
through our engine, options forward and backward averaged, and counts how often the order of the models' means is the
order of the humans'. Run: `python -m benchmarks.culture_order`. Exit code 0 where at least 80 % agree.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import fmean

from culturechat import catalogue, cultures, engines, prompting, survey
from culturechat.catalogue import Column
from culturechat.engines import Choice, Engine
from culturechat.errors import CulturechatError, UsageError
from culturechat.probing import metrics
from culturechat.survey import Bank, Question

LEAST_DISTANCE = 0.25
LEAST_AGREEMENT = 0.8


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each question with human and model means, and the share whose order agrees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cultures", default="chinese,arabic", metavar="A,B")
    parser.add_argument("--base", default=catalogue.DEFAULT_BASE)
    parser.add_argument("--all", action="store_true", help="all questions of the bank, not only the 50 seeds")
    options = parser.parse_args(arguments)
    try:
        first, second = two(options.cultures)
        agreed, count = compare(first, second, options.base, options.all)
    except CulturechatError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(
        f"\n{agreed} of {count} questions in the humans' order: {agreed / count:.0%} (at least {LEAST_AGREEMENT:.0%})"
    )
    return 0 if agreed / count >= LEAST_AGREEMENT else 1


def two(text: str) -> tuple[str, str]:
    """Return the two cultures that were named."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) != 2:
        raise UsageError(f"--cultures names {len(names)} cultures; two are compared, such as chinese,arabic.")
    return names[0], names[1]


def compare(first: str, second: str, base: str, every: bool) -> tuple[int, int]:
    """Print the questions; return how many agree, and of how many."""
    bank = survey.load()
    questions = apart(bank, first, second, every)
    if not questions:
        raise UsageError(f"On no question are {first} and {second} as far apart as WD {LEAST_DISTANCE}.")
    engine = engines.load()
    columns = catalogue.columns([first, second], base, form="adapter")
    try:
        engine.open(columns)
        models = [means(engine, column, questions) for column in columns]
    finally:
        engine.close()
    print(f"{'item':<6}{'WD':>5}  {'humans ' + first + ', ' + second:<28}{'models':<16}agrees  question")
    agreed = 0
    for question, *model in zip(questions, *models, strict=True):
        human = [position(bank, question, culture) for culture in (first, second)]
        same = (human[0] < human[1]) == (model[0] < model[1])
        agreed += same
        people = f"{human[0]:.2f}, {human[1]:.2f}"
        print(
            f"{question.item:<6}{distance(bank, question, first, second):>5.2f}  {people:<28}"
            f"{f'{model[0]:.2f}, {model[1]:.2f}':<16}{'yes' if same else 'NO':<8}{question.question[:70]}"
        )
    return agreed, len(questions)


def apart(bank: Bank, first: str, second: str, every: bool) -> list[Question]:
    """Return the ordered questions on which the two cultures' people differ by at least the least distance."""
    return [
        question
        for question in bank.questions.values()
        if (every or question.seed)
        and question.ordered
        and all(bank.people(question.item, cultures.load(name).countries) for name in (first, second))
        and distance(bank, question, first, second) >= LEAST_DISTANCE
    ]


def means(engine: Engine, column: Column, questions: Sequence[Question]) -> list[float]:
    """Return the model's mean position on each question, 0 for the first option and 1 for the last."""
    orders = [(question, question.labels[::way]) for question in questions for way in (1, -1)]
    choices = [
        Choice(tuple(prompting.survey(column.culture, question.question, labels)), prompting.marks(labels))
        for question, labels in orders
    ]
    shares = [scores.probabilities for scores in engine.score(column.id, choices)]
    return [
        fmean((metrics.position(forward), metrics.position(backward[::-1])))
        for forward, backward in zip(shares[::2], shares[1::2], strict=True)
    ]


def position(bank: Bank, question: Question, culture: str) -> float:
    """Return the humans' mean position."""
    return metrics.position(_shares(bank, question, culture))


def distance(bank: Bank, question: Question, first: str, second: str) -> float:
    """Return how far apart the two cultures' people are."""
    return metrics.wasserstein(_shares(bank, question, first), _shares(bank, question, second))


def _shares(bank: Bank, question: Question, culture: str) -> tuple[float, ...]:
    people = bank.people(question.item, cultures.load(culture).countries)
    assert people is not None, "only questions that were asked are compared"
    return people.shares


if __name__ == "__main__":
    sys.exit(main())
