"""How each question is put: orders of its options, marks they stand under, wordings. Knows nothing of engines' work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Literal

from culturechat import prompting, survey
from culturechat.catalogue import Column
from culturechat.engines import Choice
from culturechat.errors import UsageError, unknown
from culturechat.prompting import Language, Style
from culturechat.survey import Question

MOST_OPTIONS_PERMUTED = 5
DEFAULT_ORDERS = 2
MARKS: tuple[Style, ...] = ("letters", "backwards", "digits")
"""Styles in which options stand under marks of one token."""
STYLES: tuple[Style, ...] = (*MARKS, "words")

Count = int | Literal["all"]
Order = tuple[int, ...]
"""Which option stands at each place."""


@dataclass(frozen=True)
class Setting:
    """One way of putting a question."""

    wording: int
    """0 is the question itself, 1 its first restatement, and so on."""
    style: Style
    order: Order


@dataclass(frozen=True)
class Plan:
    """How every question of a run is put; a model's opinion is the mean over all of it."""

    orders: Count = DEFAULT_ORDERS
    """How many orders of the options, or `all`; see `orders`."""
    styles: tuple[Style, ...] = ("letters",)
    """Marks under which the options stand; `digits` is left out for questions of more than nine options, and `words`
    reads the whole label in place of a mark."""
    restatements: bool = False
    """Whether the question's other wordings are asked too."""
    language: Language = "english"
    """Language of the whole prompt: English, or each culture's own where the bank has a translation."""

    def asked(self, column: Column, question: Question) -> Question:
        """Return a question as this column is asked it; in the culture's own language it has a single wording."""
        return prompting.asked(column.culture, question, self.language)

    def settings(self, question: Question) -> list[Setting]:
        """Return every way in which this question is put: wordings × styles × orders, in this order."""
        arranged = orders(len(question.codes), self.orders)
        crossed = product(range(len(self.wordings(question))), self.styles_of(question), arranged)
        return [Setting(*setting) for setting in crossed]

    def ways(self, question: Question) -> int:
        """Return how many settings there are, without making them."""
        arranged = orders(len(question.codes), self.orders)
        return len(self.wordings(question)) * len(self.styles_of(question)) * len(arranged)

    def wordings(self, question: Question) -> tuple[str, ...]:
        """Return the sentences that ask this question."""
        return (question.question, *(question.restatements if self.restatements else ()))

    def styles_of(self, question: Question) -> tuple[Style, ...]:
        """Return the styles that can mark so many options; letters always can."""
        fitting = tuple(style for style in self.styles if style != "digits" or _digits_fit(question))
        return fitting or ("letters",)

    def choices(self, column: Column, question: Question) -> list[Choice]:
        """Return the prompts of one question for one column, in the order of `settings` of the question as asked."""
        return list(self._choices(column, self.asked(column, question)))

    def _choices(self, column: Column, question: Question) -> Iterator[Choice]:
        wordings = self.wordings(question)
        for setting in self.settings(question):
            labels = [question.labels[option] for option in setting.order]
            messages = prompting.survey(column.culture, wordings[setting.wording], labels, self.language, setting.style)
            yield Choice(tuple(messages), prompting.marks(labels, setting.style))


def plan(
    orders: Count = DEFAULT_ORDERS,
    styles: Sequence[str] = ("letters",),
    restatements: bool = False,
    language: str = "english",
) -> Plan:
    """Return a plan from what a user typed.

    Raises:
        UsageError: a style or language is unknown, or a style stands twice.
    """
    for style in styles:
        if style not in STYLES:
            raise unknown("style", style, STYLES)
    if not styles or len(set(styles)) < len(styles):
        raise UsageError(f"Name each style once; known: {', '.join(STYLES)}.")
    if language not in ("english", "own"):
        raise unknown("language", language, ("english", "own"))
    chosen = tuple(style for style in STYLES if style in styles)
    return Plan(orders, chosen, restatements, "own" if language == "own" else "english")


def orders(options: int, count: Count = DEFAULT_ORDERS) -> list[Order]:
    """Return different orders of so many options: forward, reverse, then every rotation followed by its reverse.

    Over all rotations every option stands in every place equally often; over an order and its reverse a pull towards
    the first or the last place cancels. `all` gives every permutation of up to `MOST_OPTIONS_PERMUTED` options, and
    every rotation of both directions for more.
    """
    forward = tuple(range(options))
    if count == "all" and options <= MOST_OPTIONS_PERMUTED:
        return list(permutations(forward))
    rotations = (forward[shift:] + forward[:shift] for shift in range(options))
    different = list(dict.fromkeys(order for rotation in rotations for order in (rotation, rotation[::-1])))
    return different if count == "all" else different[:count]


def check_labels(question: Question) -> None:
    """Refuse a question whose options cannot be chosen between; see `survey.check_labels`.

    Raises:
        UsageError: the question and its labels are named.
    """
    try:
        survey.check_labels(question.labels)
    except UsageError as error:
        raise UsageError(f"{question.item}: {error}") from None


def _digits_fit(question: Question) -> bool:
    return len(question.codes) <= prompting.MOST_DIGITS
