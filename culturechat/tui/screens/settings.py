"""What can be set, and where each value comes from: changed here for this session, or kept in the settings file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option as Row

from culturechat import settings
from culturechat.errors import UsageError
from culturechat.locale import N_, _, ngettext
from culturechat.terminal import one_line
from culturechat.tui import options
from culturechat.tui.chart import fitted
from culturechat.tui.options import GROUPS, Option
from culturechat.tui.preferences import Preferences
from culturechat.tui.screens.dialogs import ChoiceDialog
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.screens.listing import ListingScreen
from culturechat.tui.screens.setting_dialogs import KeyDialog, TextDialog, ValueDialog
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.status import StatusLine

TITLE_CELLS = 22
"""Of a title, at least; where some are longer, up to half of the width."""
ORIGINS = {
    "session": N_("this session"),
    "flag": N_("flag"),
    "environment": N_("environment"),
    "file": N_("file"),
    "default": "",
}


class SettingsScreen(ListingScreen):
    """A list of all settings, and what the one under the cursor means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f9", "app.pop_screen", "Back"),
        Binding("u", "undo", "Undo", tooltip="Take back what was changed and not kept"),
        Binding("d", "default", "Default", tooltip="Have the default again"),
        Binding(
            "k", "keep", "Keep", tooltip="Write what was changed into the settings file; else it ends with the app"
        ),
        Binding("f1", "help", "Help", priority=True, show=False),
        Binding("question_mark", "help", "Help", show=False),
    ]

    def __init__(self, preferences: Preferences, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__()
        self._preferences = preferences
        self._environment = environment
        self._options = options.all_options()
        self._status = StatusLine(_("settings"))
        self._list = SettingList()
        self._about = Static("", markup=False, id="meaning")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._status
        with Horizontal(id="settings"):
            yield self._list
            yield self._about
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin on the first setting."""
        self._list.focus()
        self._preferences.on_change(lambda _settings: self.show_list())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done with the setting under the cursor."""
        chosen, changes = self._chosen, self._preferences.changes
        if action == "keep":
            return True if changes else None
        if chosen is None:
            return action in ("help", "app.pop_screen")
        if action == "step":
            return True if chosen.kind in ("number", "switch", "choice") else None
        if action == "undo":
            return True if chosen.key in changes else None
        if action == "default":
            return True if self._preferences.origin(chosen.key) != "default" else None
        return True

    def action_step(self, direction: int) -> None:
        """Change a number or a choice by one step."""
        if chosen := self._chosen:
            value = chosen.stepped(self._preferences.settings, direction)
            if value is not None:
                self._change(chosen, value)

    @work(exclusive=True, group="act")
    async def action_edit(self) -> None:
        """Ask for another value."""
        chosen = self._chosen
        if chosen is None:
            return
        value = chosen.value(self._preferences.settings)
        if chosen.kind == "switch":
            self._change(chosen, not value)
        elif chosen.kind == "choice":
            await self._choose(chosen, value)
        else:
            new = await self.app.push_screen_wait(self._dialog(chosen, value))
            if new is not None:
                self._change(chosen, new)

    def action_undo(self) -> None:
        """Take back what was changed and not kept."""
        if chosen := self._chosen:
            before = {key: value for key, value in self._preferences.changes.items() if key != chosen.key}
            if self._possible(settings.changed(self._preferences.begun, before)):
                self._preferences.undo(chosen.key)

    def action_default(self) -> None:
        """Have the default again."""
        if chosen := self._chosen:
            self._change(chosen, None)

    def action_keep(self) -> None:
        """Write what was changed into the settings file."""
        count = len(self._preferences.changes)
        try:
            beaten = self._preferences.keep()
        except UsageError as error:
            self.complain(str(error))
            return
        self.show_list()
        told = ngettext("{n} change kept in {path}", "{n} changes kept in {path}", count)
        self._tell(told.format(n=count, path=settings.file_path()))
        for variable in beaten:
            told = _("At the next start {variable} holds instead, as long as it is set.")
            self._tell(told.format(variable=variable))

    def action_help(self) -> None:
        """Show the keys."""
        groups = {N_("In the settings"): [*SettingList.BINDINGS, *SettingsScreen.BINDINGS]}
        self.app.push_screen(HelpScreen(groups, ABOUT))

    @property
    def _chosen(self) -> Option | None:
        key = self._list.chosen
        return next((option for option in self._options if option.key == key), None)

    async def _choose(self, chosen: Option, value: Any) -> None:
        preview = self._preview if chosen.key == "theme" else None
        names = {name: name for name in chosen.choices}
        before = self._preferences.changes
        new = await self.app.push_screen_wait(ChoiceDialog(chosen.title, names, value, preview))
        if new is not None:
            self._change(chosen, new)
        elif preview and before.get(chosen.key) is None:
            self._preferences.undo(chosen.key)
        elif preview:
            self._change(chosen, value)

    def _preview(self, theme: str) -> None:
        self.app.theme = theme

    def _dialog(self, chosen: Option, value: Any) -> ValueDialog | TextDialog | KeyDialog:
        about = f"{chosen.about} {_('Can be {expected}.').format(expected=chosen.expected)}"
        if chosen.kind == "keys":
            return KeyDialog(chosen.title, chosen.about, chosen.parsed)
        if chosen.kind == "text":
            return TextDialog(chosen.title, chosen.about, chosen.parsed, str(value))
        return ValueDialog(chosen.title, about, chosen.parsed, str(value))

    def _change(self, chosen: Option, value: Any) -> None:
        if self._possible(settings.changed(self._preferences.settings, {chosen.key: value})):
            self._preferences.change(chosen.key, value)
            self.show_list()

    def _possible(self, wanted: settings.Settings) -> bool:
        try:
            options.check(wanted)
        except UsageError as error:
            self.complain(str(error))
            return False
        return True

    def show_list(self) -> None:
        """Show all settings as they are."""
        held = self._preferences.settings
        values = {option.key: shown(option.value(held)) for option in self._options}
        origins = {option.key: _(ORIGINS[self._preferences.origin(option.key)]) for option in self._options}
        self._list.show(self._options, values, origins)
        count = len(self._preferences.changes)
        self._status.state = _("{n} changed, not kept: k keeps").format(n=count) if count else ""
        self.show_chosen()
        self.refresh_bindings()

    def show_chosen(self) -> None:
        """Explain the setting under the cursor."""
        if chosen := self._chosen:
            self._about.update(Content("\n").join(self._meaning(chosen)))

    def _meaning(self, chosen: Option) -> list[Content]:
        """Return the explanation line by line, those that can be missed last: there may be few rows."""
        place = self._preferences.place(chosen.key)
        origin = {
            "session": _("Changed for this session; k keeps it."),
            "default": _("This is the default."),
            "flag": _("From a flag."),
        }
        value, default = (shown(one) for one in (chosen.value(self._preferences.settings), chosen.default))
        lines = [Content.styled(chosen.title, "bold $primary"), Content(chosen.about)]
        if chosen.at_start:
            lines.append(Content(_("Takes effect at the next start, once it is kept (k).")))
        if chosen.kind == "text":
            lines += [Content(""), Content.styled(value, "italic")]
        origins = origin.get(self._preferences.origin(chosen.key), _("From {place}.").format(place=place))
        lines += [Content(""), Content.styled(origins, "bold")]
        if chosen.kind != "text":
            lines.append(Content(_("Can be {expected}.").format(expected=chosen.expected)))
        if value != default:
            lines.append(Content(_("Default: {value}").format(value=default)))
        names = _("In the file: {key}").format(key=chosen.key)
        if chosen.kind != "keys":
            variable = _("In the environment: {variable}").format(variable=settings.variable_of(chosen.key))
            names += f"\n{variable}"
        lines += [Content(""), Content.styled(names, "$foreground 70%")]
        return [line for line in lines if line.plain or self.has_class("-beside")]

    def _tell(self, message: str) -> None:
        self.notify(one_line(message), markup=False, timeout=4)


class SettingList(OptionList):
    """All settings under the names of their groups."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "screen.edit", "Change", tooltip="Change the setting under the cursor"),
        Binding("left", "screen.step(-1)", "Less", tooltip="A smaller number, or the choice before"),
        Binding("right", "screen.step(1)", "More", tooltip="A larger number, or the next choice"),
    ]

    def __init__(self) -> None:
        super().__init__(id="values", markup=False, compact=True)

    @property
    def chosen(self) -> str | None:
        """The key under the cursor."""
        return self.get_option_at_index(self.highlighted).id if self.highlighted is not None else None

    def show(self, known: list[Option], values: Mapping[str, str], origins: Mapping[str, str]) -> None:
        """Show values and where they come from; the cursor stays where it is."""
        width = max(30, self.scrollable_content_region.width - 2)
        longest = max(cell_len(option.title) for option in known)
        cells = max(TITLE_CELLS, min(longest, width // 2))
        rows = [
            row
            for group, title in GROUPS.items()
            for row in (
                Row(Content.styled(_(title), "bold $primary"), disabled=True),
                *(
                    Row(_row(option, cells, values[option.key], origins[option.key], width), option.key)
                    for option in known
                    if option.group == group
                ),
            )
        ]
        if self.option_count == len(rows):
            for place, row in enumerate(rows):
                self.replace_option_prompt_at_index(place, row.prompt)
        else:
            self.add_options(rows)
            self.highlighted = 1

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        """Let a click change the setting, as Enter does."""
        event.stop()
        self.screen.action_edit()  # type: ignore[attr-defined]


ABOUT = N_(
    "A value comes from a flag, else from the environment, else from the settings file, else it is the default. What is"
    " changed here holds from the next answer on; k keeps it in the file, comments and all."
)


def shown(value: Any) -> str:
    """Return a value in one line."""
    return one_line(_("yes") if value is True else _("no") if value is False else str(value))


def _row(option: Option, title: int, value: str, origin: str, width: int) -> Content:
    room = width - title - 2 - cell_len(origin)
    return Content.assemble(
        fitted(option.title, title),
        " ",
        (fitted(value, room), "bold" if origin else ""),
        " ",
        (origin, "bold"),
    )
