"""Where things stand at each size, and how the focus moves."""

from __future__ import annotations

import pytest

from culturechat.tui import arrangement
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.survey_panel import SurveyPanel
from culturechat.tui.widgets.tabs import ColumnTabs
from tests.tui.stage import ask, ready, screen, shown, stage, views

ALL = ("arabic", "bengali", "chinese", "english", "german", "korean", "portuguese", "spanish", "turkish", "base")


@pytest.mark.parametrize(
    ("count", "width", "height", "beside"),
    [
        (2, 80, 17, 2),
        (3, 120, 29, 3),
        (3, 80, 36, 2),
        (3, 80, 17, 0),
        (10, 200, 43, 5),
        (9, 120, 29, 0),
        (1, 60, 13, 1),
    ],
)
def test_columns_stand_side_by_side_then_in_a_grid_then_alone(count: int, width: int, height: int, beside: int) -> None:
    assert arrangement.across(count, width, height) == beside


@pytest.mark.parametrize(("count", "beside"), [(3, 2), (5, 3), (10, 5), (7, 4), (1, 1)])
def test_every_row_of_a_grid_is_filled(count: int, beside: int) -> None:
    cells, spans = arrangement.spans(count, beside)
    rows = [spans[start : start + beside] for start in range(0, count, beside)]
    assert all(sum(row) == cells for row in rows)


def visible(columns: dict[str, ColumnView]) -> list[str]:
    return [name for name, view in columns.items() if view.display]


async def test_all_columns_of_a_wide_screen_are_at_least_readable() -> None:
    async with stage(*ALL).run_test(size=(200, 50)) as pilot:
        await ready(pilot)
        assert all(view.size.width >= 36 for view in views(pilot).values())
        assert not screen(pilot).query_one(ColumnTabs).display


async def test_resizing_goes_from_columns_to_tabs_to_a_note_and_back() -> None:
    async with stage("chinese", "arabic", "base").run_test(size=(200, 50)) as pilot:
        await ask(pilot)
        assert visible(views(pilot)) == ["chinese", "arabic", "base"]
        for width in (120, 80, 60, 40):
            await pilot.resize_terminal(width, 20)
            await pilot.pause()
        assert visible(views(pilot)) == ["chinese"]
        assert screen(pilot).query_one(ColumnTabs).display
        await pilot.resize_terminal(30, 20)
        await pilot.pause()
        assert "Too narrow" in shown(pilot)
        for width, height in ((5, 3), (1, 1), (200, 50)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        assert visible(views(pilot)) == ["chinese", "arabic", "base"]
        assert "Too narrow" not in shown(pilot)


async def test_tab_goes_over_the_columns_and_back_to_the_prompt() -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        line = screen(pilot).prompt.input
        stops = []
        for _ in range(3):
            await pilot.press("tab")
            stops.append(screen(pilot).focused)
        assert stops == [views(pilot)["chinese"].transcript, views(pilot)["arabic"].transcript, line]
        await pilot.press("shift+tab")
        assert screen(pilot).focused is views(pilot)["arabic"].transcript


async def test_tab_shows_the_next_column_where_only_one_has_room() -> None:
    async with stage("chinese", "arabic").run_test(size=(60, 20)) as pilot:
        await ready(pilot)
        await pilot.press("tab", "tab")
        assert visible(views(pilot)) == ["arabic"]
        assert "[○ العربية Arabic]" in shown(pilot)
        await pilot.press("tab", "ctrl+pagedown")
        assert visible(views(pilot)) == ["chinese"]
        assert screen(pilot).focused is screen(pilot).prompt.input


async def test_a_click_on_a_name_shows_its_column() -> None:
    async with stage("chinese", "arabic").run_test(size=(60, 20)) as pilot:
        await ready(pilot)
        await pilot.click(ColumnTabs, offset=(20, 0))
        await pilot.pause()
        assert visible(views(pilot)) == ["arabic"]


@pytest.mark.parametrize("keys", [("tab", "tab", "f"), ("tab", "tab", "enter"), ("tab", "tab", "ctrl+f")])
async def test_a_column_takes_the_whole_width_and_gives_it_back(keys: tuple[str, ...]) -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press(*keys)
        assert visible(views(pilot)) == ["arabic"]
        assert views(pilot)["arabic"].size.width > 110
        await pilot.press(keys[-1])
        assert visible(views(pilot)) == ["chinese", "arabic"]
        await pilot.press("f" if keys[-1] == "enter" else keys[-1], "escape")
        assert visible(views(pilot)) == ["chinese", "arabic"]


async def test_ctrl_s_gives_the_surveys_rows_to_the_answers() -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        before = views(pilot)["chinese"].transcript.size.height
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert views(pilot)["chinese"].transcript.size.height > before
        assert not any(panel.region for panel in screen(pilot).query(SurveyPanel))
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert views(pilot)["chinese"].transcript.size.height == before


@pytest.mark.parametrize("keys", [("f1",), ("tab", "question_mark")])
async def test_help_lists_the_keys_and_closes(keys: tuple[str, ...]) -> None:
    async with stage().run_test(size=(130, 50)) as pilot:
        await ready(pilot)
        await pilot.press(*keys)
        await pilot.pause()
        assert "Answer again in this column only" in shown(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is screen(pilot)


async def test_every_built_in_theme_can_be_chosen() -> None:
    async with stage().run_test(size=(80, 24)) as pilot:
        await ask(pilot)
        for name in pilot.app.available_themes:
            pilot.app.theme = name
            await pilot.pause()


async def test_the_palette_opens_and_offers_what_the_keys_do() -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+p", *"full")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert len(visible(views(pilot))) == 1
