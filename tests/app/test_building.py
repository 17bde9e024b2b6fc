"""Merging, quantizing, importing and removing models, on the real base with a small random adapter."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from typer.testing import CliRunner

from culturechat import building, catalogue, gguf_file, installed, paths, prompting, survey
from culturechat.catalogue import Column
from culturechat.cli import app
from culturechat.engines import Choice, Engine
from culturechat.engines.llama_cpp import facts
from culturechat.errors import BadFile, CulturechatError, UsageError, WeightsMissing

RANK, ALPHA = 4, 8.0
CHANGED = ("attn_q", "attn_v", "ffn_down", "ffn_gate")


def write_adapter(path: Path, base: Path, base_sha256: str | None = None, culture: str = "chinese") -> Path:
    """A LoRA adapter that changes a few tensors of every layer, as strongly as a trained one."""
    rng = np.random.default_rng(0)
    writer = GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_string("general.name", "random")
    if culture:
        writer.add_string("culturechat.culture", culture)
    writer.add_string("culturechat.base_sha256", base_sha256 or catalogue.sha256_of(base))
    writer.add_float32("adapter.lora.alpha", ALPHA)
    for tensor in gguf_file.read_header(base).tensors:
        if any(f".{name}.weight" in tensor.name for name in CHANGED):
            inputs, outputs = tensor.shape
            a = rng.normal(0, inputs**-0.5, (RANK, inputs)).astype(np.float16)
            writer.add_tensor(f"{tensor.name}.lora_a", a)
            writer.add_tensor(f"{tensor.name}.lora_b", rng.normal(0, 0.03, (outputs, RANK)).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def adapter(tmp_path: Path, base_path: Path) -> Path:
    return write_adapter(tmp_path / "random.gguf", base_path)


@pytest.fixture
def imported(adapter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The random adapter as the only Chinese one there is."""
    shipped = tmp_path / "shipped"
    (shipped / "cards").mkdir(parents=True)
    base_card = paths.shipped_models() / "cards" / f"{catalogue.DEFAULT_BASE}.toml"
    (shipped / "cards" / base_card.name).write_bytes(base_card.read_bytes())
    monkeypatch.setattr(paths, "shipped_models", lambda: shipped)
    building.take_in(adapter, "chinese")
    yield adapter


def shares(engine: Engine, column: Column) -> list[tuple[float, ...]]:
    questions = list(survey.load().questions.values())[::14]
    choices = [
        Choice(tuple(prompting.survey(column.culture, q.question, q.labels)), prompting.marks(q.labels))
        for q in questions
    ]
    engine.open([column])
    return [scores.probabilities for scores in engine.score(column.id, choices)]


def furthest(one: list[tuple[float, ...]], other: list[tuple[float, ...]]) -> float:
    return max(abs(a - b) for p, q in zip(one, other, strict=True) for a, b in zip(p, q, strict=True))


def test_a_merged_model_answers_like_base_and_adapter_together(imported: Path, engine: Engine) -> None:
    told: list[float] = []
    card = building.build("chinese", catalogue.DEFAULT_BASE, "bf16", told.append)
    assert told == sorted(told) and told[-1] == 1.0
    (plain,) = catalogue.columns(["chinese"], form="prompt")
    (together,) = catalogue.columns(["chinese"], form="adapter")
    (merged,) = catalogue.columns(["chinese"], form="merged")
    assert (together.form, merged.form, merged.model) == ("adapter", "merged", card.id)
    expected = shares(engine, together)
    assert furthest(shares(engine, merged), expected) <= 0.05
    assert furthest(shares(engine, plain), expected) > 0.1
    metadata = gguf_file.read_header(merged.base_path).metadata
    assert metadata["culturechat.culture"] == "chinese"
    assert metadata["general.name"] == card.id
    assert "tokenizer.chat_template" in metadata and metadata["tokenizer.ggml.tokens"] == 49152
    assert not list((paths.cache_dir() / "building").iterdir())


