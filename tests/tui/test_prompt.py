"""The line where questions are typed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from textual.events import Paste

from culturechat.history import History
from culturechat.tui.app import CompareApp
from tests.tui.stage import Recorder, ask, kept_stage, ready, screen, settled, shown, stage, until, views

WIDE = (120, 36)
BOOK = "\n".join(f"line {number} " + "word " * 18 for number in range(2000))


async def test_ctrl_j_begins_a_line_and_the_prompt_grows_and_shrinks() -> None:
    engine = Recorder()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        low = screen(pilot).prompt.size.height
        await pilot.press("a", "ctrl+j", "b", "ctrl+j", "c")
        await pilot.pause()
        assert screen(pilot).prompt.size.height == low + 2
        await pilot.press(*["ctrl+j"] * 20)
        await pilot.pause()
        assert screen(pilot).prompt.size.height == low + 5
        await pilot.press("enter")
        await until(pilot, settled(pilot))
        assert engine.requests[0].messages[-1].text == "a\nb\nc"
        assert screen(pilot).prompt.size.height == low


async def test_a_pasted_book_is_shown_by_a_mark_sent_whole_and_shown_shortened() -> None:
    engine = Recorder(answers={"chinese": "long", "arabic": "long"})
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"sum up: ")
        begun = time.monotonic()
        screen(pilot).prompt.input.post_message(Paste(BOOK))
        await until(pilot, lambda: "[long text 1: " in shown(pilot))
        await pilot.press("!")
        assert time.monotonic() - begun < 5, "no freeze, even on a busy machine"
        assert screen(pilot).prompt.input.value == f"sum up: {BOOK}!"
        assert screen(pilot).prompt.size.height == 1
        await pilot.press("enter")
        await until(pilot, settled(pilot))
        assert engine.requests[0].messages[-1].text == f"sum up: {BOOK}!"
        assert "more characters)" in shown(pilot)
        await pilot.press("up")
        await pilot.pause()
        assert f"[long text 1: {len(BOOK) + 9:,} characters]" in shown(pilot)
        assert screen(pilot).prompt.input.value == f"sum up: {BOOK}!"


async def test_the_mark_of_a_long_text_goes_as_a_whole() -> None:
    async with stage().run_test(size=WIDE) as pilot:
        await ready(pilot)
        line = screen(pilot).prompt.input
        await pilot.press("x")
        for _ in range(2):
            line.post_message(Paste(BOOK))
            await pilot.pause()
        assert line.value == f"x{BOOK}{BOOK}"
        await pilot.press("backspace")
        assert line.value == f"x{BOOK}"
        await pilot.press("backspace", "backspace")
        assert line.value == ""


@pytest.mark.parametrize("piece", ["\x9d", "\x1b]", "\x1b[", "\x90a", "\x1bP;"])
async def test_a_paste_of_nothing_but_beginnings_of_sequences_is_read_at_once(piece: str) -> None:
    async with stage().run_test(size=WIDE) as pilot:
        await ready(pilot)
        begun = time.monotonic()
        screen(pilot).prompt.input.post_message(Paste(piece * (200_000 // len(piece)) + "end"))
        await pilot.pause()
        assert time.monotonic() - begun < 5
        assert "\x1b" not in screen(pilot).prompt.input.value and "\x9d" not in screen(pilot).prompt.input.value


async def test_up_moves_inside_a_question_of_several_lines_before_it_recalls() -> None:
    async with stage().run_test(size=WIDE) as pilot:
        await ask(pilot, "one\ntwo")
        await ask(pilot, "three")
        line = screen(pilot).prompt.input
        await pilot.press("up", "up")
        assert line.value == "one\ntwo"
        await pilot.press("up")
        assert line.value == "one\ntwo" and line.cursor_location[0] == 0
        await pilot.press("down", "down")
        assert line.value == "three"


async def test_questions_of_earlier_chats_are_recalled_across_starts(home: Path) -> None:
    history = History()

    def app() -> CompareApp:
        return kept_stage(engine=Recorder(), history=history)

    async with app().run_test(size=WIDE) as pilot:
        await ask(pilot, "asked before")
        await ask(pilot, "asked last")
        recorders = pilot.app._library.recorders  # type: ignore[attr-defined]
    for recorder in recorders:
        recorder.close()
    async with app().run_test(size=WIDE) as pilot:
        await ready(pilot)
        line = screen(pilot).prompt.input
        await until(pilot, lambda: "asked last" in line._asked)
        await pilot.press("up")
        assert line.value == "asked last"
        await pilot.press("up")
        assert line.value == "asked before"
    assert history.questions(1) == ["asked last"]


async def test_a_long_answer_lets_go_when_scrolled_up_and_follows_again_at_its_end() -> None:
    engine = Recorder(answers={"chinese": "\n\n".join(f"Paragraph {number}." for number in range(60))})
    async with stage("chinese", engine=engine).run_test(size=WIDE) as pilot:
        await ask(pilot, "why")
        transcript = views(pilot)["chinese"].transcript
        await pilot.pause()
        assert transcript.scroll_y == transcript.max_scroll_y > 0
        await pilot.press("tab", "pageup")
        await pilot.pause(0.2)
        place = transcript.scroll_y
        assert place < transcript.max_scroll_y
        await views(pilot)["chinese"].turns[-1].grow("\n\nmore\n\nand more")
        await pilot.pause()
        assert transcript.scroll_y == place, "who reads is left where they are"
        await pilot.press("end")
        await pilot.pause(0.2)
        await views(pilot)["chinese"].turns[-1].grow("\n\nmore\n\nand more\n\nand more")
        await pilot.pause()
        assert transcript.scroll_y == transcript.max_scroll_y
