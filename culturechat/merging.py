"""Lays a LoRA adapter into its base and writes one complete GGUF file; needs neither torch nor an engine.

W' = W + (alpha / rank) · B·A, computed in 32-bit floats on the dequantized weights. The adapter's matrices are already
in the row order of GGUF files, so no architecture needs special care. Everything else of the base (tokenizer, chat
template, untouched tensors) is copied as it is; culture, survey, licence and origin are the adapter's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFWriter, Keys
from gguf.constants import GGMLQuantizationType, GGUFValueType
from gguf.quants import dequantize
from numpy.typing import NDArray

from culturechat import gguf_file, gguf_writing
from culturechat.errors import BadFile

Matrix = NDArray[np.float32]

_DROPPED = {Keys.General.ARCHITECTURE, Keys.General.FILE_TYPE, Keys.General.QUANTIZATION_VERSION, Keys.General.NAME}
"""Keys the writer sets itself, or that are no longer true."""

_ADAPTERS = ("culturechat.", "general.base_model.", "general.license", "general.languages")
"""Starts of the keys that a merged model has from its adapter."""


@dataclass(frozen=True)
class Lora:
    """What an adapter file holds."""

    alpha: float | None
    """Strength times rank; None where the file does not say, which means a strength of 1."""
    pairs: dict[str, tuple[Matrix, Matrix]]
    """The base's tensor to A (rank × inputs) and B (outputs × rank)."""

    def scaled(self, tensor: str) -> tuple[Matrix, Matrix]:
        """Return A and B of a tensor, B at full strength, so that the tensor changes by B·A."""
        a, b = self.pairs[tensor]
        return a, b if not self.alpha else b * np.float32(self.alpha / a.shape[0])


def merge(base: Path, adapter: Path, target: Path, texts: Mapping[str, str], progress: Callable[[float], None]) -> None:
    """Write base and adapter as one file, changed tensors in 32-bit floats, whole or not at all.

    Args:
        base: A whole model.
        adapter: A LoRA file made for it; the caller has checked that.
        target: Where the merged model goes.
        texts: Metadata to set, such as `general.name`, instead of what base and adapter say.
        progress: Told the share that is done, from 0 to 1.

    Raises:
        BadFile: the adapter changes a tensor that the base does not have, or of another shape, or in a number format
            that cannot be read; or the disk is full.
    """
    lora = read_lora(adapter)
    reader = GGUFReader(base)
    shapes = {tensor.name: tuple(int(size) for size in reversed(tensor.shape)) for tensor in reader.tensors}
    for name, (a, b) in lora.pairs.items():
        if shapes.get(name) != (b.shape[0], a.shape[1]):
            raise BadFile(adapter, f"does not fit {base.name}: {name} is {shapes.get(name, 'not in it')}.")
    unreadable = next((t for t in reader.tensors if t.name in lora.pairs and not _is_readable(t)), None)
    if unreadable is not None:
        raise BadFile(base, f"{unreadable.name} is in {unreadable.tensor_type.name}, into which nothing can be merged.")
    with gguf_writing.writing(target, gguf_file.read_header(base).architecture) as writer:
        copy_metadata(reader, writer, texts, GGUFReader(adapter))
        for tensor in reader.tensors:
            if tensor.name in lora.pairs:
                size = 4 * int(np.prod(shapes[tensor.name]))
                writer.add_tensor_info(tensor.name, shapes[tensor.name], np.dtype(np.float32), size)
            else:
                writer.add_tensor_info(
                    tensor.name, tensor.data.shape, tensor.data.dtype, tensor.data.nbytes, tensor.tensor_type
                )
        gguf_writing.write_head(writer)
        for index, tensor in enumerate(reader.tensors):
            writer.write_tensor_data(_merged(tensor, lora) if tensor.name in lora.pairs else tensor.data)
            progress((index + 1) / len(reader.tensors))


def read_lora(path: Path) -> Lora:
    """Return the matrices of an adapter file.

    Raises:
        BadFile: it is no LoRA adapter, or a matrix has no partner.
    """
    header = gguf_file.read_header(path)
    if header.metadata.get("adapter.type") != "lora":
        raise BadFile(path, "is no LoRA adapter.")
    found = {tensor.name: _floats(tensor) for tensor in GGUFReader(path).tensors}
    names = {name.removesuffix(".lora_a") for name in found if name.endswith(".lora_a")}
    lonely = set(found) - {f"{name}.lora_{side}" for name in names for side in "ab"}
    if lonely or not names or any(f"{name}.lora_b" not in found for name in names):
        raise BadFile(path, "holds matrices that are no pairs of a LoRA adapter.")
    pairs = {name: (found[f"{name}.lora_a"], found[f"{name}.lora_b"]) for name in sorted(names)}
    alpha = header.metadata.get("adapter.lora.alpha")
    return Lora(None if alpha is None else float(alpha), pairs)


def _merged(tensor: Any, lora: Lora) -> Matrix:
    a, b = lora.scaled(tensor.name)
    merged: Matrix = np.ascontiguousarray(_floats(tensor) + b @ a, dtype=np.float32)
    return merged


def _floats(tensor: Any) -> Matrix:
    values: Matrix = dequantize(tensor.data, GGMLQuantizationType(tensor.tensor_type)).astype(np.float32)
    return values.reshape(tuple(int(size) for size in reversed(tensor.shape)))


def _is_readable(tensor: Any) -> bool:
    try:
        dequantize(tensor.data[:1], GGMLQuantizationType(tensor.tensor_type))
    except NotImplementedError:  # gguf's own word for a number format that it cannot read
        return False
    return True


def copy_metadata(
    reader: GGUFReader, writer: GGUFWriter, texts: Mapping[str, str], adapter: GGUFReader | None = None
) -> None:
    """Copy what a file says of itself, some texts replaced or added; what the writer sets by itself is left to it.

    Of an `adapter` that is laid into it, the merged model has culture, survey, licence and origin.
    """
    own = {key: field for key, field in reader.fields.items() if not key.startswith("GGUF.") and key not in _DROPPED}
    taken = {key: field for key, field in adapter.fields.items() if key.startswith(_ADAPTERS)} if adapter else {}
    if any(key.startswith("general.base_model.") for key in taken):
        own = {key: field for key, field in own.items() if not key.startswith("general.base_model.")}
    for key, field in {**own, **taken}.items():
        if key in texts:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, inner)
    for key, text in texts.items():
        writer.add_string(key, text)
