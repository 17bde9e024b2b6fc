"""How much memory a set of columns needs, and how to hold them when that is more than there is.

Worked out from the files' headers before anything is loaded. Weights take the size of their file. What a context
remembers takes layers × tokens × (key + value width) × 2 bytes. Scratch space is what one batch needs: a row of the
vocabulary for each of its tokens, and the widest activations. Measured beside llama.cpp's own figures in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from culturechat import gguf_file
from culturechat.engines import Plan
from culturechat.engines.llama_cpp.protocol import Weights
from culturechat.errors import EngineError

BATCH_TOKENS = 256
"""Most tokens decoded at once: more saves no time on a CPU and costs compute memory in every context."""

SMALLEST_BESIDE = 1024
"""Contexts are not made smaller than this to let all columns answer side by side; they answer in turn instead."""

SMALLEST = 512
"""Tokens below which a column is of no use."""

_CACHE_BYTES = 2
_CONTEXT_STEP = 256
_GIB = 2**30


def groups(columns: Sequence[Weights], apart: bool) -> list[list[Weights]]:
    """Return the columns that can share a context, in the order of their first."""
    found: dict[object, list[Weights]] = {}
    for weights in columns:
        key = weights.column if apart else (weights.base, weights.adapter)
        found.setdefault(key, []).append(weights)
    return list(found.values())


def plan(columns: Sequence[Weights], context_tokens: int, apart: bool, free: int | None) -> Plan:
    """Return the largest way to hold the columns that fits into `free` bytes.

    Raises:
        EngineError: none does.
    """
    models = {path: _Model.read(Path(path)) for path in {weights.base for weights in columns}}
    shared = groups(columns, apart)
    together, alone = [], []
    tokens = context_tokens
    while tokens >= min(SMALLEST, context_tokens):
        if tokens >= min(SMALLEST_BESIDE, context_tokens):
            together.append(_beside(models, shared, tokens, free))
        alone.append(_in_turn(models, shared, tokens, free))
        tokens //= 2
    found = next((one for one in [*together, *alone] if free is None or one.needed <= free), None)
    if found is None:
        need, there = alone[-1].needed / _GIB, (free or 0) / _GIB
        raise EngineError(
            f"These models need {need:.1f} GiB even one after another, {there:.1f} GiB of memory are free. "
            f"Close other programs, or use a smaller base or number format."
        )
    return found


@dataclass(frozen=True)
class _Model:
    """What a base model's header says of its needs."""

    file_bytes: int
    cache_bytes: int
    """For one token."""
    compute_bytes: int
    """For one context."""
    trained_context: int

    @staticmethod
    def read(path: Path) -> _Model:
        header = gguf_file.read_header(path)

        def number(key: str, otherwise: int) -> int:
            value: Any = header.metadata.get(f"{header.architecture}.{key}")
            return int(value) if isinstance(value, int | float) and value else otherwise

        width, heads = number("embedding_length", 0), number("attention.head_count", 1)
        # where heads differ by layer the header holds a list; as many as there can be is then the safe guess
        key_heads = min(number("attention.head_count_kv", heads), heads)
        keys = number("attention.key_length", width // heads) + number("attention.value_length", width // heads)
        vocabulary = next((tensor.shape[-1] for tensor in header.tensors if tensor.name == "token_embd.weight"), 0)
        return _Model(
            path.stat().st_size,
            number("block_count", 0) * key_heads * keys * _CACHE_BYTES,
            BATCH_TOKENS * 4 * (vocabulary + 2 * number("feed_forward_length", 4 * width) + 4 * width),
            number("context_length", 1 << 30),
        )

    def cache(self, tokens: int, columns: int) -> int:
        room = -(-min(tokens, self.trained_context) // _CONTEXT_STEP) * _CONTEXT_STEP
        return room * columns * self.cache_bytes


def _beside(models: dict[str, _Model], shared: Sequence[Sequence[Weights]], tokens: int, free: int | None) -> Plan:
    adapters = {weights.adapter for group in shared for weights in group if weights.adapter}
    return Plan(
        tokens,
        weights=sum(model.file_bytes for model in models.values()) + sum(map(_size, adapters)),
        cache=sum(models[group[0].base].cache(tokens, len(group)) for group in shared),
        compute=sum(models[group[0].base].compute_bytes for group in shared),
        free=free,
    )


def _in_turn(models: dict[str, _Model], shared: Sequence[Sequence[Weights]], tokens: int, free: int | None) -> Plan:
    plans = [_beside({group[0].base: models[group[0].base]}, [group], tokens, free) for group in shared]
    largest = max(plans, key=lambda plan: plan.needed)
    return Plan(tokens, True, largest.weights, largest.cache, largest.compute, free)


def _size(path: str) -> int:
    return Path(path).stat().st_size
