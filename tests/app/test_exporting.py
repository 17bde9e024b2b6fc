"""Culture models as other programs take them, on the shipped adapters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from gguf import GGUFReader
from safetensors.numpy import load_file
from typer.testing import CliRunner

from culturechat import catalogue, cultures, exporting, gguf_file
from culturechat.catalogue import Column
from culturechat.cli import app
from culturechat.conversation import Message
from culturechat.engines.llama_cpp.template import ChatFormat
from culturechat.errors import BadFile, UsageError
from culturechat.exporting import ollama
from culturechat.exporting.forms import peft, turns
from culturechat.settings import Settings
from training import bases, speaker
from training.checkpoints import layout
from training.steps import adapter

ROOT = Path(__file__).parents[2]
BASE = bases.load("smollm2-135m")
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content"
    " + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
SYSTEM_IN_USER = (
    "{% set sys = messages[0].content %}{% for m in messages[1:] %}{% if m.role == 'user' %}[INST] "
    "{% if loop.last %}{{ sys }} {% endif %}{{ m.content }}[/INST]{% else %}{{ m.content }}{% endif %}{% endfor %}"
)
TALK = [Message("system", "Be brief."), Message("user", "a?"), Message("assistant", "b."), Message("user", "c?")]


def export(*flags: str) -> str:
    result = CliRunner().invoke(app, ["models", "export", *flags], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def tensors(path: Path) -> dict[str, Any]:
    return {tensor.name: tensor.data for tensor in GGUFReader(path).tensors}


@pytest.mark.parametrize("culture", ["chinese", "arabic"])
def test_peft_weights_become_the_very_same_gguf_adapter_again(tmp_path: Path, culture: str) -> None:
    export("--for", "hf", "-c", culture, "--to", str(tmp_path))
    folder = tmp_path / f"culturechat-{culture}"
    adapter.convert(folder, tmp_path / "again.gguf", speaker.of(cultures.load(culture)), BASE)
    before, after = tensors(folder / f"smollm2-135m.{culture}.gguf"), tensors(tmp_path / "again.gguf")
    assert before.keys() == after.keys() and len(before) == 280
    assert all(np.array_equal(before[name], after[name]) for name in before)
    keys = ("adapter.lora.alpha", "general.base_model.0.repo_url", "culturechat.base_sha256")
    one, other = (gguf_file.read_header(path).metadata for path in (tmp_path / "again.gguf", shipped(culture)))
    assert [one[key] for key in keys] == [other[key] for key in keys]


def shipped(culture: str) -> Path:
    path = catalogue.cards()[f"smollm2-135m.{culture}"].path
    assert path is not None
    return path


def test_rows_of_query_and_key_are_really_moved() -> None:
    rows = np.arange(16, dtype=np.float16).reshape(8, 2)
    assert np.array_equal(layout.interleaved(peft.restored(rows, 2).astype(np.float32), 2), rows)
    assert not np.array_equal(peft.restored(rows, 2), rows)
    found = peft.weights(shipped("chinese"), BASE.path)
    there = tensors(shipped("chinese"))
    name = "base_model.model.model.layers.13.self_attn.{}_proj.lora_B.weight"
    assert not np.array_equal(found[name.format("q")], there["blk.13.attn_q.weight.lora_b"])
    assert np.array_equal(found[name.format("v")], there["blk.13.attn_v.weight.lora_b"])


@pytest.mark.slow
def test_peft_applies_the_folder_as_llama_cpp_applies_the_file(tmp_path: Path) -> None:
    """The change of a layer's weights, from peft's own code, against that from the GGUF file."""
    import torch
    from peft import PeftModel

    from culturechat import merging
    from training.steps import weights

    export("--for", "hf", "-c", "chinese", "--to", str(tmp_path))
    base = weights.load(BASE, torch.float32)
    before = base.model.layers[12].self_attn.v_proj.weight.detach().clone()
    model = PeftModel.from_pretrained(base, str(tmp_path / "culturechat-chinese")).merge_and_unload()
    changed = model.model.layers[12].self_attn.v_proj.weight.detach() - before
    a, b = merging.read_lora(shipped("chinese")).scaled("blk.12.attn_v.weight")
    assert np.allclose(changed.float().numpy(), b @ a, atol=1e-5) and np.abs(b @ a).max() > 1e-3


def test_the_repository_has_a_card_that_the_hub_reads(tmp_path: Path) -> None:
    said = export("--for", "hf", "-c", "arabic", "--to", str(tmp_path))
    folder = tmp_path / "culturechat-arabic"
    assert str(folder) in said and sorted(path.name for path in folder.iterdir()) == [
        ".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors", "smollm2-135m.arabic.gguf",
    ]  # fmt: skip
    _, front, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct" and card["base_model_relation"] == "adapter"
    assert (card["license"], card["library_name"], card["language"]) == ("apache-2.0", "peft", ["en"])
    distance = catalogue.cards()["smollm2-135m.arabic"].scores["probe"]["wd"]["mean"]
    assert "Iraq, Jordan" in text and f"{distance:.3f}" in text and cultures.load("arabic").prompt.english in text
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (9, 18, "LORA")
    assert config["layers_to_transform"] == list(range(10, 30))
    matrices = load_file(folder / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in matrices} == set(config["target_modules"])
    assert (folder / "adapter_model.safetensors").stat().st_mode & 0o777 == 0o644


def go(template: str, messages: list[Message]) -> str:
    """What Go's templates make of the few instructions that are used."""
    loop, answer = re.fullmatch(r"{{ range \.Messages }}(.*){{ end }}{{ end }}(.*)", template, re.S).groups()  # type: ignore[union-attr]
    parts = re.split(r'{{ (?:else )?if eq \.Role "(\w+)" }}', loop)[1:]
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    return "".join(texts[one.role].replace("{{ .Content }}", one.text) for one in messages) + answer


