"""The models at hand as people look at them: in what state each is, what memory it needs, whether that is free.

Loads none of them; knows nothing of how it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from culturechat import catalogue, paths
from culturechat.catalogue import Card
from culturechat.engines.llama_cpp import facts, memory
from culturechat.engines.llama_cpp.protocol import Weights
from culturechat.errors import CulturechatError


@dataclass(frozen=True)
class Installed:
    """One model that has a card."""

    card: Card
    state: str
    """In words: ok, not installed, or what is wrong with its file."""
    needed: int | None
    """Bytes of memory for one column with it, its base included; None where that cannot be known."""
    free: int | None
    """Bytes of memory that programs can have now; None where that cannot be known."""

    @property
    def fits(self) -> bool | None:
        """Whether it can be loaded beside what is in memory now."""
        return None if self.needed is None or self.free is None else self.needed <= self.free

    @property
    def own(self) -> bool:
        """Whether the user built or imported it, so that it can be removed."""
        return self.card.folder == paths.user_models()

    def as_json(self) -> dict[str, Any]:
        """Return what is known beyond the card."""
        return {"memory_bytes": self.needed, "fits": self.fits}


def everything(context_tokens: int) -> list[Installed]:
    """Return all models, bases first; a file that was never read through is, to check its SHA-256."""
    cards = sorted(catalogue.cards().values(), key=lambda card: (card.form != "base", card.id))
    bases = {card.sha256: card for card in cards if card.form == "base"}
    free = facts.free_bytes()
    return [Installed(card, catalogue.verify(card), _needed(card, bases, context_tokens), free) for card in cards]


def _needed(card: Card, bases: dict[str, Card], context_tokens: int) -> int | None:
    base = bases.get(card.base_sha256) if card.form == "adapter" else card
    if base is None or base.path is None or card.path is None:
        return None
    weights = Weights(card.id, str(base.path), str(card.path) if card.form == "adapter" else None)
    try:
        return memory.plan([weights], context_tokens, False, None).needed
    except (CulturechatError, OSError):
        return None
