"""The apps: screens, themes and keys that hold everywhere. Nothing is generated here, no file is opened."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App, ReturnType, SystemCommand
from textual.binding import Binding, BindingType, Keymap
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen

from culturechat import catalogue
from culturechat.catalogue import Column
from culturechat.cultures import Culture
from culturechat.history import Chat
from culturechat.locale import N_, _
from culturechat.session import Session
from culturechat.settings import PromptLanguage, Resolved, Settings, live
from culturechat.survey import Bank
from culturechat.tui import themes
from culturechat.tui.bidi import prints_visual
from culturechat.tui.direction import Pieces
from culturechat.tui.keys import changeable, keymap
from culturechat.tui.library import Library
from culturechat.tui.news import Closest
from culturechat.tui.preferences import Preferences
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.screens.pick import PickScreen
from culturechat.tui.takeaway import Takeaway

if TYPE_CHECKING:
    from culturechat.tui.screens.models import ModelsScreen
    from culturechat.tui.screens.probe import ProbeScreen

DEFAULTS = Settings()
PROMPTS: dict[PromptLanguage, str] = {
    "english": N_("Prompts in English"),
    "own": N_("Prompts in the culture's own language"),
    "both": N_("Prompts in both languages, side by side"),
}
AS_PRINTED = "text { unicode-bidi: bidi-override; direction: ltr; }"


class _Calm(App[ReturnType]):
    CSS_PATH = "app.tcss"
    TITLE = "culturechat"
    BINDINGS: ClassVar[list[BindingType]] = changeable(
        "app",
        Binding("ctrl+p", "command_palette", "Palette", tooltip="All commands, and the themes", show=False),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        for theme in themes.own():
            self.register_theme(theme)
        self.theme = settings.theme
        self.use_keys(keymap(settings.keys))
        self.animation_level = "none"
        self._direction = [Pieces()] if prints_visual(settings.rtl) else []

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes lines before they are printed."""
        return [*super().get_line_filters(), *self._direction]

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """Return the screen as SVG."""
        picture = super().export_screenshot(title=title, simplify=simplify)
        # a browser would order what is in order already
        return picture.replace("</style>", f"{AS_PRINTED}</style>", 1) if self._direction else picture

    def get_driver_class(self) -> type[Driver]:
        """Return Textual's driver, on Linux and macOS in the form that survives bytes that are no text."""
        chosen = super().get_driver_class()
        if chosen.__name__ != "LinuxDriver":
            return chosen
        from culturechat.tui.driver import PatientDriver

        return PatientDriver

    def use_keys(self, chosen: Keymap) -> None:
        """Let the user's keys hold."""
        self.chosen_keys = chosen
        self.set_keymap(chosen)


