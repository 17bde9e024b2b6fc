"""What is changed on the settings screen, when it holds, and what is written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea

from culturechat import settings
from culturechat.settings import Settings
from culturechat.tui.screens.settings import SettingList, SettingsScreen
from tests.tui.stage import Recorder, ask, ready, shown, stage, until, views

ONE_WORD = "Answer in one word."


@pytest.fixture
def config(home: Path) -> Path:
    return home / "config" / "config.toml"


async def go_to(pilot: Pilot[Any], key: str) -> None:
    """Open the settings, if they are not, and put the cursor on one."""
    if not isinstance(pilot.app.screen, SettingsScreen):
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        await until(pilot, lambda: pilot.app.screen.query_one(SettingList).option_count)
    values = pilot.app.screen.query_one(SettingList)
    values.highlighted = values.get_option_index(key)
    await pilot.pause()


def row(pilot: Pilot[Any], key: str) -> str:
    return str(pilot.app.screen.query_one(SettingList).get_option(key).prompt)


def held(pilot: Pilot[Any]) -> Settings:
    found: Settings = pilot.app.preferences.settings  # type: ignore[attr-defined]
    return found


def told(pilot: Pilot[Any]) -> str:
    """What a window or a notice complains of."""
    complaints = [str(widget.render()) for widget in pilot.app.screen.query(".complaint")]
    return " ".join([*complaints, *(notice.message for notice in pilot.app._notifications)])


async def test_a_number_changed_by_keys_holds_from_the_next_answer_on(config: Path) -> None:
    engine = Recorder()
    app = stage(engine=engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await go_to(pilot, "temperature")
        await pilot.press("right", "right", "left", "right")
        assert "0.8" in row(pilot, "temperature") and "this session" in row(pilot, "temperature")
        await go_to(pilot, "seed")
        await pilot.press("right")
        await pilot.press("escape")
        await ask(pilot, "And now?")
        drawn = [(request.sampling.temperature, request.seed) for request in engine.requests]
        assert drawn == [(0.7, 1)] * 2 + [(0.8, 2)] * 2
        assert "seed 2" in shown(pilot)
    assert not config.exists()


async def test_a_number_that_is_typed_is_checked(config: Path) -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "max_tokens")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query(Input))
        line = pilot.app.screen.query_one(Input)
        line.value = "many"
        await pilot.press("enter")
        assert "expected a whole number from 1 to 32768" in told(pilot)
        line.value = "40"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        assert held(pilot).max_tokens == 40
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query(Input))
        await pilot.press("escape")
        assert held(pilot).max_tokens == 40


async def test_what_is_kept_is_in_the_file_and_what_is_not_ends_with_the_app(config: Path) -> None:
    config.parent.mkdir()
    config.write_text("# mine\nseed = 5  # lucky\n")
    app = stage(settings=settings.load({}, {}))
    async with app.run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "seed")
        await pilot.press("right", "k")
        await until(pilot, lambda: "seed = 6" in config.read_text())
        assert "file" in row(pilot, "seed")
        await pilot.press("right")
        assert held(pilot).seed == 7
    assert config.read_text() == "# mine\nseed = 6  # lucky\n"


async def test_a_change_is_taken_back_and_the_default_comes_back(config: Path) -> None:
    config.parent.mkdir()
    config.write_text("min_p = 0.2\n")
    resolved = settings.resolve({}, {})
    app = stage(settings=resolved.settings, resolved=resolved)
    async with app.run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "min_p")
        await pilot.press("right", "u")
        assert held(pilot).min_p == 0.2 and "file" in row(pilot, "min_p")
        await pilot.press("d")
        assert held(pilot).min_p == 0.05
        await pilot.press("k")
        await until(pilot, lambda: not pilot.app.preferences.changes)  # type: ignore[attr-defined]
        assert config.read_text() == ""


async def test_a_file_that_cannot_be_written_is_told_and_the_change_stays(config: Path) -> None:
    config.parent.mkdir()
    config.write_text("seed = \n")
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "seed")
        await pilot.press("right", "k")
        await pilot.pause()
        assert "is not valid TOML" in told(pilot)
        assert held(pilot).seed == 2 and "this session" in row(pilot, "seed")


async def test_a_system_prompt_is_typed_and_sent(config: Path) -> None:
    engine = Recorder()
    async with stage("chinese", engine=engine).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "prompts.chinese")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query(TextArea))
        pilot.app.screen.query_one(TextArea).text = " \n"
        await pilot.press("ctrl+s")
        assert "is empty" in told(pilot)
        pilot.app.screen.query_one(TextArea).text = f"{ONE_WORD}\x1b[2J"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        await pilot.press("escape")
        await ask(pilot)
        assert engine.requests[-1].messages[0].text == ONE_WORD


async def test_a_key_is_pressed_to_be_changed(config: Path) -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await go_to(pilot, "keys.chat.survey")
        await pilot.press("enter")
        await until(pilot, lambda: "Press the new key" in shown(pilot))
        await pilot.press("ctrl+r")
        assert "ctrl+r is the key of keys.chat.again already" in told(pilot)
        await pilot.press("f12")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        await pilot.press("k", "escape")
        await until(pilot, lambda: pilot.app.screen is not None and not isinstance(pilot.app.screen, SettingsScreen))
        await pilot.press("ctrl+s")
        assert not pilot.app.screen.has_class("-no-survey")
        await pilot.press("f12")
        await until(pilot, lambda: pilot.app.screen.has_class("-no-survey"))
        await pilot.press("f1")
        await until(pilot, lambda: "F12" in shown(pilot).upper())
    assert 'survey = "f12"' in config.read_text()


async def test_keys_from_the_file_hold_from_the_start() -> None:
    chosen = Settings(keys={"chat": {"again": "f12"}})
    engine = Recorder()
    async with stage(engine=engine, settings=chosen).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert len(engine.requests) == 2
        await pilot.press("f12")
        await until(pilot, lambda: len(engine.requests) == 4)


async def test_a_theme_is_seen_while_it_is_chosen_and_left_when_it_is_not(config: Path) -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "theme")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query("ChoiceDialog OptionList"))
        await pilot.press("down")
        await until(pilot, lambda: pilot.app.theme == "calm-light")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.theme == "calm")
        assert "theme" not in pilot.app.preferences.changes  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query("ChoiceDialog OptionList"))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        assert pilot.app.theme == held(pilot).theme == "high-contrast"


async def test_a_theme_of_the_palette_can_be_kept(config: Path) -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        pilot.app.theme = "nord"
        await go_to(pilot, "theme")
        assert "nord" in row(pilot, "theme") and "this session" in row(pilot, "theme")
        await pilot.press("k")
        await until(pilot, config.exists)
    assert 'theme = "nord"' in config.read_text()


@pytest.mark.parametrize(("layout", "beside"), [("auto", 3), ("beside", 3), ("grid", 2), ("tabs", 1)])
async def test_the_layout_is_as_wished(layout: str, beside: int) -> None:
    async with stage("chinese", "arabic", "base").run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "layout")
        while held(pilot).layout != layout:
            await pilot.press("right")
        await pilot.press("escape")
        await pilot.pause()
        tops = [view.region.y for view in views(pilot).values() if view.display]
        assert tops.count(min(tops)) == beside


async def test_what_needs_a_start_is_kept_but_does_not_change_the_chat(config: Path) -> None:
    app = stage()
    async with app.run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "context")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.query(Input))
        pilot.app.screen.query_one(Input).value = "4096"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        assert "next start" in shown(pilot)
        await pilot.press("k")
        await until(pilot, config.exists)
        assert app.compare.session.settings.context == 2048
    assert settings.load({}, {}).context == 4096


async def test_a_click_changes_a_switch_and_the_environment_is_named() -> None:
    resolved = settings.resolve({}, {"CULTURECHAT_SURVEY": "false"})
    async with stage(settings=resolved.settings, resolved=resolved).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await go_to(pilot, "survey")
        assert "environment" in row(pilot, "survey") and "CULTURECHAT_SURVEY" in shown(pilot)
        values = pilot.app.screen.query_one(SettingList)
        assert isinstance(values, OptionList) and values.highlighted is not None
        await pilot.click(SettingList, offset=(4, values.highlighted + 1))
        await until(pilot, lambda: held(pilot).survey)
        await pilot.press("f1")
        await until(pilot, lambda: "Change the setting" in shown(pilot))


async def test_the_survey_can_be_hidden_from_the_start() -> None:
    async with stage(settings=Settings(survey=False)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        assert pilot.app.screen.has_class("-no-survey")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not pilot.app.screen.has_class("-no-survey"))
