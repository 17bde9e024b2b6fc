"""Shows hostile strings on every screen, to be run in a real terminal: `python -m tests.tui.hostile_screens SHOW`.

Each show feeds them in where they come in: from the engine, the history's file, culture and survey files, the
clipboard. It drives the app like a user, waits until all is on the screen, and leaves; exit code 0 if that went well.
"""

from __future__ import annotations

import dataclasses
import random
import sys
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.events import Paste
from textual.pilot import Pilot

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.conversation import Message
from culturechat.engines import Event, Failed, Finished, Request, Started, Token
from culturechat.engines.echo import Echo
from culturechat.errors import CulturechatError
from culturechat.history import Answer, Chat, History, Turn, Voice
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey import Answers, Bank, Question, Scale
from culturechat.tui.app import CompareApp, PickApp
from culturechat.tui.library import Library
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.screens.probe_item import ItemScreen
from culturechat.tui.widgets.header import ColumnHeader
from culturechat.tui.widgets.survey_panel import SurveyHeading, SurveyPanel
from tests import hostile
from tests.tui.probe_stage import known, start
from tests.tui.stage import Broken, Near, near, ready, ready_to_ask, screen, settled, shown, until, views

Script = Callable[[Pilot[Any]], Awaitable[None]]

STRINGS = hostile.strings()
SAVED = [hostile.encodable(text) for text in STRINGS]
"""As a file can hold them."""
SHORT = [text for text in STRINGS if len(text) < 120]
"""Those of which several have room in a line."""
AT = datetime(2026, 1, 1, tzinfo=UTC)
TOGETHER = 10
"""Strings of one answer."""
APART = "\x07\n"
"""Between two strings of an answer: the end of what the first may have left open."""
CODES = tuple("1234")


