"""Means over items with bootstrap intervals, and the same for controls that know nothing of the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from culturechat.probing import controls, distances
from culturechat.probing.metrics import jensen_shannon_bits, position, wasserstein
from culturechat.probing.resample import (
    RESAMPLES,
    Interval,
    bootstrap,
    bootstrap_items,
    interval,
    item_picks,
    reading_draws,
)
from culturechat.probing.results import ItemResult
from culturechat.survey import Bank, People

Array = npt.NDArray[np.float64]
FEWEST_CORRELATED = 4
"""A correlation over fewer items says nothing."""


@dataclass(frozen=True)
class Distances:
    """How far something is from the people, over the items they were asked; None where there is no such item."""

    jsd_bits: Interval | None
    wd: Interval | None
    """Over the items whose options have an order."""


@dataclass(frozen=True)
class ItemControls:
    """One item's distances of the controls; None where there is nothing to measure."""

    uniform: tuple[float, float | None]
    """JSD in bits, WD."""
    others_pooled: tuple[float, float | None] | None
    noise_floor: tuple[float, float | None] | None


@dataclass(frozen=True)
class Summary:
    """One column over all items, or those of one theme, with its controls."""

    culture: str
    items: int
    """Items with figures of people to compare with."""
    model: Distances
    uniform: Distances
    """Every option equally likely."""
    others_pooled: Distances
    """The mean of the people of all other cultures."""
    noise_floor: Distances
    """Two random halves of the same people."""
    option_mass: Interval | None
    """Probability that the model answers with an option mark, over all items."""
    correlation: Interval | None
    """Pearson's r of the model's and the people's mean position on the scale, over the items with an order."""
    correlation_beyond_others: Interval | None
    """The same after taking the other cultures' mean position from both: what is these people's own."""
    themes: dict[str, Summary] = field(default_factory=dict)
    """The same by theme of the questions."""
    controls: dict[str, ItemControls] = field(default_factory=dict)
    """The controls of every item that the people were asked."""


def summarise(results: Iterable[ItemResult], bank: Bank, seed: int = 0) -> list[Summary]:
    """Return one summary per column, in the order the columns first appear."""
    by_column: dict[str, list[ItemResult]] = {}
    for result in results:
        by_column.setdefault(result.culture, []).append(result)
    return [_with_themes(column, own, bank, seed) for column, own in by_column.items()]


def item_controls(result: ItemResult, bank: Bank, seed: int = 0) -> ItemControls | None:
    """Return how far the controls are from the people on one item, or None where the people were not asked."""
    if result.people is None:
        return None
    ordered = bank.questions[result.item].ordered
    pooled = controls.others_pooled(result.item, result.culture, bank)
    floor = controls.noise_floor(result.item, result.people.countries, bank, seed)
    return ItemControls(
        _both(controls.uniform(len(result.codes)), result.people, ordered),
        _both(pooled, result.people, ordered) if pooled else None,
        (floor.jsd_bits, floor.wd if ordered else None) if floor else None,
    )


def _with_themes(column: str, results: Sequence[ItemResult], bank: Bank, seed: int) -> Summary:
    by_theme: dict[str, list[ItemResult]] = {}
    for result in results:
        by_theme.setdefault(bank.questions[result.item].theme, []).append(result)
    found = {result.item: item_controls(result, bank, seed) for result in results}
    measured = {item: given for item, given in found.items() if given is not None}
    drawn = {result.item: _drawn(result, seed) for result in results if result.people}
    themes = {theme: _summary(column, own, bank, seed, measured, drawn) for theme, own in by_theme.items()}
    whole = _summary(column, results, bank, seed, measured, drawn)
    return dataclasses.replace(whole, themes=themes, controls=measured)


def _summary(
    column: str,
    results: Sequence[ItemResult],
    bank: Bank,
    seed: int,
    measured: Mapping[str, ItemControls],
    drawn: Mapping[str, tuple[Array, Array]],
) -> Summary:
    compared = [result for result in results if result.people]
    own = [measured[result.item] for result in compared]
    return Summary(
        culture=column,
        items=len(compared),
        model=_model(compared, bank, seed, drawn),
        uniform=_control([given.uniform for given in own], seed),
        others_pooled=_control([given.others_pooled for given in own], seed),
        noise_floor=_control([given.noise_floor for given in own], seed),
        option_mass=bootstrap([result.option_mass for result in results], seed),
        correlation=_correlation(compared, bank, seed, beyond_others=False),
        correlation_beyond_others=_correlation(compared, bank, seed, beyond_others=True),
    )


def _model(results: Sequence[ItemResult], bank: Bank, seed: int, drawn: Mapping[str, tuple[Array, Array]]) -> Distances:
    ordered = [result for result in results if bank.questions[result.item].ordered]
    jsd = [result.jsd_bits or 0.0 for result in results]
    wd = [result.wd or 0.0 for result in ordered]
    return Distances(
        bootstrap_items(jsd, [drawn[result.item][0] for result in results], seed),
        bootstrap_items(wd, [drawn[result.item][1] for result in ordered], seed),
    )


def _drawn(result: ItemResult, seed: int) -> tuple[Array, Array]:
    """Return the item's JSD and WD from every resample of its readings."""
    p, shares = reading_draws(result, seed), np.asarray(result.people.shares if result.people else ())
    return distances.jensen_shannon_bits(p, shares), distances.wasserstein(p, shares)


def _control(measured: Sequence[tuple[float, float | None] | None], seed: int) -> Distances:
    jsd = [given[0] for given in measured if given]
    wd = [given[1] for given in measured if given and given[1] is not None]
    return Distances(_of_items(jsd, seed), _of_items(wd, seed))


def _of_items(values: Sequence[float], seed: int) -> Interval | None:
    return bootstrap_items(values, [np.full(RESAMPLES, value) for value in values], seed)


def _both(shares: tuple[float, ...], people: People, ordered: bool) -> tuple[float, float | None]:
    return jensen_shannon_bits(shares, people.shares), wasserstein(shares, people.shares) if ordered else None


def _correlation(results: Sequence[ItemResult], bank: Bank, seed: int, beyond_others: bool) -> Interval | None:
    rows = []
    for result in results:
        pooled = controls.others_pooled(result.item, result.culture, bank) if beyond_others else None
        if result.people is None or not bank.questions[result.item].ordered or (beyond_others and pooled is None):
            continue
        start = position(pooled) if pooled else 0.0
        rows.append((position(result.p) - start, position(result.people.shares) - start))
    if len(rows) < FEWEST_CORRELATED:
        return None
    pairs = np.array(rows)
    own = float(pearson(pairs[None])[0])
    return None if np.isnan(own) else interval(own, pearson(pairs[item_picks(len(pairs), seed)]))


def pearson(pairs: Array) -> Array:
    """Return Pearson's correlation of each set of pairs (sets × pairs × 2); NaN where one side does not vary."""
    centred = pairs - pairs.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=1).prod(axis=1))
    shared = centred.prod(axis=2).sum(axis=1)
    even = spread < 1e-12
    correlation: Array = np.where(even, np.nan, shared / np.where(even, 1.0, spread))
    return correlation
