"""A scripted engine for the probe, and the way to its screens."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from textual.pilot import Pilot

from culturechat.engines import Choice, Scores
from culturechat.errors import EngineError
from culturechat.tui.measurement import Measurement
from culturechat.tui.screens.probe import ProbeScreen
from culturechat.tui.screens.probe_item import ItemScreen
from culturechat.tui.screens.probe_setup import ProbeSetup
from culturechat.tui.widgets.probe_items import ItemList
from culturechat.tui.widgets.probe_panel import ItemFigures
from tests.probing.stage import Moody
from tests.tui.stage import screen as compare
from tests.tui.stage import until

RELIGION = ("a", "down", "down", "down", "down", "space")
"""Keys that leave the six questions on religion ticked."""


class Prober(Moody):
    """A model with tastes; it waits at its first prompt, or at a later one, until it may go on, or fails there."""

    def __init__(self, halt: int | None = None, first: bool = False, fail: int | None = None) -> None:
        super().__init__()
        self.asked: list[tuple[str, Choice]] = []
        self.halt, self.fail = halt, fail
        self.first, self.go_on, self.halted = threading.Event(), threading.Event(), threading.Event()
        if not first:
            self.first.set()

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        self.first.wait(20)
        for choice, scores in zip(choices, super().score(column, choices), strict=True):
            if len(self.asked) == self.halt:
                self.halted.set()
                self.go_on.wait(20)
            if len(self.asked) == self.fail:
                self.fail = None
                raise EngineError("The engine died: \x1b]0;owned\x07out of memory [/red].")
            self.asked.append((column, choice))
            yield scores

    def release(self) -> None:
        """Let a thread that waits end."""
        self.first.set()
        self.go_on.set()


async def to_setup(pilot: Pilot[Any]) -> ProbeSetup:
    """Go to the choice of what is measured."""
    await until(pilot, lambda: compare(pilot).loaded)
    await pilot.press("f4")
    await until(pilot, lambda: isinstance(pilot.app.screen, ProbeSetup))
    assert isinstance(pilot.app.screen, ProbeSetup)
    return pilot.app.screen


async def start(pilot: Pilot[Any], *keys: str) -> ProbeScreen:
    """Press keys in the choice of what is measured and start."""
    await to_setup(pilot)
    await pilot.press(*keys, "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ProbeScreen))
    return probe(pilot)


async def finished(pilot: Pilot[Any], *keys: str) -> ProbeScreen:
    """Measure, and wait until all is known, the intervals too."""
    screen = await start(pilot, *keys)
    await until(pilot, lambda: known(screen).complete and not known(screen).running and known(screen).intervals)
    return screen


async def opened(pilot: Pilot[Any]) -> ItemScreen:
    """Open the question under the cursor."""
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ItemScreen))
    assert isinstance(pilot.app.screen, ItemScreen)
    return pilot.app.screen


def probe(pilot: Pilot[Any]) -> ProbeScreen:
    return next(screen for screen in pilot.app.screen_stack if isinstance(screen, ProbeScreen))


def known(screen: ProbeScreen) -> Measurement:
    assert screen.measurement is not None
    return screen.measurement


def listed(screen: ProbeScreen) -> list[str]:
    return screen.query_one(ItemList).order


def figures(screen: ItemScreen, place: int = 0, width: int = 58) -> str:
    """Return the text of a panel, whether it has room or not."""
    return "\n".join(line.plain for line in screen.panels[place].query_one(ItemFigures).lines(width))
