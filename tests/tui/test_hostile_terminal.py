"""A thousand hostile strings on every screen, in a real terminal: what is written there is looked at byte by byte."""

from __future__ import annotations

import sys

import pytest

from tests import hostile, pseudo_terminal
from tests.tui.hostile_screens import SIZES

pytestmark = pytest.mark.linux

ALL = 1000
FEWEST_SHOWN = {
    "answers": 950, "names": 500, "picker": 60, "probe": 200, "history": 350, "reopened": 30, "failures": 20,
    "typing": 2,
}  # fmt: skip
"""Of the strings, so many must really have come to the screen; elsewhere what is too long for its place is cut."""

TYPED = [(b"bytes please", b"\xff\xfe\x9b31m\xed\xa0\x80"), (b"words please", b"a word")]
"""In the show that asks for it."""


@pytest.mark.parametrize("show", SIZES)
def test_no_string_reaches_the_terminal_as_anything_but_text(show: str) -> None:
    ran = pseudo_terminal.run([sys.executable, "-m", "tests.tui.hostile_screens", show], *SIZES[show], typed=TYPED)
    assert ran.exit_code == 0, hostile.shown(ran.output)[-3000:]
    assert hostile.faults(ran.output) == []
    text = hostile.shown(ran.output)
    assert sum(hostile.tag(number) in text for number in range(ALL)) >= FEWEST_SHOWN[show]
