"""How differences and blind mode look. A change here is looked at before it is accepted with `--snapshot-update`."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from culturechat.engines.echo import Echo
from tests.tui.stage import ask, ready, screen, stage, views
from tests.tui.test_differences import ANSWERS, NAMES, ask_blind, compared
from tests.tui.test_snapshots import ALL, Before, Snap, name
from tests.tui.test_snapshots import ANSWERS as IN_ALL_SCRIPTS

SIZES = [(60, 20), (120, 36), (200, 50)]
LOOKS = pytest.mark.parametrize("size", SIZES, ids=name), pytest.mark.parametrize("theme", ["calm", "textual-light"])


def shot(theme: str, *names: str, answers: dict[str, str] = ANSWERS) -> App[Any]:
    app = stage(*(names or NAMES), engine=Echo(answers=answers))
    app.theme = theme
    return app


def answered(*keys: str) -> Before:
    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot)
        await compared(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return before


def blind(*keys: str) -> Before:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return before


@LOOKS[0]
@LOOKS[1]
def test_table(snap_compare: Snap, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(shot(theme), terminal_size=size, run_before=answered("ctrl+d"))


@LOOKS[0]
@LOOKS[1]
def test_marked_words(snap_compare: Snap, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(shot(theme), terminal_size=size, run_before=answered("f6"))


@LOOKS[0]
@LOOKS[1]
def test_ballot(snap_compare: Snap, size: tuple[int, int], theme: str) -> None:
    keys = ("right", "down", "right", "v", "down")
    assert snap_compare(shot(theme), terminal_size=size, run_before=blind(*keys))


@LOOKS[0]
@LOOKS[1]
def test_names_shown(snap_compare: Snap, size: tuple[int, int], theme: str) -> None:
    keys = ("right", "down", "right", "v", "enter")
    assert snap_compare(shot(theme), terminal_size=size, run_before=blind(*keys))


@pytest.mark.parametrize("size", [(60, 20), (200, 50)], ids=name)
def test_ten_columns(snap_compare: Snap, size: tuple[int, int]) -> None:
    app = shot("calm", *ALL, answers=IN_ALL_SCRIPTS)
    assert snap_compare(app, terminal_size=size, run_before=answered("ctrl+d", "f6"))


def test_blind_before_a_question(snap_compare: Snap) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert screen(pilot).blind.on and not any(view.turns for view in views(pilot).values())

    assert snap_compare(shot("calm"), terminal_size=(120, 36), run_before=before)
