"""No text reaches the terminal as anything but text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.engines.echo import Echo
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.tui.app import CompareApp
from tests.tui.stage import Recorder, ask, near, ready, screen, shown, stage, views

HOSTILE = [
    "[/]",
    "[red]x",
    "[bold]a[/bold] [/nothing] [link=http://x]y[/link] [@click=app.quit]z[/]",
    "\x1b]52;c;aGVsbG8=\x07copied \x1b]0;title\x07 \x1b[2Jcleared \x9b31m \x90q\x9c",
    "<script>alert(1)</script> <b>bold</b> &lt; <!-- gone -->",
    "](http://example.org) ![image](x) [a](javascript:x) $accent $nothing {} {0} %s \\",
    "Donaudampfschifffahrt" * 20,
    "中" * 200,
    "\u202eevil\u202c \u2066x\u2069 e" + "\u0301" * 50,
    "```\n[red]code\x1b[31m\n```\n| a | b |\n|---|---|\n| [/] | \x07 |",
    "# [/]\n> [red]quote\n1. [/x]\n   - [y]\n\n***",
    "\x1b",
    "\t\r\n\v\f",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_shown_as_text(text: str) -> None:
    engine = Recorder(answers={"chinese": text, "arabic": text}, failing={"arabic": text})
    async with stage(engine=engine).run_test(size=(80, 30)) as pilot:
        await ask(pilot, f"{text} ?")
        await pilot.press("ctrl+f")
        await pilot.pause()
        strips = pilot.app.screen._compositor.render_strips()
        for character in "".join(strip.text for strip in strips):
            # the app's own mark behind a name in Arabic keeps figures on their side of it, and moves nothing else
            assert character.isprintable() or character in "\t\u200e", repr(character)
            assert character not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\x1b\x07"


@pytest.mark.parametrize("text", ["[/]", "[red]x", "<b>kept</b>"])
async def test_brackets_are_kept_in_the_finished_answer(text: str) -> None:
    async with stage("chinese", engine=Echo(answers={"chinese": f"so {text} it is"})).run_test() as pilot:
        await ask(pilot)
        assert f"so {text} it is" in shown(pilot)


async def test_hostile_names_and_survey_words_are_shown_as_text() -> None:
    hostile = "[/] \x1b]0;x\x07[red]n\nm"
    culture = dataclasses.replace(cultures.load("chinese"), own_name=hostile, name=hostile, greeting=hostile)
    columns = [
        Column("chinese", culture, "prompt", hostile, Path("x")),
        Column("base", None, "base", hostile, Path("x")),
    ]
    question = survey.load().question("Q38")
    scale = dataclasses.replace(question.scale, labels={code: f"{hostile}{code}" for code in question.codes})
    question = dataclasses.replace(question, topic=hostile, question=hostile, scale=scale)
    bank = survey.Bank({"Q38": question}, survey.load().answers)
    settings = Settings(base=f"models/{hostile}.gguf")
    app = CompareApp(Session(Recorder(), columns, settings), settings, bank, near("Q38"))
    async with app.run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        assert "[/] [red]n m" in shown(pilot)
        for size in ((60, 20), (200, 50)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "\x1b" not in shown(pilot)


async def test_a_pasted_text_keeps_all_lines_and_loses_its_controls() -> None:
    from textual.events import Paste

    async with stage().run_test() as pilot:
        await ready(pilot)
        screen(pilot).prompt.input.post_message(Paste("first\nsecond \x1b[31mred\x1b[0m \u202eback"))
        await pilot.pause()
        assert screen(pilot).prompt.input.value == "first\nsecond red back"


async def test_a_paragraph_written_from_right_to_left_stands_on_the_right() -> None:
    engine = Echo(answers={"arabic": "نعم، هذا صحيح.\n\nYes, right."})
    async with stage("arabic", engine=engine).run_test(size=(80, 30)) as pilot:
        await ask(pilot)
        lines = shown(pilot).splitlines()
        arabic = next(line for line in lines if "نعم" in line)
        english = next(line for line in lines if "Yes, right." in line)
        assert arabic.index("نعم") > 40 > english.index("Yes")
        assert "نعم، هذا صحيح." in views(pilot)["arabic"].turns[0].text
