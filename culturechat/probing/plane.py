"""Models and peoples as points of one plane. Knows nothing of how it is drawn.

Classical multidimensional scaling (Torgerson 1952): with D² the squared distances and J = I − 11ᵀ/n, the coordinates
are the leading eigenvectors of −½ J D² J times the roots of their eigenvalues. The squared distance of two points is
their mean Jensen-Shannon divergence over the common items: its root is a metric that embeds in a Euclidean space
(Endres & Schindelin 2003; Fuglede & Topsøe 2004), so no eigenvalue is negative beyond rounding.

Intervals: items are drawn with replacement, the map is made anew and turned, mirrored and moved, not scaled, onto the
first (orthogonal Procrustes); the ellipse of a point holds 95 % of a normal distribution with the covariance of its
resampled places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from culturechat.probing.nearest import common_items, group, jsd, shares_of
from culturechat.probing.resample import item_weights
from culturechat.probing.results import ItemResult
from culturechat.survey import Bank

Array = npt.NDArray[np.float64]

RESAMPLES = 500
FEWEST_POINTS = 3
FEWEST_ITEMS = 3
CHI2_95 = 5.991464547107979
"""95th percentile of chi-squared with two degrees of freedom."""


@dataclass(frozen=True)
class Point:
    """One model or people in the plane."""

    culture: str
    kind: Literal["model", "people"]
    x: float
    y: float
    """Coordinates in roots of bits; only distances mean something."""
    long: float
    """Half the long axis of the 95 % ellipse."""
    short: float
    """Half the short axis."""
    angle: float
    """From the x axis to the long axis, in degrees, counter-clockwise."""


@dataclass(frozen=True)
class Plane:
    """The map."""

    items: tuple[str, ...]
    """The common items it is made from."""
    points: tuple[Point, ...]
    explained: float
    """Share of the squared distances that the two axes hold; the rest lies in directions that are not drawn."""


def plane(results: Iterable[ItemResult], bank: Bank, seed: int = 0) -> Plane | None:
    """Return the map, or None where points or common items are too few."""
    by_column = group(results)
    peoples, items = common_items(by_column, bank)
    if len(by_column) + len(peoples) < FEWEST_POINTS or len(items) < FEWEST_ITEMS:
        return None
    names = [*((column, "model") for column in by_column), *((name, "people") for name in peoples)]
    squared = _squared(items, by_column, peoples, bank)
    coordinates, explained = scale(squared.mean(axis=0))
    resampled = np.tensordot(item_weights(len(items), seed, RESAMPLES), squared, axes=1)
    clouds = np.stack([onto(scale(one)[0], coordinates) for one in resampled])
    points = [
        Point(culture, "model" if kind == "model" else "people", float(x), float(y), *ellipse(clouds[:, place]))
        for place, ((culture, kind), (x, y)) in enumerate(zip(names, coordinates, strict=True))
    ]
    return Plane(tuple(items), tuple(points), explained)


def scale(squared: Array) -> tuple[Array, float]:
    """Return the plane's coordinates for squared distances, and the share of them that it holds.

    Each axis points to where its farthest point is positive, so the same input gives the same picture.
    """
    count = len(squared)
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-centring @ squared @ centring / 2)
    lengths = np.maximum(values[::-1][:2], 0.0)
    axes = vectors[:, ::-1][:, :2]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), range(axes.shape[1])])
    total = np.maximum(values, 0.0).sum()
    coordinates: Array = axes * np.where(signs == 0, 1.0, signs) * np.sqrt(lengths)
    return coordinates, float(lengths.sum() / total) if total > 0 else 1.0


def onto(points: Array, target: Array) -> Array:
    """Return the points turned, mirrored and moved to lie as near as possible to the target (Procrustes)."""
    centre, goal = points.mean(axis=0), target.mean(axis=0)
    left, _, right = np.linalg.svd((points - centre).T @ (target - goal))
    turned: Array = (points - centre) @ left @ right + goal
    return turned


def ellipse(cloud: Array) -> tuple[float, float, float]:
    """Return half the axes of the 95 % ellipse of a cloud of points, and the angle of the long one in degrees."""
    values, vectors = np.linalg.eigh(np.cov(cloud.T))
    short, long = np.sqrt(np.maximum(values, 0.0) * CHI2_95)
    angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
    return float(long), float(short), float(angle)


def _squared(
    items: Sequence[str], by_column: dict[str, dict[str, ItemResult]], peoples: Sequence[str], bank: Bank
) -> Array:
    """Return the squared distances of all points by item: items × points × points."""
    squared = np.zeros((len(items), len(by_column) + len(peoples), len(by_column) + len(peoples)))
    for place, item in enumerate(items):
        shares = [np.array(given[item].p) for given in by_column.values()]
        shares += [known for name in peoples if (known := shares_of(item, name, bank)) is not None]
        for one, other in combinations(range(len(shares)), 2):
            squared[place, one, other] = squared[place, other, one] = jsd(shares[one], shares[other])
    return squared
