"""A GGUF adapter as a PEFT folder: the inverse of what the training pipeline does, without torch.

peft's scale is alpha / rank as in llama.cpp, so alpha stays; only the rows of query and key layers stand in another
order (see `restored`). Weights stay in the 16-bit floats of the file: converting back and forth changes no bit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from culturechat import gguf_file, merging
from culturechat.errors import BadFile, UsageError
from culturechat.gguf_file import Header

Half = NDArray[np.float16]

LAYERS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""GGUF's names of a block's layers to transformers'."""

TURNED = {"llama": True}
"""Architectures that can be written, and whether GGUF files keep their query and key rows in another order."""

_TENSOR = re.compile(r"blk\.(\d+)\.(\w+)\.weight")


def weights(adapter: Path, base: Path) -> dict[str, Half]:
    """Return the adapter's matrices by the names and in the row order of transformers and peft.

    Raises:
        UsageError: the architecture is unknown here, or a layer is.
        BadFile: a file is damaged, or no adapter.
    """
    header = gguf_file.read_header(base)
    if header.architecture not in TURNED:
        raise UsageError(f"{header.architecture!r} adapters cannot be written for PEFT. Known: {', '.join(TURNED)}.")
    return dict(_renamed(adapter, header))


def config(adapter: Path, matrices: dict[str, Half]) -> dict[str, Any]:
    """Return what peft wants to know of the adapter.

    Raises:
        BadFile: it does not say which base it belongs to, or its ranks differ.
    """
    metadata = gguf_file.read_header(adapter).metadata
    ranks = {matrix.shape[0] for name, matrix in matrices.items() if ".lora_A." in name}
    if len(ranks) != 1:
        raise BadFile(adapter, f"has several ranks ({', '.join(map(str, sorted(ranks)))}); PEFT's folder holds one.")
    rank = ranks.pop()
    alpha = float(metadata.get("adapter.lora.alpha", rank))
    return {
        "base_model_name_or_path": repository(adapter),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_to_transform": sorted({int(layer) for layer in re.findall(r"\.layers\.(\d+)\.", " ".join(matrices))}),
        "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": sorted({name.split(".")[-3] for name in matrices}),
        "task_type": "CAUSAL_LM",
        "use_dora": False,
        "use_rslora": False,
    }


def repository(adapter: Path) -> str:
    """Return the base's name on Hugging Face, such as `HuggingFaceTB/SmolLM2-135M-Instruct`.

    Raises:
        BadFile: the adapter does not say it.
    """
    address = str(gguf_file.read_header(adapter).metadata.get("general.base_model.0.repo_url", ""))
    name = urlsplit(address).path.strip("/")
    if name.count("/") != 1:
        raise BadFile(adapter, "does not say which Hugging Face model it belongs to (general.base_model.0.repo_url).")
    return name


def write(folder: Path, adapter: Path, base: Path) -> None:
    """Write `adapter_model.safetensors` and `adapter_config.json`.

    Raises:
        UsageError: safetensors is not installed, or the adapter cannot be converted.
    """
    try:
        from safetensors.numpy import save_file
    except ModuleNotFoundError:
        raise UsageError("This export needs safetensors: pip install 'culturechat[export]'.") from None
    matrices = weights(adapter, base)
    text = json.dumps(config(adapter, matrices), indent=2)
    save_file(matrices, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_config.json").write_text(text + "\n", "utf-8")


def restored(b: Half, heads: int | None) -> Half:
    """Return rows in transformers' order, where the two halves of a head stand one after the other.

    In a GGUF file of a llama-type model they alternate, because llama.cpp turns neighbours. Only the outputs of query
    and key layers are turned; `heads` is None for every other layer.
    """
    if heads is None:
        return b
    rows, rank = b.shape
    return b.reshape(heads, rows // heads // 2, 2, rank).swapaxes(1, 2).reshape(rows, rank)


def _renamed(adapter: Path, header: Header) -> Iterator[tuple[str, Half]]:
    for tensor, (a, b) in merging.read_lora(adapter).pairs.items():
        found = _TENSOR.fullmatch(tensor)
        layer = LAYERS.get(found.group(2)) if found else None
        if found is None or layer is None:
            raise UsageError(f"{adapter}: {tensor} has no place in a PEFT adapter of this architecture.")
        name = f"base_model.model.model.layers.{found.group(1)}.{layer}"
        heads = _heads(found.group(2), header) if TURNED[header.architecture] else None
        yield f"{name}.lora_A.weight", np.ascontiguousarray(a, dtype=np.float16)
        yield f"{name}.lora_B.weight", np.ascontiguousarray(restored(b.astype(np.float16), heads))


def _heads(layer: str, header: Header) -> int | None:
    """Return how many heads share the rows of a query or key layer."""
    counts = header.metadata
    heads = int(counts[f"{header.architecture}.attention.head_count"])
    many = {"attn_q": heads, "attn_k": int(counts.get(f"{header.architecture}.attention.head_count_kv", heads))}
    return many.get(layer)
