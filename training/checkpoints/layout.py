"""Where each tensor of a checkpoint goes in a GGUF file, and how its numbers are arranged there. Reads no weights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from gguf.utility import LocalTensor

from culturechat.errors import UsageError
from training.checkpoints import Checkpoint, Matrix, families
from training.checkpoints.shape import Shape

_LEFT_OUT = re.compile(r"rotary_emb\.inv_freq$|\.masked_bias$|\.attention\.bias$")
"""Tensors that are computed anew wherever they are needed."""


@dataclass(frozen=True)
class Place:
    """One tensor's way into the file."""

    source: str
    """What transformers calls it."""
    tensor: LocalTensor
    name: str
    """What GGUF files call it."""
    heads: int | None
    """Number of heads whose rows are interleaved; None where rows stay."""
    offset: float
    """Added to every number."""

    def arranged(self, values: Matrix) -> Matrix:
        """Return a matrix, or a bias, as the file keeps it."""
        rows = values if values.ndim == 2 else values[:, None]
        moved = interleaved(rows, self.heads).reshape(values.shape)
        return moved + np.float32(self.offset) if self.offset else moved


def places(checkpoint: Checkpoint, shape: Shape) -> list[Place]:
    """Return the way of every tensor.

    Raises:
        UsageError: one has no place in a GGUF file of this family, or one that is needed is not there.
    """
    family = checkpoint.family
    names = families.tensor_names(family.architecture, shape.blocks)
    found = []
    for source, tensor in checkpoint.tensors().items():
        if _LEFT_OUT.search(source) or (shape.tied and source == "lm_head.weight"):
            continue
        name = names.get_name(source, try_suffixes=(".weight", ".bias"))
        if name is None or (source.endswith(".bias") and not family.biases):
            raise UsageError(f"{checkpoint.folder}: {source} has no place in a {family.architecture} file.")
        offset = family.norm_offset if source.endswith("norm.weight") else 0.0
        found.append(
            Place(
                source,
                tensor,
                name,
                heads_of(name, shape.heads, shape.key_heads) if family.interleaved else None,
                offset,
            )
        )
    missing = next((name for name in _needed(shape) if name not in {place.name for place in found}), None)
    if missing:
        raise UsageError(f"{checkpoint.folder}: its files hold no {missing}.")
    return found


def interleaved(rows: Matrix, heads: int | None) -> Matrix:
    """Return rows in the order that llama.cpp's rotary embedding expects.

    transformers turns row i of a head together with row i + half; llama.cpp turns neighbours. Only the outputs of query
    and key layers are turned, so only their rows move (of an adapter, those of B), within each head; `heads` is None
    for every other layer.
    """
    if heads is None:
        return rows
    count, width = rows.shape
    return rows.reshape(heads, 2, count // heads // 2, width).swapaxes(1, 2).reshape(count, width)


def heads_of(tensor: str, heads: int, key_heads: int) -> int | None:
    """Return how many heads share the rows of a query or key tensor, or None for any other tensor."""
    layer = tensor.removesuffix(".weight").removesuffix(".bias")
    if layer.endswith(".attn_q"):
        return heads
    return key_heads if layer.endswith(".attn_k") else None


def _needed(shape: Shape) -> Iterator[str]:
    yield from ("token_embd.weight", "output_norm.weight")
    if not shape.tied:
        yield "output.weight"
    yield from (f"blk.{block}.ffn_down.weight" for block in range(shape.blocks))
