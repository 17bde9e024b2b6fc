"""Means over items with bootstrap intervals, and the same for controls that know nothing of the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from culturechat import cultures
from culturechat.probing import ItemResult
from culturechat.probing.metrics import jensen_shannon_bits, wasserstein
from culturechat.survey import Bank

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over items and its bootstrap percentile interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Distances:
    """How far something is from the people, over the items they were asked; None where there is no such item."""

    jsd_bits: Interval | None
    wd: Interval | None
    """Over the items whose options have an order."""


@dataclass(frozen=True)
class Summary:
    """One column over all items, with its controls."""

    culture: str
    items: int
    """Items with figures of people to compare with."""
    model: Distances
    uniform: Distances
    """Every option equally likely."""
    others_pooled: Distances
    """The mean of the people of all other cultures."""


def summarise(results: Iterable[ItemResult], bank: Bank, seed: int = 0) -> list[Summary]:
    """Return one summary per column, in the order the columns first appear."""
    by_column: dict[str, list[ItemResult]] = {}
    for result in results:
        by_column.setdefault(result.culture, []).append(result)
    return [_summary(column, own, bank, seed) for column, own in by_column.items()]


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Return the mean with its percentile interval over resampled items; the same seed gives the same interval."""
    if not values:
        return None
    sample = np.asarray(values, dtype=float)
    picks = np.random.default_rng(seed).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.quantile(sample[picks].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(sample.mean()), float(low), float(high))


def others_pooled(item: str, culture: str, bank: Bank) -> tuple[float, ...] | None:
    """Return the mean shares of the people of all cultures but one, or None where none of them was asked."""
    others = [bank.people(item, cultures.load(name).countries) for name in cultures.names() if name != culture]
    asked = [people.shares for people in others if people]
    return tuple(sum(shares) / len(asked) for shares in zip(*asked, strict=True)) if asked else None


def _summary(column: str, results: Sequence[ItemResult], bank: Bank, seed: int) -> Summary:
    compared = [result for result in results if result.people]
    uniform = [tuple(1 / len(result.codes) for _ in result.codes) for result in compared]
    pooled = [others_pooled(result.item, column, bank) for result in compared]
    return Summary(
        culture=column,
        items=len(compared),
        model=_distances(compared, [result.p for result in compared], bank, seed),
        uniform=_distances(compared, uniform, bank, seed),
        others_pooled=_distances(compared, pooled, bank, seed),
    )


def _distances(
    results: Sequence[ItemResult], predicted: Sequence[tuple[float, ...] | None], bank: Bank, seed: int
) -> Distances:
    jsd, wd = [], []
    for result, shares in zip(results, predicted, strict=True):
        if shares is None or result.people is None:
            continue
        jsd.append(jensen_shannon_bits(shares, result.people.shares))
        if bank.questions[result.item].ordered:
            wd.append(wasserstein(shares, result.people.shares))
    return Distances(bootstrap(jsd, seed), bootstrap(wd, seed))
