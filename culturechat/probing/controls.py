"""What knows nothing of the model but is measured against the people like it: the bars that a score is read against."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from culturechat import cultures, survey
from culturechat.probing import distances
from culturechat.survey import Bank

Array = npt.NDArray[np.float64]

HALVINGS = 400
"""Simulated splits of the respondents; the mean of so many is stable to about the third digit."""


@dataclass(frozen=True)
class Floor:
    """How far two random halves of the same people are from each other on one item."""

    jsd_bits: float
    wd: float
    n_known: bool
    """Whether the source gives the valid answers; if not, all interviews are taken and the floor is a little low."""


def uniform(options: int) -> tuple[float, ...]:
    """Return every option equally likely."""
    return (1 / options,) * options


def others_pooled(item: str, culture: str, bank: Bank) -> tuple[float, ...] | None:
    """Return the mean shares of the people of all cultures but one, or None where none of them was asked."""
    others = [bank.people(item, cultures.load(name).countries) for name in cultures.names() if name != culture]
    asked = [people.shares for people in others if people]
    return tuple(sum(shares) / len(asked) for shares in zip(*asked, strict=True)) if asked else None


def noise_floor(item: str, countries: tuple[str, ...], bank: Bank, seed: int = 0) -> Floor | None:
    """Return the mean distance of two random halves of the respondents, or None where their number is unknown.

    Each country's n respondents are split into halves that are drawn, independently, from a multinomial distribution
    with the published shares; a culture of two countries is the mean of both, as its shares are. Survey weights make
    the true floor higher, because fewer effective respondents stand behind the same n.
    """
    counts = [_respondents(item, country, bank) for country in countries]
    if any(count is None or count < 2 for count in counts):
        return None
    random = np.random.default_rng(
        [seed, zlib.crc32(item.encode()), *(zlib.crc32(code.encode()) for code in countries)]
    )
    halves = [
        _halves(random, _shares(item, country, bank), n or 0) for country, n in zip(countries, counts, strict=True)
    ]
    first, second = np.mean(halves, axis=0)
    known = all(bank.answers[country, item].n is not None for country in countries)
    return Floor(
        float(distances.jensen_shannon_bits(first, second).mean()),
        float(distances.wasserstein(first, second).mean()),
        known,
    )


def _respondents(item: str, country: str, bank: Bank) -> int | None:
    n = bank.answers[country, item].n
    place = survey.countries().get(country)
    return n if n is not None else place.interviews if place else None


def _shares(item: str, country: str, bank: Bank) -> Array:
    given = bank.answers[country, item].shares
    shares = np.array([given.get(code, 0.0) for code in bank.questions[item].codes])
    whole: Array = shares / shares.sum()
    return whole


def _halves(random: np.random.Generator, shares: Array, n: int) -> Array:
    """Return the shares of both halves in every splitting: 2 × splittings × options."""
    half: Array = random.multinomial(n // 2, shares, (2, HALVINGS)) / (n // 2)
    return half
