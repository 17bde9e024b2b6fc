"""How the history looks. A change here is looked at before it is accepted with `--snapshot-update`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from culturechat.engines.echo import Echo
from culturechat.history import History
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.screens.history import HistoryScreen
from tests.app.test_history import Clock
from tests.tui.stage import QUESTION, ask, kept_stage, ready_to_ask, screen, shown, until, views
from tests.tui.test_history_screen import keep
from tests.tui.test_snapshots import ANSWERS, Snap, name

Before = Callable[[Pilot[Any]], Awaitable[None]]
LONG = (
    "What should children learn at home: obedience or imagination, and who teaches it when both parents work all day?"
)


@pytest.fixture(autouse=True)
def the_same_clock_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def history(home: Path) -> History:
    history = History(clock=Clock())
    keep(QUESTION, "And what do the young say?", names=("chinese", "arabic", "base"), history=history, answers=ANSWERS)
    keep("How important is God in your life?", names=("arabic", "turkish"), history=history, answers=ANSWERS)
    keep("父母老了应该由子女照顾吗？", names=("chinese", "korean"), history=history, answers=ANSWERS)
    keep("هل يجب على الأبناء رعاية والديهم؟", names=("arabic", "base"), history=history, answers=ANSWERS)
    keep("বাবা-মায়ের যত্ন কে নেবে?", names=("bengali",), history=history, answers=ANSWERS)
    keep(LONG, names=("german", "base"), stop=True, history=history, answers=ANSWERS)
    return history


def after(*keys: str, seen: str = "6 chats") -> Before:
    """Return what to do before the picture is taken: open the history, press keys, wait for some words."""

    async def before(pilot: Pilot[Any]) -> None:
        await ready_to_ask(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and "chat" in shown(pilot))
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        await until(pilot, lambda: seen in shown(pilot))
        await pilot.pause(0.3)

    return before


def shot(history: History) -> App[Any]:
    return kept_stage(engine=Echo(answers=ANSWERS), history=history)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=name)
def test_list(snap_compare: Snap, history: History, size: tuple[int, int]) -> None:
    assert snap_compare(shot(history), terminal_size=size, run_before=after())


@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=name)
def test_search(snap_compare: Snap, history: History, size: tuple[int, int]) -> None:
    app = shot(history)
    assert snap_compare(app, terminal_size=size, run_before=after("slash", *"传统", seen="2 of 6 chats"))


def test_nothing_found(snap_compare: Snap, history: History) -> None:
    before = after("slash", *"zzz", seen="No chat has all")
    assert snap_compare(shot(history), terminal_size=(80, 24), run_before=before)


@pytest.mark.parametrize("downs", [2, 5])
def test_reading_on_a_small_screen(snap_compare: Snap, history: History, downs: int) -> None:
    before = after(*["down"] * downs, "space", seen="seed 1")
    assert snap_compare(shot(history), terminal_size=(60, 20), run_before=before)


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
def test_other_themes(snap_compare: Snap, history: History, theme: str) -> None:
    app = shot(history)
    app.theme = theme
    assert snap_compare(app, terminal_size=(120, 40), run_before=after("down", "down", seen="seed 1"))


@pytest.mark.parametrize(
    ("key", "seen"),
    [("r", "Rename ──"), ("e", "Markdown, to read"), ("f1", "Put the chat")],
    ids=["rename", "export", "help"],
)
def test_windows_over_it(snap_compare: Snap, history: History, key: str, seen: str) -> None:
    assert snap_compare(shot(history), terminal_size=(80, 24), run_before=after("down", key, seen=seen))


def test_the_trash(snap_compare: Snap, history: History) -> None:
    before = after("x", "t", seen="1 deleted chat")
    assert snap_compare(shot(history), terminal_size=(80, 24), run_before=before)


def test_no_chats_yet(snap_compare: Snap, home: Path) -> None:
    before = after(seen="No chats yet")
    assert snap_compare(shot(History(clock=Clock())), terminal_size=(80, 24), run_before=before)


@pytest.mark.parametrize(("downs", "size"), [(5, (120, 40)), (5, (60, 20)), (0, (80, 24))], ids=["wide", "low", "cut"])
def test_a_chat_opened_again(snap_compare: Snap, history: History, downs: int, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await after(*["down"] * downs, "enter", seen="❯")(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and "base" in views(pilot))
        await ready_to_ask(pilot)
        await until(pilot, lambda: "Q38" in shown(pilot) and screen(pilot).differ.settled)
        picture = ""
        while picture != (picture := pilot.app.export_screenshot()):  # columns scroll to their ends after all is known
            await pilot.pause(0.3)
        await with_fresh_bars(pilot)

    assert snap_compare(shot(history), terminal_size=size, run_before=before)


async def with_fresh_bars(pilot: Pilot[Any]) -> None:
    """Draw the bars once more: Textual may leave one half a row off where a column scrolled while its size changed."""
    for view in screen(pilot).views.values():
        bar = view.transcript.vertical_scrollbar
        bar.position = view.transcript.scroll_y
        bar.window_virtual_size = view.transcript.virtual_size.height
        bar.window_size = view.transcript.size.height
        bar.refresh()
    await pilot.pause()


@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=name)
def test_a_chat_that_is_not_saved(snap_compare: Snap, home: Path, size: tuple[int, int]) -> None:
    history = History(Path("/proc/history.sqlite3"), Clock())

    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot, "why?")
        await until(pilot, lambda: "This chat is not being saved" in shown(pilot))
        await pilot.pause(0.3)
        await with_fresh_bars(pilot)

    assert snap_compare(shot(history), terminal_size=size, run_before=before)
