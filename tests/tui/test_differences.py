"""How the answers differ is shown at once, marked or tabled on demand; blind mode tells nothing until it is over."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets.markdown import MarkdownBlock

from culturechat import cultures
from culturechat.differences import Differences, Only, Stance
from culturechat.engines.echo import Echo
from culturechat.history import History
from culturechat.tui.blind import ALONE, BEGIN, GUESS, shuffled
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.widgets.ballot import Paper
from culturechat.tui.widgets.differences import DifferencesTable, Found, mark
from culturechat.tui.widgets.turn import MARKED
from tests.tui.stage import (
    QUESTION,
    Broken,
    Halting,
    Recorder,
    ask,
    column,
    kept_stage,
    phases,
    ready,
    ready_to_ask,
    screen,
    shown,
    stage,
    until,
    views,
)

ANSWERS = {
    "chinese": "Yes. Most people here agree that grown-up children should look after their parents: it is a **filial"
    " duty**.\n\n1. Parents raised us.\n2. We visit them often.\n3. Duty comes before comfort.",
    "arabic": "Yes, of course. Caring for one's parents is an honour and a duty of faith; most families live together.",
    "base": "No. Adult children have their own lives, and parents can save money for old age.",
}
NAMES = ("chinese", "arabic", "base")
TELLTALES = (
    "中文",
    "Chinese",
    "العربية",
    "Arabic",
    "China",
    "Iraq",
    "Jordan",
    "base smollm2",
    "no culture",
    "adapter",
    "tok/s",
    "62%",
)


async def compared(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: screen(pilot).differ.comparable and screen(pilot).differ.settled)
    await pilot.pause()


async def ask_blind(pilot: Pilot[Any], question: str = QUESTION) -> None:
    """Ask in blind mode and wait for the ballot."""
    screen(pilot).prompt.input.value = question
    screen(pilot).prompt.input.focus()
    await pilot.press("enter")
    await until(pilot, lambda: screen(pilot).blind.panel.listed and not screen(pilot).answering)
    await compared(pilot)


def paper(pilot: Pilot[Any]) -> Paper:
    return screen(pilot).blind.panel.ballot.paper


def note(pilot: Pilot[Any]) -> str:
    return str(screen(pilot).blind.panel.note.content)


def marked(pilot: Pilot[Any], name: str) -> list[str]:
    turn = views(pilot)[name].turns[-1]
    return [
        text.content.plain[span.start : span.end]
        for text in [turn._plain, *turn.query(MarkdownBlock)]
        for span in getattr(text.content, "spans", ())
        if span.style == MARKED
    ]


# --- the line, the table, the marks ---


async def test_the_line_below_the_columns_says_how_the_answers_differ() -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(140, 36)) as pilot:
        await ready(pilot)
        assert not screen(pilot).differ.line.display
        await ask(pilot)
        await compared(pilot)
        line = next(row for row in shown(pilot).splitlines() if "agreement" in row).replace("\u200e", "")
        assert "中–ع 0." in line and "中–base 0." in line and "ع–base 0." in line
        assert "agree 中, ع · disagree base" in line and "only 中: filial" in line


async def test_the_line_goes_while_more_is_written_and_with_a_single_column() -> None:
    engine = Halting(answers=ANSWERS, words=2)
    engine.go_on.set()
    async with stage("chinese", "arabic", engine=engine).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await compared(pilot)
        assert screen(pilot).differ.line.display
        engine.go_on.clear()
        await pilot.press("ctrl+r")
        await until(pilot, engine.halted.is_set)
        await until(pilot, lambda: not screen(pilot).differ.line.display)
        engine.go_on.set()
        await until(pilot, lambda: screen(pilot).differ.line.display)
    async with stage("chinese", engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        assert not screen(pilot).differ.comparable and not screen(pilot).differ.line.display


async def test_a_key_shows_the_table_and_takes_it_away() -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+d")
        assert "Two answers are needed" in shown(pilot)
        await ask(pilot)
        await compared(pilot)
        assert "✗ disagree" in shown(pilot) and "only here" in shown(pilot) and "≠" in shown(pilot)
        await pilot.press("ctrl+d")
        await pilot.pause()
        assert "only here" not in shown(pilot)


async def test_a_key_marks_words_of_one_column_and_leaves_the_text_as_it_was() -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await compared(pilot)
        before = shown(pilot)
        await pilot.press("f6")
        await pilot.pause()
        assert {"filial", "raised", "comfort"} <= set(marked(pilot, "chinese"))
        assert "honour" in marked(pilot, "arabic") and "duty" not in marked(pilot, "arabic")
        assert shown(pilot) == before
        await pilot.press("f6")
        await pilot.pause()
        assert not any(marked(pilot, name) for name in NAMES)


async def test_marks_are_made_in_the_next_answers_too() -> None:
    async with stage("chinese", "arabic", engine=Recorder(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await compared(pilot)
        await pilot.press("f6")
        await ask(pilot, "And why?")
        await compared(pilot)
        await until(pilot, lambda: marked(pilot, "arabic"))


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("chinese", "孝顺是我们的传统，大家都这么看。", "孝顺"),
        ("bengali", "বাবা-মায়ের যত্ন নেওয়া সন্তানের দায়িত্ব।", "দায়িত্ব"),
        ("arabic", "رعاية الوالدين واجب علينا.", "واجب"),
        ("korean", "부모님을 돌보는 것은 자식의 도리입니다.", "자식의"),
    ],
)
async def test_words_are_marked_in_every_script(name: str, text: str, word: str) -> None:
    engine = Echo(answers={name: text, "base": "No."})
    async with stage(name, "base", engine=engine).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await compared(pilot)
        await pilot.press("f6")
        await pilot.pause()
        assert word in marked(pilot, name)


async def test_answers_of_a_chat_of_the_past_are_compared(home: Path) -> None:
    async with kept_stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
    async with kept_stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready_to_ask(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and "1 chat" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(pilot.app.screen, HistoryScreen))
        await compared(pilot)
        assert "agreement" in shown(pilot)


def found(count: int) -> Found:
    columns = [*cultures.names(), "base"][:count]
    values = iter(x / 100 for x in range(0, 10000, 3))
    agreement: dict[tuple[str, str], float | None] = {
        (one, other): next(values) % 1 for place, one in enumerate(columns) for other in columns[place + 1 :]
    }
    only = {name: (Only("responsibility", "r", 2), Only("孝顺", "孝顺", 1)) for name in columns}
    sides = dict(zip(columns, (Stance(side, 1) for side in ("agree", "disagree", "divided", None) * 3), strict=False))
    marks = {name: mark(column(name)) for name in columns}
    return Found(Differences(agreement, only, sides), marks, {name: column(name).title for name in columns})


@pytest.mark.parametrize("count", [2, 3, 5, 10])
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_table_keeps_to_its_width_and_loses_no_column(count: int, width: int) -> None:
    table = DifferencesTable()
    table.set_reactive(DifferencesTable.found, found(count))
    lines = [line.plain for line in table.lines(width)]
    assert len(lines) >= count + 2
    if (count, width) != (10, 40):
        assert all(cell_len(line) <= width for line in lines)
    rows = lines[1 : count + 1]
    assert all(row.startswith(found(count).marks[name]) for row, name in zip(rows, found(count).marks, strict=True))
    assert all(row.count(".") == count - 1 for row in rows)


# --- blind mode ---


async def test_nothing_on_the_screen_tells_a_culture_until_the_names_are_shown() -> None:
    engine = Halting(answers=ANSWERS, words=2)
    async with stage(*NAMES, engine=engine).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert BEGIN[:30] in shown(pilot) and not told(pilot)
        screen(pilot).prompt.input.value = QUESTION
        await pilot.press("enter")
        await until(pilot, engine.halted.is_set)
        await until(pilot, lambda: "writing" in shown(pilot))
        assert not told(pilot)
        engine.go_on.set()
        await until(pilot, lambda: screen(pilot).blind.panel.listed)
        await compared(pilot)
        listed = shown(pilot)
        assert "A" in listed and GUESS in listed and not told(pilot)
        await pilot.press("right", "enter")
        await pilot.pause()
        assert {"中文", "العربية", "62%"} <= told(pilot)


def told(pilot: Pilot[Any]) -> set[str]:
    """Return what the screen tells of the cultures; the list of guesses, which names them all, is no telling."""
    ballot = {line.plain for line in map(screen(pilot).blind.panel.ballot._row, paper(pilot).letters)}
    text = "\n".join(row for row in shown(pilot).splitlines() if row.strip() not in {line.strip() for line in ballot})
    return {word for word in TELLTALES if word in text}


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_tabs_have_letters_too(size: tuple[int, int]) -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=size) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        assert not told(pilot)


async def test_what_failed_does_not_tell_its_culture() -> None:
    engine = Echo(answers=ANSWERS, failing={"arabic": "arabic-adapter.gguf is damaged (العربية)."})
    async with stage(*NAMES, engine=engine).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        assert "damaged" not in shown(pilot) and not told(pilot)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert "damaged" in shown(pilot)


async def test_guesses_and_the_vote_are_scored_and_kept(home: Path) -> None:
    async with kept_stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        order = list(views(pilot))
        for name in order:
            while paper(pilot).guesses.get(name) != name:
                await pilot.press("right")
            if name == "arabic":
                await pilot.press("v")
            await pilot.press("down")
        await pilot.press("enter")
        await pilot.pause()
        assert note(pilot).startswith("3 of 3 recognised (by chance 1.0) · best: ")
        assert shown(pilot).count("✓ recognised") == 3 and "★ best" in shown(pilot)
        await pilot.press("enter")
    (entry,) = History().entries()
    latest = History().load(entry.id).turns[-1].latest
    assert {name: answer.judgement.place for name, answer in latest.items() if answer.judgement} == {
        name: place for place, name in enumerate(order)
    }
    by_name = {tally.culture: tally for tally in History().votes()}
    assert (by_name["arabic"].best.count, by_name["base"].best.count, by_name["base"].recognised.count) == (1, 0, 1)


async def test_a_wrong_guess_is_called_one_and_scores_add_up() -> None:
    async with stage("chinese", "arabic", engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        for _ in range(2):
            await ask_blind(pilot)
            other = {"chinese": "arabic", "arabic": "chinese"}[next(iter(views(pilot)))]
            while paper(pilot).guesses.get(next(iter(views(pilot)))) != other:
                await pilot.press("left")
            await pilot.press("enter")
            await pilot.pause()
            assert "✗ taken for" in shown(pilot) and "○ not guessed" in shown(pilot)
        assert "0 of 1 recognised (by chance 0.5) · so far 0 of 2" in note(pilot)


def test_the_order_depends_on_the_seed_the_round_and_the_question_alone() -> None:
    assert shuffled(NAMES, 1, 1, "why?") == shuffled(reversed(NAMES), 1, 1, "why?")
    for orders in (
        [shuffled(NAMES, seed, 1, "why?") for seed in range(60)],
        [shuffled(NAMES, 1, number, "why?") for number in range(60)],
        [shuffled(NAMES, 1, 1, f"why {number}?") for number in range(60)],
    ):
        assert {tuple(order) for order in orders} == set(permutations(NAMES))


async def test_columns_stand_in_the_order_of_the_round() -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        assert list(views(pilot)) == shuffled(NAMES, screen(pilot).session.settings.seed, 1, QUESTION) != list(NAMES)
        places = [view.region.x for view in views(pilot).values()]
        assert places == sorted(places) and len(set(places)) == 3


async def test_leaving_in_the_middle_shows_all_and_counts_for_nothing(home: Path) -> None:
    engine = Halting(answers=ANSWERS, words=2)
    async with kept_stage(*NAMES, engine=engine).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        screen(pilot).prompt.input.value = QUESTION
        await pilot.press("enter")
        await until(pilot, engine.halted.is_set)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert list(views(pilot)) == list(NAMES) and "中文" in shown(pilot)
        engine.go_on.set()
        await until(pilot, lambda: not screen(pilot).answering)
        await compared(pilot)
        assert not screen(pilot).blind.panel.display and "Strongly agree" in shown(pilot)
        assert ANSWERS["base"][:20] in shown(pilot)
    assert History().votes() == []


async def test_leaving_with_guesses_on_the_ballot_keeps_none_of_them(home: Path) -> None:
    async with kept_stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        await pilot.press("right", "v", "ctrl+b")
        await pilot.pause()
        assert list(views(pilot)) == list(NAMES)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert BEGIN[:30] in shown(pilot)
    assert History().votes() == []


async def test_what_was_said_with_names_is_hidden_with_them_and_comes_back() -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ask(pilot, "first?")
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert "first?" not in shown(pilot)
        await ask_blind(pilot, "second?")
        assert "first?" not in shown(pilot) and "second?" in shown(pilot)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert all(turn.display for view in views(pilot).values() for turn in view.turns)


async def test_answering_again_in_blind_mode_stays_in_the_round() -> None:
    async with stage(*NAMES, engine=Recorder(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        order = list(views(pilot))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: screen(pilot).blind.panel.listed and not screen(pilot).answering)
        assert list(views(pilot)) == order and not told(pilot)


async def test_one_answer_is_not_enough_to_guess() -> None:
    failing = {"arabic": "broken", "base": "broken"}
    async with stage(*NAMES, engine=Echo(answers=ANSWERS | dict.fromkeys(failing, ""), failing=failing)).run_test(
        size=(120, 36)
    ) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        screen(pilot).prompt.input.value = QUESTION
        await pilot.press("enter")
        await until(pilot, lambda: note(pilot) == ALONE)
        assert not screen(pilot).blind.panel.listed


async def test_blind_mode_does_not_begin_where_it_cannot() -> None:
    async with stage("chinese").run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        assert not screen(pilot).blind.on
    async with stage(engine=Broken(RuntimeError("no"))).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: all(phase.mark == "✗" for phase in phases(pilot)))
        await pilot.press("ctrl+b")
        assert not screen(pilot).blind.on
    engine = Halting(answers=ANSWERS, words=2)
    async with stage(engine=engine).run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, engine.halted.is_set)
        await pilot.press("ctrl+b")
        assert not screen(pilot).blind.on
        engine.go_on.set()


async def test_history_and_probe_wait_until_blind_mode_is_left(home: Path) -> None:
    async with kept_stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        for key in ("ctrl+o", "f4"):
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.screen is screen(pilot)
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Blind", "Words", "Differences"} <= titles and not {"History", "Probe"} & titles
        assert not any(word in title for title in titles for word in ("中文", "العربية", "Drop"))
        await pilot.press("ctrl+b", "ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))


async def test_tab_comes_past_the_ballot_and_a_click_guesses_without_showing_names() -> None:
    async with stage(*NAMES, engine=Echo(answers=ANSWERS)).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await ask_blind(pilot)
        ballot = screen(pilot).blind.panel.ballot
        assert screen(pilot).focused is ballot
        await pilot.press("tab")
        assert screen(pilot).focused is screen(pilot).prompt.input
        await pilot.press("shift+tab")
        assert screen(pilot).focused is ballot
        await pilot.press("shift+tab")
        assert screen(pilot).focused is list(views(pilot).values())[-1].transcript
        await pilot.click(ballot, offset=(5, 1))
        await pilot.pause()
        assert len(paper(pilot).guesses) == 1 and screen(pilot).blind.hiding


async def test_the_help_lists_the_keys() -> None:
    async with stage(engine=Echo(answers=ANSWERS)).run_test(size=(120, 60)) as pilot:
        await ready(pilot)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        help_text = shown(pilot)
        assert all(words in help_text for words in ("Hide the names", "that only one column has", "in a table"))
        assert "Vote for this answer" in help_text and "In blind mode" in help_text


def test_a_culture_is_guessed_for_one_column_at_a_time() -> None:
    blank = Paper({"x": "A", "y": "B"}, {"x": "X", "y": "Y"})
    one = blank.guessed("x", 1)
    assert one.guesses == {"x": "x"}
    both = one.guessed("y", 1)
    assert both.guesses == {"x": "x", "y": "y"} and both.right == 2
    assert both.guessed("y", 1).guesses == {"x": "x"}
    assert blank.guessed("x", -1).guesses == {"x": "y"}
    assert blank.voted("x").voted("y").best == "y" and blank.voted("x").voted("x").best is None
    assert replace(one, revealed=True).guesses == one.guesses
