"""F1 by class and its mean, with bootstrap intervals over clusters of equal texts. Knows nothing of models or files.

F1 of a class is 2·TP / (2·TP + FP + FN); macro-F1 is its plain mean over the classes that occur among the true labels.
In a resample whole clusters are drawn with replacement: a text that stands in several sets, or several times in one,
is drawn in all of its places at once. Sets, models and their differences are resampled together, so that a difference
is a paired one. (van Rijsbergen, Information Retrieval, 1979; Field & Welsh, Bootstrapping clustered data, 2007.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from culturechat.probing.resample import Interval, interval

Array = npt.NDArray[np.float64]

RESAMPLES = 1000


@dataclass(frozen=True)
class Labelled:
    """The texts of one set: their true classes, and what every model took them for."""

    name: str
    clusters: tuple[str, ...]
    """One name for each text; equal texts have equal names."""
    truth: tuple[int, ...]
    predicted: dict[str, tuple[int, ...]]
    """By model."""

    @property
    def counts(self) -> dict[int, int]:
        """True texts of each class that occurs."""
        return {int(one): self.truth.count(one) for one in sorted(set(self.truth))}

    @property
    def single(self) -> bool:
        """Whether all texts are of one class, so that F1 says nothing of telling classes apart."""
        return len(self.counts) == 1


@dataclass(frozen=True)
class SetScore:
    """One model on one set."""

    macro: Interval
    by_class: dict[int, float]
    """F1 of every class that occurs."""


@dataclass(frozen=True)
class Scores:
    """All models on all sets of one culture."""

    sets: dict[str, dict[str, SetScore]]
    """By set and model."""
    means: dict[str, Interval]
    """Macro-F1 by model, mean over the sets of more than one class."""
    differences: dict[tuple[str, str], Interval]
    """Mean of the first model less that of the second, paired."""


def score(sets: Sequence[Labelled], pairs: Sequence[tuple[str, str]], seed: int, resamples: int = RESAMPLES) -> Scores:
    """Return the scores of every model of every set; the same seed gives the same intervals.

    Args:
        sets: With the same models in each.
        pairs: Models to subtract, second from first; a pair with a model that is not there is left out.
        seed: Of the resamples.
        resamples: How many.
    """
    weights = _weights(sets, seed, resamples)
    scores: dict[str, dict[str, SetScore]] = {}
    drawn: dict[str, list[Array]] = {}
    own: dict[str, list[float]] = {}
    for one, weight in zip(sets, weights, strict=True):
        scores[one.name] = {}
        for model, predicted in one.predicted.items():
            found = by_class(one.truth, predicted, np.vstack([np.ones(len(one.truth)), weight]))
            macro = _mean(found)
            scores[one.name][model] = SetScore(
                interval(float(macro[0]), macro[1:]), {c: float(f) for c, f in zip(one.counts, found[0], strict=True)}
            )
            if not one.single:
                own.setdefault(model, []).append(float(macro[0]))
                drawn.setdefault(model, []).append(macro[1:])
    means = {
        model: interval(float(np.mean(values)), _mean(_side_by_side(drawn[model]))) for model, values in own.items()
    }
    differences = {
        (first, second): interval(
            float(np.mean(own[first]) - np.mean(own[second])),
            _mean(_side_by_side(drawn[first])) - _mean(_side_by_side(drawn[second])),
        )
        for first, second in pairs
        if first in own and second in own
    }
    return Scores(scores, means, differences)


def by_class(truth: Sequence[int], predicted: Sequence[int], weights: Array) -> Array:
    """Return F1 by resample and class that occurs in `truth`; nan where a resample has nothing of the class.

    Args:
        truth: A class for each text.
        predicted: The same.
        weights: How often each text counts, by resample and text.
    """
    true, given = np.asarray(truth), np.asarray(predicted)
    columns = []
    for one in sorted(set(truth)):
        right = weights @ ((true == one) & (given == one))
        total = weights @ (true == one) + weights @ (given == one)
        columns.append(np.divide(2 * right, total, out=np.full(len(weights), np.nan), where=total > 0))
    return np.stack(columns, axis=1)


def commonest(texts: Mapping[int, int]) -> int:
    """Return the class with the most texts."""
    return max(texts, key=lambda one: (texts[one], -one))


def _weights(sets: Sequence[Labelled], seed: int, resamples: int) -> list[Array]:
    """Return how often each text of each set is drawn, by resample and text."""
    names = sorted({name for one in sets for name in one.clusters})
    place = {name: index for index, name in enumerate(names)}
    chances = np.full(len(names), 1 / len(names))
    times = np.random.default_rng(seed).multinomial(len(names), chances, resamples)
    return [times[:, [place[name] for name in one.clusters]].astype(float) for one in sets]


def _side_by_side(columns: Sequence[Array]) -> Array:
    return np.stack(columns, axis=1)


def _mean(values: Array) -> Array:
    """Return the mean of each row over what is known in it; nan where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    mean: Array = np.divide(total, known.sum(axis=1), out=np.full(len(values), np.nan), where=known.any(axis=1))
    return mean
