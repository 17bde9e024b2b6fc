"""What the shell offers at TAB."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from culturechat.cli import app


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("culturechat hist", ["history"]),
        ("culturechat models b", ["build"]),
        ("culturechat ask --det", ["--deterministic"]),
        ("culturechat --cultures chi", ["chinese"]),
        ("culturechat ask --cultures chinese,b", ["chinese,base", "chinese,bengali"]),
        ("culturechat probe -c base,b", ["base,bengali"]),
        ("culturechat --base smol", ["smollm2-135m"]),
        ("culturechat --form a", ["adapter"]),
        ("culturechat models info smollm2-135m.a", ["smollm2-135m.arabic"]),
        ("culturechat models export --for o", ["ollama"]),
        ("culturechat models build --type q4", ["q4_0", "q4_k_m"]),
    ],
)
def test_commands_options_and_names_are_completed_and_a_culture_is_offered_once(line: str, names: list[str]) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_CULTURECHAT_COMPLETE": "complete_bash"}
    assert CliRunner().invoke(app, prog_name="culturechat", env=words).output.split() == names


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_by_the_script_that_the_program_prints(tmp_path: Path) -> None:
    program = tmp_path / "culturechat"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m culturechat "$@"\n', "utf-8")
    program.chmod(0o755)
    tab = """
        eval "$(_CULTURECHAT_COMPLETE=source_bash culturechat)"
        COMP_WORDS=(culturechat pro) COMP_CWORD=1
        _culturechat_completion culturechat
        echo "${COMPREPLY[@]}"
    """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", tab], env=os.environ | {"PATH": path}, capture_output=True, encoding="utf-8")
    assert done.stdout == "probe\n", done.stderr
