"""Q4_1 weights as Q4_0 weights plus a LoRA adapter: the same numbers in a form that a CPU computes much faster.

A Q4_1 block holds 32 weights as `d·q + m`, q from 0 to 15; a Q4_0 block holds `d·(q − 8)`. So a block of the one is the
block of the other with the same d and q, plus the constant `m + 8d`. Times the inputs, the constants of a row add up to
Σ over its blocks of constant × sum of the block's inputs: B·A·x with the constants as B and, as A, a row for each block
that is 1 inside it and 0 elsewhere. llama.cpp has fast kernels for Q4_0, none for Q4_1, and adds B·A·x anyway for an
adapter: a culture's own A and B stand in the same file. Nothing is rounded but B and A, to Q8_0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFWriter, Keys
from gguf.constants import GGMLQuantizationType as Kind
from gguf.constants import GGUFType, LlamaFileType
from gguf.quants import quantize
from numpy.typing import NDArray

from culturechat import gguf_file, merging, records
from culturechat.merging import Lora, Matrix

BLOCK = 32
_Q4_1_BYTES = 20


def split(base: Path, target: Path) -> None:
    """Write the base with Q4_0 in place of Q4_1, whole or not at all; it is of no use without an adapter of `join`."""
    reader = GGUFReader(base)
    changed = {tensor.name for tensor in _with_offsets(reader)}
    with records.replacing(target) as temporary:
        writer = GGUFWriter(temporary, gguf_file.read_header(base).architecture)
        merging.copy_metadata(reader, writer, {})
        writer.add_file_type(LlamaFileType.MOSTLY_Q4_0)
        for tensor in reader.tensors:
            if tensor.name in changed:
                writer.add_tensor(tensor.name, _without_offsets(tensor), raw_dtype=Kind.Q4_0)
            else:
                writer.add_tensor(tensor.name, np.asarray(tensor.data), raw_dtype=tensor.tensor_type)
        _finish(writer)


def join(base: Path, adapter: Path | None, target: Path) -> None:
    """Write the adapter that gives a split base its offsets back, and lays `adapter` over it where one is given.

    Raises:
        BadFile: the adapter is damaged.
    """
    lora = merging.read_lora(adapter) if adapter else Lora(None, {})
    pairs = {name: [lora.scaled(name)] for name in lora.pairs}
    for tensor in _with_offsets(GGUFReader(base)):
        offsets = _offsets(tensor)
        sums: Matrix = np.repeat(np.eye(offsets.shape[1], dtype=np.float32), BLOCK, axis=1)
        pairs.setdefault(tensor.name, []).append((sums, offsets))
    with records.replacing(target) as temporary:
        writer = GGUFWriter(temporary, gguf_file.read_header(base).architecture)
        writer.add_string(Keys.General.TYPE, GGUFType.ADAPTER)
        writer.add_string(Keys.Adapter.TYPE, "lora")
        writer.add_float32(Keys.Adapter.LORA_ALPHA, 0.0)  # B is at full strength already, whatever its rank
        for name, parts in pairs.items():
            a = _padded(np.concatenate([a for a, _ in parts]))
            b = _padded(np.concatenate([b for _, b in parts], axis=1).T).T
            for side, matrix in (("a", a), ("b", b)):
                kind = Kind.Q8_0 if matrix.shape[1] % BLOCK == 0 else Kind.F32
                writer.add_tensor(f"{name}.lora_{side}", quantize(np.ascontiguousarray(matrix), kind), raw_dtype=kind)
        _finish(writer)


def _with_offsets(reader: GGUFReader) -> Iterator[Any]:
    """Yield the tensors that are split: the matrices of the layers, over which llama.cpp can lay an adapter."""
    for tensor in reader.tensors:
        if tensor.tensor_type == Kind.Q4_1 and tensor.name.startswith("blk.") and len(tensor.shape) == 2:
            yield tensor


def _blocks(tensor: Any) -> NDArray[np.uint8]:
    """Return a Q4_1 tensor as rows × blocks × bytes: two of d, two of m, sixteen of q."""
    blocks: NDArray[np.uint8] = np.asarray(tensor.data).reshape(int(tensor.shape[1]), -1, _Q4_1_BYTES)
    return blocks


def _without_offsets(tensor: Any) -> NDArray[np.uint8]:
    blocks = _blocks(tensor)
    return np.concatenate([blocks[..., :2], blocks[..., 4:]], axis=-1).reshape(len(blocks), -1)


def _offsets(tensor: Any) -> Matrix:
    """Return the constant of each block, rows × blocks."""
    numbers = np.ascontiguousarray(_blocks(tensor)[..., :4]).view(np.float16).astype(np.float32)
    offsets: Matrix = numbers[..., 1] + 8 * numbers[..., 0]
    return offsets


def _padded(matrix: Matrix) -> Matrix:
    """Return the matrix with rows of zeros up to whole blocks."""
    return np.pad(matrix, ((0, -len(matrix) % BLOCK), (0, 0)))


def _finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
