"""What the user can set, and where each value comes from: flag > environment > file > default.

Knows nothing of the command line or the screen; flags arrive as a mapping. The file is `config.toml` in the config
folder; an environment variable is `CULTURECHAT_` and the name in capitals, with `_` for a dot. Which themes and keys
there are is known to the screen alone, and so are errors in their names.
"""

from __future__ import annotations

import dataclasses
import os
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from culturechat import cultures, locale, paths, records
from culturechat.errors import BadFile, UsageError, unknown
from culturechat.locale import N_, _, listed

Layout = Literal["auto", "beside", "grid", "tabs"]
"""How columns are laid out: as there is room, all in one row, in several rows, or one at a time."""

PromptLanguage = Literal["english", "own", "both"]
"""Language in which a model is told its culture: English, the culture's own, or one column for each."""

RightToLeft = Literal["auto", "logical", "visual"]
"""Who orders text that runs from right to left: whoever can, the terminal, or the app."""

AT_START = {"at start": True}
"""Marks what takes effect when the program starts."""
COARSE, FINE = {"step": 0.05}, {"step": 0.01}
SINGLE, MANY = {"step": 1}, {"step": 32}
"""By how much a key press changes a number."""

_TABLES = ("prompts", "keys")


@dataclass(frozen=True)
class Settings:
    """All values, each with its default."""

    base: Annotated[
        str,
        Meta(
            min_length=1,
            title=N_("Base model"),
            description=N_("Id of a base model's card, or the path of a GGUF file."),
            extra=AT_START,
        ),
    ] = "smollm2-135m"
    temperature: Annotated[
        float,
        Meta(
            ge=0,
            le=5,
            title=N_("Temperature"),
            description=N_("How freely words are drawn; 0 takes the likeliest token."),
            extra=COARSE,
        ),
    ] = 0.7
    top_p: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title=N_("Top-p"),
            description=N_("Draw from the likeliest tokens that have this share together."),
            extra=COARSE,
        ),
    ] = 0.95
    min_p: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title=N_("Min-p"),
            description=N_("Leave out tokens below this share of the likeliest one's."),
            extra=FINE,
        ),
    ] = 0.05
    seed: Annotated[
        int,
        Meta(
            ge=0, le=2**32 - 2, title=N_("Seed"), description=N_("The same seed gives the same answer."), extra=SINGLE
        ),
    ] = 1
    max_tokens: Annotated[
        int, Meta(ge=1, le=32768, title=N_("Longest answer"), description=N_("In tokens."), extra=MANY)
    ] = 256
    context: Annotated[
        int,
        Meta(
            ge=256,
            le=1_048_576,
            title=N_("Context"),
            description=N_("Tokens that one column remembers, question and answer together."),
            extra=AT_START,
        ),
    ] = 2048
    deterministic: Annotated[
        bool,
        Meta(
            title=N_("Deterministic"),
            description=N_(
                "Decode every column by itself, so that its text does not depend on which others answer beside it."
            ),
            extra=AT_START,
        ),
    ] = False
    history: Annotated[
        bool,
        Meta(
            title=N_("Keep a history"), description=N_("Keep what is asked and answered on the screen."), extra=AT_START
        ),
    ] = True
    theme: Annotated[str, Meta(title=N_("Theme"), description=N_("The colours of the screen."))] = "calm"
    layout: Annotated[
        Layout,
        Meta(
            title=N_("Layout"),
            description=N_(
                "How columns stand: auto as there is room, beside all in one row, grid in several rows, tabs"
                " one at a time. What has no room is shown as auto."
            ),
        ),
    ] = "auto"
    survey: Annotated[
        bool, Meta(title=N_("Survey"), description=N_("Show what people told the survey below the answers."))
    ] = True
    language: Annotated[
        PromptLanguage,
        Meta(
            title=N_("Language of the prompts"),
            description=N_("In which a model is told its culture: english, the culture's own, or both in two columns."),
            extra=AT_START,
        ),
    ] = "english"
    rtl: Annotated[
        RightToLeft,
        Meta(
            title=N_("Right to left"),
            description=N_(
                "Arabic and the like: logical leaves the order to the terminal, visual puts every line in the"
                " order of seeing, auto chooses by what is known of the terminal."
            ),
            extra=AT_START,
        ),
    ] = "auto"
    interface_language: Annotated[
        str,
        Meta(
            title=N_("Language of the screen"),
            description=N_("Code of the language of its words, such as de; auto takes it from the environment."),
            extra=AT_START,
        ),
    ] = locale.FROM_ENVIRONMENT
    prompts: Annotated[
        Mapping[str, str],
        Meta(title="System prompts", description="By culture: what a model is told before the first question."),
    ] = field(default_factory=dict)
    keys: Annotated[
        Mapping[str, Mapping[str, str]],
        Meta(title="Keys", description="By place and action: the keys to press, with commas between them."),
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """Where a value comes from."""

    kind: Literal["flag", "environment", "file", "default"]
    place: str = ""
    """The variable's name or the file's path."""


@dataclass(frozen=True)
class Resolved:
    """The settings, and where each comes from."""

    settings: Settings
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """By key, such as `seed` or `prompts.chinese`; what is not in it has its default."""

    def origin(self, key: str) -> Origin:
        """Return where a value comes from."""
        return self.origins.get(key, Origin("default"))


def load(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings; flags that are None were not given.

    Raises:
        UsageError: a value is out of range or of the wrong type; the message says where it came from.
    """
    return resolve(flags, environment).settings


def resolve(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Resolved:
    """Return the settings with their origins; flags that are None were not given.

    Raises:
        UsageError: a value is out of range or of the wrong type; the message says where it came from.
    """
    found = in_file()
    origins = dict.fromkeys(found, Origin("file", str(file_path())))
    for key in [*_scalars(), *(f"prompts.{name}" for name in cultures.names())]:
        variable = variable_of(key)
        if variable in environment:
            found[key] = value_of(key, environment[variable], f"{variable}={environment[variable]!r}")
            origins[key] = Origin("environment", variable)
    for name, value in flags.items():
        if value is not None:
            text = isinstance(value, str)
            found[name] = value_of(name, value, f"{_flag(name)} {value}") if text else _within_limits(name, value)
            origins[name] = Origin("flag")
    return Resolved(assembled(found), origins)


def file_path() -> Path:
    """Return where the user's settings are kept; the file need not exist."""
    return paths.config_dir() / "config.toml"


def variable_of(key: str) -> str:
    """Return the environment variable of a key."""
    return f"CULTURECHAT_{key.upper().replace('.', '_')}"


def value_of(key: str, text: str, given: str = "") -> Any:
    """Return what a text means as the value of a key; `given` says in an error how it was written.

    Raises:
        UsageError: it is of the wrong type, or out of range.
    """
    given = given or f"{key} {text!r}"
    plain = plain_type(key)
    if plain is str and key not in ("base", "theme") and not text.strip():
        raise UsageError(_("{given} is empty; unset {key} to have the default.").format(given=given, key=key))
    try:
        value = msgspec.convert(text.strip() if plain is not str else text, plain, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):  # halves of characters come from bytes that are no text
        told = _("{given} is not a valid {key}; expected {expected}.")
        raise UsageError(told.format(given=given, key=key, expected=expected(key))) from None
    if key == "interface_language":
        locale.choose(value)
    return _within_limits(key, value)


def type_of(key: str) -> Any:
    """Return the type of a key's values, with its limits and what it is for.

    Raises:
        UsageError: there is no such key; the nearest is named.
    """
    name, *rest = key.split(".")
    hints = _hints()
    if name not in hints or bool(rest) != (name in _TABLES):
        raise unknown("setting", key, [*_scalars(), "prompts.CULTURE", "keys.PLACE.ACTION"])
    if name == "prompts" and ".".join(rest) not in cultures.names():
        raise unknown("setting", key, [f"prompts.{culture}" for culture in cultures.names()])
    return str if rest else hints[name]


def plain_type(key: str) -> Any:
    """Return the type of a key's values alone.

    Raises:
        UsageError: there is no such key; the nearest is named.
    """
    kind = type_of(key)
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind


def meta_of(name: str) -> Meta:
    """Return the limits of a field of `Settings`, its title, and what it is for."""
    (meta,) = typing.get_args(_hints()[name])[1:]
    assert isinstance(meta, Meta)
    return meta


def expected(key: str) -> str:
    """Return in words what a key's values can be."""
    plain = plain_type(key)
    if typing.get_origin(plain) is Literal:
        choices = typing.get_args(plain)
        return _("{choices} or {last}").format(choices=listed(choices[:-1]), last=choices[-1])
    if plain is bool:
        return _("true or false")
    if key == "interface_language":
        return listed([locale.FROM_ENVIRONMENT, *locale.names()])
    if plain is str:
        return _("a text")
    meta = meta_of(key)
    told = _("a whole number from {least} to {most}") if plain is int else _("a number from {least} to {most}")
    return told.format(least=meta.ge, most=meta.le)


def flat(settings: Settings) -> dict[str, Any]:
    """Return all values by key, tables by the keys in them."""
    return dict(_flattened({field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}))


def changed(chosen: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return settings with other values by key; None stands for the default."""
    values = {**flat(chosen), **changes}
    return assembled({key: value for key, value in values.items() if value is not None})


def live(running: Settings, chosen: Settings) -> Settings:
    """Return what holds at once when others are chosen while the program runs: what needs a start stays as it was."""
    at_start = {name: getattr(running, name) for name in _scalars() if meta_of(name).extra == AT_START}
    return dataclasses.replace(chosen, **at_start)


def assembled(values: Mapping[str, Any]) -> Settings:
    """Return settings made of values by key; what is not named has its default."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *tables, name = key.split(".")
        place = tree
        for table in tables:
            place = place.setdefault(table, {})
        place[name] = value
    return Settings(**tree)


def check_file(values: Mapping[str, Any], path: Path) -> None:
    """Refuse what a settings file cannot hold.

    Raises:
        BadFile: a key is unknown (the nearest is named), or a value is of the wrong type or out of range.
    """
    read = records.build(values, Settings, path)
    try:
        locale.choose(read.interface_language)
    except UsageError as error:
        raise BadFile(path, f"key `interface_language`: {error}") from None
    for name, text in read.prompts.items():
        if name not in cultures.names():
            raise BadFile(path, f"key `prompts.{name}`: {unknown('culture', name, cultures.names())}")
        if not text.strip():
            raise BadFile(path, f"key `prompts.{name}`: is empty; leave it out to have the culture's own.")


def in_file() -> dict[str, Any]:
    """Return what the user's file sets, by key.

    Raises:
        BadFile: it cannot be read, or holds what it cannot.
    """
    path = file_path()
    if not path.is_file():
        return {}
    values = records.parse(path)
    check_file(values, path)
    typed = flat(records.build(values, Settings, path))
    return {key: typed[key] for key, _ in _flattened(values)}


def _flattened(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value


def _within_limits(key: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        if key == "base" and not value:
            raise UsageError(_("base is empty; name a base model or a GGUF file."))
        return value
    meta = meta_of(key)
    if (meta.ge is not None and value < meta.ge) or (meta.le is not None and value > meta.le):
        told = _("{key} is {value}; it must be from {least} to {most}.")
        raise UsageError(told.format(key=key, value=value, least=meta.ge, most=meta.le))
    return value


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _hints() -> dict[str, Any]:
    return typing.get_type_hints(Settings, include_extras=True)


def _scalars() -> list[str]:
    return [name for name in _hints() if name not in _TABLES]
