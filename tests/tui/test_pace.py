"""How often the screen is drawn while answers are written."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from culturechat import cultures
from culturechat.engines import Finished, Token
from culturechat.tui.news import News, portion
from culturechat.tui.pace import LONGEST_PAUSE, MOST_OF_A_CORE, Rhythm, Thrift
from culturechat.tui.widgets.key_footer import KeyFooter
from tests.tui.stage import Halting, ask, ready, screen, stage, until, views


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


async def test_keys_are_greyed_out_where_they_stand_and_made_anew_where_there_are_others() -> None:
    async with stage().run_test() as pilot:
        await ready(pilot)
        footer = screen(pilot).query_one(KeyFooter)
        keys = list(footer.query(FooterKey))
        greyed = {key for key in keys if key.has_class("-disabled")}
        await ask(pilot)
        await until(pilot, lambda: {key for key in keys if key.has_class("-disabled")} < greyed)
        assert list(footer.query(FooterKey)) == keys and all(key.has_class("-compact") for key in keys)
        views(pilot)["arabic"].transcript.focus()
        await until(pilot, lambda: {key.description for key in footer.query(FooterKey)} > {"Redo", "Go on"})
        assert not set(footer.query(FooterKey)) & set(keys)


async def test_a_line_more_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage().run_test(size=(200, 50)) as pilot:
        await ready(pilot)
        await ask(pilot)
        turn = views(pilot)["arabic"].turns[-1]
        await turn.restart()
        await pilot.pause()
        reflow = Mock(side_effect=screen(pilot)._compositor.reflow)
        monkeypatch.setattr(screen(pilot)._compositor, "reflow", reflow)
        turn.live = False
        await turn.grow("word " * 30)
        height = turn._plain.size.height
        await until(pilot, lambda: turn._plain.size.height > height)
        await pilot.pause(0.2)
        assert reflow.call_count == 1


async def test_what_is_drawn_together_stands_beside_each_other() -> None:
    names = cultures.names()
    async with stage(*names).run_test(size=(200, 60)) as pilot:
        parts = screen(pilot)._columns.drawn_together
        assert [one for part in parts for one in part] == names
        assert max(map(len, parts)) <= 3
        for part in parts:
            assert len({views(pilot)[one].region.y for one in part}) == 1, "of one row"
        await pilot.resize_terminal(60, 20)
        assert len(screen(pilot)._columns.drawn_together) == 3, "one at a time is seen, so that it does not matter"


def tokens(*columns: str) -> list[News]:
    return [Token(column, f"{place} ") for place, column in enumerate(columns)]


def test_columns_take_turns_where_many_have_news() -> None:
    waiting: list[News] = []
    seen = []
    for _ in range(3):
        shown, waiting = portion([*waiting, *tokens("a", "c", "b", "d", "a")], ("ab", "cd"))
        seen.append([one.column for one in shown if isinstance(one, Token)])
    assert [set(turn) for turn in seen] == [{"a", "b"}, {"c", "d"}, {"a", "b"}]
    shown, waiting = portion(tokens("a", "b", "a"), ("ab", "cd"))
    assert shown == tokens("a", "b", "a") and waiting == []


def test_tokens_of_a_column_that_was_closed_hold_nothing_back() -> None:
    shown, waiting = portion(tokens("gone", "d", "a"), ("ab", "cd"))
    assert shown == tokens("gone", "d", "a") and waiting == []


def test_nothing_overtakes_the_end_of_an_answer() -> None:
    news = [*tokens("a", "b", "c"), Finished("c", "stop", 1, 0.1, 9.0), *tokens("b", "a", "c")]
    shown, waiting = portion(news, "abc")
    assert shown == news[:5] and waiting == news[5:]
