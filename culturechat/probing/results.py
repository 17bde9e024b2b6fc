"""What one column answers to one question: the readings and their mean. Knows nothing of engines or statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
import numpy.typing as npt

from culturechat.engines import Scores
from culturechat.probing.metrics import jensen_shannon_bits, wasserstein
from culturechat.probing.plan import Order, Plan, Setting
from culturechat.prompting import Style
from culturechat.survey import People, Question

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """The option probabilities of one prompt."""

    wording: int
    """0 is the question itself, 1 its first restatement, and so on."""
    style: Style
    """Which marks the options stood under."""
    order: Order
    """Which option stood at each place."""
    logprobs: tuple[float, ...]
    """Natural logarithms of the marks' probabilities over the whole vocabulary, by place."""

    @cached_property
    def by_place(self) -> tuple[float, ...]:
        """Probabilities of the options among themselves, first place first."""
        return Scores(self.logprobs).probabilities

    @cached_property
    def p(self) -> tuple[float, ...]:
        """Probabilities of the options among themselves, in scale order."""
        by_option = dict(zip(self.order, self.by_place, strict=True))
        return tuple(by_option[option] for option in range(len(self.order)))

    @property
    def mass(self) -> float:
        """Probability that the model begins its answer with any of the marks; at least, where some are not seen."""
        return Scores(self.logprobs).mass

    @property
    def unseen(self) -> int:
        """How many of the marks the engine could not see among the likeliest tokens."""
        return self.logprobs.count(-inf)


@dataclass(frozen=True)
class ItemResult:
    """How one column's model would answer one question."""

    item: str
    culture: str
    """The column: a culture's id, or `base`."""
    codes: tuple[str, ...]
    """Option codes in scale order."""
    p: tuple[float, ...]
    """The model's probabilities of the options among themselves, mean of the readings."""
    option_mass: float
    """Probability that the model answers with any option mark at all, mean of the readings."""
    people: People | None
    """How people of the culture's countries answered; None where they were not asked."""
    jsd_bits: float | None
    """Jensen-Shannon divergence from the people, in bits."""
    wd: float | None
    """Normalised Wasserstein distance from the people; None also for options without an order."""
    readings: tuple[Reading, ...] = ()
    """Every prompt's own probabilities: wordings × styles × orders, in this order."""

    @property
    def cells(self) -> Array:
        """The readings as probabilities by wording, style, order and option (scale order)."""
        shape = [len({getattr(reading, axis) for reading in self.readings}) for axis in ("wording", "style", "order")]
        return np.array([reading.p for reading in self.readings]).reshape(*shape, len(self.codes))

    @property
    def orders(self) -> list[Order]:
        """The orders that were read, in the order of `cells`."""
        return list(dict.fromkeys(reading.order for reading in self.readings))

    @property
    def styles(self) -> list[Style]:
        """The styles that were read, in the order of `cells`."""
        return list(dict.fromkeys(reading.style for reading in self.readings))


def item_result(
    culture: str, question: Question, people: People | None, plan: Plan, logprobs: Sequence[Sequence[float]]
) -> ItemResult:
    """Return the result of one question from its log-probabilities, which stand in the order of `plan.settings`."""
    settings = plan.settings(question)
    readings = [_reading(setting, given) for setting, given in zip(settings, logprobs, strict=True)]
    p = tuple(sum(shares) / len(readings) for shares in zip(*(reading.p for reading in readings), strict=True))
    return ItemResult(
        item=question.item,
        culture=culture,
        codes=question.codes,
        p=p,
        option_mass=sum(reading.mass for reading in readings) / len(readings),
        people=people,
        jsd_bits=jensen_shannon_bits(p, people.shares) if people else None,
        wd=wasserstein(p, people.shares) if people and question.ordered else None,
        readings=tuple(readings),
    )


def _reading(setting: Setting, logprobs: Sequence[float]) -> Reading:
    return Reading(setting.wording, setting.style, setting.order, tuple(logprobs))
