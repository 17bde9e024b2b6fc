"""The apps: screens, themes and keys that hold everywhere. Nothing is generated here, no file is opened."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.app import App, ReturnType, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from culturechat.cultures import Culture
from culturechat.history import Chat
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey import Bank
from culturechat.tui.library import Library
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.screens.pick import PickScreen
from culturechat.tui.theme import CALM
from culturechat.tui.worker import Closest


class _Calm(App[ReturnType]):
    CSS_PATH = "app.tcss"
    TITLE = "culturechat"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "command_palette", "Palette", tooltip="All commands, and the themes", show=False),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(CALM)
        self.theme = CALM.name
        self.animation_level = "none"


class CompareApp(_Calm[int]):
    """Columns that answer the same question; each chat is a mode of its own, so that one can replace another."""

    DEFAULT_MODE: ClassVar[str] = "first chat"

    def __init__(
        self,
        session: Session,
        settings: Settings,
        bank: Bank,
        closest: Closest,
        question: str = "",
        clock: Callable[[], float] = time.monotonic,
        library: Library | None = None,
        past: Chat | None = None,
    ) -> None:
        super().__init__()
        self._bank = bank
        self._closest = closest
        self._clock = clock
        self._library = library
        self._opened = itertools.count(1)
        self.compare = CompareScreen(session, settings, bank, closest, question, clock, past)
        self.add_mode(self.DEFAULT_MODE, lambda: self.compare)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the keys do in the palette as well."""
        if isinstance(screen, CompareScreen):
            yield SystemCommand("Answer again", "All columns, with the next seed", screen.action_again)
            yield SystemCommand("Stop", "Stop all answers where they are", screen.action_stop)
            yield SystemCommand("Survey", "Show or hide what people said", screen.action_survey)
            yield SystemCommand("Full column", "One column, or all again", screen.action_fill)
            if self._library:
                yield SystemCommand("History", "Chats that were kept: search, open, export", self.action_history)
            yield SystemCommand("Help", "The keys, and what is shown", screen.action_help)
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save the screen as SVG", self.deliver_screenshot)
        yield SystemCommand("Quit", "Leave", self.action_quit)

    def action_history(self) -> None:
        """Show the chats that were kept."""
        if self._library:
            self.push_screen(HistoryScreen(self._library), self._go_on)

    async def _go_on(self, opened: tuple[Session, Chat] | None) -> None:
        """Put a chat of the past in the place of the one on the screen."""
        if opened is None:
            return
        session, past = opened
        self.compare = CompareScreen(session, session.settings, self._bank, self._closest, "", self._clock, past)
        left, mode = self.current_mode, f"opened chat {next(self._opened)}"
        self.add_mode(mode, lambda: self.compare)
        await self.switch_mode(mode)
        await self.remove_mode(left)


class PickApp(_Calm[list[str]]):
    """The choice of columns."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "quit", "Leave", show=False)]

    def __init__(self, known: Sequence[Culture], base: str) -> None:
        super().__init__()
        self._first = PickScreen(known, base)

    def get_default_screen(self) -> Screen[None]:
        """Return the list of columns."""
        return self._first
