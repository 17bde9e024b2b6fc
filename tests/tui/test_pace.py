"""How often the screen is drawn while answers are written."""

from __future__ import annotations

import pytest
from textual.widgets import Footer

from culturechat.tui.pace import LONGEST_PAUSE, MOST_OF_A_CORE, Rhythm, Thrift
from tests.tui.stage import Halting, ready, screen, stage, until, views


def test_what_takes_long_to_draw_is_drawn_less_often() -> None:
    now = 10.0
    thrift = Thrift(lambda: now)
    assert thrift.pause == 0
    thrift.begin()
    now += 0.09
    thrift.end()
    assert thrift.pause == pytest.approx(0.09 / MOST_OF_A_CORE)
    thrift.begin()
    now += 5
    thrift.end()
    assert thrift.pause == LONGEST_PAUSE


def test_news_that_comes_together_is_drawn_together_and_not_too_soon() -> None:
    now = 10.0
    rhythm = Rhythm(lambda: now)
    assert rhythm.plan(0.1) == 0.001 and rhythm.plan(0.1) is None
    rhythm.begin()
    now += 0.04
    assert rhythm.plan(0.1) == pytest.approx(0.06)


async def test_more_words_leave_the_footer_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Halting(answers={"chinese": "word " * 40, "arabic": "word " * 40})
    async with stage(engine=engine).run_test() as pilot:
        await ready(pilot)
        made: list[object] = []
        refresh = screen(pilot).refresh_bindings
        screen(pilot).prompt.input.value = "Why?"
        await pilot.press("enter")
        await until(pilot, engine.halted.is_set)
        await until(pilot, lambda: views(pilot)["arabic"].turns[-1].text.count("word") >= 12)
        monkeypatch.setattr(screen(pilot), "refresh_bindings", lambda: made.append(refresh()))
        screen(pilot)._show_state()
        assert made == [] and screen(pilot).query_one(Footer)
        engine.go_on.set()
        await until(pilot, lambda: not screen(pilot).answering)
        assert made, "what is offered has changed"
