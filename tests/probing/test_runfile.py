"""A killed run goes on where it stopped and ends with the very same numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from culturechat import survey
from culturechat.engines import Choice, Scores
from culturechat.probing import Plan, probe_columns
from culturechat.probing.runfile import RunFile, fingerprint
from culturechat.probing.stream import blocks, checked
from tests.probing.stage import Moody, column

ITEMS = list(survey.load().questions)


class Dying(Moody):
    """Dies after so many prompts; counts what it was asked."""

    def __init__(self, lives: int) -> None:
        super().__init__()
        self.lives = lives
        self.asked = 0

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        for score in super().score(column, choices):
            if self.asked == self.lives:
                raise KeyboardInterrupt
            self.asked += 1
            yield score


def runs(home: Path) -> list[Path]:
    return sorted((home / "data" / "runs").glob("*"))


@pytest.mark.parametrize("lives", [1, 127, 128, 129, 200, 335])
def test_a_stopped_run_goes_on_without_repeating_whole_blocks(home: Path, lives: int) -> None:
    columns, bank, plan = [column("chinese"), column("base")], survey.load(), Plan()
    whole = probe_columns(Moody(), columns, bank, ITEMS, plan)
    first = Dying(lives)
    with pytest.raises(KeyboardInterrupt):
        probe_columns(first, columns, bank, ITEMS, plan)
    (left,) = runs(home)
    assert left.read_text().count("\n") >= 1
    second = Dying(10_000)
    resumed = probe_columns(second, columns, bank, ITEMS, plan, resume=True)
    assert resumed.to_json() == whole.to_json()
    block = max(sum(len(plan.settings(q)) for q in block) for block in blocks(checked(bank, ITEMS), plan))
    assert 336 - lives <= second.asked <= 336 - lives + block
    assert runs(home) == []


def test_without_resume_a_run_begins_anew(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        probe_columns(Dying(200), [column()], survey.load(), ITEMS, Plan(4))
    again = Dying(10_000)
    probe_columns(again, [column()], survey.load(), ITEMS, Plan(4))
    assert again.asked > 300


def test_another_run_is_not_continued(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        probe_columns(Dying(150), [column()], survey.load(), ITEMS, Plan())
    other = Dying(10_000)
    probe_columns(other, [column()], survey.load(), ITEMS, Plan(styles=("digits",)), resume=True)
    assert other.asked == 168
    assert len(runs(home)) == 1


@pytest.mark.parametrize("damage", [b"", b"\x00\xff", b"[]\n", b'{"format": 1}\n', b'{"format": 1, "run": "k"}\n{"col'])
def test_a_damaged_file_is_started_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(damage)
    file = RunFile(path, "k", resume=True)
    assert file.resumed == 0
    file.add("base", "Q1", ((-1.0, -2.0),))
    file.close()
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines][-1]["item"] == "Q1" and len(lines) == 2


def test_a_line_cut_in_the_middle_is_dropped_and_numbers_survive_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    numbers = ((-1 / 3, -0.1), (-1e-17, -700.25))
    file = RunFile(path, "k")
    file.add("base", "Q1", numbers)
    file.close()
    path.write_text(path.read_text() + '{"column": "base", "item": "Q2", "logpr')
    again = RunFile(path, "k", resume=True)
    assert again.known("base", "Q1") == numbers and again.known("base", "Q2") is None
    again.add("base", "Q3", numbers)
    again.close()
    third = RunFile(path, "k", resume=True)
    third.close()
    assert third.resumed == 2


def test_the_fingerprint_knows_every_prompt_and_column() -> None:
    bank = survey.load()
    prompts = Plan().choices(column(), bank.question("Q27"))
    own = fingerprint([column()], prompts)
    assert own == fingerprint([column()], prompts)
    assert own != fingerprint([column("german")], prompts)
    assert own != fingerprint([column()], prompts[:1])


@pytest.mark.slow
def test_a_killed_command_goes_on_to_the_same_file(tmp_path: Path, home: Path) -> None:
    command = [sys.executable, "-m", "culturechat", "probe", "-c", "base", "--theme", "migration"]
    environment = os.environ | {"CULTURECHAT_HOME": str(home)}
    killed = subprocess.Popen(
        [*command, "--restatements", "--json", str(tmp_path / "a.json")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 200
    while not (runs(home) and runs(home)[0].read_text().count("\n") >= 8):
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    for name, more in (("a", ["--resume"]), ("b", [])):
        done = subprocess.run(
            [*command, "--restatements", "--json", str(tmp_path / f"{name}.json"), *more],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert runs(home) == []
