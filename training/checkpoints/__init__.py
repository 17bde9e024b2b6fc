"""Models as Hugging Face keeps them: a folder of safetensors, a configuration and a tokenizer. Needs no torch.

`load` opens a folder and refuses what llama.cpp would compute otherwise than transformers does; `convert.write` makes a
GGUF file of it, with or without a LoRA adapter laid into the weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf.utility import LocalTensor, SafetensorsLocal
from numpy.typing import NDArray

from culturechat import catalogue
from culturechat.errors import BadFile, UsageError
from training.checkpoints import families
from training.checkpoints.families import Family

Matrix = NDArray[np.float32]

TYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
"""Number formats of safetensors that weights can be in, and how numpy reads them."""


@dataclass(frozen=True)
class Checkpoint:
    """One folder."""

    folder: Path
    config: Mapping[str, Any]
    family: Family

    def tensors(self) -> dict[str, LocalTensor]:
        """Return where every tensor lies, by name, without reading it.

        Raises:
            BadFile: a file is missing or damaged, or weights are in a format that is no plain number.
        """
        found = {name: tensor for path in self.files() for name, tensor in read_tensors(path).items()}
        for name, tensor in found.items():
            if tensor.dtype not in TYPES:
                raise BadFile(self.folder, f"{name} is in {tensor.dtype}; known are {', '.join(TYPES)}.")
        return found

    def files(self) -> list[Path]:
        """Return the files that hold the weights."""
        index = self.folder / "model.safetensors.index.json"
        if not index.is_file():
            return [self.folder / "model.safetensors"]
        return [self.folder / name for name in sorted(set(read_json(index)["weight_map"].values()))]

    def digest(self) -> str:
        """Return a hash of all that a converted file follows from."""
        total = hashlib.sha256()
        for path in (*sorted(self.folder.glob("*.json")), *self.folder.glob("*.jinja"), *self.files()):
            total.update(f"{path.name} {catalogue.sha256_of(path)}\n".encode())
        return total.hexdigest()


def load(folder: Path) -> Checkpoint:
    """Open a folder.

    Raises:
        BadFile: it holds no configuration, no safetensors or no tokenizer.json.
        UsageError: llama.cpp cannot compute this model as it was trained; what stands in the way is named.
    """
    if not (folder / "config.json").is_file():
        raise BadFile(folder, "holds no config.json, so it is no model of Hugging Face's.")
    config = read_json(folder / "config.json")
    checkpoint = Checkpoint(folder, config, _family(config, folder))
    for path in checkpoint.files():
        if not path.is_file():
            raise BadFile(path, "is not there. Save the model as safetensors: model.save_pretrained(FOLDER).")
    if not (folder / "tokenizer.json").is_file():
        raise BadFile(folder, "holds no tokenizer.json. AutoTokenizer's save_pretrained(FOLDER) writes one.")
    return checkpoint


def read_tensors(path: Path) -> dict[str, LocalTensor]:
    """Return the tensors of a safetensors file, not yet read."""
    try:
        found: dict[str, LocalTensor] = SafetensorsLocal(path).tensors
        size = path.stat().st_size
    except FileNotFoundError:
        raise BadFile(path, "is not there.") from None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise BadFile(path, f"is no readable safetensors file ({error}).") from None
    if any(tensor.data_range.offset + tensor.data_range.size > size for tensor in found.values()):
        raise BadFile(path, "is cut short.")
    return found


def floats(tensor: LocalTensor) -> Matrix:
    """Return a tensor in 32-bit floats."""
    values = tensor.mmap_bytes().view(TYPES[tensor.dtype])
    if tensor.dtype == "BF16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    plain: Matrix = np.asarray(values.astype(np.float32)).reshape(tensor.shape)
    return plain


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file that holds an object."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadFile(path, f"cannot be read ({error}).") from None
    if not isinstance(values, dict):
        raise BadFile(path, "holds no JSON object.")
    return values


def _family(config: Mapping[str, Any], folder: Path) -> Family:
    kind, classes = str(config.get("model_type", "")), list(config.get("architectures") or [])
    if kind not in families.names():
        what = ", ".join(classes) or kind or "of no named type"
        raise UsageError(f"{folder}: a model {what} cannot be converted. Known: {', '.join(families.names())}.")
    family = families.load(kind)
    if classes and classes[0] not in family.classes:
        raise UsageError(f"{folder}: a {classes[0]} writes no text; needed is a {' or '.join(family.classes)}.")
    if config.get("quantization_config"):
        raise UsageError(f"{folder}: its weights are quantized. Give the folder of the unquantized model.")
    return family
