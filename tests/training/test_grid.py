"""Cultures × bases × recipes × seeds, here and on a local Ray cluster: the same files, whatever is lost on the way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from culturechat import cli, cluster
from culturechat.cluster import Cluster, Outcome, Task
from culturechat.conversation import Message
from training import grid, pipeline, rows
from training.__main__ import main
from training.pipeline import Job
from training.rows import Reply

GRID = ["seeds", "--cultures", "chinese,arabic", "--one", "--recipe", "tiny,augmented", "--seed", "1,2"]
RUNS = {f"smollm2-135m-{recipe}-s{seed}" for recipe in ("tiny", "augmented") for seed in (1, 2)}
SMALL = "cpus=0.5,memory=0.1"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def job(runs: Path) -> Job:
    (made,) = pipeline.jobs(["chinese"], "smollm2-135m", "tiny", 1, runs)
    rows.write(made.workspace.replies, [Reply((Message("user", "Hello!"),), "Hello there, how can I help?", True)])
    return made


def two_steps(job: Job, deadly: Path) -> None:
    """Take two steps; the first worker that comes between them is killed."""
    pipeline.run(job, ["seeds"])
    if not deadly.exists():
        deadly.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    pipeline.run(job, ["dataset"])


def test_a_grid_is_every_culture_with_every_recipe_and_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GRID, "--runs", str(tmp_path / "runs")]) == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == RUNS
    for run in RUNS:
        assert {path.name for path in (tmp_path / "runs" / run).iterdir()} == {"one", "chinese", "arabic"}
    assert capsys.readouterr().out.count("questions in") == 12


def test_cells_that_fail_are_named_and_the_others_are_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "smollm2-135m-tiny-s2" / "chinese" / "seeds.jsonl").mkdir(parents=True)
    assert main([*GRID, "--runs", str(tmp_path)]) == 1
    out, errors = capsys.readouterr()
    assert errors.startswith("smollm2-135m-tiny-s2/chinese: ") and errors.endswith(": Is a directory.\n")
    assert errors.count("\n") == 1
    assert out.count("questions in") == 11


def test_a_step_that_is_named_is_taken_for_every_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--cultures", "chinese,arabic", "--runs", str(tmp_path), "--models", str(tmp_path)]) == 1
    complaints = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in complaints] == [
        f"smollm2-135m-default-s1/{name}" for name in ("chinese", "arabic")
    ]


def test_what_all_cultures_share_comes_before_them_and_so_does_their_start(tmp_path: Path) -> None:
    names, steps = ["chinese", "arabic"], ["seeds", "augment", "finetune"]
    jobs = pipeline.jobs(names, "smollm2-135m", "augmented", 1, tmp_path, one=True)
    planned = {task.name: task.after for task in grid.tasks(jobs, steps, False)}
    run = "smollm2-135m-augmented-s1"
    shared = (f"{run}/augment",)
    assert planned == {shared[0]: (), **{f"{run}/{name}": shared for name in ("one", *names)}}
    jobs = pipeline.jobs(names, "smollm2-135m", str(with_a_start(tmp_path)), 1, tmp_path, one=True)
    after = [task.after for task in grid.tasks(jobs, steps, False)]
    assert after == [(), *[("smollm2-135m-warm-s1/common",)] * 3]
    assert [task.after for task in grid.tasks(jobs, ["evaluate"], False)] == [()] * 3


def with_a_start(folder: Path) -> Path:
    text = (Path(pipeline.__file__).parent / "recipes" / "tiny.toml").read_text("utf-8")
    training = text.partition("[training]\n")[2]
    path = folder / "warm.toml"
    path.write_text(f"{text}\n[common]\n{training}", "utf-8")
    return path


def test_of_several_recipes_none_is_published_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", *GRID[1:], "--runs", str(tmp_path), "--models", str(tmp_path / "models")]) == 2
    assert "publish one recipe with one seed" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[None]:
    """A local cluster whose workers have a home of their own."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'culturechat[cluster]'")
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    (home / "cache" / "prepared").symlink_to(prepared)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CULTURECHAT_HOME", str(home))
        with cluster.connected(Cluster()):
            yield


@pytest.mark.slow
@pytest.mark.linux
@pytest.mark.xdist_group("ray")
class TestOnRay:
    """One local cluster for all, because it takes seconds to start."""

    def test_the_grid_leaves_the_files_of_a_local_run(
        self, ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        small = ["seeds", "--cultures", "chinese,arabic", "--seed", "1,2", "--recipe", "tiny"]
        assert main([*small, "--runs", str(tmp_path / "here")]) == 0
        assert main([*small, "--runs", str(tmp_path / "there"), "--on", "ray", "--each", SMALL]) == 0
        assert files(tmp_path / "there") == files(tmp_path / "here") and len(files(tmp_path / "here")) == 8
        assert "4/4" in capsys.readouterr().out

    def test_a_task_whose_worker_is_killed_goes_on_and_a_failed_one_ends_no_other(
        self, ray: None, tmp_path: Path
    ) -> None:
        here, there = job(tmp_path / "here"), job(tmp_path / "there")
        for step in ("seeds", "dataset"):
            pipeline.run(here, [step])
        two = Cluster(cpus=0.5, memory_bytes=10**8)
        tasks = [
            Task("killed", partial(two_steps, there, tmp_path / "deadly")),
            Task("refused", partial(pipeline.run, there, ["publish"])),
            Task("late", partial(pipeline.run, there, ["seeds"]), after=("refused",)),
        ]
        ended = {outcome.name: outcome for outcome in cluster.run(tasks, two)}
        assert (tmp_path / "deadly").exists() and ended["killed"] == Outcome("killed")
        assert "Run `python -m training adapter` first" in str(ended["refused"].error)
        assert ended["late"].error == "was not begun, because refused failed."
        assert files(tmp_path / "there") == files(tmp_path / "here")

    def test_a_probe_gives_the_bytes_of_a_local_one(
        self, ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, more in (("here", []), ("there", ["--on", "ray", "--each", SMALL])):
            wanted = ["-c", "german,base", "--item", "Q27", "--json", str(tmp_path / name)]
            monkeypatch.setattr(sys, "argv", ["culturechat", "probe", *wanted, *more])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            assert ended.value.code == 0
        assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
