"""What happens between a question and its answers."""

from __future__ import annotations

import threading

from culturechat.engines.echo import Echo
from culturechat.errors import BadFile
from culturechat.settings import Settings
from culturechat.tui.widgets.header import Phase
from culturechat.tui.widgets.turn import Turn
from tests.tui.stage import (
    QUESTION,
    Broken,
    Halting,
    Raising,
    Recorder,
    Slow,
    ask,
    phases,
    ready,
    ready_to_ask,
    screen,
    settled,
    shown,
    stage,
    until,
    views,
)

WIDE = (120, 40)


async def test_enter_sends_the_question_to_every_column() -> None:
    engine = Recorder(answers={"chinese": "Yes, they **should**.", "arabic": "نعم"})
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, settled(pilot))
        assert [request.column for request in engine.requests] == ["chinese", "arabic"]
        assert phases(pilot) == [Phase.DONE, Phase.DONE]
        assert "Yes, they should." in shown(pilot)
        assert "seed 1" in shown(pilot)
        assert screen(pilot).prompt.input.value == ""


async def test_a_question_from_the_command_line_is_sent_when_the_models_are_loaded() -> None:
    async with stage(question=QUESTION).run_test(size=WIDE) as pilot:
        await until(pilot, settled(pilot))
        assert views(pilot)["chinese"].turns[0].text == f"You asked: {QUESTION}"


async def test_a_question_typed_while_the_models_load_waits_for_them() -> None:
    engine = Slow()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: "your question waits" in shown(pilot))
        assert engine.requests == []
        engine.may_load.set()
        await until(pilot, settled(pilot))
        assert engine.requests[0].messages[-1].text == "why"


async def test_escape_takes_back_a_question_that_waits() -> None:
    engine = Slow()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: "your question waits" in shown(pilot))
        await pilot.press("escape")
        assert screen(pilot).prompt.input.value == "why"
        engine.may_load.set()
        await ready(pilot)
        assert engine.requests == []


async def test_escape_stops_all_columns_and_keeps_the_text_so_far() -> None:
    engine = Halting(answers=dict.fromkeys(("chinese", "arabic"), "one two three four five six seven"), words=3)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING, Phase.WRITING])
        await pilot.press("escape")
        engine.go_on.set()
        await until(pilot, settled(pilot))
        assert phases(pilot) == [Phase.STOPPED, Phase.STOPPED]
        assert views(pilot)["chinese"].turns[0].text.startswith("one two three")
        assert "seven" not in views(pilot)["chinese"].turns[0].text
        assert "stopped" in shown(pilot)


async def test_a_follow_up_carries_each_columns_own_history() -> None:
    engine = Recorder(answers={"chinese": "Answer A", "arabic": "Answer B"})
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ask(pilot, "first")
        await ask(pilot, "second")
        chinese, arabic = engine.requests[2:]
        assert [message.text for message in chinese.messages[1:]] == ["first", "Answer A", "second"]
        assert [message.text for message in arabic.messages[1:]] == ["first", "Answer B", "second"]
        assert len(views(pilot)["chinese"].turns) == 2


async def test_a_question_is_kept_on_the_line_while_answers_are_written() -> None:
    engine = Halting(answers={"chinese": "one two three four", "arabic": "one two three four"}, words=2)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING, Phase.WRITING])
        await pilot.press(*"and", "enter")
        assert screen(pilot).prompt.input.value == "and"
        engine.go_on.set()
        await until(pilot, settled(pilot))
        assert len(engine.requests) == 2


async def test_regenerating_replaces_the_answer_and_changes_the_seed() -> None:
    engine = Recorder()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ask(pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "seed 2" in shown(pilot) and settled(pilot)())
        assert [request.seed for request in engine.requests] == [1, 1, 2, 2]
        assert "seed 1" not in shown(pilot)
        assert len(screen(pilot).query(Turn)) == 2


async def test_r_in_a_column_regenerates_only_that_one() -> None:
    engine = Recorder()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ask(pilot)
        await pilot.press("tab", "tab", "r")
        await until(pilot, lambda: len(engine.requests) == 3 and settled(pilot)())
        assert (engine.requests[2].column, engine.requests[2].seed) == ("arabic", 2)


