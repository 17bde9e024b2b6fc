"""Vowel signs are as wide as the terminal at hand prints them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich import cells
from rich._unicode_data import load
from rich.cells import cell_len

from culturechat.tui import marks

BENGALI = "হ্যাঁ, বাবা-মায়ের যত্ন"
"""Fourteen letters and spaces that all terminals give a cell, and five vowel signs that many do."""


@pytest.fixture
def table() -> Iterator[cells.CellTable]:
    yield load("auto")
    marks.use(load("auto"))
    vars(cells)["load_cell_table"] = load


def answered(reply: bytes) -> int | None:
    """Return what is measured on a terminal that answers the question for its cursor so."""
    ours, its = os.openpty()

    def terminal() -> None:
        seen = b""
        while b"\x1b[6n" not in seen:
            seen += os.read(ours, 64)
        os.write(ours, reply)

    threading.Thread(target=terminal, daemon=True).start()
    try:
        return marks.measured(its, its)
    finally:
        os.close(ours)
        os.close(its)


@pytest.mark.parametrize(
    ("reply", "cells_"), [(b"\x1b[1;2R", 1), (b"\x1b[12;3R", 2), (b"x\x1b[1;3R", 2), (b"nonsense", None)]
)
def test_the_terminal_is_asked_where_its_cursor_stands(
    reply: bytes, cells_: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "SECONDS", 0.05 if cells_ is None else 5)
    assert answered(reply) == cells_


def test_signs_with_cells_of_their_own_are_counted_and_nothing_else_changes(table: cells.CellTable) -> None:
    others = "مرحبًا 中文 é e\u0301 👩‍👩‍👧 ❤️ ক্ষ"
    before = cell_len(others)
    assert cell_len(BENGALI) == 14
    marks.use(marks.with_cells_of_their_own(table))
    assert cell_len(BENGALI) == 19
    assert cell_len(others) == before


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_text_is_as_wide_as_a_real_terminal_prints_it(tmp_path: Path) -> None:
    tmux = ["tmux", "-u", "-f", "/dev/null", "-S", str(tmp_path / "tmux.socket")]
    code = (
        "import time; from culturechat.tui import marks; from rich.cells import cell_len; marks.fit(); "
        f"text = {BENGALI!r}; print(cell_len(text)); print(text, end='', flush=True); time.sleep(30)"
    )
    try:
        subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "5", sys.executable, "-c", code], check=True)
        deadline = time.monotonic() + 60
        while True:
            asked = [*tmux, "display", "-p", "#{cursor_x}"]
            lines = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, encoding="utf-8").stdout.split(
                "\n"
            )
            cursor = subprocess.run(asked, capture_output=True, encoding="utf-8").stdout.strip()
            # before the number stands the letter that `fit` measures
            if lines[0].strip().isdecimal() and cursor != "0":
                break
            assert time.monotonic() < deadline, lines
            time.sleep(0.1)
        assert lines[0].strip() == cursor
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True)
