"""An adapter as peft keeps it: reads the folder and refuses what neither a LoRA file nor a merge can hold.

Knows nothing of GGUF, and of torch only that it is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from culturechat.errors import BadFile, UsageError
from training.checkpoints import Matrix, floats, read_json, read_tensors

_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"

_CHANGED_BASES = ("pissa", "olora", "loftq", "corda")
"""Starts of training that change the base's own weights, so that the adapter fits no other."""


@dataclass(frozen=True)
class LoraFolder:
    """The matrices of an adapter, by the weight that they change."""

    folder: Path
    alpha: float
    """What llama.cpp must divide by the rank to get peft's scale."""
    rank: int
    weights: Mapping[str, tuple[Matrix, Matrix]]
    """transformers' name of a weight to A (rank × inputs) and B (outputs × rank)."""

    def change(self, weight: str) -> Matrix | None:
        """Return what the adapter adds to a weight, or None where it leaves it."""
        if weight not in self.weights:
            return None
        a, b = self.weights[weight]
        return np.asarray((b * np.float32(self.alpha / self.rank)) @ a, np.float32)

    def refuse_strange(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise a `UsageError` where a changed weight is not among these, or has another shape."""
        for weight, (a, b) in self.weights.items():
            if weight not in shapes:
                why = " It is the embedding's, and changing one would change both." if "lm_head" in weight else ""
                raise UsageError(f"{self.folder}: the base has no {weight} of its own.{why}")
            if tuple(shapes[weight]) != (b.shape[0], a.shape[1]):
                raise UsageError(
                    f"{self.folder}: {weight} is {b.shape[0]} × {a.shape[1]} here and "
                    f"{' × '.join(map(str, shapes[weight]))} in the base; it was trained on another."
                )


def read(folder: Path) -> LoraFolder:
    """Return the adapter in a folder.

    Raises:
        BadFile: there is none, or it cannot be read.
        UsageError: it is of a kind that cannot be exported.
    """
    if not (folder / "adapter_config.json").is_file():
        raise BadFile(folder, "holds no adapter. Run `python -m training finetune` first.")
    config = read_json(folder / "adapter_config.json")
    found = read_tensors(folder / "adapter_model.safetensors")
    _refuse(config, set(found), folder)
    weights = {}
    for key in sorted(key for key in found if key.endswith(_A)):
        other = key.removesuffix(_A) + _B
        if other not in found:
            raise BadFile(folder, f"holds {key} without its partner.")
        a, b = floats(found[key]), floats(found[other])
        if a.shape[0] != int(config["r"]) or b.shape[1] != a.shape[0]:
            raise BadFile(folder, f"says rank {config['r']}, {key} has {a.shape[0]}.")
        weights[key.removeprefix(_PREFIX).removesuffix(_A) + ".weight"] = (a, b)
    return LoraFolder(folder, strength(config), int(config["r"]), weights)


def strength(config: Mapping[str, Any]) -> float:
    """Return the alpha that makes llama.cpp's alpha / rank equal peft's scale."""
    alpha, rank = float(config["lora_alpha"]), int(config["r"])
    return float(alpha * rank**0.5) if config.get("use_rslora") else alpha


def _refuse(config: Mapping[str, Any], keys: set[str], folder: Path) -> None:
    for fault, is_there in _faults(config, keys).items():
        if is_there:
            raise UsageError(f"{folder}: {fault}.")
    strange = sorted(key for key in keys if not key.endswith((_A, _B)))
    if strange or not keys:
        raise UsageError(f"{folder}: {strange[0] if strange else 'no matrix'} is no LoRA matrix of a linear layer.")


def _faults(config: Mapping[str, Any], keys: set[str]) -> dict[str, bool]:
    """Return all that is refused, and whether it is the case."""
    kind, start = config.get("peft_type", "LORA"), str(config.get("init_lora_weights", "")).lower()
    modules = list(config.get("modules_to_save") or ())
    return {
        f"a {kind} adapter cannot be exported; only LoRA can": kind != "LORA",
        "DoRA adapters cannot be exported. Train with use_dora = false": (
            bool(config.get("use_dora")) or any("lora_magnitude_vector" in key for key in keys)
        ),
        f"whole trained modules ({', '.join(modules)}) do not fit a LoRA file": bool(modules),
        "trained embeddings do not fit a LoRA file": (
            bool(config.get("trainable_token_indices"))
            or any("lora_embedding" in key or "embed_tokens" in key for key in keys)
        ),
        'trained biases do not fit a LoRA file. Train with bias = "none"': (
            config.get("bias", "none") != "none"
            or bool(config.get("lora_bias"))
            or any(key.endswith(".bias") for key in keys)
        ),
        "ranks or alphas that differ between layers cannot be exported": (
            bool(config.get("rank_pattern") or config.get("alpha_pattern"))
        ),
        f"an adapter begun with {start} fits a changed base only. "
        "Save it with path_initial_model_for_weight_conversion": start.startswith(_CHANGED_BASES),
        "layers that are used twice cannot be exported": bool(config.get("layer_replication")),
        "changes of bare parameters cannot be exported": bool(config.get("target_parameters")),
    }