def test_the_form_is_what_is_fastest(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """See benchmarks/results/engine.txt: over a base that is split, adapters are faster than files of their own."""
    card = building.build("chinese", catalogue.DEFAULT_BASE, "q4_0", lambda _: None)
    assert [column.form for column in catalogue.columns(["chinese", "arabic"])] == ["adapter", "prompt"]
    monkeypatch.setattr(gguf_file.Header, "main_type", GGMLQuantizationType.Q4_K)
    assert [column.form for column in catalogue.columns(["chinese", "arabic"])] == ["merged", "prompt"]
    assert [column.form for column in catalogue.columns(["chinese", "arabic", "german"])] == [
        "adapter",
        "prompt",
        "prompt",
    ]
    building.remove("random")
    (only,) = catalogue.columns(["chinese"])
    assert (only.form, only.model) == ("merged", card.id), "it is no use asking the base where there is a model"


def test_a_folder_of_files_that_say_what_they_are_is_imported_at_once(tmp_path: Path, base_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_adapter(folder / "mine.chinese.gguf", base_path)
    result = CliRunner().invoke(app, ["models", "import", str(folder)])
    assert result.exit_code == 0, result.output
    assert catalogue.cards()["mine.chinese"].culture == "chinese"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no \.gguf file"):
        CliRunner().invoke(app, ["models", "import", str(tmp_path / "empty")], catch_exceptions=False)


def test_a_model_that_was_built_can_be_removed_and_is_in_the_trash(imported: Path) -> None:
    card = building.build("chinese", catalogue.DEFAULT_BASE, "q4_0", lambda _: None)
    assert card.path is not None
    trash = building.remove(card.id)
    assert {path.suffix for path in trash.iterdir()} == {".gguf", ".toml"}
    assert card.id not in catalogue.cards()
    with pytest.raises(WeightsMissing, match="models build"):
        catalogue.columns(["chinese"], form="merged")


def test_a_model_in_the_trash_can_be_brought_back(imported: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["models", "remove", "random"]).exit_code == 0
    assert building.removed() == ["random"] and "random" not in catalogue.cards()
    with pytest.raises(UsageError, match="Did you mean random"):
        building.restore("randon")
    assert "random is back" in runner.invoke(app, ["models", "restore"]).output
    assert catalogue.verify(catalogue.cards()["random"]) == "ok" and building.removed() == []
    building.remove("random")
    building.take_in(imported, "chinese")
    with pytest.raises(UsageError, match="There is a model random again"):
        building.restore("random")
    building.remove("random")
    building.restore("random")
    with pytest.raises(UsageError, match="holds no model"):
        runner.invoke(app, ["models", "restore"], catch_exceptions=False)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_build_that_is_stopped_leaves_nothing(imported: Path, share: float) -> None:
    class Stopped(Exception):
        pass

    def stop(done: float) -> None:
        if done > share:
            raise Stopped

    with pytest.raises(Stopped):
        building.build("chinese", catalogue.DEFAULT_BASE, "q4_0", stop)
    folders = (paths.cache_dir(), paths.user_models())
    assert not [path for folder in folders for path in folder.rglob("*chinese*") if path.is_file()]


def test_verifying_reads_the_file_again(imported: Path) -> None:
    card = catalogue.cards()["random"]
    path = card.path
    assert path is not None and catalogue.verify(card) == "ok"
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    shares_read: list[float] = []
    assert catalogue.verify(card) == "ok", "it is remembered by size and time of change"
    assert catalogue.verify(card, shares_read.append) == "damaged: SHA-256 differs from the card"
    assert shares_read[-1] == 1.0
    assert CliRunner().invoke(app, ["models", "verify", "random"]).exit_code == 1


def test_the_list_says_what_memory_a_model_needs(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {model.card.id: model for model in installed.everything(2048)}
    adapter, base = listed["random"], listed[catalogue.DEFAULT_BASE]
    assert adapter.needed and base.needed and adapter.needed > base.needed > base.card.bytes
    assert (adapter.own, base.own) == (True, False)
    monkeypatch.setattr(facts, "free_bytes", lambda: 1000)
    rows = json.loads(CliRunner().invoke(app, ["models", "--json"]).output)
    assert {row["model"]: row["fits"] for row in rows} == {"random": False, catalogue.DEFAULT_BASE: False}
    assert "too large" in CliRunner().invoke(app, ["models"]).output


def test_what_came_with_the_program_cannot_be_removed() -> None:
    with pytest.raises(UsageError, match="came with the program"):
        building.remove(catalogue.DEFAULT_BASE)


def test_an_adapter_of_another_base_is_refused(tmp_path: Path, base_path: Path) -> None:
    other = write_adapter(tmp_path / "other.gguf", base_path, base_sha256="0" * 64)
    with pytest.raises(BadFile, match=r"other\.gguf: belongs to another base"):
        catalogue.columns(["chinese"], adapters={"chinese": other})


def test_a_damaged_adapter_is_refused(adapter: Path) -> None:
    adapter.write_bytes(adapter.read_bytes()[:-5000])
    with pytest.raises(BadFile, match="cut short"):
        catalogue.columns(["chinese"], adapters={"chinese": adapter})


def test_a_base_is_no_adapter_and_an_adapter_no_base(adapter: Path, base_path: Path) -> None:
    with pytest.raises(BadFile, match="no adapter"):
        catalogue.columns(["chinese"], adapters={"chinese": base_path})
    with pytest.raises(BadFile, match="is an adapter"):
        catalogue.columns(["chinese"], base=str(adapter))


def test_a_card_whose_file_was_changed_is_refused(imported: Path) -> None:
    path = catalogue.cards()["random"].path
    assert path is not None
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadFile, match="SHA-256"):
        catalogue.columns(["chinese"], form="adapter")


def test_imports_that_make_no_sense_are_refused(adapter: Path, imported: Path, tmp_path: Path, base_path: Path) -> None:
    with pytest.raises(UsageError, match="--culture NAME"):
        building.take_in(write_adapter(tmp_path / "nobody.gguf", base_path, culture=""), None)
    with pytest.raises(UsageError, match="There is a model random already"):
        building.take_in(adapter, "chinese")
    with pytest.raises(UsageError, match="Did you mean q4_0"):
        building.build("chinese", catalogue.DEFAULT_BASE, "q4-0", lambda _: None)


def test_a_full_disk_is_refused_before_anything_is_written(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "SPARE_BYTES", 10**15)
    with pytest.raises(UsageError, match="GB are needed"):
        building.build("chinese", catalogue.DEFAULT_BASE, "q4_0", lambda _: None)


def test_a_build_that_fails_half_way_leaves_nothing(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "quantize", full)
    with pytest.raises(CulturechatError, match="No space left"):
        building.build("chinese", catalogue.DEFAULT_BASE, "q4_0", lambda _: None)
    leftovers = [path for folder in (paths.cache_dir(), paths.user_models()) for path in folder.rglob("*chinese*.gguf")]
    assert leftovers == []
