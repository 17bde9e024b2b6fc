"""The screens in other languages."""

from __future__ import annotations

import dataclasses
import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App

from culturechat import cultures, installed, locale, survey
from culturechat.catalogue import Card
from culturechat.engines.echo import Echo
from culturechat.errors import BadFile
from culturechat.history import History
from culturechat.installed import Installed
from culturechat.locale import _
from culturechat.settings import Settings, file_path, variable_of
from culturechat.survey import Bank
from culturechat.tui import options
from culturechat.tui.app import PickApp
from culturechat.tui.examples import EXAMPLES
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.screens.models import ModelsScreen
from culturechat.tui.screens.settings import SettingList, SettingsScreen
from tests.app.messages import po_path
from tests.tui.probe_stage import Prober, known, opened, probe, to_setup
from tests.tui.stage import Broken, Slow, ask, kept_stage, ready, ready_to_ask, settled, shown, stage, until
from tests.tui.test_differences import ask_blind
from tests.tui.test_history_screen import keep, told
from tests.tui.test_history_screen import listed as listed_chats

KEYS = {
    "esc",
    "tab",
    "shift",
    "space",
    "del",
    "delete",
    "enter",
    "ctrl",
    "pgup",
    "pgdn",
    "culturechat",
    "base",
    "smollm",
}
"""Words that are the same in every language: keys, our own name, and how columns and models are called."""
FIGURES = {"WD", "JSD", "SHA", "MB", "GiB"}
CHOICES = {"english", "own", "both", "calm", "light", "high", "contrast", "ansi", "beside", "grid", "tabs", "auto"}
CHOICES |= {"logical", "visual", "bf", "dark", *locale.names()}
"""Values of settings, which are typed as they are."""


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
    labels = {code: str(place) for place, code in enumerate(question.codes, 1)}
    scale = dataclasses.replace(question.scale, labels=labels)
    bare = dataclasses.replace(question, topic="2", question="3?", open="4?", restatements=(), scale=scale)
    return Bank({"Q38": bare}, survey.load().answers)


def words(text: str) -> set[str]:
    """Return what is English on the screen, without the examples, which are questions in English."""
    examples = set(re.findall(r"[A-Za-z]+", " ".join(EXAMPLES)))
    return set(re.findall(r"[A-Za-z]{2,}", text)) - KEYS - examples


def offered(app: App[Any]) -> str:
    """Return what the palette offers on the screen at hand."""
    return " ".join(text for command in app.get_system_commands(app.screen) for text in command[:2])


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
        await pilot.press("escape", "ctrl+d")
        await pilot.pause()
        assert words(shown(pilot)) == set()
        assert words(offered(app)) == set()


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


async def test_no_english_is_left_in_blind_mode(marked: None) -> None:
    async with stage("chinese", "arabic", engine=ENGINE, bank=wordless()).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert words(shown(pilot)) == set()
        await ask_blind(pilot, "1?")
        await pilot.press("right", "v")
        await pilot.pause()
        assert words(shown(pilot)) == set()
        await pilot.press("enter")
        await pilot.pause()
        assert words(shown(pilot)) == set()


@pytest.mark.parametrize("size", [(60, 20), (120, 36)])
async def test_no_english_is_left_in_the_history(marked: None, home: Path, size: tuple[int, int]) -> None:
    history = History()
    keep("1?", "2?", names=("chinese", "base"), history=history, answers={"chinese": "1", "base": "2"})
    keep("3?", names=("arabic",), stop=True, history=history, answers={"arabic": "1 2"})
    async with kept_stage(engine=ENGINE, history=history).run_test(size=size) as pilot:
        await ready_to_ask(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and listed_chats(pilot) == ["3?", "1?"])
        await until(pilot, lambda: pilot.app.screen.query("#reader .facts"))
        assert words(shown(pilot)) == set()
        for keys in (["space"], ["space"], ["down"], ["r"], ["escape", "e"], ["escape", "f1"], ["escape", "d"], ["x"]):
            await pilot.press(*keys)
            await pilot.pause(0.1)
            assert words(shown(pilot)) - {"HTML", "JSON", "CSV"} == set(), keys
        assert words(told(pilot)) == set()
        await pilot.press("slash", "9")
        await until(pilot, lambda: not listed_chats(pilot))
        assert words(shown(pilot)) == set()
        await pilot.press("escape", "t")
        await until(pilot, lambda: len(listed_chats(pilot)) == 1)
        assert words(shown(pilot)) == set()


