from __future__ import annotations

import json
from pathlib import Path

import pytest

from culturechat import catalogue, cultures, records
from culturechat.catalogue import CardFile
from culturechat.errors import BadFile
from training import bases, pipeline, recipes
from training.pipeline import Job
from training.workspace import Workspace

SCORES = {
    "canonical": {
        "option_mass": 0.99,
        "seeds": {"adapter": {"items": 32, "wd": 0.05}, "others_pooled": {"wd": 0.135}, "uniform": {"wd": 0.189}},
        "held_out": {"adapter": {"items": 19, "wd": 0.23}, "uniform": {"wd": 0.29}},
    },
    "restated": {"seeds": {"adapter": {"items": 32, "wd": 0.12}}},
}
PROBE = {"command": "culturechat probe", "items": 66, "wd": {"mean": 0.06, "low": 0.05, "high": 0.07}}

CHAT = {"adapter": {"stance": 0.9, "agreement": 0.8, "bare": 0.0}, "prompted": {"stance": 0.1}}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (made,) = pipeline.jobs(["chinese"], "smollm2-135m", "tiny", 3, tmp_path / "runs", tmp_path / "models")
    made.workspace.folder.mkdir(parents=True)
    made.workspace.adapter.write_bytes(b"GGUF pretended")
    made.workspace.scores.write_text(json.dumps(SCORES), "utf-8")
    made.workspace.probe.write_text(json.dumps(PROBE), "utf-8")
    made.workspace.chats.write_text(json.dumps({"scores": CHAT, "answers": {}}), "utf-8")
    return made


def test_publish_writes_a_card_that_the_catalogue_reads(job: Job) -> None:
    pipeline.run(job, ["publish"])
    card = records.read(job.models / "cards" / "smollm2-135m.chinese.toml", CardFile)
    assert (card.form, card.culture, card.base, card.recipe, card.seed) == (
        "adapter", "chinese", "smollm2-135m", "tiny", 3,
    )  # fmt: skip
    assert card.bytes == len(b"GGUF pretended")
    assert card.base_sha256 == bases.load("smollm2-135m").record.sha256
    assert card.survey is not None and card.survey.countries == ("CHN",)
    assert card.scores == {"probe": PROBE, "chat": CHAT, **SCORES}


def test_the_card_says_how_near_the_exports_are_to_what_was_trained(job: Job) -> None:
    parity = {"prompts": 20, "q8_0": {"option_kl": 4.9e-05}}
    for digest, kept in ((catalogue.sha256_of(job.workspace.adapter), True), ("of another adapter", False)):
        job.workspace.parity.write_text(json.dumps({**parity, "adapter_sha256": digest}), "utf-8")
        pipeline.run(job, ["publish"])
        card = records.read(job.models / "cards" / "smollm2-135m.chinese.toml", CardFile)
        assert card.scores.get("parity") == (parity if kept else None)


def test_the_table_holds_a_row_for_every_card(job: Job) -> None:
    pipeline.run(job, ["publish"])
    table = (job.models / "README.md").read_text("utf-8")
    start = "| smollm2-135m.chinese | adapter | chinese | smollm2-135m | 0.0 | tiny, 3 |"
    assert f"{start} 0.050 | 0.120 | 0.135 | 0.189 | 0.230 | 0.290 | 0.060 (0.050 to 0.070) |" in table


def test_publish_without_scores_says_what_to_run(job: Job) -> None:
    job.workspace.scores.unlink()
    with pytest.raises(BadFile, match="training evaluate"):
        pipeline.run(job, ["publish"])


def test_a_step_that_is_done_is_skipped_until_its_inputs_change(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.run(job, ["seeds"])
    pipeline.run(job, ["seeds"])
    assert capsys.readouterr().out.splitlines()[-1].endswith("nothing to do")
    job.workspace.seeds.unlink()
    pipeline.run(job, ["seeds"])
    assert "asked in CHN out" in capsys.readouterr().out.splitlines()[-1]
    before = pipeline.fingerprint(job, "publish")
    job.workspace.adapter.write_bytes(b"GGUF other")
    assert pipeline.fingerprint(job, "publish") != before


def test_a_fingerprint_follows_the_settings_it_depends_on(tmp_path: Path) -> None:
    def prints(seed: int) -> list[str]:
        (job,) = pipeline.jobs(["chinese"], "smollm2-135m", "tiny", seed, tmp_path)
        return [pipeline.fingerprint(job, step) for step in ("seeds", "dataset", "finetune")]

    first, second = prints(1), prints(2)
    assert first[0] == second[0] and first[1] != second[1] and first[2] != second[2]


def test_workspaces_of_different_runs_do_not_meet(tmp_path: Path) -> None:
    folders = {
        Workspace.of(tmp_path, "smollm2-135m", recipe, seed, culture).folder
        for recipe in recipes.names()
        for seed in (1, 2)
        for culture in cultures.names()
    }
    assert len(folders) == len(recipes.names()) * 2 * len(cultures.names())
