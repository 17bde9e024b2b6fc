"""The four themes of the app: text stands out in each, and how they look."""

from __future__ import annotations

from typing import Any

import pytest
from rich.terminal_theme import TerminalTheme
from textual.pilot import Pilot

from culturechat.engines.echo import Echo
from culturechat.settings import Settings
from culturechat.tui import themes
from culturechat.tui.screens.settings import SettingsScreen
from tests.tui.contrast import XTERM_DARK, XTERM_LIGHT, ratio, runs
from tests.tui.stage import ask, stage, until
from tests.tui.test_snapshots import ANSWERS, Snap, after

LEAST = 4.5
"""The ratio that WCAG 2.2 asks of text, success criterion 1.4.3."""


def test_the_ratio_is_that_of_wcag() -> None:
    assert ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert ratio((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [theme.name for theme in themes.own()])
async def test_all_text_stands_out(theme: str) -> None:
    engine = Echo(answers=ANSWERS, failing={"arabic": "The engine stopped."})
    app = stage("chinese", "arabic", "base", engine=engine, settings=Settings(theme=theme))
    async with app.run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        check(pilot, XTERM_DARK, XTERM_LIGHT)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        await pilot.press("right")
        check(pilot, XTERM_DARK, XTERM_LIGHT)


def check(pilot: Pilot[Any], *terminals: TerminalTheme) -> None:
    for terminal in terminals:
        found = list(runs(pilot, terminal))
        assert len(found) > 30
        faint = {run.text: round(run.ratio, 2) for run in found if run.ratio < LEAST}
        assert not faint


@pytest.mark.parametrize("theme", [theme.name for theme in themes.own()])
def test_the_main_screen(snap_compare: Snap, theme: str) -> None:
    app = stage("chinese", "arabic", "base", engine=Echo(answers=ANSWERS), settings=Settings(theme=theme))
    assert snap_compare(app, terminal_size=(120, 36), run_before=after())
