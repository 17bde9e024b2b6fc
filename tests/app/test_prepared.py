"""Bases in the form that the engine computes fastest: the same numbers, and the original wherever they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.constants import GGMLQuantizationType as Kind
from gguf.quants import dequantize
from gguf.quants import quantize as quantized
from numpy.typing import NDArray

from culturechat import catalogue, merging
from culturechat.engines import Engine
from culturechat.engines.llama_cpp import offsets, prepared
from culturechat.engines.llama_cpp.quantizer import quantize
from culturechat.errors import EngineError

TENSORS = ("blk.10.attn_q.weight", "blk.17.attn_v.weight", "blk.29.ffn_down.weight")


def matrices(path: Path) -> dict[str, NDArray[np.float32]]:
    return {
        tensor.name: dequantize(tensor.data, Kind(tensor.tensor_type)).astype(np.float32)
        for tensor in GGUFReader(path).tensors
        if tensor.name in TENSORS
    }


def whole(base: Path, adapter: Path) -> dict[str, NDArray[np.float32]]:
    """The weights that a base and the adapter over it amount to."""
    lora = merging.read_lora(adapter)
    found = {}
    for name, values in matrices(base).items():
        a, b = lora.scaled(name)
        found[name] = values + b @ a
    return found


def error(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def as_q8_0(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same weights in 8 bits: the rounding that passes for lossless."""
    rounded: NDArray[np.float32] = dequantize(quantized(values, Kind.Q8_0), Kind.Q8_0).astype(np.float32)
    return rounded


def test_the_split_base_and_its_offsets_are_the_original(base_path: Path) -> None:
    fast, adapter = prepared.fastest(base_path, None)
    assert adapter is not None and fast != base_path
    for name, values in whole(fast, adapter).items():
        original = matrices(base_path)[name]
        assert error(values, original) < error(as_q8_0(original), original), name
        assert error(matrices(fast)[name], matrices(base_path)[name]) > 0.05, "the offsets matter"


def test_a_culture_s_adapter_stands_beside_the_offsets(base_path: Path) -> None:
    own = catalogue.cards()["smollm2-135m.chinese"].path
    assert own is not None
    fast, joined = prepared.fastest(base_path, own)
    assert joined is not None and joined != own
    wanted = whole(base_path, own)
    for name, values in whole(fast, joined).items():
        assert error(values, wanted[name]) < error(as_q8_0(wanted[name]), wanted[name]), name
        assert error(values, matrices(base_path)[name]) > 5e-3, "the culture matters"


def test_everything_is_made_once(base_path: Path) -> None:
    fast, adapter = prepared.fastest(base_path, None)
    assert adapter is not None
    times = [path.stat().st_mtime_ns for path in (fast, adapter)]
    assert prepared.fastest(base_path, None) == (fast, adapter)
    assert [path.stat().st_mtime_ns for path in (fast, adapter)] == times


def test_a_damaged_prepared_file_is_made_anew(base_path: Path, home: Path) -> None:
    (home / "cache" / "prepared").unlink()  # the folder that other tests share
    fast, _ = prepared.fastest(base_path, None)
    content = fast.read_bytes()
    fast.write_bytes(content[: len(content) // 2])
    again, _ = prepared.fastest(base_path, None)
    assert again.read_bytes() == content


def test_a_base_that_answers_differently_when_prepared_is_used_as_it_is(
    base_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "cache" / "prepared").unlink()
    monkeypatch.setattr(
        offsets, "_offsets", lambda tensor: np.zeros((int(tensor.shape[1]), int(tensor.shape[0]) // 32))
    )
    assert prepared.fastest(base_path, None) == (base_path, None)
    monkeypatch.undo()
    monkeypatch.setenv("CULTURECHAT_HOME", str(home))
    assert prepared.fastest(base_path, None) == (base_path, None), "it is not tried again at every start"


def test_a_fast_format_is_used_as_it_is(base_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "wide.gguf"
    quantize(base_path, file, "q8_0", 2)
    assert prepared.fastest(file, None) == (file, None)


def test_a_disk_that_is_full_costs_speed_only(base_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "cache" / "prepared").unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(offsets, "join", full)
    assert prepared.fastest(base_path, None) == (base_path, None)


def test_an_error_while_preparing_is_no_error_for_the_user(
    base_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    (home / "cache" / "prepared").unlink()

    def failing(*_: object) -> None:
        raise EngineError("no")

    monkeypatch.setattr(offsets, "split", failing)
    engine.open(catalogue.columns(["base"]))
