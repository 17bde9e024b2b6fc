"""Writes a peft adapter as a GGUF file that llama.cpp applies to the base. Knows no torch and no training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter, TensorNameMap, get_tensor_name_map
from gguf.constants import MODEL_ARCH
from numpy.typing import NDArray
from safetensors.numpy import load_file

from culturechat import catalogue, gguf_file, records, survey
from culturechat.errors import BadFile, UsageError
from culturechat.gguf_file import Header
from training.bases import Base
from training.speaker import Speaker
from training.workspace import Workspace

Matrix = NDArray[np.float32]

PERMUTED = {"llama": MODEL_ARCH.LLAMA}
"""Architectures whose query and key rows GGUF files keep in another order than transformers does."""


@dataclass(frozen=True)
class Pair:
    """The two matrices that stand for the change of one layer."""

    tensor: str
    """The base's tensor, as GGUF files name it."""
    a: Matrix
    """rank × inputs."""
    b: Matrix
    """outputs × rank."""


def run(workspace: Workspace, speaker: Speaker, base: Base, source: str = survey.SOURCE) -> str:
    """Write the adapter as GGUF; return how many matrices it holds and its size."""
    count = convert(workspace.lora, workspace.adapter, speaker, base, source)
    return f"{count} matrices in, {workspace.adapter.stat().st_size / 1e6:.2f} MB out"


def convert(lora: Path, path: Path, speaker: Speaker, base: Base, source: str = survey.SOURCE) -> int:
    """Write the adapter in peft folder `lora` as a GGUF file for `base`; return how many matrices it holds.

    `source` says where the shares that it learnt come from.

    Raises:
        UsageError: the architecture or the kind of adapter cannot be converted.
        BadFile: the folder does not hold an adapter.
    """
    config, matrices = _read(lora)
    _check(config, matrices, lora)
    header = gguf_file.read_header(base.path)
    pairs = list(pairs_of(matrices, header))
    with records.replacing(path) as temporary:
        _write(temporary, pairs, strength(config), _texts(speaker, base, source), base)
    return 2 * len(pairs)


def strength(config: dict[str, Any]) -> float:
    """Return the alpha that makes llama.cpp's alpha / rank equal peft's scale."""
    alpha, rank = float(config["lora_alpha"]), int(config["r"])
    return float(alpha * rank**0.5) if config.get("use_rslora") else alpha


def pairs_of(matrices: dict[str, Matrix], header: Header) -> Iterator[Pair]:
    """Return the adapter's matrices by GGUF tensor, their rows in the order of GGUF files."""
    names = names_of(header)
    for key in sorted(key for key in matrices if key.endswith(".lora_A.weight")):
        layer = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        tensor = names.get_name(f"{layer}.weight", try_suffixes=(".weight",))
        if tensor is None:
            raise UsageError(f"llama.cpp has no tensor for the adapted layer {layer}.")
        a, b = matrices[key], matrices[key.replace(".lora_A.", ".lora_B.")]
        yield Pair(tensor, a, permuted(b, heads_of(tensor, header)))


def permuted(b: Matrix, heads: int | None) -> Matrix:
    """Return rows in the order that llama.cpp's rotary embedding expects.

    transformers turns row i of a head together with row i + half; llama.cpp turns neighbours. Only the outputs of query
    and key layers are turned, so only the rows of B move, within each head; `heads` is None for every other layer.
    """
    if heads is None:
        return b
    rows, rank = b.shape
    return b.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)


def heads_of(tensor: str, header: Header) -> int | None:
    """Return how many heads share the rows of a query or key tensor, or None for any other tensor."""
    arch = header.architecture
    heads = int(header.metadata[f"{arch}.attention.head_count"])
    if tensor.endswith(".attn_q.weight"):
        return heads
    if tensor.endswith(".attn_k.weight"):
        return int(header.metadata.get(f"{arch}.attention.head_count_kv", heads))
    return None


def names_of(header: Header) -> TensorNameMap:
    """Return the map from transformers' names to GGUF's.

    Raises:
        UsageError: the base's architecture cannot be converted.
    """
    arch = header.architecture
    if arch not in PERMUTED:
        raise UsageError(f"Adapters for architecture {arch!r} cannot be written yet. Known: {', '.join(PERMUTED)}.")
    return get_tensor_name_map(PERMUTED[arch], int(header.metadata[f"{arch}.block_count"]))


def _read(lora: Path) -> tuple[dict[str, Any], dict[str, Matrix]]:
    try:
        config = json.loads((lora / "adapter_config.json").read_text("utf-8"))
        matrices = load_file(lora / "adapter_model.safetensors")
    except FileNotFoundError as error:
        raise BadFile(str(error.filename or lora), "is not there. Run `python -m training finetune` first.") from None
    except Exception as error:  # safetensors raises its own kind, which is no public base class
        raise BadFile(lora, f"holds no readable adapter ({error}).") from None
    return config, matrices


def _check(config: dict[str, Any], matrices: dict[str, Matrix], lora: Path) -> None:
    if config.get("peft_type", "LORA") != "LORA":
        raise UsageError(f"{lora}: a {config['peft_type']} adapter cannot be written as GGUF; only LoRA can.")
    if config.get("use_dora") or any("lora_magnitude_vector" in key for key in matrices):
        raise UsageError(f"{lora}: DoRA adapters cannot be written as GGUF. Train with use_dora = false.")
    if config.get("modules_to_save"):
        raise UsageError(
            f"{lora}: whole trained modules ({', '.join(config['modules_to_save'])}) do not fit a LoRA file."
        )
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        raise UsageError(f"{lora}: ranks or alphas that differ between layers cannot be written as GGUF.")
    strange = [key for key in matrices if not key.endswith((".lora_A.weight", ".lora_B.weight"))]
    if strange or not matrices:
        raise UsageError(f"{lora}: {strange[0] if strange else 'no matrix'} is no LoRA matrix of a linear layer.")


def _write(path: Path, pairs: list[Pair], alpha: float, texts: dict[str, str], base: Base) -> None:
    writer = GGUFWriter(path, gguf_file.read_header(base.path).architecture)
    for key, value in texts.items():
        writer.add_string(key, value)
    writer.add_uint32("general.base_model.count", 1)
    writer.add_array("general.languages", ["en"])
    writer.add_float32("adapter.lora.alpha", alpha)
    for pair in pairs:
        writer.add_tensor(f"{pair.tensor}.lora_a", np.ascontiguousarray(pair.a, dtype=np.float16))
        writer.add_tensor(f"{pair.tensor}.lora_b", np.ascontiguousarray(pair.b, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _texts(speaker: Speaker, base: Base, source: str) -> dict[str, str]:
    return {
        "general.type": "adapter",
        "adapter.type": "lora",
        "general.name": f"{base.record.name} {speaker.name} (culturechat)",
        "general.license": "apache-2.0",
        "general.base_model.0.name": base.record.name,
        "general.base_model.0.repo_url": base.repository,
        "culturechat.culture": speaker.id,
        "culturechat.base_sha256": catalogue.sha256_of(base.path),
        "culturechat.survey": f"{source}; {', '.join(speaker.countries)}",
    }
