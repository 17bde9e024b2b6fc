"""How each screen looks in each script. A change here is looked at before it is accepted with `--snapshot-update`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from culturechat import cultures, installed, locale
from culturechat.engines.echo import Echo
from culturechat.history import History
from culturechat.tui.app import PickApp
from culturechat.tui.screens.history import HistoryScreen
from tests.app.messages import po_path
from tests.app.test_history import Clock
from tests.tui.probe_stage import RELIGION, Prober, finished, to_setup
from tests.tui.probe_stage import opened as opened_item
from tests.tui.stage import QUESTION, ask, kept_stage, ready_to_ask, stage, until
from tests.tui.test_differences import ANSWERS as IN_ENGLISH
from tests.tui.test_differences import NAMES, compared
from tests.tui.test_history_screen import keep, listed
from tests.tui.test_models_screen import SHELF
from tests.tui.test_models_screen import opened as opened_models
from tests.tui.test_settings_snapshots import CHANGED
from tests.tui.test_settings_snapshots import opened as opened_settings
from tests.tui.test_snapshots import ANSWERS, Snap

SIZE, SMALL = (120, 36), (80, 24)


def scripts(*codes: str) -> pytest.MarkDecorator:
    """Take a picture in each of these languages; between them, the screens are seen in every script."""
    return pytest.mark.parametrize("code", codes, indirect=True)


@pytest.fixture
def code(request: pytest.FixtureRequest) -> Iterator[str]:
    with locale.using(locale.read(po_path(request.param))):
        yield request.param


@pytest.fixture
def the_same_clock_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@scripts("ar", "ko", "de")
def test_picker(snap_compare: Snap, code: str) -> None:
    known = [cultures.load(name) for name in cultures.names()]
    assert snap_compare(PickApp(known, "base"), terminal_size=SMALL)


@scripts("ar", "zh")
def test_history(snap_compare: Snap, code: str, home: Path, the_same_clock_everywhere: None) -> None:
    history = History(clock=Clock())
    keep(QUESTION, "And the young?", names=("chinese", "arabic", "base"), history=history, answers=ANSWERS)
    keep("How important is God in your life?", names=("arabic", "turkish"), history=history, answers=ANSWERS)
    keep("父母老了应该由子女照顾吗？", names=("german", "base"), stop=True, history=history, answers=ANSWERS)

    async def before(pilot: Pilot[Any]) -> None:
        await ready_to_ask(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and len(listed(pilot)) == 3)
        await until(pilot, lambda: pilot.app.screen.query("#reader .facts"))
        await pilot.press("x", "e")
        await pilot.pause(0.2)

    app = kept_stage(engine=Echo(answers=ANSWERS), history=history)
    assert snap_compare(app, terminal_size=SIZE, run_before=before)


@scripts("de", "bn")
def test_choosing_what_is_measured(snap_compare: Snap, code: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await to_setup(pilot)
        await pilot.pause()

    app = stage("chinese", "arabic", "base", engine=Prober(), clock=lambda: 0.0)
    assert snap_compare(app, terminal_size=SMALL, run_before=before)


@scripts("de", "ar")
def test_probe(snap_compare: Snap, code: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await finished(pilot, *RELIGION)

    app = stage("chinese", "arabic", "base", engine=Prober(), clock=lambda: 0.0)
    assert snap_compare(app, terminal_size=SIZE, run_before=before)


@scripts("ko", "de")
def test_one_question_of_the_probe(snap_compare: Snap, code: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await finished(pilot, *RELIGION)
        await pilot.press("down")
        await opened_item(pilot)
        await pilot.pause()

    app = stage("arabic", "base", engine=Prober(), clock=lambda: 0.0)
    assert snap_compare(app, terminal_size=SIZE, run_before=before)


@scripts("ar", "zh")
def test_settings(snap_compare: Snap, code: str) -> None:
    assert snap_compare(stage(settings=CHANGED), terminal_size=SIZE, run_before=opened_settings("right", "down"))


@scripts("bn", "tr")
def test_models(snap_compare: Snap, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "everything", lambda context: SHELF)

    async def before(pilot: Pilot[Any]) -> None:
        await opened_models(pilot)
        await pilot.press("down")
        await pilot.pause()

    assert snap_compare(stage(), terminal_size=SIZE, run_before=before)


@scripts("tr", "ko")
def test_differences(snap_compare: Snap, code: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot)
        await compared(pilot)
        await pilot.press("ctrl+d")
        await pilot.pause()

    app = stage(*NAMES, engine=Echo(answers=IN_ENGLISH))
    assert snap_compare(app, terminal_size=SIZE, run_before=before)


@scripts("zh", "bn")
def test_help(snap_compare: Snap, code: str) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await opened_settings("f1")(pilot)

    assert snap_compare(stage(), terminal_size=SMALL, run_before=before)
