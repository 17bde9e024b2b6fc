"""The base models that can be trained: one TOML file each, this folder is their registry. Loads no weights.

A base is a GGUF file that has a card, or a checkpoint's folder as Hugging Face keeps it: of that a GGUF file is made
when it is first needed, and kept in the cache, because the app and every measurement run GGUF files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from culturechat import catalogue, gguf_file, paths, records
from culturechat.catalogue import Card
from culturechat.errors import BadFile, WeightsMissing, unknown
from training import checkpoints
from training.checkpoints import Checkpoint, convert, families

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class BaseFile:
    """What a base model's TOML file holds."""

    card: str = ""
    """Id of its card, which says where the weights are."""
    folder: str = ""
    """Folder of the checkpoint; either this or `card`. A relative path counts from the TOML file."""
    architecture: str = ""
    """The model family as GGUF files name it; decides how an adapter's rows are ordered. A folder says it itself."""
    targets: tuple[str, ...] = ()
    """Linear layers that get an adapter, by the last part of their name in transformers; all, if none is named."""
    repository: str = ""
    """Where the model comes from; goes into each adapter's metadata."""


@dataclass(frozen=True)
class Base(BaseFile):
    """One base model that can be trained."""

    id: str = ""
    """The name of its file or folder, which is also its name on the command line."""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The folder of a base that comes as one."""
        return checkpoints.load(Path(self.folder)) if self.folder else None

    @property
    def record(self) -> Card:
        """What its card says; of a folder, what its files say."""
        return _record(self.path, self.id) if self.folder else catalogue.cards()[self.card]

    @property
    def model(self) -> str:
        """What the app calls it: its card's id, or the path of the file made of it."""
        return str(self.path) if self.folder else self.card

    @property
    def path(self) -> Path:
        """Where its GGUF file is.

        Raises:
            WeightsMissing: they are not installed.
            BadFile: they are damaged.
        """
        if self.folder:
            return _converted(checkpoints.load(Path(self.folder)), self.id)
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
    """Return one base: that of a file here, or a checkpoint by the path of its folder.

    Raises:
        UsageError: there is none of that name, the nearest is named; or the checkpoint cannot be converted.
    """
    if name not in names():
        if Path(name).expanduser().is_dir():
            folder = Path(name).expanduser().resolve()
            return _of_folder(BaseFile(folder=str(folder)), re.sub(r"[^\w.-]+", "-", folder.name.lower()))
        raise unknown("base", name, names())
    path = FOLDER / f"{name}.toml"
    file = records.read(path, BaseFile)
    if bool(file.card) == bool(file.folder):
        raise BadFile(path, "names either a card or a folder, not both and not none.")
    if file.folder:
        return _of_folder(replace(file, folder=str((FOLDER / file.folder).expanduser().resolve())), name)
    if file.card not in catalogue.cards():
        raise BadFile(path, f"card: {unknown('card', file.card, catalogue.cards())}")
    targets = file.targets or families.of_architecture(file.architecture).targets
    return Base(**{**vars(file), "targets": targets}, id=name)


def _of_folder(file: BaseFile, name: str) -> Base:
    family = checkpoints.load(Path(file.folder)).family
    file = replace(file, architecture=family.architecture, targets=file.targets or family.targets)
    return Base(**vars(file), id=name)


def _converted(checkpoint: Checkpoint, name: str) -> Path:
    """Return the GGUF file of a checkpoint, made now unless one of just these files is in the cache."""
    path = paths.cache_dir() / "bases" / f"{name}-{checkpoint.digest()[:16]}.gguf"
    if not path.is_file():
        print(f"{checkpoint.folder} is written as GGUF, once: {path}", flush=True)
        convert.write(checkpoint, path, {})
    return path


def _record(path: Path, name: str) -> Card:
    metadata = gguf_file.read_header(path).metadata
    return Card(
        form="base",
        name=str(metadata.get("general.name", name)),
        licence=str(metadata.get("general.license", "unknown")),
        file=str(path),
        bytes=path.stat().st_size,
        sha256=catalogue.sha256_of(path),
        context=int(metadata[f"{metadata['general.architecture']}.context_length"]),
        id=name,
        folder=path.parent,
    )
