from __future__ import annotations

import random
from pathlib import Path

import pytest
from gguf import GGUFWriter
from numpy import float16, ones

from culturechat.errors import BadFile
from culturechat.gguf_file import read_header


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A GGUF file of a few hundred bytes with every kind of entry."""
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_string("general.name", "small")
    writer.add_uint32("llama.block_count", 1)
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", "ü"])
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    writer.add_tensor("one.weight", ones((4, 32), dtype=float16))
    writer.add_tensor("two.weight", ones((2, 32), dtype=float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_whole_file_says_what_it_is(small: Path) -> None:
    header = read_header(small)
    assert header.architecture == "llama"
    assert header.metadata["tokenizer.ggml.tokens"] == 3
    assert [(tensor.name, tensor.shape) for tensor in header.tensors] == [
        ("one.weight", (32, 4)),
        ("two.weight", (32, 2)),
    ]


def test_a_file_cut_anywhere_is_refused(small: Path, tmp_path: Path) -> None:
    data = small.read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in range(0, len(data) - 32, 3):  # the last bytes may be padding
        cut.write_bytes(data[:length])
        with pytest.raises(BadFile, match=r"cut\.gguf: (is cut short|is empty|is no GGUF)"):
            read_header(cut)


def test_damaged_bytes_are_refused_or_read_but_never_crash(small: Path, tmp_path: Path) -> None:
    rng = random.Random(1)
    data = small.read_bytes()
    damaged = tmp_path / "damaged.gguf"
    refused = 0
    for _ in range(600):
        broken = bytearray(data)
        start = rng.randrange(len(broken) - 8)
        broken[start : start + 8] = rng.randbytes(8)
        damaged.write_bytes(broken)
        try:
            read_header(damaged)
        except BadFile:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<!doctype html><html>", "is no GGUF file"),
        (b"", "is empty"),
        (b"GGUF\x09\0\0\0" + bytes(64), "has GGUF version 9"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 16, "claims 18446744073709551615 tensors"),
        (b"GGUF\x03\0\0\0" + bytes(64), "names no architecture"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=complaint):
        read_header(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no such file"):
        read_header(tmp_path / "none.gguf")


def test_the_embedded_default_is_whole(base_path: Path) -> None:
    assert read_header(base_path).metadata["llama.block_count"] == 30
