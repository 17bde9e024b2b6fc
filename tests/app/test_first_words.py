"""What a terminal shows before the screen has loaded, by the bytes that come out of the real command."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import pseudo_terminal

pytestmark = pytest.mark.linux

OTHER_SCREEN, OWN_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "culturechat", *arguments]


def home(folder: Path) -> Mapping[str, str]:
    return {"CULTURECHAT_HOME": str(folder)}


def test_the_cultures_are_named_before_the_screen_comes(tmp_path: Path) -> None:
    leave = [(b"Quit", b"\x11")]  # ctrl+q, once the footer shows
    ran = pseudo_terminal.run(command("--cultures", "chinese,arabic"), typed=leave, environment=home(tmp_path))
    assert ran.exit_code == 0
    before, _, after = ran.output.partition(b"culturechat chinese arabic")
    assert before.startswith(OTHER_SCREEN) and after.count(OTHER_SCREEN) == 1
    assert ran.output.rstrip().rfind(OWN_SCREEN) > ran.output.rfind(OTHER_SCREEN)


def test_a_wrong_name_is_told_before_anything_is_shown(tmp_path: Path) -> None:
    ran = pseudo_terminal.run(command("--cultures", "chinese,klingon\x1b[31m"), environment=home(tmp_path))
    assert ran.exit_code == 2 and b"klingon" in ran.output and b"\x1b" not in ran.output


def test_after_a_mistake_that_shows_late_the_terminal_is_as_before_and_says_what_it_was(tmp_path: Path) -> None:
    ran = pseudo_terminal.run(command("--cultures", "chinese", "--base", "nowhere.gguf"), environment=home(tmp_path))
    assert ran.exit_code == 2
    shown, _, message = ran.output.partition(OWN_SCREEN)
    assert shown.startswith(OTHER_SCREEN) and b"nowhere.gguf" in message
