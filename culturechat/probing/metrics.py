"""Distances between two distributions over the same options. Knows nothing of models or surveys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import log2


def wasserstein(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the normalised Wasserstein-1 distance of two distributions over options in scale order.

    WD = Σ|CDF_p − CDF_q| / (options − 1): 0 for equal distributions, 1 where all mass sits at opposite ends. It is
    undefined for options without an order.
    """
    cumulated = zip(accumulate(p), accumulate(q), strict=True)
    return sum(abs(a - b) for a, b in cumulated) / (len(p) - 1)


def jensen_shannon_bits(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence in bits: ½KL(p‖m) + ½KL(q‖m), m the mean; from 0 to 1."""
    mean = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return (_kl_bits(p, mean) + _kl_bits(q, mean)) / 2


def position(p: Sequence[float]) -> float:
    """Return the mean of a distribution over options in scale order, from 0 (first option) to 1 (last)."""
    return sum(index * share for index, share in enumerate(p)) / (len(p) - 1)


def _kl_bits(p: Sequence[float], q: Sequence[float]) -> float:
    return sum(a * log2(a / b) for a, b in zip(p, q, strict=True) if a > 0)
