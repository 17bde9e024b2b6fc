"""How the probe looks. A change here is looked at before it is accepted with `--snapshot-update`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from tests.tui.probe_stage import RELIGION, Prober, finished, known, opened, start, to_setup
from tests.tui.stage import stage, until

Snap = Callable[..., bool]
Before = Callable[[Pilot[Any]], Awaitable[None]]

SIZES = [(60, 20), (120, 40), (200, 50)]
THREE = ("chinese", "arabic", "base")
ALL = ("arabic", "bengali", "chinese", "english", "german", "korean", "portuguese", "spanish", "turkish", "base")


def name(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


both_themes = pytest.mark.parametrize("theme", ["calm", "textual-light"])
all_sizes = pytest.mark.parametrize("size", SIZES, ids=name)


class Shown:
    """An app on a scripted engine and clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.engine = Prober()

    def app(self, *names: str, theme: str = "calm", engine: Prober | None = None) -> App[Any]:
        self.engine = engine or self.engine
        app = stage(*names, engine=self.engine, clock=lambda: self.now)
        app.theme = theme
        return app


@pytest.fixture
def made() -> Iterator[Shown]:
    shown = Shown()
    yield shown
    shown.engine.release()


def done(*keys: str) -> Before:
    """Return what to do before the picture is taken: measure religion, then press keys."""

    async def before(pilot: Pilot[Any]) -> None:
        await finished(pilot, *RELIGION)
        await pilot.press(*keys)
        await pilot.pause()

    return before


def one_question(*keys: str, at: int = 0) -> Before:
    """Return what to do before the picture is taken: measure, tick more if keys say so, and open a question."""

    async def before(pilot: Pilot[Any]) -> None:
        await finished(pilot, *RELIGION, *keys)
        await pilot.press(*["down"] * at)
        await opened(pilot)
        await pilot.pause()

    return before


def under_way(made: Shown, results: int) -> Before:
    """Return what to do before the picture is taken: measure until so many results are there."""

    async def before(pilot: Pilot[Any]) -> None:
        screen = await start(pilot)
        made.now = 2.5
        made.engine.first.set()
        await until(pilot, lambda: len(known(screen).tally) == results and made.engine.halted.is_set())
        await pilot.pause(0.3)

    return before


@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=name)
@both_themes
def test_choosing(snap_compare: Snap, made: Shown, size: tuple[int, int], theme: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await to_setup(pilot)
        await pilot.press("down", "space", "tab")
        await pilot.pause()

    assert snap_compare(made.app(*THREE, theme=theme), terminal_size=size, run_before=before)


@all_sizes
@both_themes
def test_running(snap_compare: Snap, made: Shown, size: tuple[int, int], theme: str) -> None:
    app = made.app(*THREE, theme=theme, engine=Prober(halt=230, first=True))
    assert snap_compare(app, terminal_size=size, run_before=under_way(made, 115))


@all_sizes
@both_themes
def test_finished(snap_compare: Snap, made: Shown, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(made.app(*THREE, theme=theme), terminal_size=size, run_before=done())


@all_sizes
@both_themes
def test_one_question(snap_compare: Snap, made: Shown, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(made.app(*THREE, theme=theme), terminal_size=size, run_before=one_question(at=3))


def test_all_columns_under_way(snap_compare: Snap, made: Shown) -> None:
    app = made.app(*ALL, engine=Prober(halt=700, first=True))
    assert snap_compare(app, terminal_size=(200, 50), run_before=under_way(made, 350))


def test_farthest_first(snap_compare: Snap, made: Shown) -> None:
    assert snap_compare(made.app(*THREE), terminal_size=(120, 40), run_before=done("s", "down"))


def test_one_question_on_ten_steps(snap_compare: Snap, made: Shown) -> None:
    assert snap_compare(made.app(*THREE), terminal_size=(120, 50), run_before=one_question())


def test_one_question_in_all_wordings(snap_compare: Snap, made: Shown) -> None:
    ways = one_question("tab", "tab", "tab", "space", "down", "space", at=1)
    assert snap_compare(made.app("chinese", "arabic"), terminal_size=(120, 50), run_before=ways)


def test_one_question_in_the_cultures_own_languages(snap_compare: Snap, made: Shown) -> None:
    ways = one_question("tab", "tab", "tab", "down", "down", "space", at=1)
    assert snap_compare(made.app(*THREE), terminal_size=(160, 40), run_before=ways)


def test_stopped_by_a_failure(snap_compare: Snap, made: Shown) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        screen = await start(pilot)
        await until(pilot, lambda: bool(known(screen).error))
        await pilot.pause(0.3)

    app = made.app(*THREE, engine=Prober(fail=100))
    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


def test_help(snap_compare: Snap, made: Shown) -> None:
    assert snap_compare(made.app(*THREE), terminal_size=(120, 50), run_before=done("f1"))


def test_without_many_colours(snap_compare: Snap, made: Shown) -> None:
    assert snap_compare(made.app(*THREE, theme="ansi-dark"), terminal_size=(120, 40), run_before=done())
