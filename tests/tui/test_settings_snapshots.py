"""How the settings look. A change here is looked at before it is accepted with `--snapshot-update`."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from culturechat.settings import Settings
from culturechat.tui import themes
from culturechat.tui.screens.settings import SettingList, SettingsScreen
from tests.tui.stage import ready, stage, until
from tests.tui.test_snapshots import Before, Snap, name

CHANGED = Settings(temperature=0.3, prompts={"german": "Antworte in einem Satz."}, keys={"chat": {"survey": "f12"}})


def opened(*keys: str) -> Before:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return before


@pytest.mark.parametrize("size", [(60, 20), (120, 36), (200, 50)], ids=name)
def test_settings(snap_compare: Snap, size: tuple[int, int]) -> None:
    app = stage(settings=CHANGED)
    assert snap_compare(app, terminal_size=size, run_before=opened("right", "down", "down", "right"))


@pytest.mark.parametrize("theme", [theme.name for theme in themes.own()[1:]])
def test_in_other_themes(snap_compare: Snap, theme: str) -> None:
    app = stage(settings=Settings(theme=theme))
    assert snap_compare(app, terminal_size=(120, 36), run_before=opened("right"))


@pytest.mark.parametrize("key", ["min_p", "layout", "prompts.chinese", "keys.chat.survey"])
def test_windows_over_it(snap_compare: Snap, key: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await opened()(pilot)
        values = pilot.app.screen.query_one(SettingList)
        values.highlighted = values.get_option_index(key)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, SettingsScreen))

    assert snap_compare(stage(), terminal_size=(120, 36), run_before=before)
