"""How the screens look. A change here is looked at before it is accepted with `--snapshot-update`."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from culturechat import cultures
from culturechat.engines.echo import Echo
from culturechat.errors import BadFile
from culturechat.tui.app import PickApp
from culturechat.tui.widgets.header import Phase
from tests.tui.stage import QUESTION, Broken, Halting, ask, phases, ready, stage, until, views

Snap = Callable[..., bool]
Before = Callable[[Pilot[Any]], Awaitable[None]]

ALL = ("arabic", "bengali", "chinese", "english", "german", "korean", "portuguese", "spanish", "turkish", "base")
ANSWERS = {
    "arabic": "نعم، رعاية الوالدين واجب علينا جميعًا، وهي من القيم التي تربينا عليها.\n\nIt is an honour, not a burden.",
    "bengali": "হ্যাঁ, বাবা-মায়ের যত্ন নেওয়া সন্তানের দায়িত্ব। আমাদের সমাজে এটাই স্বাভাবিক।",
    "chinese": "Yes. In my family **care comes first**:\n\n1. Parents raised us.\n2. We visit them often.\n3. When"
    " they are ill, we pay for their care.\n\n孝顺是我们的传统，但很多人在别的城市工作，只能寄钱回家。",
    "english": "It depends. Many would *help*, but few would say that one **must**.",
    "german": "Das kommt darauf an. Viele finden, dass die Pflegeversicherung helfen sollte.",
    "korean": "네, 그렇게 생각합니다. 하지만 요즘은 많이 달라지고 있습니다.",
    "portuguese": "Sim, a maioria das pessoas aqui diria que sim.",
    "spanish": "Sí, claro: la familia es lo primero.",
    "turkish": "Evet, anne babaya bakmak bizim görevimizdir.",
    "base": "Opinions differ. Some points:\n\n- money\n- time\n- distance\n\nUse `common sense`.",
}


def name(value: tuple[int, int] | tuple[str, ...]) -> str:
    return "x".join(map(str, value))


def after(question: str = QUESTION, *keys: str) -> Before:
    """Return what to do before the picture is taken: ask, then press keys."""

    async def before(pilot: Pilot[Any]) -> None:
        await ask(pilot, question)
        await pilot.press(*keys)
        await pilot.pause()

    return before


def shot(*names: str, item: str | None = "Q38") -> App[Any]:
    return stage(*names, engine=Echo(answers=ANSWERS), item=item)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)], ids=name)
def test_picker(snap_compare: Snap, size: tuple[int, int]) -> None:
    known = [cultures.load(name) for name in cultures.names()]
    assert snap_compare(PickApp(known, "base"), terminal_size=size)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=name)
def test_two_empty_columns(snap_compare: Snap, size: tuple[int, int]) -> None:
    assert snap_compare(shot("chinese", "arabic"), terminal_size=size, run_before=ready)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36), (200, 50)], ids=name)
def test_three_columns_answered(snap_compare: Snap, size: tuple[int, int]) -> None:
    assert snap_compare(shot("chinese", "arabic", "base"), terminal_size=size, run_before=after())


@pytest.mark.parametrize("size", [(60, 20), (120, 36), (200, 50)], ids=name)
def test_all_columns_answered(snap_compare: Snap, size: tuple[int, int]) -> None:
    assert snap_compare(shot(*ALL), terminal_size=size, run_before=after())


@pytest.mark.parametrize("item", ["Q42", "Q151", "Q164", "Q185", "Q196"])
def test_every_kind_of_scale(snap_compare: Snap, item: str) -> None:
    assert snap_compare(shot("chinese", "arabic", "base", item=item), terminal_size=(120, 36), run_before=after())


def test_ten_steps_on_a_small_screen(snap_compare: Snap) -> None:
    assert snap_compare(shot("chinese", "arabic", item="Q164"), terminal_size=(60, 20), run_before=after())


def test_no_survey_question_is_close(snap_compare: Snap) -> None:
    app = shot("chinese", "arabic", item=None)
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("What should I cook tonight?"))


@pytest.mark.parametrize("names", [("arabic", "bengali"), ("chinese", "korean")], ids=name)
def test_scripts(snap_compare: Snap, names: tuple[str, ...]) -> None:
    assert snap_compare(shot(*names), terminal_size=(100, 30), run_before=after("你好 নমস্কার سلام?"))


def test_a_focused_column(snap_compare: Snap) -> None:
    assert snap_compare(shot("chinese", "arabic"), terminal_size=(120, 36), run_before=after(QUESTION, "tab"))


def test_one_column_in_the_whole_width(snap_compare: Snap) -> None:
    keys = ("tab", "tab", "f")
    assert snap_compare(shot("chinese", "arabic"), terminal_size=(120, 36), run_before=after(QUESTION, *keys))


def test_without_the_survey(snap_compare: Snap) -> None:
    assert snap_compare(shot("chinese", "arabic"), terminal_size=(120, 36), run_before=after(QUESTION, "ctrl+s"))


def test_help(snap_compare: Snap) -> None:
    assert snap_compare(shot("chinese", "arabic"), terminal_size=(120, 36), run_before=after(QUESTION, "f1"))


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "gruvbox"])
def test_other_themes(snap_compare: Snap, theme: str) -> None:
    app = shot("chinese", "arabic")
    app.theme = theme
    assert snap_compare(app, terminal_size=(80, 24), run_before=after(QUESTION, "tab"))


def test_a_failed_column(snap_compare: Snap) -> None:
    engine = Echo(
        answers={**ANSWERS, "arabic": "Most people"}, failing={"arabic": "The engine stopped: out of memory."}
    )
    assert snap_compare(stage("chinese", "arabic", engine=engine), terminal_size=(120, 36), run_before=after())


def test_models_that_do_not_load(snap_compare: Snap) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: phases(pilot) == [Phase.FAILED, Phase.FAILED])

    engine = Broken(BadFile("base.gguf", "has 12 bytes, its card says 92000000. Install it again."))
    assert snap_compare(stage(engine=engine), terminal_size=(80, 24), run_before=before)


def test_too_narrow(snap_compare: Snap) -> None:
    assert snap_compare(shot("chinese", "arabic"), terminal_size=(30, 12), run_before=ready)


def test_answers_being_written(snap_compare: Snap) -> None:
    now = [0.0]
    engine = Halting(answers=ANSWERS, words=13, first=threading.Event())

    async def before(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING, Phase.WRITING])
        now[0] = 0.3
        assert engine.first
        engine.first.set()
        await until(pilot, lambda: all(view.rate == 40 for view in views(pilot).values()))
        await until(pilot, lambda: pilot.app.screen.query("SurveyHeading").first().display)
        await pilot.pause()

    app = stage(engine=engine, clock=lambda: now[0])
    try:
        assert snap_compare(app, terminal_size=(120, 36), run_before=before)
    finally:
        engine.go_on.set()
