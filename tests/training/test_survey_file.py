"""`--wvs FILE`: seeds from the survey's own file, here a made-up one with known answers."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from culturechat import survey
from culturechat.catalogue import CardFile
from culturechat.records import read
from training import pipeline, rows
from training.__main__ import main
from training.rows import Seed
from training.workspace import Workspace

HEADS = ["B_COUNTRY_ALPHA", "W_WEIGHT", "Q27", "Q36", "Q125", "Q1"]
ROWS = [
    ["CHN", "1.5", "1", "2", "-4", "1"],
    ["CHN", "0.5", "2", "-2", "-4", "1"],
    ["CHN", "1.0", "-1", "2", "-4", "2"],
    ["IRQ", "1.0", "4", "-4", "2", "1"],
    ["IRQ", "1.0", "4", "-4", "9", "1"],
    ["DEU", "1.0", "3", "1", "0", "1"],
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "WVS7.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, delimiter=";").writerows([HEADS, *ROWS])
    return path


def seeds(runs: Path, file: Path | None, *more: str) -> int:
    named = [] if file is None else ["--wvs", str(file)]
    return main(["seeds", "--recipe", "tiny", "--runs", str(runs), *more, *named])


def test_seeds_are_the_weighted_shares_of_the_file(tmp_path: Path, file: Path) -> None:
    assert seeds(tmp_path, file, "--cultures", "chinese") == 0
    found = rows.read(Workspace.of(tmp_path, "smollm2-135m", "tiny", 1, "chinese", file).seeds, Seed)
    assert [seed.item for seed in found] == ["Q27", "Q36"]  # Q1 is no seed, Q125 was not asked
    assert found[0].shares == pytest.approx((0.75, 0.25, 0, 0)) and found[0].countries == ("CHN",)


def test_what_was_not_asked_is_named_in_the_one_line(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seeds(tmp_path, file, "--cultures", "chinese,arabic") == 0
    chinese, arabic = capsys.readouterr().out.splitlines()
    assert "50 questions in, 2 asked in CHN out; not asked: Q28, Q29" in chinese and "Q125" in chinese
    assert "1 asked in IRQ, JOR out" in arabic
    assert "Jordan is not in the file" in arabic and "Iraq, Q125 left out: line 6 has 9" in arabic
    assert "Iraq" not in chinese


def test_a_file_of_one_s_own_gets_a_run_of_its_own(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds(tmp_path, None, "--cultures", "german")
    seeds(tmp_path, file, "--cultures", "german")
    shipped, own = (Workspace.of(tmp_path, "smollm2-135m", "tiny", 1, "german", one) for one in (None, file))
    assert own.folder.parent.name == "smollm2-135m-tiny-s1-WVS7"
    assert len(rows.read(shipped.seeds, Seed)) == 50 and len(rows.read(own.seeds, Seed)) == 3
    capsys.readouterr()
    seeds(tmp_path, file, "--cultures", "german")
    assert "nothing to do" in capsys.readouterr().out
    file.write_text(file.read_text("utf-8").replace("DEU;1.0;3", "DEU;1.0;2"), "utf-8")
    seeds(tmp_path, file, "--cultures", "german")
    assert rows.read(own.seeds, Seed)[0].shares == (0, 1, 0, 0)


def test_the_card_says_where_the_shares_come_from(tmp_path: Path, file: Path) -> None:
    (job,) = pipeline.jobs(["chinese"], "smollm2-135m", "tiny", 1, tmp_path, tmp_path / "models", file)
    job.workspace.folder.mkdir(parents=True)
    job.workspace.adapter.write_bytes(b"GGUF pretended")
    job.workspace.chats.write_text('{"scores": {}}', "utf-8")
    for scores in (job.workspace.scores, job.workspace.probe):
        scores.write_text(json.dumps({}), "utf-8")
    pipeline.run(job, ["publish"])
    card = read(job.models / "cards" / "smollm2-135m.chinese.toml", CardFile)
    assert card.survey is not None and "WVS7.csv, weighted by W_WEIGHT" in card.survey.source
    assert card.survey.source != survey.SOURCE


@pytest.mark.parametrize(
    ("name", "culture", "complaint"),
    [
        ("none.csv", "chinese", "no such file"),
        ("WVS7.csv", "korean", r"no answers for korean \(KOR\)"),
    ],
)
def test_a_missing_file_or_country_is_one_line(
    tmp_path: Path, file: Path, name: str, culture: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seeds(tmp_path, file.with_name(name), "--cultures", culture) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(complaint, said)
    assert not list(tmp_path.rglob("seeds.jsonl"))
