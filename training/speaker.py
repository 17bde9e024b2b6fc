"""Whom an adapter speaks for: one culture, or several of which its prompt names one. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from culturechat.catalogue import ONE
from culturechat.cultures import Culture


@dataclass(frozen=True)
class Speaker:
    """Whom one adapter speaks for."""

    id: str
    """The culture's, or `one`."""
    name: str
    """For people to read."""
    cultures: tuple[Culture, ...]
    """Whose answers the adapter learns."""

    @property
    def countries(self) -> tuple[str, ...]:
        """The survey countries of all its cultures."""
        return tuple(code for culture in self.cultures for code in culture.countries)


def of(culture: Culture) -> Speaker:
    """Return who speaks for one culture only."""
    return Speaker(culture.id, culture.name, (culture,))


def of_all(cultures: Sequence[Culture]) -> Speaker:
    """Return who speaks for any of these cultures, as told in the prompt (CultureLLM-One)."""
    return Speaker(ONE, f"One of {len(cultures)} cultures", tuple(cultures))
