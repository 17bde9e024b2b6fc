"""What is taken out of the screen: copies, pictures, texts in the user's editor."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from culturechat import outbox, paths
from culturechat.errors import CulturechatError, UsageError
from culturechat.tui.app import CompareApp
from culturechat.tui.widgets.header import Phase
from tests.tui.stage import Recorder, ask, phases, ready, screen, shown, stage, until

WIDE = (150, 40)
ANSWERS = {"chinese": "Yes, they **should**.\x1b[31m", "arabic": "نعم"}


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TERM_PROGRAM", raising=False)


def answered() -> CompareApp:
    return stage(engine=Recorder(answers=ANSWERS))


async def test_y_copies_the_answer_and_once_more_writes_it_to_a_file() -> None:
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", "y")
        await until(pilot, lambda: "Copied the answer of 中文 Chinese." in shown(pilot))
        assert pilot.app.clipboard == "Yes, they **should**."
        assert not (paths.data_dir() / "copied.txt").exists()
        await pilot.press("y")
        await until(pilot, lambda: "Here it is as a file" in shown(pilot))
        assert (paths.data_dir() / "copied.txt").read_text("utf-8") == "Yes, they **should**."


async def test_shift_y_copies_question_and_all_answers() -> None:
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", "Y")
        await pilot.pause()
        expected = "why\n\n中文 Chinese:\nYes, they **should**.\n\nالعربية Arabic:\nنعم\n"
        assert pilot.app.clipboard == expected


async def test_a_terminal_that_takes_no_copies_gets_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM_PROGRAM", "Apple_Terminal")
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", "tab", "y")
        await until(pilot, lambda: "takes no copies" in shown(pilot))
        assert (paths.data_dir() / "copied.txt").read_text("utf-8") == "نعم"
        assert pilot.app.clipboard == ""


async def test_nothing_to_copy_is_said() -> None:
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("tab", "y")
        await until(pilot, lambda: "no answer to copy" in shown(pilot))


async def test_a_file_that_cannot_be_written_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    (home / "data").write_text("no folder")
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", "y")
        await until(pilot, lambda: "cannot be written" in shown(pilot))


async def test_f8_keeps_a_picture_of_the_screen_and_says_where() -> None:
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("f8")
        await until(pilot, lambda: "Picture of the screen" in shown(pilot))
        (picture,) = (paths.data_dir() / "screenshots").glob("culturechat-*.svg")
        assert picture.read_text("utf-8").startswith("<svg") and "they" in picture.read_text("utf-8")


@contextmanager
def suspended(pilot: Pilot[Any]) -> Iterator[None]:
    yield


def editor(folder: Path, script: str) -> str:
    program = folder / "my editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"'{program}' --wait"


async def test_the_question_is_written_in_the_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, 'printf "%s and\\033[31m why\\n" "$(cat "$2")" > "$2"'))
    monkeypatch.delenv("VISUAL", raising=False)
    app = answered()
    monkeypatch.setattr(app, "suspend", lambda: suspended(None))  # type: ignore[arg-type]
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press(*"what", "ctrl+g")
        await pilot.pause()
        assert screen(pilot).prompt.input.value == "what and why"


async def test_an_answer_is_opened_in_the_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("VISUAL", editor(tmp_path, f'cp "$2" "{seen}"'))
    app = answered()
    monkeypatch.setattr(app, "suspend", lambda: suspended(None))  # type: ignore[arg-type]
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", "o")
        await pilot.pause()
        assert seen.read_text("utf-8") == "Yes, they **should**.\n"


async def test_a_missing_editor_is_said_and_the_line_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "no-such-editor")
    monkeypatch.delenv("VISUAL", raising=False)
    app = answered()
    monkeypatch.setattr(app, "suspend", lambda: suspended(None))  # type: ignore[arg-type]
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press(*"what", "ctrl+g")
        await until(pilot, lambda: "no-such-editor, set as EDITOR, cannot be started" in shown(pilot))
        assert screen(pilot).prompt.input.value == "what"


async def test_a_terminal_that_cannot_be_left_is_said() -> None:
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "Nothing else can be opened in this terminal." in shown(pilot))


def test_an_editor_that_fails_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CulturechatError, match="ended with code 3; nothing was changed"):
        outbox.edited("text", {"EDITOR": editor(tmp_path, "exit 3")})
    with pytest.raises(UsageError, match="export EDITOR=nano"):
        outbox.edited("text", {"EDITOR": " "})
    with pytest.raises(UsageError, match="VISUAL=vi '"):
        outbox.edited("text", {"VISUAL": "vi '"})
    with pytest.raises(CulturechatError, match="left no text behind"):
        outbox.edited("text", {"EDITOR": editor(tmp_path, 'rm "$2"')})


def test_what_is_too_long_for_a_clipboard_goes_to_a_file() -> None:
    assert outbox.takes("a" * 74_000, {"TERM": "xterm"})
    assert not outbox.takes("中" * 30_000, {"TERM": "xterm"})
    assert not outbox.takes("a", {"TERM": "linux"})


async def test_copies_made_in_blind_mode_name_nobody() -> None:
    async with answered().run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b", *"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.DONE, Phase.DONE])
        screen(pilot).action_copy_turn()
        assert "why\n\n" in pilot.app.clipboard and "نعم" in pilot.app.clipboard
        assert "Chinese" not in pilot.app.clipboard and "Arabic" not in pilot.app.clipboard
