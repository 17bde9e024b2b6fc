"""Every family that can be converted, on tiny random models: transformers and llama.cpp must predict the same.

Compared are logits after random tokens, from a few to more than Gemma's sliding window holds. Weights in 16 bits make
llama.cpp round activations to 16 bits, too, so 0.1 of logits of up to ±6 passes; a wrong row order, norm or rope
misses by several.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.quants import dequantize
from numpy.typing import NDArray

from culturechat import merging
from culturechat.engines.llama_cpp import inspection
from tests.training import tiny
from training import pipeline
from training.checkpoints import families, layout
from training.pipeline import Job
from training.steps import merge

Logits = NDArray[np.float32]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("families")]

ROUNDING, A_FAULT = 0.1, 0.5
PROMPTS = [np.random.default_rng(length).integers(5, 400, length).tolist() for length in (3, 40, 80)]


@dataclass(frozen=True)
class Made:
    """One family's tiny model with an adapter, exported on both roads."""

    job: Job
    base: Logits
    """What transformers predicts without the adapter."""
    trained: Logits
    """What it predicts with it."""
    whole: Path
    """Merged from the checkpoint's weights."""
    from_gguf: Path
    """Merged from the base's GGUF file."""


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(request.param, tmp_path_factory.mktemp(request.param))


def make(family: str, folder: Path, kind: str = "bfloat16", rslora: bool = False, **settings: Any) -> Made:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CULTURECHAT_HOME", str(folder / "home"))
        base = tiny.checkpoint(folder / "tiny-base", family, kind, **settings)
        (job,) = pipeline.jobs(["chinese"], str(base), "tiny", 1, folder / "runs", folder / "models")
        tiny.lora(job.workspace.lora, base, job.base.targets, use_rslora=rslora)
        pipeline.run(job, ["adapter"])
        merge.write(job.workspace, job.base, folder / "merged.gguf")
        merging.merge(job.base.path, job.workspace.adapter, folder / "from_gguf.gguf", {}, lambda _: None)
        plain, trained = tiny.predictions(base, None, PROMPTS), tiny.predictions(base, job.workspace.lora, PROMPTS)
        return Made(job, plain, trained, folder / "merged.gguf", folder / "from_gguf.gguf")


@pytest.fixture
def kept_home(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home in which the fixture made its files, so that they are not made again."""
    monkeypatch.setenv("CULTURECHAT_HOME", str(made.whole.parent / "home"))


def furthest(one: Logits, other: Logits) -> float:
    return float(np.abs(one - other).max())


@pytest.mark.usefixtures("kept_home")
def test_the_converted_base_predicts_what_transformers_does(made: Made) -> None:
    assert np.abs(made.base).max() > 2, "the model says nothing"
    assert furthest(made.base, inspection.logits(made.job.base.path, None, PROMPTS)) <= ROUNDING


@pytest.mark.usefixtures("kept_home")
def test_the_adapter_over_the_base_predicts_what_peft_does(made: Made) -> None:
    assert furthest(made.base, made.trained) > 2, "the adapter changes nothing"
    assert (
        furthest(made.trained, inspection.logits(made.job.base.path, made.job.workspace.adapter, PROMPTS)) <= ROUNDING
    )


def test_the_merged_model_predicts_what_peft_does(made: Made) -> None:
    assert furthest(made.trained, inspection.logits(made.whole, None, PROMPTS)) <= ROUNDING


def test_both_roads_lead_to_the_same_weights(made: Made) -> None:
    """But for the adapter's file, which holds its matrices in 16 bits."""
    ours, theirs = floats(made.whole), floats(made.from_gguf)
    assert ours.keys() == theirs.keys()
    assert max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours) <= 0.002


@pytest.mark.parametrize("family", [name for name in families.names() if families.load(name).interleaved])
def test_with_rows_left_as_they_are_the_comparison_fails(
    tmp_path: Path, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "interleaved", lambda rows, heads: rows)
    wrong = make(family, tmp_path)
    assert furthest(wrong.trained, inspection.logits(wrong.whole, None, PROMPTS)) > A_FAULT


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("llama", {"rope_parameters": {
            "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
        }}),
        ("qwen2", {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}}),
        ("llama", {"tie_word_embeddings": True, "head_dim": 16, "attention_bias": False, "mlp_bias": False}),
        ("phi3", {"partial_rotary_factor": 0.5}),
    ],
    ids=["llama3 rope", "linear rope", "tied embeddings", "partial rope"],
)  # fmt: skip
def test_variants_within_a_family_predict_what_transformers_does(
    tmp_path: Path, family: str, settings: dict[str, Any]
) -> None:
    found = make(family, tmp_path, rslora=True, **settings)
    assert furthest(found.base, found.trained) > 2
    assert furthest(found.trained, inspection.logits(found.whole, None, PROMPTS)) <= ROUNDING


def test_the_parity_step_finds_every_export_within_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a random model, which has no slack to round away, small formats lose more than of a trained one."""
    from training.steps import weights

    found = make("llama", tmp_path, hidden_size=256, intermediate_size=256, initializer_range=0.05)
    monkeypatch.setenv("CULTURECHAT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "keep_memory", lambda: None)
    left = found.job.workspace.folder / ".measured.by_a_run_that_was_killed"
    left.mkdir()
    pipeline.run(found.job, ["parity"])
    measured = json.loads(found.job.workspace.parity.read_text("utf-8"))
    assert measured["prompts"] == 20
    for name, bound in {"adapter": 0.02, "f16": 0.01, "q8_0": 0.05, "q4_k_m": 0.25, "q4_0": 0.4}.items():
        assert 0 < measured[name]["most_option_difference"] <= bound, (name, measured)
    losses = [measured[name]["option_kl"] for name in ("f16", "q8_0", "q4_k_m", "q4_0")]
    assert losses == sorted(losses), "fewer bits, farther away"
    assert not list(found.job.workspace.folder.glob(".measured*")), "the large files are gone"


def floats(path: Path) -> dict[str, Any]:
    return {tensor.name: dequantize(tensor.data, tensor.tensor_type).ravel() for tensor in GGUFReader(path).tensors}