class Writer(Echo):
    """An engine that writes hostile texts in pieces; an answer ends when it may, every other with a hostile error."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.go_on = threading.Event(), threading.Event()
        self._texts = [APART.join(STRINGS[place::100]) for place in range(100)]
        self._chance = random.Random(1)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        for request in requests:
            yield Started(request.column, 10, 0, 0)
        for request in requests:
            for piece in hostile.pieces(self._texts[-1] if self._texts else "", self._chance):
                yield Token(request.column, piece)
            if self._texts:
                self._texts.pop()
        self.written.set()
        self.go_on.wait(30)
        for place, request in enumerate(requests):
            failed = (place + len(self._texts) // 10) % 2
            yield Failed(request.column, STRINGS[place]) if failed else Finished(request.column, "stop", 9, 0.1, 40.0)
        self.written.clear()
        self.go_on.clear()


def columns(texts: Sequence[str]) -> list[Column]:
    """All columns, with names and files called like these texts."""
    strings = iter(texts)
    made = []
    for name in cultures.names():
        culture = dataclasses.replace(
            cultures.load(name), own_name=next(strings), name=next(strings), greeting=next(strings)
        )
        made.append(Column(name, culture, "adapter", next(strings), Path("base.gguf")))
    return [*made, Column("base", None, "base", next(strings), Path("base.gguf"))]


def bank(texts: Sequence[str], most: int = 1000) -> Bank:
    """A survey whose words are these texts, eight a question; everybody was asked everything."""
    questions: dict[str, Question] = {}
    answers: dict[tuple[str, str], Answers] = {}
    for place in range(0, min(len(texts), most * 8) - 7, 8):
        topic, question, free, low, *labels = texts[place : place + 8]
        scale = Scale(dict(zip(CODES, labels, strict=True)), low=low, high=free)
        item = f"Q{place}"
        questions[item] = Question(item, texts[place // 80], question, scale, topic, open=free, restatements=(low,))
        for country in survey.countries():
            answers[country, item] = Answers(dict.fromkeys(CODES, 0.25), 1000)
    return Bank(questions, answers)


def chat(number: int, texts: Sequence[str], culture: str = "", base: str = "") -> Chat:
    """A chat in which everything that can be is one of these texts."""
    strings = iter(texts)
    voices = tuple(
        Voice(culture or next(strings), "prompt", next(strings), base or next(strings)) for _ in range(1 if base else 2)
    )
    title, at = next(strings), AT + timedelta(minutes=number)
    turns = []
    rest = list(strings)
    for place in range(0, len(rest) - 6, 7):
        question, *said = rest[place : place + 7]
        answers = [_answer(voice, at, *said[3 * side : 3 * side + 3]) for side, voice in enumerate(voices)]
        turns.append(Turn(question, at, tuple(answers)))
    return Chat(0, title, at, at, voices, tuple(turns))


def _answer(voice: Voice, at: datetime, text: str, error: str, engine: str) -> Answer:
    finish: Any = "failed" if len(text) % 2 else "stop"
    messages = (Message("user", text),)
    return Answer(voice, 0, 1, {"temperature": 0.7}, 2048, False, engine, messages, at, at, text, finish, error)


def is_shown(pilot: Pilot[Any], text: str) -> bool:
    return text in shown(pilot)


async def paste(pilot: Pilot[Any], text: str) -> None:
    screen(pilot).prompt.input.post_message(Paste(text))
    await pilot.pause()


async def answers(pilot: Pilot[Any], engine: Writer) -> None:
    """Ask with hostile words, then again until all strings were answered; each is shown growing, and when it is whole.

    Answers that replace each other keep the screen small, and the show short.
    """
    await ready(pilot)
    for place in range(10):
        await ready_to_ask(pilot)
        if place < 2:
            await paste(pilot, " ".join(SHORT[place * 5 : place * 5 + 5]) + " ?")
        await pilot.press("enter" if place < 2 else "ctrl+r")
        await until(pilot, engine.written.is_set)
        await until(pilot, lambda: all(view.turns and view.turns[-1].text.strip() for view in views(pilot).values()))
        await pilot.pause(0.15)
        engine.go_on.set()
        await until(pilot, settled(pilot))
    await pilot.press("up", "f1")
    await pilot.pause()
    await pilot.press("escape", "ctrl+f", "ctrl+s")
    await pilot.resize_terminal(60, 24)
    await pilot.pause()


def show_answers() -> App[Any]:
    """Columns: names, greetings, questions, answers while they grow and when they are whole, errors, the survey."""
    engine, asked, items = Writer(), bank(SAVED), iter(range(0, 1000, 8))
    settings = Settings(base=f"models/{STRINGS[5]}.gguf")
    app = CompareApp(
        Session(engine, columns(STRINGS), settings),
        settings,
        asked,
        lambda text, bank: Near(f"Q{next(items) * 9 % 992 // 8 * 8}"),
        clock=lambda: 0.0,
    )
    return _driven(app, lambda pilot: answers(pilot, engine))


def show_names() -> App[Any]:
    """Everything that is named in the head of a column or of the survey, and as people's answers."""
    asked = bank(STRINGS)
    widgets: list[Any] = []
    for place in range(0, 960, 40):
        widgets += [ColumnHeader(column) for column in columns(STRINGS[place : place + 40])]
    for question in asked.questions.values():
        heading, panel = SurveyHeading(), SurveyPanel(columns(STRINGS)[0])
        heading.show(question, 0.5)
        panel.show(question, asked)
        widgets += [heading, panel]

    class Names(App[int]):
        def compose(self) -> ComposeResult:
            with VerticalScroll():
                yield from widgets

    async def look(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        pilot.app.query_one(VerticalScroll).scroll_end(animate=False)
        await pilot.pause()

    return _driven(Names(), look)


def show_picker() -> App[Any]:
    """The choice of cultures."""
    known = [column.culture for place in range(0, 840, 40) for column in columns(SHORT[place:]) if column.culture]
    apart = [dataclasses.replace(culture, id=f"{culture.id}{place}") for place, culture in enumerate(known)]

    async def look(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        await pilot.press(*["pagedown"] * 12, "escape")

    return _driven(PickApp(apart, "base"), look)


def show_probe() -> App[Any]:
    """The probe: themes, questions, options, columns, one question after the other, and what it failed with."""
    settings = Settings()
    asked = bank(SAVED)
    app = CompareApp(Session(Echo(), columns(STRINGS)[:2], settings), settings, asked, near(None), clock=lambda: 0.0)

    async def look(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        found = known(await start(pilot))
        await until(pilot, lambda: found.complete and not found.running)
        await pilot.press(*["pagedown"] * 5, "s")
        for _ in range(4):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ItemScreen))
            await pilot.press("escape", "pageup")
        await pilot.press("c")
        await until(pilot, lambda: pilot.app.screen is screen(pilot))

    return _driven(app, look)


def show_history() -> App[Any]:
    """The history: titles, questions, answers, models, errors, what is found; renaming, exporting, opening again."""
    kept = History()
    kept.add([chat(number, SAVED[number * 83 : number * 83 + 83]) for number in range(12)])
    kept.add([chat(99, SAVED[:400], "chinese", "smollm2-135m")])
    library = Library(Echo(), STRINGS[3], Settings(), kept)
    session = library.begin(columns(STRINGS)[:2])
    app = CompareApp(session, Settings(), bank(SAVED, 1), near("Q0"), clock=lambda: 0.0, library=library)

    async def look(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and "13 chats" in shown(pilot))
        for _ in range(12):
            await pilot.press("down")
            await pilot.pause(0.06)
        await pilot.press("r")
        await pilot.pause()
        await pilot.press("escape", "d")
        await pilot.pause()
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("slash", *"evil")
        await until(pilot, lambda: " of " in shown(pilot))
        await pilot.press("escape", "home", *["down"] * 2)
        await pilot.press("escape")
        await pilot.pause()

    return _driven(app, look)


def show_reopened() -> App[Any]:
    """A chat of the past, gone on with."""
    kept = History()
    kept.add([chat(99, SAVED[:400], "chinese", "smollm2-135m")])
    library = Library(Echo(), STRINGS[3], Settings(), kept)
    session, past = library.reopen(1)
    app = CompareApp(session, Settings(), bank(SAVED, 1), near("Q0"), clock=lambda: 0.0, library=library, past=past)

    async def look(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        await pilot.press(*["up"] * 9)
        await pilot.pause()

    return _driven(app, look)


def show_failures() -> App[Any]:
    """Models that do not load, a survey that cannot be searched, a chat that is not saved."""
    engine = Broken(CulturechatError(STRINGS[9]))

    def closest(text: str, bank: Bank) -> Near | None:
        raise CulturechatError(STRINGS[10])

    app = CompareApp(Session(engine, columns(STRINGS)[:3], Settings()), Settings(), bank(SAVED, 1), closest)

    async def look(pilot: Pilot[Any]) -> None:
        for number in range(0, len(STRINGS), 50):
            engine.error = CulturechatError(STRINGS[number])
            await pilot.press("ctrl+r")
            await until(pilot, partial(is_shown, pilot, hostile.tag(number)))
        engine.error = None
        await pilot.press("ctrl+r")
        await ready(pilot)
        await paste(pilot, STRINGS[11])
        await pilot.press("enter")
        await until(pilot, settled(pilot))

    return _driven(app, look)


def show_typing() -> App[Any]:
    """Bytes that are no text, typed or pasted by the terminal; what is typed later arrives."""
    app = CompareApp(Session(Echo(), columns(STRINGS)[:2], Settings()), Settings(), bank(SAVED, 1), near("Q0"))

    async def look(pilot: Pilot[Any]) -> None:
        await ready(pilot)
        screen(pilot).tell("bytes please")
        await pilot.pause(0.5)
        screen(pilot).tell("words please")
        await until(pilot, lambda: screen(pilot).prompt.input.value.endswith("a word"))

    return _driven(app, look)


SIZES = {
    "answers": (160, 150), "names": (200, 300), "picker": (80, 24), "probe": (140, 64), "history": (160, 100),
    "reopened": (120, 200), "failures": (100, 40), "typing": (100, 30),
}  # fmt: skip
"""Columns and rows of the terminal of each show: so much that hardly anything has to be scrolled."""
SHOWS: Mapping[str, Callable[[], App[Any]]] = {name: globals()[f"show_{name}"] for name in SIZES}
_SCRIPTS: dict[App[Any], Script] = defaultdict()


def _driven(app: App[Any], script: Script) -> App[Any]:
    _SCRIPTS[app] = script
    return app


def main(name: str) -> int:
    """Play one show; the exit code is 0 if it came to its end."""
    app = SHOWS[name]()
    ended = False

    async def play(pilot: Pilot[Any]) -> None:
        nonlocal ended
        await _SCRIPTS[app](pilot)
        ended = True
        pilot.app.exit()

    app.run(auto_pilot=play)
    return 0 if ended and not app.return_code else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
