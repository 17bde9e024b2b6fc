"""Everything that can be set, as the panel and `culturechat settings` list it: what it is for, and what it can be.

Reads and writes no file.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from textual.binding import Binding

from culturechat import cultures, locale, settings
from culturechat.errors import UsageError, unknown
from culturechat.locale import N_, _, listed
from culturechat.settings import Resolved, Settings
from culturechat.terminal import one_line
from culturechat.tui import keys, themes
from culturechat.tui.app import CompareApp
from culturechat.tui.naming import called
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.screens.history import HistoryScreen
from culturechat.tui.widgets.ballot import Ballot
from culturechat.tui.widgets.column import ColumnView

Kind = Literal["number", "switch", "choice", "line", "text", "keys"]
"""How a value is changed on the screen."""

GROUPS = {
    "answers": N_("Answers"),
    "screen": N_("Screen"),
    "prompts": N_("System prompts"),
    "keys": N_("Keys"),
    "start": N_("At the start"),
}
PLACES = {
    "app": N_("App"),
    "chat": N_("Chat"),
    "column": N_("Column"),
    "blind": N_("Blind"),
    "history": N_("History"),
}
"""Where a key does something."""
_ON_SCREEN = ("theme", "layout", "survey")


@dataclass(frozen=True)
class Option:
    """One thing that can be set."""

    key: str
    """Its name in the file and on the command line."""
    group: str
    """One of `GROUPS`."""
    kind: Kind
    title: str
    about: str
    default: Any
    choices: tuple[str, ...] = ()
    """All values, where they can be counted."""
    expected: str = ""
    """In words what the value can be."""
    step: float = 0
    """By how much a key press changes a number."""

    @property
    def at_start(self) -> bool:
        """Whether a change takes effect at the next start only."""
        return self.group == "start"

    def value(self, chosen: Settings) -> Any:
        """Return the value that settings have."""
        return settings.flat(chosen).get(self.key, self.default)

    def stepped(self, chosen: Settings, direction: int) -> Any:
        """Return the next value up (1) or down (-1): a number or a neighbouring choice; else None."""
        value = self.value(chosen)
        if self.kind == "switch":
            return not value
        if self.kind == "choice":
            return self.choices[(self.choices.index(value) + direction) % len(self.choices)]
        if self.kind != "number" or not self.step:
            return None
        meta = settings.meta_of(self.key)
        moved = type(value)(round(value + direction * self.step, 4))
        return type(value)(min(max(moved, meta.ge or 0), meta.le if meta.le is not None else moved))

    def parsed(self, text: str) -> Any:
        """Return what a text means as a value.

        Raises:
            UsageError: it cannot be one.
        """
        value = settings.value_of(self.key, text)
        if self.kind == "keys":
            value = keys.normal(value)
        check(settings.assembled({self.key: value}))
        return value


def all_options() -> list[Option]:
    """Return all that can be set, group by group."""
    fields = [_field(name) for name in settings.flat(Settings())]
    known = [*fields, *_prompts(), *_keys()]
    return [option for group in GROUPS for option in known if option.group == group]


def find(key: str) -> Option:
    """Return one thing that can be set.

    Raises:
        UsageError: there is none of that name; the nearest is named.
    """
    options = {option.key: option for option in all_options()}
    if key not in options:
        raise unknown("setting", key, options if key.startswith(("prompts.", "keys.")) else _short_names(options))
    return options[key]


def check(chosen: Settings) -> None:
    """Refuse a theme or keys that there are none of.

    Raises:
        UsageError: the nearest is named.
    """
    if chosen.theme not in themes.names():
        raise unknown("theme", chosen.theme, themes.names())
    keys.check(keys.keymap(chosen.keys), active_together())


def check_all(resolved: Resolved) -> None:
    """Refuse what the screen cannot show, and say where it was set.

    Raises:
        UsageError: a theme or a key that there is none of, or keys that cannot work.
    """
    try:
        check(resolved.settings)
    except UsageError as error:
        about_theme = resolved.settings.theme not in themes.names()
        place = resolved.origin("theme").place if about_theme else str(settings.file_path())
        raise UsageError(f"{place}: {error}") from None


def key_bindings() -> dict[str, Binding]:
    """Return the bindings whose keys can be changed, by id."""
    return {id_: binding for bindings in _places().values() for id_, binding in keys.by_id(bindings).items()}


def _field(name: str) -> Option:
    meta = settings.meta_of(name)
    default = getattr(Settings(), name)
    choices = _choices(name)
    kind: Kind = "choice" if choices else "switch" if isinstance(default, bool) else "line"
    if kind == "line" and isinstance(default, int | float):
        kind = "number"
    group = "start" if meta.extra == settings.AT_START else "screen" if name in _ON_SCREEN else "answers"
    expected = settings.expected(name)
    if name == "theme":
        expected = _("{choices} and others").format(choices=listed(choices[:4]))
    step = (meta.extra or {}).get("step", 0)
    title, about = _(meta.title or name), _(meta.description or "")
    return Option(name, group, kind, title, about, default, choices, expected, step)


def _choices(name: str) -> tuple[str, ...]:
    if name == "theme":
        return themes.names()
    if name == "interface_language":
        return (locale.FROM_ENVIRONMENT, *locale.names())
    kind = settings.plain_type(name)
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()


def _prompts() -> list[Option]:
    loaded = [cultures.load(name) for name in cultures.names()]
    about = _("What the model is told before the first question. The probe always uses the culture's own.")
    return [
        Option(
            f"prompts.{culture.id}",
            "prompts",
            "text",
            called(culture),
            about,
            culture.prompt.english,
            expected=_("a text"),
        )
        for culture in loaded
    ]


def _keys() -> list[Option]:
    return [
        Option(
            f"keys.{id_}",
            "keys",
            "keys",
            f"{_(PLACES[id_.partition('.')[0]])}: {_(binding.description)}",
            one_line(_(binding.tooltip or binding.description)),
            binding.key,
            expected=_("keys with commas between them, such as f9 or ctrl+s"),
        )
        for id_, binding in key_bindings().items()
    ]


def _places() -> Mapping[str, list[Any]]:
    return {
        "app": CompareApp.BINDINGS,
        "chat": CompareScreen.BINDINGS,
        "column": ColumnView.BINDINGS,
        "blind": Ballot.BINDINGS,
        "history": HistoryScreen.BINDINGS,
    }


def active_together() -> list[list[Binding]]:
    """Return the bindings that can be active at the same time."""
    places = {name: [one for one in bindings if isinstance(one, Binding)] for name, bindings in _places().items()}
    chat = [*places["app"], *places["chat"]]
    return [[*chat, *places["column"]], [*chat, *places["blind"]], [*places["app"], *places["history"]]]


def _short_names(options: Mapping[str, Option]) -> list[str]:
    return [key for key in options if "." not in key] + ["prompts.CULTURE", "keys.PLACE.ACTION"]
