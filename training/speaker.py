"""Whom an adapter speaks for: one culture, several of which its prompt names one, or everyone. Knows no models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from culturechat import cultures, records
from culturechat.catalogue import ONE
from culturechat.cultures import Culture, CultureFile

COMMON = "common"
"""Whose adapter all others start from where the recipe says so; nobody chats with it."""

_EVERYONE = Path(__file__).parent / "data" / "everyone.toml"


@dataclass(frozen=True)
class Speaker:
    """Whom one adapter speaks for."""

    id: str
    """The culture's, `one`, or `common`."""
    name: str
    """For people to read."""
    cultures: tuple[Culture, ...]
    """Whose answers the adapter learns."""

    @property
    def countries(self) -> tuple[str, ...]:
        """The survey countries of all its cultures."""
        return tuple(code for culture in self.cultures for code in culture.countries)


def of(one: Culture) -> Speaker:
    """Return who speaks for one culture only."""
    return Speaker(one.id, one.name, (one,))


def of_everyone() -> Speaker:
    """Return who answers as the mean of all peoples does, whichever cultures a run is for."""
    return Speaker(COMMON, "Everyone", (culture(COMMON),))


def of_all(speakers: Sequence[Culture]) -> Speaker:
    """Return who speaks for any of these cultures, as told in the prompt (CultureLLM-One)."""
    return Speaker(ONE, f"One of {len(speakers)} cultures", tuple(speakers))


@cache
def culture(name: str) -> Culture:
    """Return a culture; `common` is one whose people are those of all the others.

    Raises:
        UsageError: there is none of that name; the nearest is named.
    """
    if name != COMMON:
        return cultures.load(name)
    countries = dict.fromkeys(code for each in cultures.names() for code in cultures.load(each).countries)
    return Culture(**{**vars(records.read(_EVERYONE, CultureFile)), "countries": tuple(countries)}, id=COMMON)
