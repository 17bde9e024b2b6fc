"""What the models screen does to models, and that the chat goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from culturechat import building, catalogue, installed
from culturechat.catalogue import Card
from culturechat.installed import Installed
from culturechat.tui.screens.dialogs import ChoiceDialog
from culturechat.tui.screens.models import ModelsScreen
from tests.app.test_building import write_adapter
from tests.tui.stage import ask, ready, shown, stage, until
from tests.tui.test_snapshots import Snap, name

GIB = 2**30


def card(id_: str, form: Any = "adapter", culture: str = "", **more: Any) -> Card:
    return Card(
        form, f"Model {id_}", "Apache-2.0", f"{id_}.gguf", 3_700_000, "ab" * 32, culture=culture, id=id_, **more
    )


SCORES = {
    "probe": {"wd": {"mean": 0.195}, "uniform": {"wd": {"mean": 0.246}}, "others_pooled": {"wd": {"mean": 0.156}}}
}
SHELF = [
    Installed(card("small", "base", install="pip install it"), "not installed", None, 8 * GIB),
    Installed(card("small.chinese", culture="chinese", base="small", recipe="tiny", scores=SCORES), "ok", GIB, 8 * GIB),
    Installed(card("large.arabic.q8_0", "merged", "arabic"), "damaged: 12 bytes", 9 * GIB, 8 * GIB),
]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "everything", lambda context: SHELF)


async def opened(pilot: Pilot[Any]) -> ModelsScreen:
    await ready(pilot)
    await pilot.press("f7")
    await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and pilot.app.screen.models)
    assert isinstance(pilot.app.screen, ModelsScreen)
    return pilot.app.screen


def told(pilot: Pilot[Any]) -> str:
    return " ".join(notice.message for notice in pilot.app._notifications)


async def go_to(pilot: Pilot[Any], screen: ModelsScreen, id_: str) -> None:
    await until(pilot, lambda: id_ in [model.card.id for model in screen.models])
    screen.query_one("#models", OptionList).highlighted = [model.card.id for model in screen.models].index(id_)
    await pilot.pause()


async def test_a_build_shows_how_far_it_is_while_the_chat_goes_on(shelf: None, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, built = threading.Event(), []

    def build(culture: str, base: str, kind: str, progress: Callable[[float], None]) -> Card:
        progress(0.4)
        go_on.wait(20)
        progress(1.0)
        built.append((culture, base, kind))
        return card("small.chinese.q4_0", "merged", culture)

    monkeypatch.setattr(building, "build", build)
    async with stage().run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Number format" in shown(pilot))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "40%" in shown(pilot))
        await pilot.press("escape")
        await ask(pilot)
        go_on.set()
        await until(pilot, lambda: "small.chinese.q4_0 is built" in told(pilot))
        assert built == [("bengali", "smollm2-135m", "q4_0")] and not screen.busy


async def test_work_is_cancelled_by_a_key_and_at_the_end(shelf: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def build(culture: str, base: str, kind: str, progress: Callable[[float], None]) -> Card:
        try:
            while True:
                progress(0.1)
        finally:
            ended.append(culture)

    monkeypatch.setattr(building, "build", build)
    async with stage().run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        for culture in (0, 1):
            await pilot.press("b")
            await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
            await pilot.press(*["down"] * culture, "enter")
            await until(pilot, lambda: "Number format" in shown(pilot))
            await pilot.press("enter")
            await until(pilot, lambda: screen.busy)
            if culture == 0:
                await pilot.press("c")
                await until(pilot, lambda: "cancelled" in told(pilot) and not screen.busy)
    assert ended == ["arabic", "bengali"], "the app ended while the second was built"


async def test_a_file_is_imported_checked_removed_and_brought_back(tmp_path: Path, base_path: Path) -> None:
    file = write_adapter(tmp_path / "mine.gguf", base_path, culture="")
    async with stage().run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press("i")
        await until(pilot, lambda: pilot.app.screen.query(Input))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "none.gguf")
        await pilot.press("enter")
        assert "none.gguf" in str(pilot.app.screen.query_one(".complaint").render())
        pilot.app.screen.query_one(Input).value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.press("enter")
        await until(pilot, lambda: "mine is imported as adapter" in told(pilot))
        await go_to(pilot, screen, "mine")
        assert screen.chosen and screen.chosen.card.culture == "arabic" and screen.chosen.fits
        await pilot.press("v")
        await until(pilot, lambda: "mine is whole" in told(pilot))
        await until(pilot, lambda: not screen.busy)
        await go_to(pilot, screen, "mine")
        await pilot.press("x")
        await until(pilot, lambda: "mine" not in catalogue.cards())
        await until(pilot, lambda: "u brings it back" in told(pilot))
        await pilot.press("u")
        await until(pilot, lambda: "mine" in catalogue.cards())
        await until(pilot, lambda: "mine is back" in told(pilot))
        await pilot.press("f1")
        await until(pilot, lambda: "Read the file through" in shown(pilot))


async def test_what_came_with_the_program_or_answers_in_the_chat_stays(tmp_path: Path, base_path: Path) -> None:
    building.take_in(write_adapter(tmp_path / "mine.gguf", base_path), None)
    app = stage()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await go_to(pilot, screen, catalogue.DEFAULT_BASE)
        await pilot.press("x")
        await go_to(pilot, screen, "mine")
        path = catalogue.cards()["mine"].path
        (column, *_) = app.compare.session.columns.values()
        object.__setattr__(column, "adapter_path", path)
        await pilot.press("x")
        await until(pilot, lambda: "answers in this chat" in told(pilot))
        assert {"mine", catalogue.DEFAULT_BASE} <= set(catalogue.cards())


@pytest.mark.parametrize("size", [(60, 20), (120, 36), (200, 50)], ids=name)
def test_models(snap_compare: Snap, shelf: None, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await pilot.press("down")
        await pilot.pause()

    assert snap_compare(stage(), terminal_size=size, run_before=before)


@pytest.mark.parametrize("theme", ["calm-light", "high-contrast", "ansi"])
def test_models_in_other_themes(snap_compare: Snap, shelf: None, theme: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        await pilot.press("down", "down")
        await pilot.pause()

    app = stage()
    app.theme = theme
    assert snap_compare(app, terminal_size=(120, 36), run_before=before)
