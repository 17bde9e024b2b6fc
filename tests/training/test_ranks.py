"""An adapter that two processes train together, on a tiny model: as one trains it, also where one of them is killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from culturechat.conversation import Message
from culturechat.errors import UsageError
from tests.training import tiny
from training import pipeline, rows
from training.pipeline import Job
from training.rows import Reply
from training.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.linux, pytest.mark.xdist_group("torch")]

RECIPE = """
[data]
items = "seeds"
options_per_item = 2
options_per_wording = 2
canonical = 1.0
rotated = 0.0
held_back_wordings = 1
prose_per_item = 1
replay_tokens = 16

[lora]
rank = 2
alpha = 4

[training]
steps = 10
options_per_step = 3
prose_per_step = 1
replay_per_step = 1
prose_weight = 1.0
replay_weight = 1.0
learning_rate = 2e-3
warmup_steps = 2
checkpoint_every = 2
faster_b = 4.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the base and the recipe are."""
    folder = tmp_path_factory.mktemp("given")
    tiny.checkpoint(folder / "tiny-base", "llama", num_hidden_layers=4)
    (folder / "short.toml").write_text(RECIPE, "utf-8")
    return folder


@pytest.fixture(scope="module")
def alone(folder: Path) -> Workspace:
    """What one process learns."""
    from tests.training import in_ranks

    with pytest.MonkeyPatch.context() as patch, in_ranks.exact():
        patch.setenv("CULTURECHAT_HOME", str(folder / "home"))
        job = prepared(folder, folder / "runs")
        pipeline.run(job, ["finetune"])
    return job.workspace


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("way", ["--multi_gpu", "--use_fsdp"])
def test_two_processes_learn_what_one_learns_though_one_is_killed(
    way: str, tmp_path: Path, folder: Path, alone: Workspace
) -> None:
    from tests.training import in_ranks

    shared = prepared(folder, tmp_path).workspace
    options = ["--base", str(folder / "tiny-base"), "--recipe", str(folder / "short.toml"), "--runs", str(tmp_path)]
    arguments = ["finetune", "--cultures", "chinese", *options]

    launcher = in_ranks.start(way, arguments, tmp_path)
    deadline = time.monotonic() + 300
    while not (shared.checkpoints / "checkpoint-4" / "trainer_state.json").exists():
        assert os.waitpid(launcher, os.WNOHANG) == (0, 0), (tmp_path / "log").read_text("utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(int((tmp_path / "1").read_text("utf-8")), signal.SIGKILL)
    assert ended(launcher) == 1
    assert not shared.lora_config.exists()

    assert ended(in_ranks.start(way, arguments, tmp_path)) == 0, (tmp_path / "log").read_text("utf-8")
    assert (tmp_path / "log").read_text("utf-8").count("rows in") == 1, "the first process alone speaks"
    assert list(shared.folder.rglob("*.part")) == [] and not shared.checkpoints.exists()
    for one, other in zip(curve(alone), curve(shared), strict=True):
        assert other == pytest.approx(one, abs=1e-3)
    expected, found = load_file(alone.lora_weights), load_file(shared.lora_weights)
    assert found.keys() == expected.keys()
    assert max(abs(found[name] - expected[name]).max() for name in expected) < 1e-3
    assert shared.lora_config.read_bytes() == alone.lora_config.read_bytes()


def test_a_model_is_not_split_among_cpus_as_copies(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = prepared(folder, tmp_path)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match="GPUs only"):
        pipeline.run(job, ["finetune"])


def prepared(folder: Path, runs: Path) -> Job:
    """Return a job whose data set is made; replies are given, so that no engine is needed."""
    (job,) = pipeline.jobs(["chinese"], str(folder / "tiny-base"), str(folder / "short.toml"), 1, runs)
    pipeline.run(job, ["seeds"])
    rows.write(job.workspace.replies, [Reply((Message("user", "Hello!"),), "Hello there, how can I help?", True)])
    pipeline.run(job, ["dataset"])
    return job


def ended(process: int) -> int:
    """Return a process's exit code when it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def curve(workspace: Workspace) -> list[list[float]]:
    """Return step and losses of every logged step."""
    _, *lines = workspace.losses.read_text("utf-8").splitlines()
    return [[float(value or 0) for value in line.split(",")[:4]] for line in lines]