class CompareApp(_Calm[int]):
    """Columns that answer the same question; each chat is a mode of its own, so that one can replace another."""

    DEFAULT_MODE: ClassVar[str] = "first chat"

    BINDINGS: ClassVar[list[BindingType]] = changeable(
        "app",
        *_Calm.BINDINGS,
        Binding("f4", "probe", "Probe", tooltip="Measure what the columns answer to the survey"),
        Binding(
            "f9", "settings", "Settings", tooltip="Sampling, prompts, theme, layout and keys", show=False, priority=True
        ),
        Binding(
            "f7",
            "installed",
            "Installed",
            tooltip="Models at hand: build, import, check, remove",
            show=False,
            priority=True,
        ),
    )

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
        probe: bool = False,
        resolved: Resolved | None = None,
    ) -> None:
        self.preferences = Preferences(resolved or Resolved(settings))
        super().__init__(settings)
        self.preferences.on_change(self._adopt)
        self._bank = bank
        self._closest = closest
        self._clock = clock
        self._library = library
        self._opened = itertools.count(1)
        self.compare = CompareScreen(session, settings, bank, closest, question, clock, past, library)
        self.compare.obstacle_to_change = self._obstacle_to_change
        self.add_mode(self.DEFAULT_MODE, lambda: self.compare)
        self.probe: ProbeScreen | None = None
        self.models: ModelsScreen | None = None
        self._with_probe = probe

    def on_ready(self) -> None:
        """Go straight to the probe if that is wanted."""
        if self._with_probe:
            self.action_probe()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the probe among the columns alone, and nothing that tells names in blind mode."""
        if action in ("probe", "history") and self.compare.blind.on:
            return None
        return self.screen is self.compare if action in ("probe", "settings", "installed") else True

    def action_probe(self) -> None:
        """Go to the probe of the columns at hand."""
        if self.probe is None:
            # it needs numpy, for which the first paint must not wait
            from culturechat.tui.screens.probe import ProbeScreen

            self.probe = ProbeScreen(self.compare, self._bank, self.chat_about, self._clock)
            self.install_screen(self.probe, "probe")
        self.push_screen(self.probe)

    def action_settings(self) -> None:
        """Go to what can be set."""
        from culturechat.tui.screens.settings import SettingsScreen

        self.push_screen(SettingsScreen(self.preferences))

    def action_installed(self) -> None:
        """Go to the models at hand."""
        if self.models is None:
            # it needs numpy, for which the first paint must not wait
            from culturechat.tui.screens.models import ModelsScreen

            self.models = ModelsScreen(self.preferences.settings, self._columns)
            self.install_screen(self.models, "models")
        self.push_screen(self.models)

    def on_unmount(self) -> None:
        """Let no work on models go on."""
        if self.models is not None:
            self.models.close()

    def _columns(self) -> list[Column]:
        return list(self.compare.session.columns.values())

    def watch_theme(self, name: str) -> None:
        """Take a theme that was chosen elsewhere for this session's, so that it can be kept."""
        if name != self.preferences.settings.theme:
            self.preferences.change("theme", name)

    @on(CompareScreen.SurveyShown)
    def show_survey(self, event: CompareScreen.SurveyShown) -> None:
        """Show or hide the people's answers."""
        self.preferences.change("survey", event.shown)

    def _adopt(self, settings: Settings) -> None:
        if self.theme != settings.theme:
            self.theme = settings.theme
        self.use_keys(keymap(settings.keys))
        self.compare.adopt(live(self.compare.session.settings, settings))
        if self._library:
            self._library.settings = live(self._library.settings, settings)

    def chat_about(self, question: str) -> None:
        """Go back to the columns with a question on the line."""
        while self.screen is not self.compare:
            self.pop_screen()
        self.compare.prompt.suggest(question)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the keys do in the palette as well."""
        if isinstance(screen, CompareScreen):
            yield from screen.commands()
            if not screen.blind.on:
                yield SystemCommand(_("Probe"), _("Measure what the columns answer to the survey"), self.action_probe)
                for language, told in PROMPTS.items():
                    if language != self.compare.language:
                        yield SystemCommand(_(told), _("In a new chat"), partial(self.prompt_in, language))
            yield SystemCommand(_("Settings"), _("Sampling, prompts, theme, layout and keys"), self.action_settings)
            yield SystemCommand(_("Installed models"), _("Build, import, check, remove"), self.action_installed)
        elif self.probe is not None and screen is self.probe:
            yield from self.probe.commands()
        yield SystemCommand(_("Theme"), _("Change the colours"), self.action_change_theme)
        if not isinstance(screen, CompareScreen):
            yield SystemCommand(_("Picture"), _("Keep a picture of the screen as SVG"), Takeaway(self).picture)
        yield SystemCommand(_("Quit"), _("Leave"), self.action_quit)

    def action_history(self) -> None:
        """Show the chats that were kept."""
        if self._library:
            self.push_screen(HistoryScreen(self._library), self._go_on)

    async def prompt_in(self, language: PromptLanguage) -> None:
        """Begin a new chat in which the models are told their cultures in this language; its first question waits."""
        session, question = self.compare.session, self.compare.last_question
        columns = catalogue.in_language(list(session.columns.values()), language)
        begun = self._library.begin(columns) if self._library else Session(session.engine, columns, session.settings)
        await self._replace(begun, None)
        if question:
            self.compare.prompt.suggest(question)

    async def _go_on(self, opened: tuple[Session, Chat] | None) -> None:
        """Put a chat of the past in the place of the one on the screen."""
        if opened is None:
            return
        await self._replace(*opened)

    async def _replace(self, session: Session, past: Chat | None) -> None:
        await self._end_probe()
        self.compare = CompareScreen(
            session, session.settings, self._bank, self._closest, "", self._clock, past, self._library
        )
        self.compare.obstacle_to_change = self._obstacle_to_change
        left, mode = self.current_mode, f"opened chat {next(self._opened)}"
        self.add_mode(mode, lambda: self.compare)
        await self.switch_mode(mode)
        await self.remove_mode(left)

    def _obstacle_to_change(self) -> str:
        """Return why columns cannot come or go now, or nothing."""
        measured = self.probe.measurement if self.probe else None
        running = measured is not None and measured.running
        return _("The probe is measuring these columns; F4 and Space stop it first.") if running else ""

    @on(CompareScreen.Reseated)
    async def columns_changed(self) -> None:
        """Let the probe begin anew with the columns that there are now."""
        await self._end_probe()

    async def _end_probe(self) -> None:
        """Let the probe of these columns go; others are opened in their place."""
        if self.probe is not None:
            self.uninstall_screen(self.probe)
            await self.probe.remove()
            self.probe = None


@dataclass(frozen=True)
class Picked:
    """What the user wants to see."""

    columns: tuple[str, ...]
    """Names of cultures, and `base`."""
    probe: bool = False
    """Whether to begin with the probe instead of a question."""


class PickApp(_Calm[Picked]):
    """The choice of columns."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "quit", "Leave", show=False)]

    def __init__(self, known: Sequence[Culture], base: str, settings: Settings = DEFAULTS) -> None:
        super().__init__(settings)
        self._first = PickScreen(known, base)

    def get_default_screen(self) -> Screen[None]:
        """Return the list of columns."""
        return self._first

    @on(PickScreen.Chosen)
    def leave(self, event: PickScreen.Chosen) -> None:
        """End with what was picked."""
        self.exit(Picked(event.columns, event.probe))
