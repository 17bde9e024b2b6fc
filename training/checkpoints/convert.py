"""Writes a checkpoint as a GGUF file, and lays an adapter in peft's form into its weights on the way. Needs no torch.

W' = W + scale · B·A is computed in 32-bit floats, in transformers' own order of rows, before anything is rearranged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, Metadata
from gguf.constants import GGMLQuantizationType as Kind
from gguf.constants import GGUFValueType
from gguf.quants import quantize

from culturechat import gguf_writing
from training.checkpoints import Checkpoint, Matrix, floats, layout, shape, vocabulary
from training.checkpoints.layout import Place
from training.checkpoints.lora import LoraFolder

MATRICES = {"F32": Kind.F16, "F16": Kind.F16, "BF16": Kind.BF16}
"""Number format of a matrix in the checkpoint to the one in the file; vectors are always in 32-bit floats."""

LORA_MATRICES = Kind.F32
"""Number format of a matrix that an adapter was laid into: what is quantized next should not be rounded before."""

Value = str | int | list[str]


def write(
    checkpoint: Checkpoint,
    target: Path,
    values: Mapping[str, Value],
    lora: LoraFolder | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write the whole model as one file, whole or not at all.

    Args:
        checkpoint: What is converted.
        target: Where it goes.
        values: Metadata that stands instead of what the folder says.
        lora: Laid into the weights.
        progress: Told the share that is done, from 0 to 1.

    Raises:
        UsageError: the model, its tokenizer or the adapter has something that llama.cpp would compute otherwise.
        BadFile: a file is damaged, or the disk is full.
    """
    numbers = shape.of(checkpoint)
    places = layout.places(checkpoint, numbers)
    if lora is not None:
        lora.refuse_strange({place.source: place.tensor.shape for place in places})
    rows = next(place.tensor.shape[0] for place in places if place.name == "token_embd.weight")
    divisors = shape.frequency_divisors(numbers)
    with gguf_writing.writing(
        target, checkpoint.family.architecture, lambda file: vocabulary.refuse_other_splits(file, checkpoint.folder)
    ) as writer:
        _describe(writer, checkpoint, values, sum(prod(place.tensor.shape) for place in places))
        shape.describe(writer, numbers, checkpoint.family.architecture)
        writer.add_vocab_size(rows)
        vocabulary.write(writer, checkpoint, rows)
        if divisors is not None:
            writer.add_tensor_info("rope_freqs.weight", divisors.shape, divisors.dtype, divisors.nbytes, Kind.F32)
        for place in places:
            kind, size = _kind(place, lora), prod(place.tensor.shape)
            writer.add_tensor_info(
                place.name, place.tensor.shape, np.dtype(np.float32), size * (4 if kind == Kind.F32 else 2), kind
            )
        gguf_writing.write_head(writer)
        if divisors is not None:
            writer.write_tensor_data(divisors)
        for index, place in enumerate(places):
            writer.write_tensor_data(quantize(_values(place, lora), _kind(place, lora)))
            progress((index + 1) / len(places))


def _values(place: Place, lora: LoraFolder | None) -> Matrix:
    values = floats(place.tensor)
    if lora is not None and (change := lora.change(place.source)) is not None:
        values = values + change
    return np.ascontiguousarray(place.arranged(values))


def _kind(place: Place, lora: LoraFolder | None) -> Kind:
    if len(place.tensor.shape) == 1:
        return Kind.F32
    if lora is not None and place.source in lora.weights:
        return LORA_MATRICES
    return MATRICES[place.tensor.dtype]


def _describe(writer: GGUFWriter, checkpoint: Checkpoint, values: Mapping[str, Value], count: int) -> None:
    """Write name, licence, languages and origin as the folder's README tells them, then `values`."""
    logging.getLogger("gguf").setLevel(logging.ERROR)  # its warnings are about guesses that `values` replaces
    told = Metadata.load(None, checkpoint.folder, checkpoint.folder.name, count)
    if any(key.startswith("general.base_model.") for key in values):
        told.base_models = None
    told.set_gguf_meta_model(writer)
    for key, value in values.items():
        (written,) = writer.kv_data
        written.pop(key, None)
        if isinstance(value, list):
            writer.add_array(key, value)
        else:
            writer.add_key_value(key, value, GGUFValueType.STRING if isinstance(value, str) else GGUFValueType.UINT32)
    if "general.type" not in writer.kv_data[0]:
        writer.add_type("model")
