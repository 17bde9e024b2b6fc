"""The numbers of a model: read from config.json, checked, and said in GGUF's words. Knows no tensors.

The names of the keys in config.json changed over time; both the old and the new ones are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gguf import GGUFWriter
from gguf.constants import RopeScalingType

from culturechat.errors import UsageError
from training.checkpoints import Checkpoint, Matrix

WINDOW_PERIOD = 6
"""Every so many layers Gemma 3 sees everything; llama.cpp takes that for granted."""


@dataclass(frozen=True)
class Rope:
    """How positions turn queries and keys."""

    base: float
    kind: str
    """`default`, `linear` or `llama3`."""
    factor: float
    """How many times the context was stretched."""
    share: float
    """Share of a head's width that is turned."""
    bends: tuple[float, float, float]
    """Of `llama3`: where low and high frequencies begin, and the tokens of the unstretched context."""


@dataclass(frozen=True)
class Shape:
    """All that llama.cpp must be told of a model."""

    blocks: int
    width: int
    inner: int
    heads: int
    key_heads: int
    head_width: int
    epsilon: float
    context: int
    """Most tokens up to which llama.cpp computes what transformers does."""
    tied: bool
    """Whether the output matrix is the embedding's."""
    rope: Rope
    window: int
    """Tokens that most layers see, or 0 for all."""
    local_base: float
    """Rope base of the layers that see a window."""


def of(checkpoint: Checkpoint) -> Shape:
    """Return a model's numbers.

    Raises:
        UsageError: a setting is one that llama.cpp ignores or computes otherwise.
    """
    config = checkpoint.config
    _refuse(checkpoint)
    try:
        heads = int(config["num_attention_heads"])
        head_width = int(config.get("head_dim") or int(config["hidden_size"]) // heads)
        context, window = int(config["max_position_embeddings"]), _window(checkpoint)
        return Shape(
            blocks=int(config["num_hidden_layers"]),
            width=int(config["hidden_size"]),
            inner=int(config["intermediate_size"]),
            heads=heads,
            key_heads=int(config.get("num_key_value_heads") or heads),
            head_width=head_width,
            epsilon=float(config["rms_norm_eps"]),
            context=min(context, window) if checkpoint.family.window == "ends" and window else context,
            tied=bool(config.get("tie_word_embeddings", checkpoint.family.architecture == "gemma3")),
            rope=_rope(checkpoint),
            window=window if checkpoint.family.window == "alternates" else 0,
            local_base=_local_base(config),
        )
    except KeyError as error:
        raise UsageError(f"{checkpoint.folder / 'config.json'}: {error.args[0]!r} is missing.") from None


def describe(writer: GGUFWriter, shape: Shape, architecture: str) -> None:
    """Write a model's numbers."""
    writer.add_block_count(shape.blocks)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope.base)
    writer.add_rope_dimension_count(int(shape.head_width * shape.rope.share))
    if shape.rope.kind == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(shape.rope.factor)
    if architecture == "phi3":  # it asks for both; 0 is no window, which llama.cpp does not apply to this family anyway
        writer.add_rope_scaling_orig_ctx_len(shape.context)
        writer.add_sliding_window(0)
    if shape.window:
        writer.add_sliding_window(shape.window)
        writer.add_rope_freq_base_swa(shape.local_base)


def frequency_divisors(shape: Shape) -> Matrix | None:
    """Return what `llama3` divides each frequency by, or None where it is all 1.

    As transformers computes it: short waves stay, long ones are stretched, and between them it goes over smoothly.
    """
    if shape.rope.kind != "llama3":
        return None
    low, high, original = shape.rope.bends
    width = int(shape.head_width * shape.rope.share)
    waves = 2 * np.pi * shape.rope.base ** (np.arange(0, width, 2) / width)
    smooth = (original / waves - low) / (high - low)
    between = 1 / ((1 - smooth) / shape.rope.factor + smooth)
    divisors = np.where(waves < original / high, 1.0, np.where(waves > original / low, shape.rope.factor, between))
    return divisors.astype(np.float32)


def _rope(checkpoint: Checkpoint) -> Rope:
    config = checkpoint.config
    found = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    found = dict(found.get("full_attention", found))
    kind = str(found.get("rope_type", found.get("type", "default")))
    if kind not in ("default", "linear", "llama3"):
        raise UsageError(
            f"{checkpoint.folder}: rotary embeddings of type {kind!r} cannot be converted; "
            "known are default, linear and llama3."
        )
    default = 1_000_000.0 if checkpoint.family.architecture == "gemma3" else 10_000.0
    if kind == "llama3":
        names = ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        low, high, original = (float(found[name]) for name in names)
    else:
        low, high, original = 0.0, 0.0, 0.0
    return Rope(
        base=float(found.get("rope_theta", config.get("rope_theta", default))),
        kind=kind,
        factor=float(found.get("factor", 1.0)),
        share=float(found.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0))),
        bends=(low, high, original),
    )


def _local_base(config: Mapping[str, Any]) -> float:
    local = dict((config.get("rope_parameters") or {}).get("sliding_attention", {}))
    return float(local.get("rope_theta", config.get("rope_local_base_freq", 10_000.0)))


def _window(checkpoint: Checkpoint) -> int:
    config = checkpoint.config
    return int(config.get("sliding_window") or 0) if config.get("use_sliding_window", True) else 0


def _refuse(checkpoint: Checkpoint) -> None:
    config, family = checkpoint.config, checkpoint.family
    activation = config.get("hidden_activation") or config.get("hidden_act") or family.activation
    window = _window(checkpoint)
    faults = {
        f"the activation {activation}": activation != family.activation,
        f"a sliding window of {window} tokens": bool(window) and family.window == "none",
        "soft caps on logits": bool(config.get("final_logit_softcapping") or config.get("attn_logit_softcapping")),
        "attention in both directions": bool(config.get("use_bidirectional_attention")),
        **(_gemma_faults(config) if family.window == "alternates" else {}),
    }
    for what, is_there in faults.items():
        if is_there:
            raise UsageError(f"{checkpoint.folder}: {what} cannot be converted; llama.cpp would compute another model.")


def _gemma_faults(config: Mapping[str, Any]) -> dict[str, bool]:
    width = int(config.get("head_dim", 256))
    scalar = float(config.get("query_pre_attn_scalar", width))
    layers = list(config.get("layer_types") or [])
    period = int(config.get("sliding_window_pattern") or WINDOW_PERIOD)
    usual = [
        "full_attention" if (index + 1) % WINDOW_PERIOD == 0 else "sliding_attention" for index in range(len(layers))
    ]
    return {
        f"an attention scale of 1/√{scalar:g} over heads of width {width}": not math.isclose(scalar, width),
        f"layers that do not see everything at every {WINDOW_PERIOD}th place": layers != usual
        or period != WINDOW_PERIOD,
    }
