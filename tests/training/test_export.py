"""Converting, merging and quantizing a tiny checkpoint without torch; that the numbers are right is shown elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from culturechat import catalogue, gguf_file, paths
from culturechat.engines.llama_cpp import inspection
from culturechat.errors import BadFile, UsageError
from tests.training import tiny
from training import bases, checkpoints, pipeline
from training.__main__ import main
from training.checkpoints import families, shape, vocabulary
from training.pipeline import Job

README = "---\nlicense: cc-by-4.0\nlanguage:\n- de\n---\nA model.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.plain_checkpoint(tmp_path / "My Base")


@pytest.fixture
def job(folder: Path, tmp_path: Path) -> Job:
    (made,) = pipeline.jobs(["chinese"], str(folder), "tiny", 1, tmp_path / "runs", types=["q8_0", "q4_k_m"])
    tiny.plain_lora(made.workspace.lora)
    return made


def test_a_folder_becomes_a_base_with_licence_tokenizer_and_template(folder: Path) -> None:
    (folder / "README.md").write_text(README, "utf-8")
    base = bases.load(str(folder))
    assert (base.id, base.architecture, base.record.licence) == ("my-base", "llama", "cc-by-4.0")
    assert base.targets == families.load("llama").targets
    metadata = gguf_file.read_header(base.path).metadata
    assert metadata["tokenizer.chat_template"] == tiny.CHAT
    assert metadata["tokenizer.ggml.eos_token_id"] == 2 and metadata["tokenizer.ggml.eot_token_id"] == 4
    assert metadata["tokenizer.ggml.tokens"] == tiny.COMMON["vocab_size"]
    made, written = base.path, base.path.stat().st_mtime_ns
    assert bases.load(str(folder)).path == made and made.stat().st_mtime_ns == written, "it is made once"
    changed = json.loads((folder / "config.json").read_text("utf-8")) | {"rms_norm_eps": 1e-5}
    (folder / "config.json").write_text(json.dumps(changed), "utf-8")
    assert base.path != made, "another model is another file"


def test_the_merged_files_say_whose_they_are(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.run(job, ["adapter", "merge", "quantize"])
    assert "q8_0 " in capsys.readouterr().out
    for file in (job.workspace.merged, job.workspace.quantized("q8_0"), job.workspace.quantized("q4_k_m")):
        metadata = gguf_file.read_header(file).metadata
        assert metadata["culturechat.culture"] == "chinese" and "CHN" in metadata["culturechat.survey"]
        assert metadata["culturechat.base_sha256"] == catalogue.sha256_of(job.base.path)
        assert metadata["general.base_model.0.name"] == job.base.record.name
        assert {"general.name", "general.license", "general.languages", "tokenizer.chat_template"} <= metadata.keys()
    assert inspection.logits(job.workspace.quantized("q8_0"), None, [[5, 6, 7]]).shape == (1, tiny.COMMON["vocab_size"])
    pipeline.run(job, ["merge", "quantize"])
    assert capsys.readouterr().out.count("nothing to do") == 2
    job.workspace.quantized("q8_0").unlink()
    pipeline.run(job, ["merge", "quantize"])
    assert job.workspace.quantized("q8_0").is_file()


def test_what_a_killed_run_left_is_cleared_away_and_the_result_is_the_same(job: Job) -> None:
    pipeline.run(job, ["adapter", "merge", "quantize"])
    files = (job.workspace.merged, job.workspace.quantized("q8_0"))
    before = [file.read_bytes() for file in files]
    for file in files:
        (file.parent / f".{file.name}.left.part").write_bytes(b"half a model")
    pipeline.run(job, ["merge", "quantize"], again=True)
    assert [file.read_bytes() for file in files] == before
    assert not list(job.workspace.folder.glob(".*.part"))


def test_a_run_takes_no_step_that_must_be_asked_for(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def note(_: Job, name: str, __: str) -> bool:
        taken.append(name)
        return True

    monkeypatch.setattr(pipeline, "is_done", note)
    pipeline.run(job)
    assert "adapter" in taken and not {"merge", "quantize", "parity"} & set(taken)


def test_a_step_whose_input_is_missing_names_the_step_before(job: Job) -> None:
    with pytest.raises(BadFile, match="training adapter"):
        pipeline.run(job, ["merge"])
    with pytest.raises(BadFile, match="training merge"):
        pipeline.run(job, ["quantize"])


def test_an_unknown_number_format_is_refused_before_any_is_written(job: Job) -> None:
    pipeline.run(job, ["adapter", "merge"])
    with pytest.raises(UsageError, match="Did you mean q4_k_m"):
        pipeline.run(replace(job, types=("q8_0", "q4_k_n")), ["quantize"])
    assert not job.workspace.quantized("q8_0").exists()


@pytest.mark.linux
@pytest.mark.parametrize("step", ["adapter", "merge", "quantize"])
def test_a_disk_that_is_full_leaves_the_old_and_nothing_half_written(job: Job, step: str) -> None:
    """The limit on the size of files stands for the disk: writing fails in the kernel, in the middle."""
    steps = ["adapter", "merge", "quantize"]
    for earlier in steps[: steps.index(step)]:
        pipeline.run(job, [earlier])
    _ = job.base.path
    before = sorted(job.workspace.folder.rglob("*"))
    arguments = [
        "--cultures",
        "chinese",
        "--recipe",
        "tiny",
        "--base",
        job.base.folder,
        "--runs",
        str(job.workspace.folder.parent.parent),
    ]

    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))

    command = [sys.executable, "-m", "training", step, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode in (1, 2) and done.stderr.count("\n") == 1, done.stderr
    assert "written" in done.stderr
    assert sorted(job.workspace.folder.rglob("*")) == before


@pytest.mark.parametrize("characters", [False, True], ids=["bytes", "characters"])
def test_llama_cpp_splits_texts_as_the_tokenizer_does(tmp_path: Path, characters: bool) -> None:
    """The conversion itself compares them, on texts in all nine languages; here it is seen to notice a fault."""
    folder = tiny.plain_checkpoint(tmp_path / "base", characters)
    file = bases.load(str(folder)).path
    values = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    turn = next(token["id"] for token in values["added_tokens"] if token["content"] == "<|turn|>")
    assert inspection.tokens(file, ["<|turn|>"]) == [[turn]]
    values["model"]["merges"].reverse()
    (folder / "tokenizer.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(UsageError, match=r"llama\.cpp splits .* otherwise"):
        vocabulary.refuse_other_splits(file, folder)


def test_a_conversion_that_is_refused_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "tokens", lambda _, texts: [[] for _ in texts])
    with pytest.raises(UsageError, match="otherwise"):
        _ = bases.load(str(folder)).path
    assert list((paths.cache_dir() / "bases").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": "mamba", "architectures": ["MambaForCausalLM"]}, "MambaForCausalLM cannot be converted"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "LlamaForSequenceClassification writes no text"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantized"),
        ({"hidden_act": "gelu"}, "the activation gelu"),
        ({"sliding_window": 64}, "a sliding window of 64"),
        ({"rope_scaling": {"rope_type": "longrope", "long_factor": [1.0]}}, "'longrope'"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0}}, "'yarn'"),
        ({"final_logit_softcapping": 30.0}, "soft caps"),
        ({"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "head_dim": 16,
          "query_pre_attn_scalar": 32}, "attention scale of 1/√32"),
        ({"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "head_dim": 16,
          "query_pre_attn_scalar": 16, "layer_types": ["full_attention"]}, "every 6th place"),
    ],
)  # fmt: skip
def test_what_llama_cpp_would_compute_otherwise_is_refused_by_name(
    folder: Path, change: dict[str, Any], says: str
) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | change), "utf-8")
    with pytest.raises(UsageError, match=says):
        shape.of(checkpoints.load(folder))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found.pop("lm_head.weight"), "hold no output.weight"),
        (lambda found: found.update({"model.layers.0.mlp.router.weight": np.ones((2, 2))}), "F64"),
        (lambda found: found.update({"model.extra.weight": np.ones((2, 2), np.float32)}), "model.extra.weight has no"),
    ],
)
def test_tensors_that_are_missing_or_have_no_place_are_named(folder: Path, change: Any, says: str) -> None:
    found = load_file(folder / "model.safetensors")
    change(found)
    save_file(found, folder / "model.safetensors")
    with pytest.raises(UsageError, match=says):
        _ = bases.load(str(folder)).path


def test_a_folder_that_is_no_checkpoint_is_one_line_and_exit_code_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = (folder / "model.safetensors").read_bytes()[:-1000]
    for damage, says in (
        (lambda: (folder / "model.safetensors").write_bytes(cut), "cut short"),
        ((folder / "model.safetensors").unlink, "Save the model as safetensors"),
        ((folder / "config.json").unlink, "holds no config.json"),
    ):
        damage()
        assert main(["adapter", "--cultures", "chinese", "--base", str(folder), "--runs", str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert says in said and said.count("\n") == 1


def test_a_base_with_a_window_that_llama_cpp_ignores_ends_where_the_window_does(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    mistral = {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 64}
    (folder / "config.json").write_text(json.dumps(config | mistral), "utf-8")
    assert shape.of(checkpoints.load(folder)).context == 64
