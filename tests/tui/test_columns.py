"""Columns that come, go, change places, and are asked one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from culturechat import survey
from culturechat.catalogue import Column
from culturechat.engines import Plan
from culturechat.errors import EngineError
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.tui.app import CompareApp
from culturechat.tui.widgets.header import Phase
from culturechat.tui.widgets.tabs import ColumnTabs
from tests.tui.stage import (
    Halting,
    Recorder,
    ask,
    column,
    near,
    phases,
    ready,
    screen,
    settled,
    shown,
    survey_text,
    until,
    views,
)

WIDE = (150, 40)


@dataclass
class Refusing(Recorder):
    """An engine that has no room for further columns while it has a reason."""

    reason: str = ""
    changes: list[list[str]] = field(default_factory=list)

    def change(self, columns: Sequence[Column]) -> Plan:
        if self.reason and len(columns) > len(self.opened):
            raise EngineError(self.reason)
        self.changes.append([column.id for column in columns])
        return super().change(columns)


class Names:
    """Further columns, and questions of the past."""

    past: Sequence[str] = ()

    def others(self, session: Session) -> Mapping[str, str]:
        return {name: name for name in ("german", "base") if name not in session.columns}

    def column(self, name: str, session: Session) -> Column:
        return column(name)

    def questions(self) -> Sequence[str]:
        return self.past


def growing(*names: str, engine: Recorder | None = None, item: str | None = "Q38") -> CompareApp:
    columns = [column(name) for name in names or ("chinese", "arabic")]
    session = Session(engine or Refusing(), columns, Settings())
    app = CompareApp(session, Settings(), survey.load(), near(item), clock=lambda: 0.0)
    app.compare.joining.roster = Names()
    return app


async def test_a_column_is_added_and_asked_the_last_question_while_the_others_keep_theirs() -> None:
    engine = Refusing()
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "Compare one more column" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: list(views(pilot)) == ["chinese", "arabic", "german"])
        await until(pilot, lambda: "r asks it the last question: why" in shown(pilot))
        assert engine.changes == [["chinese", "arabic", "german"]]
        assert screen(pilot).focused is views(pilot)["german"].transcript
        assert "Germany 2018" in survey_text(pilot, "german")
        await pilot.press("r")
        await until(pilot, lambda: len(engine.requests) == 3 and settled(pilot)())
        assert engine.requests[-1].column == "german"
        await ask(pilot, "and then?")
        told = {request.column: [message.text for message in request.messages[1:]] for request in engine.requests[3:]}
        assert told == {name: ["why", "You asked: why", "and then?"] for name in ("chinese", "arabic", "german")}
        assert "3 columns" in shown(pilot)


async def test_a_column_that_finds_no_room_says_why_and_can_be_tried_again() -> None:
    engine = Refusing(reason="These models need 9.0 GiB, 1.0 GiB are free.")
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "Compare one more column" in shown(pilot))
        await pilot.press("down", "enter")
        await until(pilot, lambda: list(views(pilot)) == ["chinese", "arabic", "base"])
        await until(pilot, lambda: phases(pilot)[-1] is Phase.FAILED)
        for text in ("9.0 GiB", "r tries again"):
            assert text in shown(pilot)
        await ask(pilot, "why")
        assert phases(pilot) == [Phase.DONE, Phase.DONE, Phase.FAILED]
        engine.reason = ""
        await pilot.press("tab", "tab", "tab", "r")
        await until(pilot, lambda: phases(pilot) == [Phase.DONE, Phase.DONE, Phase.DONE])


async def test_a_dropped_column_goes_while_it_writes_and_the_others_write_on() -> None:
    words = "one two three four five"
    engine = Halting(answers=dict.fromkeys(("chinese", "arabic", "base"), words), words=2)
    async with growing("chinese", "arabic", "base", engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING] * 3)
        await pilot.press("tab", "tab", "x")
        await until(pilot, lambda: list(views(pilot)) == ["chinese", "base"])
        engine.go_on.set()
        await until(pilot, settled(pilot))
        assert [view.turns[-1].text for view in views(pilot).values()] == [words, words]
        assert [column.id for column in engine.opened] == ["chinese", "base"]
        await pilot.press("x", "x")
        await until(pilot, lambda: len(views(pilot)) == 1)
        await until(pilot, lambda: "The last column stays" in shown(pilot))


async def test_columns_change_places_and_stay_what_they_are() -> None:
    engine = Refusing()
    async with growing("chinese", "arabic", "base", engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", ">")
        await pilot.pause()
        assert list(views(pilot)) == ["arabic", "chinese", "base"]
        places = [view.region.x for view in views(pilot).values()]
        assert places == sorted(places)
        await pilot.press(">", ">", "<")
        assert list(views(pilot)) == ["arabic", "chinese", "base"]
        await ask(pilot, "and?")
        assert [request.column for request in engine.requests[3:]] == ["arabic", "chinese", "base"]
        assert [len(request.messages) for request in engine.requests[3:]] == [4, 4, 3]


async def test_one_column_alone_is_asked_until_all_are_again() -> None:
    engine = Recorder()
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        assert "all ❯" in shown(pilot)
        await pilot.press("ctrl+pagedown", "ctrl+t")
        await pilot.pause()
        assert "العربية Arabic ❯" in shown(pilot) and "Ask العربية Arabic only" in shown(pilot)
        assert views(pilot)["arabic"].has_class("-asked")
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: views(pilot)["arabic"].phase is Phase.DONE)
        assert [request.column for request in engine.requests] == ["arabic"]
        assert views(pilot)["chinese"].phase is Phase.READY
        await pilot.press("ctrl+r")
        await until(pilot, lambda: len(engine.requests) == 2 and views(pilot)["arabic"].phase is Phase.DONE)
        assert engine.requests[1].column == "arabic"
        await pilot.press("ctrl+t", *"how", "enter")
        await until(pilot, settled(pilot))
        assert [request.column for request in engine.requests[2:]] == ["chinese", "arabic"]


async def test_one_column_is_asked_while_another_still_writes() -> None:
    engine = Halting(answers={"chinese": "one two three"}, words=1)
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+t", *"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING, Phase.READY])
        await until(pilot, engine.halted.is_set)
        await pilot.press("ctrl+pagedown", *"how", "enter")
        await until(pilot, lambda: len(engine.requests) == 2)
        engine.go_on.set()
        await until(pilot, settled(pilot))
        assert [(request.column, request.messages[-1].text) for request in engine.requests] == [
            ("chinese", "why"),
            ("arabic", "how"),
        ]


async def test_s_stops_one_column_and_c_goes_on_with_it() -> None:
    words = "one two three four five six"
    engine = Halting(answers={"chinese": words, "arabic": words}, words=2)
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING, Phase.WRITING])
        await pilot.press("tab", "s")
        engine.go_on.set()
        await until(pilot, settled(pilot))
        assert phases(pilot) == [Phase.STOPPED, Phase.DONE]
        begun = views(pilot)["chinese"].turns[-1].text
        assert words.startswith(begun) and begun != words
        await pilot.press("c")
        await until(pilot, lambda: phases(pilot) == [Phase.DONE, Phase.DONE] and len(engine.requests) == 3)
        assert engine.requests[-1].messages[-1].text == begun
        assert views(pilot)["chinese"].turns[-1].text == words
        assert screen(pilot).session.conversations["chinese"].messages[-1].text == words
        assert len(views(pilot)["chinese"].turns) == 1


async def test_f5_goes_on_with_all_that_were_cut() -> None:
    engine = Recorder(answers={"chinese": "one two three four", "arabic": "one two"})
    app = growing(engine=engine)
    app.compare.session.settings = Settings(max_tokens=3)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        assert "cut at 3 tokens" in shown(pilot)
        await pilot.press("f5")
        await until(pilot, lambda: len(engine.requests) == 3 and settled(pilot)())
        assert engine.requests[-1].column == "chinese"
        assert views(pilot)["chinese"].turns[-1].text == "one two three four"
        await pilot.press("f5")
        await until(pilot, lambda: "There is no answer to go on with." in shown(pilot))


async def test_f2_puts_the_last_question_in_other_words_everywhere_and_esc_leaves_it() -> None:
    engine = Recorder()
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "first")
        await ask(pilot, "secnd")
        await pilot.press("f2")
        assert screen(pilot).prompt.input.value == "secnd"
        assert "edit for all ❯" in shown(pilot)
        await pilot.press("escape")
        assert screen(pilot).prompt.input.value == "" and "all ❯" in shown(pilot)
        await pilot.press("f2", "backspace", "backspace", *"ond", "enter")
        await until(pilot, lambda: len(engine.requests) == 6 and settled(pilot)())
        for request in engine.requests[4:]:
            assert [message.text for message in request.messages[1:]] == ["first", "You asked: first", "second"]
        assert [turn.question for turn in views(pilot)["chinese"].turns] == ["first", "second"]
        assert "secnd" not in shown(pilot)
        assert "edit for" not in shown(pilot)


async def test_e_edits_the_question_of_one_column() -> None:
    engine = Recorder()
    async with growing(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await ask(pilot, "why")
        await pilot.press("tab", "tab", "e", "!", "enter")
        await until(pilot, lambda: len(engine.requests) == 3 and settled(pilot)())
        assert (engine.requests[2].column, engine.requests[2].messages[-1].text) == ("arabic", "why!")
        assert [view.turns[-1].question for view in views(pilot).values()] == ["why", "why!"]


async def test_nothing_can_be_edited_before_something_was_asked() -> None:
    async with growing().run_test(size=WIDE, notifications=True) as pilot:
        await ready(pilot)
        await pilot.press("f2")
        await until(pilot, lambda: "Nothing was asked yet" in shown(pilot))


async def test_tabs_name_the_columns_that_there_are() -> None:
    async with growing("chinese", "arabic", "base").run_test(size=(60, 20)) as pilot:
        await ready(pilot)
        await pilot.press("tab", "x")
        await until(pilot, lambda: len(views(pilot)) == 2)
        await pilot.pause()
        assert screen(pilot).query_one(ColumnTabs).names == ["العربية Arabic", "base"]
        assert [view.display for view in views(pilot).values()] == [True, False]
        await pilot.press("<", ">")
        await pilot.pause()
        assert screen(pilot).query_one(ColumnTabs).names == ["base", "العربية Arabic"]