async def test_a_failing_column_says_why_and_can_be_retried() -> None:
    failing = {"arabic": "Out of memory; close something."}
    engine = Recorder(failing=failing, answers={"arabic": "Half an answer", "chinese": "Whole"})
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ask(pilot)
        assert phases(pilot) == [Phase.DONE, Phase.FAILED]
        for text in ("Half", "Out of memory; close something.", "r tries again"):
            assert text in shown(pilot)
        failing.clear()
        await pilot.press("tab", "tab", "r")
        await until(pilot, lambda: phases(pilot) == [Phase.DONE, Phase.DONE])
        assert "Half an answer" in shown(pilot)
        assert "Out of memory" not in shown(pilot)


async def test_an_engine_that_breaks_off_fails_every_column_it_owes() -> None:
    async with stage(engine=Raising()).run_test(size=WIDE) as pilot:
        await ask(pilot)
        assert phases(pilot) == [Phase.FAILED, Phase.FAILED]
        assert "Half an" in shown(pilot)
        assert "The engine died: out of memory [/red]." in shown(pilot)


async def test_models_that_do_not_load_leave_a_reason_and_a_way_out() -> None:
    engine = Broken(BadFile("models/[red]x.gguf", "is cut short. Install it again."))
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await until(pilot, lambda: phases(pilot) == [Phase.FAILED, Phase.FAILED])
        assert "[red]x.gguf: is cut short." in shown(pilot)
        await pilot.press(*"why", "enter")
        assert screen(pilot).prompt.input.value == "why"
        engine.error = None
        await pilot.press("ctrl+r")
        await ready(pilot)
        await pilot.press("enter")
        await until(pilot, settled(pilot))
        assert engine.requests[0].messages[-1].text == "why"


async def test_an_unexpected_error_while_loading_is_shown_too() -> None:
    async with stage(engine=Broken(RuntimeError("boom"))).run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "Unexpected RuntimeError: boom" in shown(pilot))


async def test_an_empty_question_is_not_sent() -> None:
    engine = Recorder()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press("space", "enter")
        await pilot.pause()
        assert engine.requests == []


async def test_up_in_an_empty_line_recalls_questions_and_down_returns() -> None:
    async with stage().run_test(size=WIDE) as pilot:
        await ask(pilot, "first")
        await ask(pilot, "second")
        line = screen(pilot).prompt.input
        await pilot.press("up", "up")
        assert line.value == "first"
        await pilot.press("down")
        assert line.value == "second"
        await pilot.press("down")
        assert line.value == ""
        await pilot.press("x", "up")
        assert line.value == "x"


async def test_an_answer_cut_by_the_limit_says_so() -> None:
    engine = Echo(answers={"chinese": "one two three four five"})
    async with stage("chinese", engine=engine, settings=Settings(max_tokens=3)).run_test(size=WIDE) as pilot:
        await ask(pilot)
        assert "cut at 3 tokens" in shown(pilot)


async def test_quitting_in_the_middle_of_an_answer_stops_it_and_leaves_no_error() -> None:
    engine = Halting(answers={"chinese": "one two three four five six", "arabic": "one two three"}, words=2)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot)[0] is Phase.WRITING)
        await pilot.press("ctrl+q")
    engine.go_on.set()
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(1)


async def test_scrolling_up_releases_the_end_and_a_new_question_returns_to_it() -> None:
    engine = Recorder(answers={"chinese": "\n\n".join(f"line {i}" for i in range(60))})
    async with stage("chinese", engine=engine).run_test(size=WIDE) as pilot:
        await ask(pilot)
        transcript = views(pilot)["chinese"].transcript
        await until(pilot, lambda: transcript.scroll_y == transcript.max_scroll_y > 0)
        await pilot.press("tab", "home")
        await until(pilot, lambda: transcript.scroll_y == 0)
        await pilot.press("r")
        await until(pilot, lambda: len(engine.requests) == 2 and settled(pilot)())
        await ready_to_ask(pilot)
        await until(pilot, lambda: transcript.scroll_y == transcript.max_scroll_y)
