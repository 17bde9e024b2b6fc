"""The choice of columns when none was named."""

from __future__ import annotations

from culturechat import cultures
from culturechat.tui.app import PickApp, Picked
from tests.tui.stage import shown, until


def picker() -> PickApp:
    return PickApp([cultures.load(name) for name in cultures.names()], "base")


async def test_enter_returns_what_is_ticked() -> None:
    app = picker()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("space", "down", "space", "end", "space", "enter")
        await pilot.pause()
    assert app.return_value == Picked(("bengali", "chinese", "base"))


async def test_the_suggestion_is_enough() -> None:
    app = picker()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await pilot.pause()
    assert app.return_value == Picked(("arabic", "chinese"))


async def test_leaving_returns_nothing() -> None:
    for key in ("escape", "ctrl+q"):
        app = picker()
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(key)
            await pilot.pause()
        assert app.return_value is None


async def test_nothing_ticked_is_no_choice() -> None:
    app = picker()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("a", "a", "enter")
        await until(pilot, lambda: "Tick at least one" in shown(pilot))
        await pilot.press("a", "enter")
        await pilot.pause()
    assert app.return_value == Picked((*cultures.names(), "base"))


async def test_a_click_ticks() -> None:
    app = picker()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("TickList", offset=(6, 2))
        await pilot.press("enter")
        await pilot.pause()
    assert app.return_value == Picked(("arabic", "bengali", "chinese"))


async def test_it_says_what_is_shown_and_what_is_not_claimed() -> None:
    app = picker()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        for text in ("World Values", "does not claim", "How important is God"):
            assert text in shown(pilot)
