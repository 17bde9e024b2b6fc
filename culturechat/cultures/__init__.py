"""The cultures: one TOML file each, this folder is their registry. Knows nothing of models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from culturechat import records
from culturechat.errors import unknown

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Prompt:
    """The system prompt that puts a model in this culture."""

    english: str
    own: str
    """The same in the culture's own language."""


@dataclass(frozen=True)
class CultureFile:
    """What a culture's TOML file holds."""

    name: str
    """In English."""
    own_name: str
    """In the culture's own language and script."""
    mark: str
    """A name of one or two letters, for tables."""
    language: str
    """BCP 47 code."""
    direction: Literal["ltr", "rtl"]
    """Writing direction of the own language."""
    countries: tuple[str, ...]
    """Survey countries that stand for the culture, ISO 3166 alpha-3; their shares are averaged."""
    greeting: str
    """Shown in an empty column."""
    own_prompt_reviewed: bool
    """Whether a native speaker has read the texts in the own language."""
    prompt: Prompt


@dataclass(frozen=True)
class Culture(CultureFile):
    """One culture that can be asked."""

    id: str = ""
    """The name of its file, which is also its name on the command line."""


def names() -> list[str]:
    """Return the ids of all cultures, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def load(name: str) -> Culture:
    """Return one culture.

    Raises:
        UsageError: there is none of that name; the nearest is named.
    """
    if name not in names():
        raise unknown("culture", name, names())
    file = records.read(FOLDER / f"{name}.toml", CultureFile)
    return Culture(**vars(file), id=name)
