"""The model families that can be converted: one TOML file each, this folder is their registry. Reads no weights.

A file is called as `model_type` is in a checkpoint's config.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from gguf import TensorNameMap, get_tensor_name_map
from gguf.constants import MODEL_ARCH, MODEL_ARCH_NAMES

from culturechat import records
from culturechat.errors import UsageError

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Family:
    """How the checkpoints of one family differ from what llama.cpp reads."""

    classes: tuple[str, ...]
    """What transformers calls the models of this family that write text."""
    architecture: str
    """What GGUF files call it."""
    interleaved: bool
    """Whether GGUF files keep query and key rows in another order; see `layout.interleaved`."""
    norm_offset: float
    """What is added to the weights of norms."""
    biases: bool
    """Whether linear layers may have one."""
    activation: str
    """The only function between the linear layers that llama.cpp computes."""
    window: Literal["none", "ends", "alternates"]
    """Sliding windows: never there, ignored by llama.cpp (so the context ends where it begins), or in most layers."""
    targets: tuple[str, ...]
    """All linear layers of a block, which get an adapter unless the base's file says otherwise."""


def names() -> list[str]:
    """Return the `model_type` of all families, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Family:
    """Return one family."""
    return records.read(FOLDER / f"{name}.toml", Family)


def of_architecture(architecture: str) -> Family:
    """Return a family that GGUF files call so; where there are two, they keep rows in the same order.

    Raises:
        UsageError: there is none.
    """
    known = {load(name).architecture: load(name) for name in names()}
    if architecture not in known:
        raise UsageError(
            f"Models of architecture {architecture!r} cannot be converted. Known: {', '.join(sorted(known))}."
        )
    return known[architecture]


def tensor_names(architecture: str, blocks: int) -> TensorNameMap:
    """Return the map from transformers' names of tensors to GGUF's."""
    number: MODEL_ARCH = next(number for number, name in MODEL_ARCH_NAMES.items() if name == architecture)
    return get_tensor_name_map(number, blocks)
