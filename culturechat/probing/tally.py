"""The results of a run that is still going on, and their plain means so far. Knows nothing of engines or screens.

Means can be had from the first result on; intervals need all results and stand in `summary`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from culturechat.probing.results import ItemResult
from culturechat.probing.summary import ItemControls


@dataclass(frozen=True)
class Means:
    """One column's means over its results so far; a distance is None where nothing can be compared with people."""

    done: int
    """Questions answered."""
    jsd_bits: float | None
    wd: float | None
    """Over the questions whose options have an order, as are the three below."""
    uniform: float | None
    """WD of every option equally likely."""
    others_pooled: float | None
    """WD of the mean of the people of all other cultures."""
    noise_floor: float | None
    """WD of two random halves of the same people."""
    option_mass: float | None
    """Probability that the model answers with an option mark."""


class Tally:
    """Results by column and question, in whatever order they come."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, str], ItemResult] = {}
        self._controls: dict[tuple[str, str], ItemControls | None] = {}

    def add(self, result: ItemResult, controls: ItemControls | None) -> bool:
        """Take in a result and return whether it was not known before."""
        place = (result.culture, result.item)
        new = place not in self._results
        self._results[place], self._controls[place] = result, controls
        return new

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[ItemResult]:
        """Go over the results in the order in which they came."""
        return iter(list(self._results.values()))

    def result(self, column: str, item: str) -> ItemResult | None:
        """Return one result, or None while it is not known."""
        return self._results.get((column, item))

    def controls(self, column: str, item: str) -> ItemControls | None:
        """Return how far the controls are from the people, or None where nothing is known of them."""
        return self._controls.get((column, item))

    def means(self, column: str, items: Collection[str]) -> Means:
        """Return a column's means over these questions."""
        places = [(column, item) for item in items if (column, item) in self._results]
        results = [self._results[place] for place in places]
        controls = [found for place in places if (found := self._controls[place])]
        return Means(
            done=len(results),
            jsd_bits=_mean(result.jsd_bits for result in results),
            wd=_mean(result.wd for result in results),
            uniform=_mean(found.uniform[1] for found in controls),
            others_pooled=_mean(found.others_pooled[1] for found in controls if found.others_pooled),
            noise_floor=_mean(found.noise_floor[1] for found in controls if found.noise_floor),
            option_mass=_mean(result.option_mass for result in results),
        )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
