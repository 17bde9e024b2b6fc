"""How the screen looks while columns come and go, are asked one by one, and show their models' own shares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from culturechat.tui.widgets.header import Phase
from tests.tui.stage import QUESTION, ask, phases, ready, screen, settled, shown, survey_text, until, views
from tests.tui.test_columns import Refusing, growing
from tests.tui.test_snapshots import ANSWERS, name

Snap = Callable[..., bool]
Before = Callable[[Pilot[Any]], Awaitable[None]]

SIZES = [(60, 20), (120, 36), (200, 50)]
SCORES = {"chinese": [0.6, 0.25, 0.05, 0.05, 0.05], "arabic": [0.5, 0.3, 0.1, 0.05, 0.05], "base": [0.3, 0.3, 0.2, 0.1]}


def then(*keys: str) -> Before:
    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot, QUESTION)
        await pilot.press(*keys)
        await pilot.pause()

    return before


def engine(**more: Any) -> Refusing:
    return Refusing(answers=ANSWERS, scores=SCORES, **more)


@pytest.mark.parametrize("size", SIZES, ids=name)
@pytest.mark.parametrize("item", ["Q38", "Q164"])
def test_the_models_own_shares(snap_compare: Snap, size: tuple[int, int], item: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot, QUESTION)
        await pilot.press("f3")
        await until(pilot, lambda: all("mass" in survey_text(pilot, column) for column in views(pilot)))

    app = growing("chinese", "arabic", "base", engine=engine(), item=item)
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES, ids=name)
def test_choosing_a_further_column(snap_compare: Snap, size: tuple[int, int]) -> None:
    app = growing("chinese", "arabic", engine=engine())
    assert snap_compare(app, terminal_size=size, run_before=then("ctrl+n"))


@pytest.mark.parametrize("size", SIZES, ids=name)
def test_a_column_that_found_no_room(snap_compare: Snap, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot, QUESTION)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "Compare one more column" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: len(phases(pilot)) == 3 and phases(pilot)[-1] is Phase.FAILED)

    reason = "These models need 5.1 GiB even one after another, 3.2 GiB of memory are free. Close other programs."
    app = growing("chinese", "arabic", engine=engine(reason=reason))
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES, ids=name)
def test_one_column_is_asked(snap_compare: Snap, size: tuple[int, int]) -> None:
    app = growing("chinese", "arabic", "base", engine=engine())
    assert snap_compare(app, terminal_size=size, run_before=then("ctrl+pagedown", "ctrl+t"))


@pytest.mark.parametrize("size", SIZES, ids=name)
def test_editing_the_last_question(snap_compare: Snap, size: tuple[int, int]) -> None:
    app = growing("chinese", "arabic", "base", engine=engine())
    keys = ("f2", "ctrl+j", *"Why, or why not?")
    assert snap_compare(app, terminal_size=size, run_before=then(*(key.replace(" ", "space") for key in keys)))


@pytest.mark.parametrize("size", SIZES, ids=name)
def test_a_long_text(snap_compare: Snap, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        line = screen(pilot).prompt.input
        for text in ("Once upon a time there was a long text. " * 200, "\n\nWhat would people here say to it?"):
            line.post_message(Paste(text))
            await pilot.pause()
        await pilot.press("enter")
        await until(pilot, settled(pilot))
        await pilot.press("up")
        await pilot.pause()

    app = growing("chinese", "arabic", engine=engine())
    assert snap_compare(app, terminal_size=size, run_before=before)
