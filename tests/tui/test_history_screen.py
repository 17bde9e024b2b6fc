"""Chats of the past on the screen: found, read, gone on with and managed by keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from culturechat import catalogue, survey
from culturechat.engines import Token
from culturechat.engines.echo import Echo
from culturechat.history import History, database
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.tui.app import CompareApp
from culturechat.tui.library import Library
from culturechat.tui.screens import history as history_screen
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.widgets.chat_list import ChatList, Reader
from culturechat.tui.widgets.header import Phase
from tests.app.test_history import refusing
from tests.tui.stage import (
    Halting,
    Recorder,
    ask,
    column,
    kept_stage,
    near,
    phases,
    ready,
    ready_to_ask,
    screen,
    shown,
    until,
    views,
)

WIDE = (120, 40)


def keep(
    *questions: str,
    names: tuple[str, ...] = ("german", "base"),
    stop: bool = False,
    history: History | None = None,
    answers: Mapping[str, str] | None = None,
) -> int:
    """Write a chat down and return its number; its last answers are not finished if it is to stop."""
    columns = catalogue.columns(names)
    recorder = (history or History()).record(columns, Settings(), "echo")
    session = Session(Echo(answers or {}), columns, Settings(), recorder)
    for question in questions:
        for event in session.send(question):
            if stop and question == questions[-1] and isinstance(event, Token):
                break
    recorder.close()
    assert recorder.chat
    return recorder.chat


def listed(pilot: Pilot[Any]) -> list[str]:
    return [entry.title for entry in here(pilot).query_one(ChatList).entries]


def here(pilot: Pilot[Any]) -> HistoryScreen:
    return next(screen for screen in pilot.app.screen_stack if isinstance(screen, HistoryScreen))


def told(pilot: Pilot[Any]) -> str:
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def open_history(pilot: Pilot[Any], count: int) -> None:
    await ready_to_ask(pilot)
    await pilot.press("ctrl+o")
    await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
    await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count == count)


async def test_what_is_asked_on_the_screen_is_in_the_history(home: Path) -> None:
    app = kept_stage(engine=Echo({"chinese": "好", "arabic": "نعم"}))
    async with app.run_test(size=WIDE) as pilot:
        await ask(pilot, "why?")
        await until(pilot, lambda: [entry.unfinished for entry in History().entries()] == [0])
        await open_history(pilot, 1)
        await until(pilot, lambda: "نعم" in shown(pilot))
        assert "1 chat" in shown(pilot) and "Chinese, Arabic" in shown(pilot)


async def test_without_chats_it_says_so(home: Path) -> None:
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 0)
        await until(pilot, lambda: "No chats yet" in shown(pilot))
        await pilot.press("enter", "r", "x", "d", "e", "space", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))


async def test_a_chat_is_opened_with_its_columns_and_goes_on(home: Path) -> None:
    number = keep("first?", "second?", answers={"german": "Eine **Antwort**", "base": "An answer"})
    engine = Recorder(answers={"german": "Mehr"})
    async with kept_stage(engine=engine).run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and "german" in views(pilot))
        await ready_to_ask(pilot)
        await until(pilot, lambda: "Eine Antwort" in shown(pilot))
        assert list(views(pilot)) == ["german", "base"] and "first?" in shown(pilot)
        assert [column.id for column in engine.opened] == ["german", "base"]
        await ask(pilot, "third?")
        asked = [message.text for message in engine.requests[0].messages[1:]]
        assert asked == ["first?", "Eine **Antwort**", "second?", "Eine **Antwort**", "third?"]
        await until(pilot, lambda: len(History().load(number).turns) == 3)
        assert len(pilot.app.screen_stack) == 1 and len(History().entries()) == 1
        await pilot.press("up")
        assert screen(pilot).prompt.input.value == "third?"


async def test_the_last_question_of_an_opened_chat_can_be_answered_again(home: Path) -> None:
    number = keep("first?", "second?", stop=True, answers={"german": "one two three", "base": "x"})
    engine = Recorder()
    async with kept_stage(engine=engine).run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        await until(pilot, lambda: "unfinished" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and "german" in views(pilot))
        await ready_to_ask(pilot)
        await until(pilot, lambda: "unfinished: the app ended" in shown(pilot))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: phases(pilot) == [Phase.DONE, Phase.DONE])
        assert [request.messages[-1].text for request in engine.requests] == ["second?", "second?"]

        def finishes() -> list[str]:
            turn = History().load(number).turns[-1]
            return [turn.latest[name].finish for name in ("german", "base")]

        await until(pilot, lambda: finishes() == ["stop", "stop"])
        assert len(History().load(number).turns[-1].answers) == 4


async def test_opening_a_chat_stops_answers_under_way_and_keeps_them(home: Path) -> None:
    keep("old?")
    engine = Halting(answers={"chinese": "one two three four five", "arabic": "one two three four five"}, words=2)
    async with kept_stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING, Phase.WRITING] and History().count() == 2)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and len(listed(pilot)) == 2)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and "german" in views(pilot))
        engine.go_on.set()
        await until(pilot, lambda: History().load(2).turns[0].latest["chinese"].text.startswith("one two"))


async def test_a_chat_whose_model_is_gone_says_so_and_can_still_be_read(home: Path) -> None:
    number = keep("why?", answers={"german": "Darum"})
    with database.opened(History().path) as connection:
        connection.execute("UPDATE voice SET base = '/nowhere/gone.gguf'")
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: "gone.gguf" in told(pilot))
        assert isinstance(pilot.app.screen, HistoryScreen) and "Darum" in shown(pilot)
        assert History().load(number).title == "why?"


async def test_typing_searches_and_shows_where_the_words_are(home: Path) -> None:
    keep("one", answers={"german": "孝顺是我们的传统", "base": "x"})
    keep("two", answers={"german": "nothing of it", "base": "x"})
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 2)
        await pilot.press("slash", *"传统")
        await until(pilot, lambda: listed(pilot) == ["one"])
        assert "孝顺是我们的传统" in shown(pilot) and "1 of 2 chats" in shown(pilot)
        await pilot.press(*"zzz")
        await until(pilot, lambda: "No chat has all of these words" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(pilot)) == 2)
        assert isinstance(pilot.app.focused, OptionList)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))


async def test_a_chat_is_renamed(home: Path) -> None:
    keep("why?")
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        await pilot.press("r", "end", *" not", "enter")
        await until(pilot, lambda: listed(pilot) == ["why? not"])
        await pilot.press("r", "ctrl+u", "enter")
        await until(pilot, lambda: "title is empty" in told(pilot))
        await pilot.press("r", "x", "escape")
        await pilot.pause()
        assert [entry.title for entry in History().entries()] == ["why? not"]


async def test_a_chat_is_copied_deleted_and_brought_back(home: Path) -> None:
    keep("one")
    keep("two")
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 2)
        await pilot.press("d")
        await until(pilot, lambda: listed(pilot) == ["two (copy)", "two", "one"])
        await pilot.press("x")
        await until(pilot, lambda: listed(pilot) == ["two", "one"])
        await pilot.press("u")
        await until(pilot, lambda: len(listed(pilot)) == 3)
        await pilot.press("x")
        await until(pilot, lambda: len(listed(pilot)) == 2)
        await pilot.press("x")
        await until(pilot, lambda: len(listed(pilot)) == 1)
        await pilot.press("t")
        await until(pilot, lambda: listed(pilot) == ["two", "two (copy)"] and "2 deleted chats" in shown(pilot))
        await pilot.press("x", "enter", "down", "u")
        await until(pilot, lambda: listed(pilot) == ["two"])
        await pilot.press("escape")
        await until(pilot, lambda: listed(pilot) == ["two (copy)", "one"])
        await pilot.press("u")
        await until(pilot, lambda: len(listed(pilot)) == 3)
        await pilot.press("u")
        await until(pilot, lambda: "trash is empty" in told(pilot))


@pytest.mark.parametrize(("downs", "ending"), [(0, "md"), (1, "html"), (2, "json"), (3, "csv")])
async def test_a_chat_is_exported_to_the_current_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, downs: int, ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    keep("Why so?")
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        for name in (f"culturechat-1-Why-so.{ending}", f"culturechat-1-Why-so-2.{ending}"):
            await pilot.press("e", *["down"] * downs, "enter")
            await until(pilot, (tmp_path / name).exists)
            assert "Why so?" in (tmp_path / name).read_text("utf-8")
        await until(pilot, lambda: "Written to" in told(pilot))
    if ending == "json":
        assert json.loads((tmp_path / name).read_text("utf-8"))["version"] == 1


async def test_more_chats_are_read_when_the_list_is_scrolled_to_its_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_screen, "PAGE", 30)
    chat = History().load(keep("question"))
    History().add([chat] * 69)
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 30)
        assert "70 chats" in shown(pilot)
        await pilot.press("end")
        await until(pilot, lambda: len(listed(pilot)) == 60)
        await pilot.press("end")
        await until(pilot, lambda: len(listed(pilot)) == 70)
        assert len({entry.id for entry in here(pilot).query_one(ChatList).entries}) == 70


async def test_on_a_small_screen_space_shows_the_chat_in_place_of_the_list(home: Path) -> None:
    keep("why?", answers={"german": "Darum", "base": "x"})
    async with kept_stage().run_test(size=(60, 20)) as pilot:
        await open_history(pilot, 1)
        assert "Darum" not in shown(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "Darum" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "Darum" not in shown(pilot))
        assert isinstance(pilot.app.screen, HistoryScreen)


async def test_the_palette_and_the_help_know_the_history(home: Path) -> None:
    async with kept_stage().run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press("f1", "end")
        await until(pilot, lambda: "Chats that were kept" in shown(pilot))
        await pilot.press("escape", "ctrl+p", *"history")
        await until(pilot, lambda: "Chats that were kept" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
        await pilot.press("f1")
        await until(pilot, lambda: "Put the chat in the trash" in shown(pilot))


async def test_a_disk_that_refuses_is_shown_as_a_banner_and_the_chat_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept_stage().run_test(size=WIDE) as pilot:
        await ask(pilot, "first")
        await until(pilot, lambda: History().entries() != [])
        with refusing(monkeypatch, "query_only = 1"):
            await ask(pilot, "second")
            await until(pilot, lambda: "This chat is not being saved: " in shown(pilot))
            assert views(pilot)["chinese"].turns[1].text == "You asked: second"
        await ask(pilot, "third")
        await until(pilot, lambda: "not being saved" not in shown(pilot))
        assert [turn.question for turn in History().load(1).turns] == ["first", "second", "third"]


@pytest.mark.parametrize("text", ["[/] [red]x[/red] \x1b]52;c;aGk=\x07", "\x1b[2J\x9b31m \u202e<b>"])
async def test_hostile_texts_of_the_file_are_shown_as_text(home: Path, text: str) -> None:
    keep("why?", answers={"german": "Darum", "base": "x"})
    with database.opened(History().path) as connection:
        connection.execute("UPDATE chat SET title = ?", (text,))
        connection.execute("UPDATE turn SET question = ?", (text,))
        connection.execute("UPDATE answer SET text = ?, error = ?, engine = ?", (text, text, text))
        connection.execute("UPDATE voice SET model = ? WHERE culture = 'base'", (text,))
        connection.execute("INSERT INTO passage (chat, source, origin, folded) VALUES (1, 'answer', 77, 'zzz')")
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        await pilot.press("x")
        await until(pilot, lambda: listed(pilot) == [])
        await pilot.press("u")
        await until(pilot, lambda: len(listed(pilot)) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and "german" in views(pilot))
        for character in shown(pilot):
            assert character.isprintable() or character in "\n\t", repr(character)
            assert character not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\x1b\x07"


async def test_a_long_chat_is_opened_at_its_end(home: Path) -> None:
    keep(*[f"Question {number}?" for number in range(20)])
    engine = Recorder()
    async with kept_stage(engine=engine).run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and "german" in views(pilot))
        await ready_to_ask(pilot)
        await until(pilot, lambda: "Question 19?" in shown(pilot))
        view = views(pilot)["german"]
        assert len(view.turns) == 12 and "8 earlier questions are in the history" in str(view._welcome.content)
        await ask(pilot, "more?")
        assert len(engine.requests[0].messages) == 1 + 40 + 1


async def test_nothing_is_kept_where_the_user_does_not_want_it(home: Path) -> None:
    library = Library(Recorder(), "echo", Settings(history=False))
    session = library.begin([column("chinese")])
    app = CompareApp(session, session.settings, survey.load(), near(None), library=library)
    async with app.run_test(size=WIDE) as pilot:
        await ask(pilot, "why?")
        await open_history(pilot, 0)
    assert not History().path.exists()


async def test_a_chat_that_was_read_when_the_app_ends_is_not_shown(home: Path) -> None:
    number = keep("first?")
    async with kept_stage().run_test(size=WIDE) as pilot:
        await open_history(pilot, 1)
        reader = here(pilot).query_one(Reader)
        pilot.app.exit()
        await reader.show(History().load(number))
        assert not reader.children
