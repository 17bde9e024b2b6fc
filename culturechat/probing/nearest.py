"""Whose people a column is nearest to: columns × peoples, on the items that all of the peoples were asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from culturechat import cultures
from culturechat.probing.distances import jensen_shannon_bits, wasserstein
from culturechat.probing.resample import RESAMPLES, Interval, interval, item_weights
from culturechat.probing.results import ItemResult
from culturechat.survey import Bank

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One column, or one people, against all peoples."""

    culture: str
    wd: tuple[Interval, ...]
    """Mean WD from each of the peoples, over the common items with an order."""
    nearest: str
    """The people at the smallest mean WD."""
    share_of_resamples: float
    """In how large a share of the bootstrap resamples of the items this people is nearest: how firm that is."""


@dataclass(frozen=True)
class Nearest:
    """Columns against peoples."""

    items: tuple[str, ...]
    """The common items with an order."""
    peoples: tuple[str, ...]
    """Cultures whose people were asked."""
    rows: tuple[Row, ...]
    """One per column."""
    between: tuple[tuple[float, ...], ...]
    """Mean WD between the peoples themselves, on the same items."""


def nearest(results: Iterable[ItemResult], bank: Bank, seed: int = 0) -> Nearest | None:
    """Return the matrix, or None where no item with an order was asked of two peoples and all columns."""
    by_column = group(results)
    peoples, common = common_items(by_column, bank)
    items = [item for item in common if bank.questions[item].ordered]
    if not items or len(peoples) < 2:
        return None
    weights = item_weights(len(items), seed)
    rows = [_row(column, given, items, peoples, bank, weights) for column, given in by_column.items()]
    between = [[_mean_wd(one, other, items, bank) for other in peoples] for one in peoples]
    return Nearest(tuple(items), tuple(peoples), tuple(rows), tuple(map(tuple, between)))


def group(results: Iterable[ItemResult]) -> dict[str, dict[str, ItemResult]]:
    """Return the results by column and item."""
    by_column: dict[str, dict[str, ItemResult]] = {}
    for result in results:
        by_column.setdefault(result.culture, {})[result.item] = result
    return by_column


def common_items(by_column: dict[str, dict[str, ItemResult]], bank: Bank) -> tuple[list[str], list[str]]:
    """Return the peoples with figures for any of the items, and the items that all of them and all columns have."""
    first, *rest = by_column.values() or [{}]
    items = [item for item in first if all(item in other for other in rest)]
    peoples = [name for name in cultures.names() if any(shares_of(item, name, bank) is not None for item in items)]
    return peoples, [item for item in items if all(shares_of(item, name, bank) is not None for name in peoples)]


def shares_of(item: str, culture: str, bank: Bank) -> Array | None:
    """Return how the people of a culture answered, as an array."""
    people = bank.people(item, cultures.load(culture).countries)
    return np.array(people.shares) if people else None


def _row(
    column: str,
    given: dict[str, ItemResult],
    items: Sequence[str],
    peoples: Sequence[str],
    bank: Bank,
    weights: Array,
) -> Row:
    apart = np.array([[_wd(np.array(given[item].p), item, name, bank) for name in peoples] for item in items])
    means, resampled = apart.mean(axis=0), weights @ apart
    best = int(means.argmin())
    return Row(
        culture=column,
        wd=tuple(interval(float(mean), resampled[:, place]) for place, mean in enumerate(means)),
        nearest=peoples[best],
        share_of_resamples=float((resampled.argmin(axis=1) == best).sum() / RESAMPLES),
    )


def _mean_wd(one: str, other: str, items: Sequence[str], bank: Bank) -> float:
    return float(
        np.mean(
            [_wd(shares, item, other, bank) for item in items if (shares := shares_of(item, one, bank)) is not None]
        )
    )


def _wd(p: Array, item: str, culture: str, bank: Bank) -> float:
    shares = shares_of(item, culture, bank)
    return float(wasserstein(p, shares)) if shares is not None else float("nan")


def jsd(p: Array, q: Array) -> float:
    """Return the Jensen-Shannon divergence in bits of two distributions."""
    return float(jensen_shannon_bits(p, q))
