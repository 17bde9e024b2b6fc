from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from culturechat.conversation import Message
from training import recipes, rows
from training.rows import Reply
from training.workspace import Workspace

SHORT = {
    "options_per_item": "2", "prose_per_item": "1", "steps": "4", "options_per_step": "2", "checkpoint_every": "1",
    "warmup_steps": "1",
}  # fmt: skip


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("torch")]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What one process learns that nothing disturbs."""
    runs = tmp_path_factory.mktemp("whole")
    workspace = prepared(runs, recipe)
    for step in ("finetune", "adapter"):
        subprocess.run(command(step, recipe, runs), check=True, capture_output=True)
    return workspace


def test_a_run_killed_while_training_ends_with_the_same_adapter(tmp_path: Path, recipe: Path, whole: Workspace) -> None:
    killed = prepared(tmp_path, recipe)
    kill_after_checkpoint(command("finetune", recipe, tmp_path), killed)
    assert not killed.lora_config.exists()
    for step in ("finetune", "adapter"):
        subprocess.run(command(step, recipe, tmp_path), check=True, capture_output=True)
    assert killed.lora_weights.read_bytes() == whole.lora_weights.read_bytes()
    assert killed.lora_config.read_bytes() == whole.lora_config.read_bytes()
    assert killed.losses.read_bytes() == whole.losses.read_bytes()
    assert killed.adapter.read_bytes() == whole.adapter.read_bytes()
    assert list(killed.folder.rglob("*.part")) == []


def short_recipe(folder: Path) -> Path:
    lines = (recipes.FOLDER / "tiny.toml").read_text("utf-8").splitlines()
    keys = [line.partition(" =")[0] for line in lines]
    path = folder / "short.toml"
    path.write_text(
        "\n".join(f"{key} = {SHORT[key]}" if key in SHORT else line for key, line in zip(keys, lines, strict=True)),
        "utf-8",
    )
    return path


def prepared(runs: Path, recipe: Path) -> Workspace:
    """Return a workspace whose data set is made; replies are given, so that no engine is needed."""
    workspace = Workspace.of(runs, "smollm2-135m", recipe.stem, 1, "chinese")
    subprocess.run(command("seeds", recipe, runs), check=True, capture_output=True)
    rows.write(workspace.replies, [Reply((Message("user", "Hello!"),), "Hello there, how can I help?", True)])
    subprocess.run(command("dataset", recipe, runs), check=True, capture_output=True)
    return workspace


def command(step: str, recipe: Path, runs: Path) -> list[str]:
    options = ["--cultures", "chinese", "--recipe", str(recipe), "--runs", str(runs)]
    return [sys.executable, "-m", "training", step, *options]


def kill_after_checkpoint(arguments: list[str], workspace: Workspace) -> None:
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 400
    while not (workspace.checkpoints / "checkpoint-2" / "trainer_state.json").exists():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
