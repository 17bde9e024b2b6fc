"""The main screen in other languages."""

from __future__ import annotations

import dataclasses
import gettext
import re
from collections.abc import Iterator

import pytest

from culturechat import cultures, locale, survey
from culturechat.engines.echo import Echo
from culturechat.errors import BadFile
from culturechat.settings import Settings
from culturechat.survey import Bank
from culturechat.tui.app import PickApp
from culturechat.tui.examples import EXAMPLES
from tests.app.messages import po_path
from tests.tui.stage import Broken, Slow, ask, ready, settled, shown, stage, until

KEYS = {"esc", "tab", "shift", "space", "delete", "enter", "ctrl", "pgup", "pgdn", "culturechat", "base", "smollm"}
"""Words that are the same in every language: keys, our own name, and how columns and models are called."""


class Marked(gettext.NullTranslations):
    """Turns the letters of every text that passes through gettext into letters of another script."""

    def gettext(self, message: str) -> str:
        parts = re.split(r"(\{\w*\})", message)
        return "".join(
            part if part.startswith("{") else re.sub("[A-Za-z]", lambda letter: chr(0x3B1 + ord(letter[0]) % 24), part)
            for part in parts
        )

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture
def marked() -> Iterator[None]:
    with locale.using(Marked()):
        yield


def wordless() -> Bank:
    """A bank whose questions have no words, so that what is read on the screen is the interface."""
    question = survey.load().question("Q38")
    scale = dataclasses.replace(question.scale, labels=dict.fromkeys(question.codes, "1"))
    return Bank({"Q38": dataclasses.replace(question, topic="2", question="3?", scale=scale)}, survey.load().answers)


def words(text: str) -> set[str]:
    """Return what is English on the screen, without the examples, which are questions in English."""
    examples = set(re.findall(r"[A-Za-z]+", " ".join(EXAMPLES)))
    return set(re.findall(r"[A-Za-z]{2,}", text)) - KEYS - examples


ENGINE = Echo(answers={"chinese": "1 2 3", "arabic": "1 2", "base": "1"})


@pytest.mark.parametrize("size", [(60, 20), (120, 36), (200, 50)])
async def test_no_english_is_left_on_the_main_screen(marked: None, size: tuple[int, int]) -> None:
    settings = Settings(base="7", max_tokens=2)
    app = stage("chinese", "arabic", "base", engine=ENGINE, bank=wordless(), settings=settings)
    async with app.run_test(size=size) as pilot:
        await ready(pilot)
        assert words(shown(pilot)) == set()
        await ask(pilot, "1?")
        assert words(shown(pilot)) == set()
        await pilot.press("tab", "tab")
        assert words(shown(pilot)) == set()
        await pilot.press("f1")
        await pilot.pause()
        assert words(shown(pilot)) == set()
        assert not words(
            " ".join(text for command in app.get_system_commands(pilot.app.screen) for text in command[:2])
        )


async def test_no_english_is_left_where_nothing_is_close_or_something_failed(marked: None) -> None:
    app = stage("chinese", "arabic", engine=Echo(answers={"chinese": "1 2"}, failing={"chinese": "7"}), item=None)
    async with app.run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert words(shown(pilot)) == set()
    async with stage("base", engine=Broken(BadFile("7", "8"))).run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "7: 8" in shown(pilot))
        await pilot.press("1", "enter")
        await pilot.pause()
        assert words(shown(pilot)) == set()
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        assert words(shown(pilot)) == set()


async def test_no_english_is_left_while_models_load_or_on_the_first_screen(marked: None) -> None:
    engine = Slow()
    async with stage("chinese", engine=engine).run_test(size=(120, 36)) as pilot:
        await pilot.press("1", "enter")
        await pilot.pause()
        assert words(shown(pilot)) == set()
        engine.may_load.set()
        await until(pilot, settled(pilot))
    known = [cultures.load(name) for name in cultures.names()]
    own = set(re.findall("[A-Za-z]{2,}", " ".join(culture.own_name for culture in known)))
    async with PickApp(known, "base").run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert words(shown(pilot)) <= own
        await pilot.press("a", "a", "enter")
        await pilot.pause()
        assert words(shown(pilot)) <= own


async def test_the_screen_speaks_the_language_that_is_used() -> None:
    with locale.using(locale.read(po_path("de"))):
        async with stage("chinese", "base").run_test(size=(160, 36)) as pilot:
            await ask(pilot)
            for text in (
                "中文 Chinesisch",
                "✓ fertig",
                "Startwert 1",
                "Menschen sagten",
                "3.029 Antworten",
                "Ähnlichkeit",
            ):
                assert text in shown(pilot)
            assert "Alle Befehle" not in shown(pilot) and "Messen" in shown(pilot)
