from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from culturechat.errors import BadFile, UsageError
from training import bases, recipes
from training.__main__ import main


def test_every_shipped_recipe_and_base_loads() -> None:
    assert "tiny" in recipes.names() and [recipes.load(name).id for name in recipes.names()] == recipes.names()
    assert [bases.load(name).id for name in bases.names()] == bases.names()


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(tiny().replace("learning_rate", "learning_rat"), "utf-8")
    with pytest.raises(BadFile, match=r"training\.learning_rat.*Did you mean learning_rate\?"):
        recipes.load(str(path))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("\n".join(line for line in tiny().splitlines() if not line.startswith("rank")), "utf-8")
    with pytest.raises(BadFile, match="rank"):
        recipes.load(str(path))


def test_a_value_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(tiny().replace("rank = 6", "rank = 0"), "utf-8")
    with pytest.raises(BadFile, match=r"lora\.rank is 0"):
        recipes.load(str(path))


def test_an_unknown_recipe_or_base_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean tiny"):
        recipes.load("tinny")
    with pytest.raises(UsageError, match="Did you mean smollm2-135m"):
        bases.load("smollm2-135")


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["seeds", "--cultures", "chinees", "--runs", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "Did you mean chinese?" in said and said.count("\n") == 1


def test_a_step_whose_input_is_missing_says_what_to_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["dataset", "--cultures", "chinese", "--runs", str(tmp_path)]) == 2
    assert "Run the step before" in capsys.readouterr().err


def test_help_loads_no_torch() -> None:
    code = (
        "import sys, training.__main__ as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'transformers', 'peft', 'llama_cpp', 'textual') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.endswith("[]\n")


def tiny() -> str:
    return (recipes.FOLDER / "tiny.toml").read_text("utf-8")