def test_a_chat_template_is_read_as_texts_around_messages() -> None:
    own = (gguf_file.read_header(BASE.path).metadata["tokenizer.chat_template"], "", "")
    for source in (own, (CHATML, "", ""), (LLAMA3, "<|begin|>", "")):
        found = turns.read(*source)
        assert found is not None
        assert go(found.ollama, TALK) == ChatFormat(*source).render(TALK)
    chatml = turns.read(CHATML)
    assert chatml is not None and chatml.around["user"] == ("<|im_start|>user\n", "<|im_end|>\n")


@pytest.mark.parametrize("template", [SYSTEM_IN_USER, "{{ raise_exception('no') }}", "{{ messages | length }}", ""])
def test_a_template_that_cannot_be_told_so_is_left_out(template: str) -> None:
    assert turns.read(template) is None or template == ""


def test_ollama_gets_base_adapter_template_prompt_and_parameters(tmp_path: Path) -> None:
    said = export("--for", "ollama", "--as", "adapter", "-c", "chinese", "--to", str(tmp_path))
    folder = tmp_path / "culturechat-chinese"
    assert f"ollama create culturechat-chinese -f {folder / 'Modelfile'}" in said
    text = (folder / "Modelfile").read_text("utf-8")
    named = re.findall(r"^(?:FROM|ADAPTER) \./(\S+)$", text, re.M)
    assert named == [BASE.path.name, "smollm2-135m.chinese.gguf"]
    assert all((folder / name).is_file() for name in named)
    assert f'SYSTEM """{cultures.load("chinese").prompt.english}"""' in text
    assert "PARAMETER temperature 0.7\n" in text and 'PARAMETER stop "<|im_end|>"' in text
    template = re.search(r'TEMPLATE """(.*?)"""', text, re.S)
    assert template and go(template.group(1), TALK) == ChatFormat(*exporting_template()).render(TALK)


def exporting_template() -> tuple[str, str, str]:
    from culturechat.exporting.forms import files

    return files.chat_template(BASE.path)


def test_lm_studio_gets_a_merged_model_in_its_folders(tmp_path: Path) -> None:
    export("--for", "lmstudio", "-c", "chinese", "--type", "q4_0", "--to", str(tmp_path))
    (model,) = tmp_path.rglob("*.gguf")
    assert model.relative_to(tmp_path).parts == (
        "culturechat", "smollm2-135m.chinese-GGUF", "smollm2-135m.chinese.q4_0.gguf",
    )  # fmt: skip
    header = gguf_file.read_header(model)
    assert header.metadata["culturechat.culture"] == "chinese" and header.main_type.name == "Q4_0"


