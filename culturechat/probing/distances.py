"""The distances of `metrics` for whole arrays of distributions at once; options run along the last axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def wasserstein(p: Array, q: Array) -> Array:
    """Return WD = Σ|CDF_p − CDF_q| / (options − 1) along the last axis."""
    distance: Array = np.abs(np.cumsum(p - q, axis=-1)).sum(axis=-1) / (p.shape[-1] - 1)
    return distance


def jensen_shannon_bits(p: Array, q: Array) -> Array:
    """Return the Jensen-Shannon divergence in bits along the last axis; never below 0."""
    mean = (p + q) / 2
    divergence: Array = np.maximum((_kl_bits(p, mean) + _kl_bits(q, mean)) / 2, 0.0)
    return divergence


def _kl_bits(p: Array, q: Array) -> Array:
    safe = p > 0
    ratio = np.divide(p, q, out=np.ones(np.broadcast_shapes(p.shape, q.shape)), where=safe)
    kl: Array = (p * np.log2(ratio, out=np.zeros_like(ratio), where=safe)).sum(axis=-1)
    return kl
