"""A base in the number format that this engine computes fastest without changing what the model says.

llama.cpp has no fast kernels for some formats on a CPU, Q4_1 among them, which is what the embedded default comes in.
Such a file is written once as Q8_0 into the cache: about twice as fast at reading, and nearly the same model (the
figures are in benchmarks/results; Q4_0 would be faster still, but moves the model's answers far more).
"""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path

from gguf.constants import GGMLQuantizationType as Kind

from culturechat import catalogue, gguf_file, paths
from culturechat.engines.llama_cpp import facts
from culturechat.engines.llama_cpp.quantizer import quantize
from culturechat.errors import CulturechatError

TARGET = "q8_0"
SLOW = {Kind.Q4_1, Kind.Q5_0, Kind.Q5_1}
"""Formats whose prepared file is both faster and no worse."""


def fastest(base: Path) -> Path:
    """Return the file to load for a base: the prepared one where that helps, made now if need be.

    Where it cannot be made (a full disk, a read-only cache) the base is used as it is.
    """
    if facts.supports_gpu() or _main_kind(base) not in SLOW:
        return base
    digest = catalogue.sha256_of(base)
    target = paths.cache_dir() / "prepared" / f"{digest[:16]}-{TARGET}.gguf"
    mark = target.with_suffix(".sha256")
    if target.is_file() and mark.is_file() and mark.read_text("ascii").strip() == catalogue.sha256_of(target):
        return target
    try:
        quantize(base, target, TARGET, facts.cores())
        mark.write_text(catalogue.sha256_of(target) + "\n", "ascii")
    except (CulturechatError, OSError):
        return base
    return target


def _main_kind(base: Path) -> Kind:
    """Return the format that most weights are in."""
    sizes: Counter[Kind] = Counter()
    for tensor in gguf_file.read_header(base).tensors:
        if len(tensor.shape) > 1 and not tensor.name.startswith("token_embd"):
            sizes[tensor.type] += prod(tensor.shape)
    return sizes.most_common(1)[0][0] if sizes else Kind.F32
