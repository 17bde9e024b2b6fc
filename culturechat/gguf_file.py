"""Reads what a GGUF file says of itself and refuses a damaged one, before any engine sees it.

Pure Python, because a malformed file can make llama.cpp abort the process. Format: version 3 (and 2, which differs in
nothing that is read here). Knows nothing of models beyond their headers.
"""

from __future__ import annotations

import importlib.util
import mmap
import struct
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from culturechat.errors import BadFile

if TYPE_CHECKING:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
else:

    @cache
    def _tables() -> ModuleType:
        """Load gguf's tables alone: the whole package loads numpy, for which the first paint would have to wait."""
        (folder,) = importlib.util.find_spec("gguf").submodule_search_locations
        spec = importlib.util.spec_from_file_location(f"{__name__}.tables", Path(folder) / "constants.py")
        tables = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tables)
        return tables

    GGML_QUANT_SIZES, GGMLQuantizationType = _tables().GGML_QUANT_SIZES, _tables().GGMLQuantizationType

__all__ = ["GGMLQuantizationType", "Header", "Tensor", "read_header"]

MAGIC = b"GGUF"
MOST_KEYS = 10_000
MOST_TENSORS = 100_000
MOST_DIMENSIONS = 4
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True)
class Tensor:
    """One tensor's entry in the header."""

    name: str
    shape: tuple[int, ...]
    """Fastest dimension first."""
    type: GGMLQuantizationType
    offset: int
    """Bytes from the start of the data part."""


@dataclass(frozen=True)
class Header:
    """What stands before the weights."""

    version: int
    metadata: dict[str, Any]
    """Scalars and strings by key; an array is given as its length."""
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        """The model family, such as `llama`."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def main_type(self) -> GGMLQuantizationType:
        """The number format that most weights are in, the vocabulary's left out."""
        sizes: Counter[GGMLQuantizationType] = Counter()
        for tensor in self.tensors:
            if len(tensor.shape) > 1 and not tensor.name.startswith("token_embd"):
                sizes[tensor.type] += prod(tensor.shape)
        return sizes.most_common(1)[0][0] if sizes else GGMLQuantizationType.F32


def read_header(path: Path) -> Header:
    """Return the header of a GGUF file after checking every count, length and offset against the file's size.

    It is read once as long as the file does not change.

    Raises:
        BadFile: the file is missing, no GGUF, truncated or damaged.
    """
    try:
        status = path.stat()
    except OSError:
        return _read(path, 0, 0)
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, size: int, changed: int) -> Header:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(path, data).header()
    except FileNotFoundError:
        raise BadFile(path, "no such file.") from None
    except ValueError:
        raise BadFile(path, "is empty.") from None
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror}).") from None


class _Reader:
    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path = path
        self.data = data
        self.size = len(data)
        self.at = 0

    def header(self) -> Header:
        if self.data[:4] != MAGIC:
            raise BadFile(self.path, "is no GGUF file.")
        self.at = 4
        version = self.scalar("I")
        if version not in (2, 3):
            raise BadFile(self.path, f"has GGUF version {version}; 2 and 3 can be read.")
        tensor_count, key_count = self.scalar("Q"), self.scalar("Q")
        self.limit(tensor_count, MOST_TENSORS, "tensors")
        self.limit(key_count, MOST_KEYS, "keys")
        metadata = dict(self.entry() for _ in range(key_count))
        tensors = tuple(self.tensor() for _ in range(tensor_count))
        header = Header(version, metadata, tensors)
        if not header.architecture:
            raise BadFile(self.path, "names no architecture (key general.architecture).")
        self.check_bounds(header)
        return header

    def entry(self) -> tuple[str, Any]:
        key = self.string()
        return key, self.value(self.scalar("I"), key)

    def value(self, kind: int, key: str) -> Any:
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self.skip_array(key)
        raise self.damaged(f"key {key!r} has unknown type {kind}")

    def skip_array(self, key: str) -> int:
        kind, length = self.scalar("I"), self.scalar("Q")
        if kind in _SCALARS:
            self.skip(length * struct.calcsize(_SCALARS[kind]))
        elif kind == _STRING:
            if length > (self.size - self.at) // 8:
                raise self.truncated()
            unpack, data, at = struct.Struct("<Q").unpack_from, self.data, self.at
            try:
                for _ in range(length):
                    at += 8 + unpack(data, at)[0]
            except (struct.error, OverflowError):
                raise self.truncated() from None
            self.skip(at - self.at)
        else:
            raise self.damaged(f"array {key!r} has elements of unknown type {kind}")
        return int(length)

    def tensor(self) -> Tensor:
        name = self.string()
        dimensions = self.scalar("I")
        self.limit(dimensions, MOST_DIMENSIONS, f"dimensions in tensor {name!r}")
        shape = tuple(self.scalar("Q") for _ in range(dimensions))
        number, offset = self.scalar("I"), self.scalar("Q")
        try:
            kind = GGMLQuantizationType(number)
        except ValueError:
            raise self.damaged(f"tensor {name!r} has unknown type {number}") from None
        return Tensor(name, shape, kind, offset)

    def check_bounds(self, header: Header) -> None:
        alignment = header.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            raise self.damaged(f"alignment {alignment!r} is no power of two")
        start = -(-self.at // alignment) * alignment
        for tensor in header.tensors:
            block, block_bytes = GGML_QUANT_SIZES[tensor.type]
            if not tensor.shape or min(tensor.shape) <= 0 or tensor.shape[0] % block:
                raise self.damaged(f"tensor {tensor.name!r} has shape {tensor.shape}")
            if tensor.offset % alignment:
                raise self.damaged(f"tensor {tensor.name!r} is not aligned")
            if start + tensor.offset + prod(tensor.shape) // block * block_bytes > self.size:
                raise BadFile(self.path, f"is cut short: tensor {tensor.name!r} ends after the file does.")

    def scalar(self, code: str) -> Any:
        start = self.at
        self.skip(struct.calcsize(code))
        return struct.unpack_from(f"<{code}", self.data, start)[0]

    def string(self) -> str:
        length = self.scalar("Q")
        start = self.at
        self.skip(length)
        try:
            return self.data[start : self.at].decode("utf-8")
        except UnicodeDecodeError:
            raise self.damaged(f"text at byte {start} is not UTF-8") from None

    def skip(self, count: int) -> None:
        if self.at + count > self.size:
            raise self.truncated()
        self.at += count

    def limit(self, count: int, most: int, what: str) -> None:
        if count > most:
            raise self.damaged(f"claims {count} {what}")

    def truncated(self) -> BadFile:
        return BadFile(self.path, "is cut short: its header ends after the file does.")

    def damaged(self, what: str) -> BadFile:
        return BadFile(self.path, f"is damaged: {what}.")
