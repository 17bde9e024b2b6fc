"""What the shell offers at TAB: names of cultures, models, programs and number formats. Heavy imports come last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from culturechat.errors import CulturechatError

if TYPE_CHECKING:
    from culturechat.catalogue import Card


def columns(incomplete: str) -> list[str]:
    """Return the lists of cultures that go on from this one; a culture is named once."""
    from culturechat import catalogue, cultures

    before, comma, begun = incomplete.rpartition(",")
    named = before.split(",")
    left = [name for name in (*cultures.names(), catalogue.BASE_COLUMN) if name not in named]
    return [f"{before}{comma}{name}" for name in _beginning(left, begun)]


def bases(incomplete: str) -> list[str]:
    """Return the ids of base models."""
    return _beginning((card.id for card in _cards() if card.form == "base"), incomplete)


def models(incomplete: str) -> list[str]:
    """Return the ids of all models that have a card."""
    return _beginning((card.id for card in _cards()), incomplete)


def forms(incomplete: str) -> list[str]:
    """Return the forms in which a culture can be asked for."""
    from culturechat import catalogue

    return _beginning(catalogue.FORCED, incomplete)


def programs(incomplete: str) -> list[str]:
    """Return the programs that models can be exported for."""
    from culturechat import exporting

    return _beginning(exporting.names(), incomplete)


def number_formats(incomplete: str) -> list[str]:
    """Return the number formats of quantized models."""
    from culturechat.engines.llama_cpp.quantizer import TYPES

    return _beginning(TYPES, incomplete)


def _cards() -> Iterable[Card]:
    """Return the cards; none where one is broken, since at TAB there is no place to say so."""
    from culturechat import catalogue

    try:
        return catalogue.cards().values()
    except CulturechatError:
        return ()


def _beginning(names: Iterable[str], begun: str) -> list[str]:
    return sorted(name for name in names if name.startswith(begun))
