"""Apps on a scripted engine, and what tests wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.engines import Event, Plan, Request, Token
from culturechat.engines.echo import Echo
from culturechat.errors import CulturechatError
from culturechat.history import History
from culturechat.session import Session
from culturechat.settings import Resolved, Settings
from culturechat.survey import Bank
from culturechat.tui.app import CompareApp
from culturechat.tui.library import Library
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.header import Phase
from culturechat.tui.widgets.survey_panel import SurveyHeading, SurveyPanel

QUESTION = "Should grown-up children look after their parents when they are old?"


@dataclass(frozen=True)
class Near:
    item: str
    similarity: float = 0.63


@dataclass
class Recorder(Echo):
    """An echo that remembers what it was asked."""

    requests: list[Request] = field(default_factory=list)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        self.requests += requests
        yield from super().generate(requests)


@dataclass
class Halting(Recorder):
    """An echo that waits before a certain word until it may go on, and after each column's first if told to."""

    words: int = 12
    first: threading.Event | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    halted: threading.Event = field(default_factory=threading.Event)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        written = 0
        for event in super().generate(requests):
            if isinstance(event, Token):
                written += 1
                if written == len(requests) + 1 and self.first:
                    self.first.wait(10)
                if written == self.words * len(requests) + 1:
                    self.halted.set()
                    self.go_on.wait(10)
            yield event


class Broken(Recorder):
    """An engine whose models do not load at first."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = error

    def open(self, columns: Sequence[Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        if self.error:
            raise self.error
        return super().open(columns, context_tokens, apart)


class Slow(Recorder):
    """An engine whose models load when they may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_load = threading.Event()

    def open(self, columns: Sequence[Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        self.may_load.wait(10)
        return super().open(columns, context_tokens, apart)


class Raising(Recorder):
    """An engine that breaks off without saying how columns ended."""

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        yield Token(requests[0].column, "Half an")
        raise CulturechatError("The engine died: \x1b]0;owned\x07out of memory [/red].")


def column(name: str, form: str = "adapter") -> Column:
    if name == "base":
        return Column("base", None, "base", "smollm2-135m", Path("base.gguf"))
    return Column(name, cultures.load(name), form, f"{name}-smollm2-135m", Path("base.gguf"))  # type: ignore[arg-type]


def kept_stage(*names: str, engine: Echo | None = None, history: History | None = None, most: int = 256) -> CompareApp:
    """Return an app that writes its chats down."""
    settings = Settings(max_tokens=most)
    library = Library(engine or Recorder(), "echo", settings, history or History())
    session = library.begin([column(name) for name in names or ("chinese", "arabic")])
    return CompareApp(session, settings, survey.load(), near("Q38"), clock=lambda: 0.0, library=library)


def near(item: str | None) -> Callable[[str, Bank], Near | None]:
    return lambda text, bank: Near(item) if item else None


def stage(
    *names: str,
    engine: Echo | None = None,
    item: str | None = "Q38",
    question: str = "",
    bank: Bank | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    settings: Settings | None = None,
    resolved: Resolved | None = None,
) -> CompareApp:
    columns = [column(name) for name in names or ("chinese", "arabic")]
    chosen = settings or Settings()
    session = Session(engine or Recorder(), columns, chosen)
    return CompareApp(session, chosen, bank or survey.load(), near(item), question, clock, resolved=resolved)


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    for _ in range(1000):
        if condition():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in ten seconds")


def screen(pilot: Pilot[Any]) -> CompareScreen:
    found = next(screen for screen in pilot.app.screen_stack if isinstance(screen, CompareScreen))
    return found


def views(pilot: Pilot[Any]) -> dict[str, ColumnView]:
    return screen(pilot).views


def phases(pilot: Pilot[Any]) -> list[Phase]:
    return [view.phase for view in views(pilot).values()]


def settled(pilot: Pilot[Any]) -> Callable[[], bool]:
    """Return a condition: every column has ended, and the survey was searched."""

    def holds() -> bool:
        ended = all(phase in (Phase.DONE, Phase.STOPPED, Phase.FAILED) for phase in phases(pilot))
        differ = screen(pilot).differ
        several = sum(bool(view.answer) for view in views(pilot).values()) > 1
        if several and not (differ.comparable and differ.settled):
            return False
        return ended and not screen(pilot).answering and screen(pilot).query_one(SurveyHeading).display

    return holds


async def ready(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: all(phase is Phase.READY for phase in phases(pilot)))


async def ask(pilot: Pilot[Any], question: str = QUESTION) -> None:
    """Type a question, send it and wait for all answers."""
    await ready_to_ask(pilot)
    screen(pilot).prompt.input.value = question
    screen(pilot).prompt.input.focus()
    await pilot.press("enter")
    await until(pilot, settled(pilot))


async def ready_to_ask(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: screen(pilot).loaded and not screen(pilot).answering)


def survey_text(pilot: Pilot[Any], name: str, width: int = 60) -> str:
    lines = views(pilot)[name].query_one(SurveyPanel).lines(width)
    return "\n".join(line.plain for line in lines)


def shown(pilot: Pilot[Any]) -> str:
    """Return all text on the screen, without styles."""
    return "\n".join(row.text for row in pilot.app.screen._compositor.render_strips())
