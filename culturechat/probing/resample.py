"""Bootstrap intervals over items, orders and restatements. Knows nothing of models.

One resample does two things. Within every item the pairs of an order and its reverse, and the wordings, are drawn with
replacement, and the item's distribution and distance are made anew from what was drawn; label styles are a fixed
design and are not drawn. Then items are drawn with replacement, the same ones for every column and control of equal
items, and the mean over them is kept. Pairs stay whole, because a half of one would bring back the pull of the first
place that reading both cancels. Noise can only add to a distance, so each item's resampled distances are moved to have
the item's own distance as their mean. The interval runs from the 2.5th to the 97.5th percentile of the kept means.
(Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 10.)
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from culturechat.probing.plan import Order
from culturechat.probing.results import ItemResult

Array = npt.NDArray[np.float64]
Picks = npt.NDArray[np.int64]

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap percentile interval."""

    mean: float
    low: float
    """2.5th percentile."""
    high: float
    """97.5th percentile."""


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Return the mean with its percentile interval over resampled items; the same seed gives the same interval."""
    if not values:
        return None
    sample = np.asarray(values, dtype=float)
    return interval(float(sample.mean()), sample[item_picks(len(sample), seed)].mean(axis=1))


def bootstrap_items(own: Sequence[float], draws: Sequence[Array], seed: int = 0) -> Interval | None:
    """Return the mean over items with its interval, items and their readings resampled.

    Args:
        own: Each item's own value.
        draws: Each item's `RESAMPLES` values from resampled readings.
        seed: Of the drawing of items.
    """
    if not own:
        return None
    drawn = np.stack([values - values.mean() + value for value, values in zip(own, draws, strict=True)], axis=1)
    picks = item_picks(len(own), seed)
    return interval(float(np.mean(own)), np.take_along_axis(drawn, picks, axis=1).mean(axis=1))


def interval(mean: float, resampled: Array) -> Interval:
    """Return a value with the percentiles of its resamples; resamples without a value are left out."""
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return Interval(mean, mean, mean)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high))


def item_picks(count: int, seed: int) -> Picks:
    """Return the drawn items of every resample, as places from 0 to count − 1."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def item_weights(count: int, seed: int, resamples: int = RESAMPLES) -> Array:
    """Return how large a part of every resample each item is; rows sum to 1."""
    picks = np.random.default_rng(seed).integers(0, count, (resamples, count))
    weights = np.zeros((resamples, count))
    np.add.at(weights, (np.arange(resamples)[:, None], picks), 1 / count)
    return weights


def reading_draws(result: ItemResult, seed: int = 0) -> Array:
    """Return the item's distribution from every resample of its order pairs and wordings: resamples × options.

    The drawing depends on the seed and the item's code alone, so columns stay comparable resample by resample.
    """
    cells = result.cells.mean(axis=1)
    random = np.random.default_rng([seed, zlib.crc32(result.item.encode())])
    wordings = _counts(random, cells.shape[0])
    orders = _order_weights(random, result.orders)
    drawn: Array = np.einsum("bw,bo,wok->bk", wordings, orders, cells, optimize=True)
    return drawn


def _counts(random: np.random.Generator, count: int) -> Array:
    """Return the share of each of so many things in every resample of as many."""
    drawn: Array = random.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count
    return drawn


def _order_weights(random: np.random.Generator, orders: Sequence[Order]) -> Array:
    """Return the share of each order in every resample of whole pairs of an order and its reverse."""
    pairs = list(dict.fromkeys(frozenset((order, order[::-1])) for order in orders))
    member = np.array([[order in pair for order in orders] for pair in pairs], dtype=float)
    weights = _counts(random, len(pairs)) @ member
    share: Array = weights / weights.sum(axis=1, keepdims=True)
    return share
