"""A thousand hostile strings through every command, in a real terminal: what is written there is looked at."""

from __future__ import annotations

import sys

import pytest

from tests import hostile, pseudo_terminal
from tests.app.hostile_commands import PARTS

pytestmark = pytest.mark.linux

ALL = 1000
FEWEST_SHOWN = {"arguments": 40, "engine": ALL, "survey": ALL, "chats": 900, "cards": 90, "damage": 20}
"""Of the strings, so many must really have come to the terminal."""


@pytest.mark.parametrize("part", PARTS)
def test_no_string_reaches_the_terminal_as_anything_but_text(part: str) -> None:
    ran = pseudo_terminal.run([sys.executable, "-m", "tests.app.hostile_commands", part])
    text = hostile.shown(ran.output, hostile.PLAIN)
    assert ran.exit_code == 0, text[-3000:]
    assert hostile.faults(ran.output, hostile.PLAIN) == []
    assert sum(hostile.tag(number) in text for number in range(ALL)) >= FEWEST_SHOWN[part]
