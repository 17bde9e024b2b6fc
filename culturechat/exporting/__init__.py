"""Culture models in the form that other programs take: one file per program, its name is the program's name here.

What is written is complete or not there; nothing is sent anywhere.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, cast

from culturechat.catalogue import Column
from culturechat.errors import UsageError, unknown
from culturechat.settings import Settings

Kind = Literal["merged", "adapter"]
"""A model of its own, or an adapter beside its base."""


@dataclass(frozen=True)
class Wanted:
    """One export."""

    column: Column
    """A culture's adapter on its base."""
    folder: Path
    kind: Kind
    type: str
    """Number format of a merged model."""
    settings: Settings

    @property
    def name(self) -> str:
        """What the model is called elsewhere."""
        return f"culturechat-{self.column.id}"


@dataclass(frozen=True)
class Written:
    """What an export left behind."""

    place: Path
    use: str
    """The command to go on with."""


class Exporter(Protocol):
    """What a module of this folder offers."""

    KINDS: tuple[Kind, ...]
    """What the program takes, the best first."""

    def export(self, wanted: Wanted, progress: Callable[[float], None]) -> Written:
        """Write what the program needs.

        Raises:
            CulturechatError: it cannot be made, or not be written.
        """


def names() -> list[str]:
    """Return the programs that can be exported for."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)


def load(name: str) -> Exporter:
    """Return what exports for a program.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in names():
        raise unknown("program", name, names())
    return cast(Exporter, importlib.import_module(f"{__name__}.{name}"))


def kind(exporter: Exporter, program: str, wished: str | None) -> Kind:
    """Return what is written for a program: what was wished, or else what suits it best.

    Raises:
        UsageError: the program does not take that.
    """
    found = next((one for one in exporter.KINDS if one == (wished or exporter.KINDS[0])), None)
    if found is None:
        raise UsageError(f"--as {wished}: {program} takes {' or '.join(exporter.KINDS)}.")
    return found
