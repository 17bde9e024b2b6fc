"""The probe: choosing, measuring, stopping, reading one question, and asking about it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence

import pytest

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.engines import Choice, Scores
from culturechat.engines.echo import Echo
from culturechat.probing import Plan, probe_columns, stream
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey import translations
from culturechat.tui import chart
from culturechat.tui.app import CompareApp, PickApp, Picked
from culturechat.tui.pace import Pace, duration
from culturechat.tui.screens.probe import ProbeScreen
from culturechat.tui.screens.probe_item import ItemScreen
from culturechat.tui.screens.probe_setup import ProbeSetup
from culturechat.tui.widgets.probe_items import ItemList
from culturechat.tui.widgets.probe_panel import order_words
from tests.probing.stage import Moody
from tests.tui.probe_stage import (
    RELIGION,
    Prober,
    figures,
    finished,
    known,
    listed,
    opened,
    probe,
    start,
    to_setup,
)
from tests.tui.stage import (
    QUESTION,
    Halting,
    Slow,
    ask,
    kept_stage,
    near,
    ready,
    screen,
    settled,
    shown,
    stage,
    until,
    views,
)
from tests.tui.test_history_screen import keep, open_history

BANK = survey.load()
WIDE = (120, 40)
RELIGIOUS = [item for item, question in BANK.questions.items() if question.theme == "religious values"]
ALL = ("arabic", "bengali", "chinese", "english", "german", "korean", "portuguese", "spanish", "turkish", "base")


async def test_everything_is_ticked_at_first_and_enter_measures_it() -> None:
    engine = Prober()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await to_setup(pilot)
        for text in ("[x]  30 social values", "[x]   6 religious values", "[x] 中文 Chinese", "(•) 2", "336 prompts"):
            assert text in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeScreen) and known(probe(pilot)).complete)
        assert len(engine.asked) == 84 * 2 * 2
        for text in ("168 of 168 items", "✓ done", "84/84"):
            assert text in shown(pilot)


async def test_the_results_are_those_of_the_command() -> None:
    async with stage("chinese", "base", engine=Prober()).run_test(size=WIDE) as pilot:
        found = known(await finished(pilot, *RELIGION))
        columns = list(screen(pilot).session.columns.values())
        plain = list(stream(Prober(), columns, BANK, RELIGIOUS, Plan()))
        assert sorted(found.tally, key=repr) == sorted(plain, key=repr)
        interval = found.intervals["chinese"]
        assert interval and interval.mean == pytest.approx(found.tally.means("chinese", RELIGIOUS).wd)


async def test_only_what_is_ticked_is_measured_in_as_many_ways_as_wanted() -> None:
    engine = Prober()
    async with stage("chinese", "arabic", engine=engine).run_test(size=WIDE) as pilot:
        # one theme; the second column alone; all orders; other wordings and marks too
        keys = (*RELIGION, "tab", "space", "tab", "down", "down", "space", "tab", "space", "down", "space")
        found = known(await finished(pilot, *keys))
        assert {column for column, _ in engine.asked} == {"arabic"}
        assert {result.item for result in found.tally} == set(RELIGIOUS)
        assert found.selection.plan == Plan("all", ("letters", "backwards", "digits"), restatements=True)
        assert len(engine.asked) == sum(len(found.selection.plan.settings(BANK.questions[item])) for item in RELIGIOUS)


async def test_nothing_ticked_is_no_choice() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE, notifications=True) as pilot:
        setup = await to_setup(pilot)
        await pilot.press("a", "enter")
        await until(pilot, lambda: "Tick at least one theme" in shown(pilot))
        await pilot.press("a", "tab", "a", "enter")
        await until(pilot, lambda: "Tick at least one column" in shown(pilot))
        assert pilot.app.screen is setup


async def test_escape_leaves_the_choice_and_f4_brings_it_back() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        for _ in range(2):
            await to_setup(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen(pilot))


async def test_another_choice_can_be_made_afterwards_or_left() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        first = await finished(pilot, *RELIGION)
        await pilot.press("m", "escape")
        await until(pilot, lambda: pilot.app.screen is first)
        assert listed(first) == RELIGIOUS
        await pilot.press("m")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeSetup))
        await pilot.press("space", *["down"] * 4, "space", "enter")
        await until(pilot, lambda: listed(first) != RELIGIOUS and known(first).complete)
        assert len(listed(first)) == 30


async def test_what_is_not_loaded_yet_cannot_be_measured_yet() -> None:
    engine = Slow()
    async with stage(engine=engine).run_test(size=WIDE, notifications=True) as pilot:
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeSetup))
        await pilot.press(*RELIGION, "enter")
        await until(pilot, lambda: "still loading" in shown(pilot))
        engine.may_load.set()
        await until(pilot, lambda: screen(pilot).loaded)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeScreen) and known(probe(pilot)).complete)


async def test_rows_and_means_fill_while_it_measures_and_say_how_long_it_takes() -> None:
    now = [0.0]
    engine = Prober(halt=80, first=True)
    async with stage(engine=engine, clock=lambda: now[0]).run_test(size=WIDE) as pilot:
        found = known(await start(pilot))
        await until(pilot, lambda: "0 of 168 items · reading the first questions" in shown(pilot))
        assert "● 中文 Chinese" in shown(pilot) and "○ العربية Arabic" in shown(pilot)
        now[0] = 2.0
        engine.first.set()
        await until(pilot, lambda: len(found.tally) == 40 and "40 of 168 items" in shown(pilot))
        wd = found.tally.means("chinese", found.items).wd
        assert wd is not None
        for text in ("● measuring", "20.0 items/s · 6 s left", "40/84", " 0/84", f"{wd:.3f}"):
            assert text in shown(pilot)
        row = next(line for line in shown(pilot).splitlines() if "What weight does your family" in line)
        result = found.tally.result("chinese", "Q1")
        assert result and f"{result.wd:.2f}" in row and "····" in row
        engine.release()
        await until(pilot, lambda: found.complete)


async def test_space_stops_what_is_known_stays_and_space_goes_on_without_repeating_it() -> None:
    engine = Prober(halt=200)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        screen_ = await start(pilot)
        found = known(screen_)
        await until(pilot, engine.halted.is_set)
        await pilot.press("space")
        await until(pilot, lambda: "… stopping" in shown(pilot))
        engine.release()
        await until(pilot, lambda: not found.running)
        assert 100 <= len(found.tally) < 110
        for text in ("■ stopped", "Space goes on", f"{len(found.tally)} of 168 items", "■ العربية Arabic"):
            assert text in shown(pilot)
        before = {(result.culture, result.item): result for result in found.tally}
        asked = len(engine.asked)
        await pilot.press("space")
        await until(pilot, lambda: found.complete and not found.running)
        assert len(engine.asked) - asked <= 336 - asked + 64 + 20, "only the block that was cut is asked again"
        assert all(found.tally.result(*place) == result for place, result in before.items())
        assert known(screen_) is found


async def test_what_was_stopped_here_the_command_goes_on_with() -> None:
    engine = Prober(halt=200)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        found = known(await start(pilot))
        await until(pilot, engine.halted.is_set)
        await pilot.press("space")
        engine.release()
        await until(pilot, lambda: not found.running)
        columns = list(screen(pilot).session.columns.values())
    later = Prober()
    run = probe_columns(later, columns, BANK, list(BANK.questions), Plan(), resume=True)
    assert len(run.items) == 168
    assert 0 < len(later.asked) <= 336 - 128, "two blocks of 64 prompts were known"


async def test_it_goes_on_while_the_columns_are_used() -> None:
    engine = Prober(halt=20)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        found = known(await start(pilot))
        await until(pilot, lambda: engine.halted.is_set() and found.tally)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))
        await until(pilot, lambda: "probe 6%" in shown(pilot))
        await ask(pilot)
        assert views(pilot)["arabic"].turns[0].text == f"You asked: {QUESTION}"
        engine.release()
        await until(pilot, lambda: found.complete and "probe" not in shown(pilot).splitlines()[0])
        await pilot.press("f4")
        await until(pilot, lambda: "168 of 168" in shown(pilot))


async def test_answers_under_way_go_on_while_it_measures() -> None:
    class Both(Halting):
        def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
            yield from Moody().score(column, choices)

    engine = Both(answers=dict.fromkeys(("chinese", "arabic"), "one two three four five"), words=3)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, engine.halted.is_set)
        await finished(pilot, *RELIGION)
        await pilot.press("escape")
        engine.go_on.set()
        await until(pilot, settled(pilot))
        assert views(pilot)["arabic"].turns[0].text == "one two three four five"


async def test_a_failure_is_named_what_is_known_stays_and_it_can_be_gone_on_with() -> None:
    engine = Prober(fail=150)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        found = known(await start(pilot))
        await until(pilot, lambda: "✗ failed" in shown(pilot))
        assert "The engine died: out of memory [/red]. Space goes on." in shown(pilot)
        assert len(found.tally) == 75
        await pilot.press("space")
        await until(pilot, lambda: found.complete and "✓ done" in shown(pilot))


async def test_another_chat_has_a_probe_of_its_own() -> None:
    keep("first?", names=("german", "base"))
    engine = Prober(halt=20)
    async with kept_stage(engine=engine).run_test(size=WIDE) as pilot:
        found = known(await start(pilot))
        await until(pilot, engine.halted.is_set)
        await pilot.press("escape")
        await open_history(pilot, 1)
        await pilot.press("enter")
        await until(pilot, lambda: "german" in views(pilot) and screen(pilot).loaded)
        assert found.stop.is_set()
        engine.release()
        await finished(pilot, *RELIGION)
        assert [column.id for column in known(probe(pilot)).columns] == ["german", "base"]
        assert "Deutsch German" in shown(pilot)


async def test_leaving_the_app_stops_it_without_an_error() -> None:
    engine = Prober(halt=20)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        found = known(await start(pilot))
        await until(pilot, engine.halted.is_set)
        await pilot.press("ctrl+q")
    assert found.stop.is_set()
    engine.release()
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(1)
    assert len(engine.asked) < 30


async def test_s_sorts_by_distance_and_back_by_theme() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        screen_ = await finished(pilot)
        found = known(screen_)

        def distances() -> list[float]:
            pairs = [[found.tally.result(column.id, item) for column in found.columns] for item in listed(screen_)]
            means = [[result.wd for result in pair if result and result.wd is not None] for pair in pairs]
            return [sum(known) / len(known) for known in means if known]

        by_theme = listed(screen_)
        assert [BANK.questions[item].theme for item in by_theme] == sorted(
            (BANK.questions[item].theme for item in by_theme), key=found.selection.themes.index
        )
        await pilot.press("down", "s")
        assert distances() == sorted(distances(), reverse=True)
        assert screen_.query_one(ItemList).current == listed(screen_)[0]
        assert "farthest from the people first" in shown(pilot)
        await pilot.press("s")
        assert distances() == sorted(distances())
        await pilot.press("s")
        assert listed(screen_) == by_theme


async def test_the_cursor_stays_on_its_question_while_others_move() -> None:
    engine = Prober(halt=150)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        screen_ = await start(pilot, *RELIGION, "up", "space")
        await pilot.press("s")
        found = known(screen_)
        await pilot.press(*["down"] * 8)
        current = screen_.query_one(ItemList).current
        engine.release()
        await until(pilot, lambda: found.complete and "✓ done" in shown(pilot))
        assert screen_.query_one(ItemList).current == current
        line = next(line for line in shown(pilot).splitlines() if "❯" in line)
        assert f" {current} " in line


async def test_enter_shows_the_whole_question_and_every_prompt() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        screen_ = await finished(pilot, *RELIGION)
        await pilot.press("down", "down", "down")
        item = await opened(pilot)
        code = screen_.query_one(ItemList).current
        assert code == item.item == RELIGIOUS[3] == "Q169"
        question, result = BANK.question("Q169"), known(screen_).tally.result("chinese", "Q169")
        assert result and result.people and result.wd is not None
        assert " ".join(question.question.split()[:8]) in shown(pilot)
        text = figures(item)
        for place, label in enumerate(question.labels):
            model = next(line for line in text.splitlines() if line.startswith(f"{place + 1} {label.split()[0]}"))
            assert model.endswith(chart.percent(result.p[place]))
        people = [line.split()[-1] for line in text.splitlines() if " people " in line]
        assert people == [chart.percent(share) for share in result.people.shares]
        for wanted in (
            f"China 2018 · {result.people.n:,} answers",
            f"WD {result.wd:.3f}",
            f"mass {result.option_mass:.0%}",
        ):
            assert wanted in text
        for order, words in zip(result.readings, ("1–4 ", "4–1 "), strict=True):
            line = next(line for line in text.splitlines() if line.startswith(words))
            assert line.split()[-5:] == [chart.percent(share) for share in (*order.p, order.mass)]
        assert "Iraq, Jordan 2018" in figures(item, 1)


async def test_every_wording_and_mark_stands_above_its_prompts() -> None:
    async with stage("chinese", engine=Prober()).run_test(size=WIDE) as pilot:
        keys = (*RELIGION, "tab", "tab", "tab", "space", "down", "space")
        await finished(pilot, *keys)
        text = figures(await opened(pilot), width=200)
        question = BANK.question(RELIGIOUS[0])
        for wording in (question.question, *question.restatements):
            assert f"“{wording}”" in text
            assert text.count(wording) == 1
        assert text.count("letters from the bottom: J I H G F E D C B A") == len(question.restatements) + 1
        assert text.count("\n1–10 ") == text.count("\n10–1 ") == 2 * (len(question.restatements) + 1)


async def test_every_culture_can_be_asked_in_its_own_language_and_the_question_shows_how() -> None:
    engine = Prober()
    async with stage("chinese", "arabic", "base", engine=engine).run_test(size=WIDE) as pilot:
        keys = (*RELIGION, "tab", "tab", "tab", "space", "down", "down", "space")
        found = known(await finished(pilot, *keys))
        assert found.selection.plan == Plan(2, restatements=True, language="own")
        item = await opened(pilot)
        question = BANK.question(RELIGIOUS[0])
        for place, language in enumerate(("zh", "ar")):
            text = " ".join(figures(item, place, width=200).split())
            assert f"“{translations.load(language).questions[question.item]}”" in text
            assert question.question not in text
        assert question.question in figures(item, 2, width=200)
        last = {column: choice.messages[-1].text.splitlines()[-1] for column, choice in engine.asked}
        assert last["arabic"] == "أجب بحرف واحد فقط." and last["base"] == "Answer with one letter."
        ways = (len(engine.asked), found.selection.prompts(BANK, found.columns).values())
        assert ways[0] == sum(ways[1]) == len(RELIGIOUS) * 2 * (1 + 1 + 6)


async def test_the_next_question_is_a_key_away_and_the_cursor_comes_along() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        screen_ = await finished(pilot, *RELIGION)
        item = await opened(pilot)
        await pilot.press("p")
        assert item.item == RELIGIOUS[0]
        await pilot.press("n", "n", "p", "n")
        assert item.item == RELIGIOUS[2]
        await pilot.press(*["n"] * 9)
        assert item.item == RELIGIOUS[-1]
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen_)
        assert screen_.query_one(ItemList).current == RELIGIOUS[-1]


async def test_an_open_question_fills_when_it_comes_to_be_known() -> None:
    engine = Prober(first=True)
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await start(pilot, *RELIGION)
        item = await opened(pilot)
        assert "not measured yet" in figures(item) and " people " in figures(item)
        engine.first.set()
        await until(pilot, lambda: "Every prompt" in shown(pilot))
        assert "not measured yet" not in figures(item)


@pytest.mark.parametrize("from_item", [True, False])
async def test_c_takes_the_question_to_the_chat(from_item: bool) -> None:
    engine = Prober()
    async with stage(engine=engine).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press(*"unsent")
        await finished(pilot, *RELIGION)
        if from_item:
            await opened(pilot)
        await pilot.press("c")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))
        line = screen(pilot).prompt.input
        assert line.value == BANK.question(RELIGIOUS[0]).open
        assert screen(pilot).focused is line
        await pilot.press("up")
        assert line.value == "unsent"
        await pilot.press("down", "down")
        line.value = BANK.question(RELIGIOUS[0]).open
        await pilot.press("enter")
        await until(pilot, settled(pilot))
        await pilot.press("f4")
        await until(pilot, lambda: "12 of 12 items" in shown(pilot))


async def test_a_narrow_screen_shows_one_column_and_arrows_turn() -> None:
    async with stage("chinese", "arabic", "base", engine=Prober()).run_test(size=(60, 20)) as pilot:
        await finished(pilot, *RELIGION)
        heading = "← → column {} of 3"
        for step, (column, name) in enumerate((("1", "中文"), ("2", "العربية"), ("3", "base")), 1):
            assert heading.format(column) in shown(pilot)
            line = next(line for line in shown(pilot).splitlines() if "← →" in line)
            assert name in line
            await pilot.press("right")
            await pilot.pause()
            assert step < 3 or heading.format(3) in shown(pilot)
        await pilot.press("left")
        await pilot.pause()
        item = await opened(pilot)
        assert [panel.display for panel in item.panels] == [False, True, False]
        await pilot.press("right")
        assert [panel.display for panel in item.panels] == [False, False, True]
        assert "[  base]" in shown(pilot)


async def test_a_wide_screen_shows_as_many_columns_as_are_readable() -> None:
    async with stage(*ALL, engine=Prober()).run_test(size=(200, 50)) as pilot:
        await finished(pilot, *RELIGION)
        assert "← → columns 1–5 of 10" in shown(pilot)
        assert "no people to compare" in shown(pilot), "the means of all columns are there, of base as well"
        await pilot.press(*["right"] * 9)
        await pilot.pause()
        assert "← → columns 6–10 of 10" in shown(pilot)
        await pilot.resize_terminal(120, 24)
        await pilot.pause()
        assert "no people to compare" not in shown(pilot)
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        assert "Too narrow: 30×8" in shown(pilot)


async def test_no_line_is_wider_than_its_screen() -> None:
    async with stage(*ALL, engine=Prober()).run_test(size=(200, 50)) as pilot:
        screen_ = await finished(pilot, *RELIGION)
        for width in (200, 161, 120, 90, 80, 61, 60, 47, 40):
            await pilot.resize_terminal(width, 24)
            await pilot.pause()
            list_ = screen_.query_one(ItemList)
            assert list_.virtual_size.height == len(RELIGIOUS) + 1, f"a row is broken at {width}"


async def test_base_has_no_people_to_compare_with() -> None:
    async with stage("base", engine=Prober()).run_test(size=WIDE) as pilot:
        await finished(pilot, *RELIGION)
        assert "no people to compare" in shown(pilot)
        item = await opened(pilot)
        assert "model only, no people to compare" in figures(item)
        assert " people " not in figures(item).split("no people to compare")[1]


async def test_a_question_that_was_not_put_to_the_people_says_so() -> None:
    async with stage("chinese", engine=Prober()).run_test(size=WIDE) as pilot:
        screen_ = await finished(pilot, "a", "down", "space")
        lines = shown(pilot).splitlines()
        place = next(place for place, line in enumerate(lines) if "Q125 " in line)
        assert "not asked" in lines[place + 1]
        assert sum("not asked" in line for line in lines) == 1
        await pilot.press(*["down"] * 4)
        assert screen_.query_one(ItemList).current == "Q125"
        assert "not asked there" in figures(await opened(pilot))


async def test_help_lists_the_keys_of_the_probe_and_of_one_question() -> None:
    async with stage(engine=Prober()).run_test(size=(120, 60)) as pilot:
        await ready(pilot)
        await pilot.press("f1")
        await pilot.pause()
        assert "Measure what the columns answer" in shown(pilot)
        await pilot.press("escape")
        await finished(pilot, *RELIGION)
        await opened(pilot)
        await pilot.press("f1")
        await pilot.pause()
        for text in (
            "Stop the measurement; what is known stays",
            "By theme, farthest",
            "Ask this question in the chat",
        ):
            assert text in shown(pilot)
        assert "“noise”, two halves of the same people" in " ".join(shown(pilot).split()).replace("│ │", "")
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ItemScreen)


async def test_the_palette_opens_the_probe_and_offers_its_keys() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+p", *"probe")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeSetup))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeScreen) and known(probe(pilot)).complete)
        await pilot.press("ctrl+p", *"sort")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: "farthest from the people first" in shown(pilot))


async def test_a_click_opens_a_question() -> None:
    async with stage(engine=Prober()).run_test(size=WIDE) as pilot:
        await finished(pilot, *RELIGION)
        await pilot.click(ItemList, offset=(10, 3))
        await until(pilot, lambda: isinstance(pilot.app.screen, ItemScreen))
        assert isinstance(pilot.app.screen, ItemScreen) and pilot.app.screen.item == RELIGIOUS[1]


async def test_the_picker_leads_to_the_probe() -> None:
    picker = PickApp([cultures.load(name) for name in cultures.names()], "base")
    async with picker.run_test(size=(80, 24)) as pilot:
        await pilot.press("f4")
        await pilot.pause()
    assert picker.return_value == Picked(("arabic", "chinese"), probe=True)
    columns = [Column("base", None, "base", "smollm2-135m", stage().compare.session.columns["chinese"].base_path)]
    app = CompareApp(Session(Echo(), columns, Settings()), Settings(), BANK, near(None), probe=True)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeSetup))


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_hostile_words_are_shown_as_text(size: tuple[int, int]) -> None:
    hostile = "[/] \x1b]0;x\x07[red]n\nm \u202eback"
    culture = dataclasses.replace(cultures.load("chinese"), own_name=hostile, name=hostile)
    path = stage().compare.session.columns["chinese"].base_path
    columns = [Column("chinese", culture, "prompt", hostile, path), Column("base", None, "base", hostile, path)]
    question = BANK.question("Q38")
    labels = {code: f"{hostile}{code}" for code in question.codes}
    scale = dataclasses.replace(question.scale, labels=labels)
    question = dataclasses.replace(
        question, topic=hostile, question=hostile, theme=hostile, open=hostile, scale=scale, restatements=(hostile,)
    )
    bank = survey.Bank({"Q38": question}, BANK.answers)
    app = CompareApp(Session(Prober(), columns, Settings()), Settings(), bank, near(None))
    async with app.run_test(size=size) as pilot:
        keys = ("tab", "tab", "tab", "space")
        texts = []
        await to_setup(pilot)
        texts.append(shown(pilot))
        await pilot.press(*keys, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProbeScreen) and known(probe(pilot)).complete)
        texts.append(shown(pilot))
        texts.append(figures(await opened(pilot), width=200))
        texts.append(shown(pilot))
        await pilot.press("c")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))
        assert screen(pilot).prompt.input.value == "[/] [red]n m back"
        for text in texts:
            assert "[/] [red]n m" in text
            assert all(character.isprintable() or character == "\n" for character in text)
            assert "\u202e" not in text


def test_orders_are_short_to_read() -> None:
    assert order_words((0, 1, 2, 3)) == "1–4"
    assert order_words((9, 8, 7, 6, 5, 4, 3, 2, 1, 0)) == "10–1"
    assert order_words((2, 3, 4, 0, 1)) == "3–5 1 2"
    assert order_words((1, 0)) == "2 1"
    assert order_words((1, 0, 3, 2)) == "2 1 4 3"


@pytest.mark.parametrize(("cells", "rows"), [(10, 1), (15, 2), (40, 2)])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 10])
def test_upright_bars_have_their_heights_and_fill_their_place(count: int, cells: int, rows: int) -> None:
    shares = [(place + 1) / count for place in range(count)]
    lines = chart.upright(shares, max(shares), cells, rows)
    assert [len(line) for line in lines] == [cells] * rows
    step = max(1, min(cells // count, chart.WIDEST_STEP))
    heights = [sum(chart.UP.index(line[place * step]) for line in lines) for place in range(count)]
    assert heights == sorted(heights)
    assert heights[0] >= 1 and max(heights) <= 8 * rows - 1
    assert [len(line) for line in chart.upright(shares, max(shares), 3, rows)] == [3] * rows, "cut where room is short"


def test_the_pace_forgets_what_is_long_ago() -> None:
    pace = Pace(0.0)
    assert pace.items_per_second == 0 and pace.seconds_left(10) is None
    pace.add(10.0, 10, 100)
    assert pace.items_per_second == 1 and pace.seconds_left(50) == 5
    for second in range(11, 40):
        pace.add(float(second), 5, 10)
    assert pace.items_per_second == 5 and pace.seconds_left(50) == 5


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3000, "50 min")]
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words