def test_a_merged_modelfile_names_one_file_and_the_users_own_prompt() -> None:
    (column,) = catalogue.columns(["chinese"], form="adapter")
    wanted = exporting.Wanted(column, Path(), "merged", "q8_0", Settings(prompts={"chinese": "Say it plainly."}))
    text = ollama.modelfile(wanted, "x.gguf")
    assert text.startswith("FROM ./x.gguf\nTEMPLATE") and "ADAPTER" not in text
    assert 'SYSTEM """Say it plainly."""' in text
    broken = replace(wanted, settings=Settings(prompts={"chinese": 'Say """ it.'}))
    with pytest.raises(UsageError, match="system prompt of chinese"):
        ollama.modelfile(broken, "x.gguf")


def test_nothing_is_overwritten_and_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export("--for", "hf", "-c", "chinese", "--to", str(tmp_path))
    with pytest.raises(UsageError, match="is there already"):
        export("--for", "hf", "-c", "chinese", "--to", str(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(peft, "write", full)
    with pytest.raises(UsageError, match="No space left"):
        export("--for", "hf", "-c", "arabic", "--to", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["culturechat-chinese"]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--for", "olama", "-c", "chinese"], "Did you mean ollama"),
        (["--for", "hf", "-c", "chinese", "--as", "merged"], "hf takes adapter"),
        (["--for", "lmstudio", "-c", "chinese", "--as", "adapter"], "lmstudio takes merged"),
        (["--for", "hf", "-c", "base"], "base is no culture"),
        (["--for", "lmstudio", "-c", "chinese", "--type", "q9"], "Unknown type"),
    ],
)
def test_what_cannot_be_exported_is_refused(tmp_path: Path, flags: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        export(*flags, "--to", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").rglob("*"))


def test_an_adapter_that_does_not_name_its_base_is_no_repository(tmp_path: Path) -> None:
    from tests.app.test_building import write_adapter

    with pytest.raises(BadFile, match="Hugging Face model"):
        peft.write(tmp_path, write_adapter(tmp_path / "a.gguf", BASE.path), BASE.path)


def test_llm_elsewhere_gets_an_entry_for_each_culture(tmp_path: Path) -> None:
    export("--for", "llm", "-c", "chinese,arabic", "--to", str(tmp_path))
    entries = yaml.safe_load((tmp_path / "extra-openai-models.yaml").read_text("utf-8"))
    assert [(entry["model_id"], entry["model_name"]) for entry in entries] == [
        ("culturechat/chinese", "chinese"),
        ("culturechat/arabic", "arabic"),
    ]
    with pytest.raises(UsageError, match="has culturechat/arabic already"):
        export("--for", "llm", "-c", "arabic", "--to", str(tmp_path))


@pytest.fixture
def with_plugin(tmp_path: Path) -> dict[str, str]:
    """An environment in which the entry point of this tree is installed."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["llm"]
    info = tmp_path / "site" / "culturechat_here-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: culturechat-here\nVersion: 1\n")
    lines = [f"{name} = {module}\n" for name, module in points.items()]
    (info / "entry_points.txt").write_text("[llm]\n" + "".join(lines))
    path = os.pathsep.join([str(ROOT), str(info.parent)])
    return os.environ | {"PYTHONPATH": path, "LLM_USER_PATH": str(tmp_path / "llm")}


def run_llm(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llm", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )


def test_the_real_llm_asks_a_culture(with_plugin: dict[str, str]) -> None:
    done = run_llm(with_plugin, "-m", "culturechat/chinese", "Should children obey?", "-o", "max_tokens", "6", "-n")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 1
    listed = run_llm(with_plugin, "models", "list")
    for column in (*cultures.names(), "base"):
        assert f"culturechat: culturechat/{column}" in listed.stdout
    wrong = run_llm(with_plugin, "-m", "culturechat/chinese", "Hi", "-o", "temperature", "9", "-n")
    assert wrong.returncode != 0 and "temperature is 9" in wrong.stderr and "Traceback" not in wrong.stderr


def test_the_plugin_loads_nothing_heavy_when_llm_starts() -> None:
    code = "import sys, culturechat.llm_plugin as p; p.register_models(lambda m: None); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"llama_cpp", "gguf", "textual", "jinja2"} & set(done.stdout.split())


def test_a_column_without_an_adapter_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from culturechat.errors import WeightsMissing

    others = {name: card for name, card in catalogue.cards().items() if card.culture != "german"}
    monkeypatch.setattr(catalogue, "cards", lambda: others)
    with pytest.raises(WeightsMissing, match="There is no german adapter"):
        export("--for", "ollama", "-c", "german", "--to", str(tmp_path))
    assert isinstance(catalogue.columns(["chinese"], form="adapter")[0], Column)