@pytest.mark.parametrize("size", [(60, 20), (120, 40), (200, 50)])
async def test_no_english_is_left_in_the_probe(marked: None, size: tuple[int, int]) -> None:
    engine = Prober(halt=2)
    app = stage("chinese", "arabic", "base", engine=engine, bank=wordless())
    try:
        async with app.run_test(size=size) as pilot:
            await to_setup(pilot)
            assert words(shown(pilot)) == set()
            await pilot.press("a", "enter")
            assert words(told(pilot)) == set()
            await pilot.press("a", "enter")
            await until(pilot, engine.halted.is_set)
            await pilot.pause(0.3)
            assert words(shown(pilot)) - FIGURES == set()
            assert words(offered(app)) == set()
            await pilot.press("space")
            await pilot.pause()
            assert words(shown(pilot)) - FIGURES == set()
            engine.release()
            await until(pilot, lambda: not known(probe(pilot)).running)
            await pilot.press("space")
            await until(pilot, lambda: known(probe(pilot)).complete and known(probe(pilot)).intervals)
            for _turn in range(3):
                await pilot.press("s")
                await pilot.pause()
                assert words(shown(pilot)) - FIGURES == set()
            assert words(offered(app)) == set()
            await opened(pilot)
            for keys in ([], ["right"], ["right"]):
                await pilot.press(*keys)
                assert words(shown(pilot)) - FIGURES - {"chinese", "arabic"} == set()
            await pilot.press("f1")
            await pilot.pause()
            assert words(shown(pilot)) - FIGURES - {"chinese", "arabic"} == set()
    finally:
        engine.release()


async def test_no_english_is_left_in_the_settings(marked: None) -> None:
    known = options.all_options()
    keys = re.findall("[A-Za-z]{2,}", " ".join(binding.key for binding in options.key_bindings().values()))
    names = re.findall("[A-Za-z]{2,}", " ".join(f"{one.key} {variable_of(one.key)}" for one in known))
    same = CHOICES | set(keys) | set(names) | {"true", "false", "GGUF"}
    same |= set(re.findall("[A-Za-z]{2,}", " ".join(cultures.load(name).own_name for name in cultures.names())))
    assert words(" ".join(f"{one.title} {one.about} {one.expected}" for one in known)) <= same
    settings = Settings(prompts=dict.fromkeys(cultures.names(), "1"))
    async with stage("chinese", "arabic", settings=settings).run_test(size=(160, 150)) as pilot:
        await ready(pilot)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(pilot.app.screen, SettingsScreen))
        await pilot.press("right", "u", "right")
        await pilot.pause()
        assert words(shown(pilot)) <= same
        values = pilot.app.screen.query_one(SettingList)
        for key in ("base", "min_p", "layout", "prompts.chinese", "keys.chat.survey"):
            values.highlighted = values.get_option_index(key)
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(pilot.app.screen, SettingsScreen))
            default = words(cultures.load("chinese").prompt.english) if key == "prompts.chinese" else set()
            assert words(shown(pilot)) <= same | default, key
            await pilot.press(*(["9", "enter"] if key == "min_p" else ["ctrl+d"] if key.startswith("keys") else []))
            await pilot.pause()
            assert words(shown(pilot)) <= same | default, key
            await pilot.press("escape")
        await pilot.press("f1")
        await pilot.pause()
        assert words(shown(pilot)) <= same
        await pilot.press("escape", "k")
        await pilot.pause()
        assert words(told(pilot).replace(str(file_path()), "")) <= same


async def test_no_english_is_left_among_the_models(marked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(form: Any, state: str, needed: int | None, free: int | None, **more: Any) -> Installed:
        size, scores = 3_700_000, {"probe": {"wd": {"mean": 0.1}, "uniform": {"wd": {"mean": 0.2}}}}
        card = Card(form, "1", "2", "3", size, "4" * 64, id="5", install="6", recipe="7", scores=scores, **more)
        return Installed(card, state, needed, free)

    damaged = _("damaged: {found} bytes instead of {expected}").format(found=1, expected=2)
    shelf = [
        one("base", "not installed", None, None),
        one("adapter", "ok", 2**30, 2**33, culture="chinese", base_sha256="8" * 64),
        one("merged", damaged, 2**34, 2**33, base="9"),
    ]
    monkeypatch.setattr(installed, "everything", lambda context: shelf)
    async with stage("chinese", "arabic").run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen) and pilot.app.screen.models)
        for keys in ([], ["down"], ["down"], ["u"], ["f1"], ["escape", "i"], ["enter"], ["escape", "b"], ["enter"]):
            await pilot.press(*keys)
            await pilot.pause(0.05)
            own = set(re.findall("[A-Za-z]{2,}", " ".join(cultures.load(name).own_name for name in cultures.names())))
            assert words(shown(pilot)) - FIGURES - own - {"GGUF", "bf"} == set(), keys
        assert words(told(pilot)) == set()


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
