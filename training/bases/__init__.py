"""The base models that can be trained: one TOML file each, this folder is their registry. Loads no weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from culturechat import catalogue, records
from culturechat.catalogue import Card
from culturechat.errors import BadFile, WeightsMissing, unknown

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class BaseFile:
    """What a base model's TOML file holds."""

    card: str
    """Id of its card, which says where the weights are."""
    architecture: str
    """The model family as GGUF files name it; decides how an adapter's rows are ordered."""
    targets: tuple[str, ...]
    """Linear layers that get an adapter, by the last part of their name in transformers."""
    repository: str
    """Where the model comes from; goes into each adapter's metadata."""


@dataclass(frozen=True)
class Base(BaseFile):
    """One base model that can be trained."""

    id: str = ""
    """The name of its file, which is also its name on the command line."""

    @property
    def record(self) -> Card:
        """What its card says."""
        return catalogue.cards()[self.card]

    @property
    def path(self) -> Path:
        """Where the weights are.

        Raises:
            WeightsMissing: they are not installed.
            BadFile: they are damaged.
        """
        path = self.record.path
        if path is None:
            raise WeightsMissing(f"The weights of {self.card} are not installed. {self.record.install}".strip())
        state = catalogue.verify(self.record)
        if state != "ok":
            raise BadFile(path, f"{state}. Install it again.")
        return path


def names() -> list[str]:
    """Return the ids of all trainable bases, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(name: str) -> Base:
    """Return one base.

    Raises:
        UsageError: there is none of that name; the nearest is named.
    """
    if name not in names():
        raise unknown("base", name, names())
    file = records.read(FOLDER / f"{name}.toml", BaseFile)
    if file.card not in catalogue.cards():
        raise BadFile(FOLDER / f"{name}.toml", f"card: {unknown('card', file.card, catalogue.cards())}")
    return Base(**vars(file), id=name)
