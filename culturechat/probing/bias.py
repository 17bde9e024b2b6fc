"""How far places and marks, not meanings, draw a model's answers. Knows nothing of people.

Position bias: at each place, the probability of what stood there less that option's own mean over all readings,
averaged over orders and wordings within a style, then over styles and items. A model that looks at meaning alone has 0
everywhere; +0.20 at place 1 means that 20 points of probability come from standing first.

Label bias: the same by mark, less the position bias of the places where the mark stood. Marks can only be told from
places where the same place was read under different marks, that is, with at least two styles; `letters` with
`backwards` puts A last and is what tells them apart best. With one style the two are one figure, given under position.
`words` has no marks: its readings count for places alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from culturechat import prompting
from culturechat.probing.plan import MARKS
from culturechat.probing.resample import Interval, bootstrap
from culturechat.probing.results import ItemResult
from culturechat.prompting import Style

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """All of a column's questions with the same number of options."""

    options: int
    items: int
    by_place: tuple[float, ...]
    """Mean probability of what stood at each place; 1/options where orders are balanced and places do not matter."""
    excess: tuple[float, ...]
    """Position bias at each place, in probability; they sum to 0."""
    by_mark: dict[str, float] | None
    """Label bias of each mark, in probability; None where places and marks were never separated."""


@dataclass(frozen=True)
class Bias:
    """What places and marks do to one column."""

    culture: str
    first: Interval | None
    """Position bias at the first place, mean of the items with an interval over them."""
    last: Interval | None
    """The same at the last place."""
    size: Interval | None
    """Share of probability that places move: half the sum of the excess without its sign, mean of the items."""
    places: tuple[Places, ...]
    """By number of options, fewest first."""


def biases(results: Iterable[ItemResult], seed: int = 0) -> list[Bias]:
    """Return the bias of every column, in the order the columns first appear."""
    by_column: dict[str, list[ItemResult]] = {}
    for result in results:
        by_column.setdefault(result.culture, []).append(result)
    return [_bias(column, own, seed) for column, own in by_column.items()]


def _bias(column: str, results: Sequence[ItemResult], seed: int) -> Bias:
    turned = [result for result in results if len(result.orders) > 1]
    excess = [item_excess(result).mean(axis=0) for result in turned]
    by_count: dict[int, list[ItemResult]] = {}
    for result in turned:
        by_count.setdefault(len(result.codes), []).append(result)
    return Bias(
        culture=column,
        first=bootstrap([float(places[0]) for places in excess], seed),
        last=bootstrap([float(places[-1]) for places in excess], seed),
        size=bootstrap([float(np.abs(places).sum() / 2) for places in excess], seed),
        places=tuple(_places(options, own) for options, own in sorted(by_count.items())),
    )


def item_excess(result: ItemResult) -> Array:
    """Return the excess of one item by style and place."""
    cells = result.cells
    own = cells.mean(axis=(0, 1, 2))
    orders = np.array(result.orders)
    at_place = np.take_along_axis(cells, np.broadcast_to(orders, cells.shape), axis=3)
    excess: Array = (at_place - own[orders]).mean(axis=(0, 2))
    return excess


def _places(options: int, results: Sequence[ItemResult]) -> Places:
    excess = np.mean([item_excess(result).mean(axis=0) for result in results], axis=0)
    by_place = np.mean([[reading.by_place for reading in result.readings] for result in results], axis=(0, 1))
    return Places(
        options=options,
        items=len(results),
        by_place=tuple(map(float, by_place)),
        excess=tuple(map(float, excess)),
        by_mark=_by_mark(options, results) if len(_marking(results[0])) > 1 else None,
    )


def _by_mark(options: int, results: Sequence[ItemResult]) -> dict[str, float]:
    styles = _marking(results[0])
    kept = [results[0].styles.index(style) for style in styles]
    by_style = np.mean([item_excess(result)[kept] for result in results], axis=0)
    left = by_style - by_style.mean(axis=0)
    found: dict[str, list[float]] = {}
    for style, row in zip(styles, left, strict=True):
        for mark, value in zip(prompting.marks([""] * options, style), row, strict=True):
            found.setdefault(mark, []).append(float(value))
    return {mark: sum(values) / len(values) for mark, values in found.items()}


def _marking(result: ItemResult) -> list[Style]:
    """Return the styles read in which options stand under marks; the words of labels are none."""
    return [style for style in result.styles if style in MARKS]
