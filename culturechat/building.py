"""Makes and keeps the user's own models: merges and quantizes culture models, registers files, removes them.

What is kept stands in the user's models folder as a file and a card. Knows nothing of the command line.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

from culturechat import catalogue, cultures, gguf_file, merging, paths, records
from culturechat.catalogue import Card, CardFile, Column
from culturechat.engines.llama_cpp import facts
from culturechat.engines.llama_cpp.quantizer import TYPES, quantize
from culturechat.errors import BadFile, UsageError, unknown

SPARE_BYTES = 200_000_000
"""Room left on the disk beside what is written."""

_PIECE_BYTES = 4 * 2**20


def build(culture: str, base: str, kind: str, progress: Callable[[float], None]) -> Card:
    """Merge a culture's adapter into its base, quantize it, and return the card of the new model.

    Raises:
        CulturechatError: there is no adapter, the number format is unknown, or the disk is too full.
    """
    (column,) = catalogue.columns([culture], base, form="adapter")
    name = f"{_base_id(base, column.base_path)}.{culture}.{kind}"
    target = paths.user_models() / catalogue.FOLDERS["merged"] / f"{name}.gguf"
    merge_and_quantize(column, target, kind, progress)
    made = {
        "form": "merged",
        "name": f"{column.model} ({kind})",
        "licence": _licence(column.model),
        "culture": culture,
        "base": _base_id(base, column.base_path),
        "base_sha256": catalogue.sha256_of(column.base_path),
    }
    return _register(name, target, made)


def merge_and_quantize(column: Column, target: Path, kind: str, progress: Callable[[float], None]) -> None:
    """Write an adapter's column as one GGUF file whose name, without its ending, is the model's.

    Raises:
        CulturechatError: the number format is unknown, or the disk is too full.
    """
    if kind not in TYPES:
        raise unknown("type", kind, TYPES)
    assert column.adapter_path is not None
    check_room(column.base_path, target.parent)
    full = paths.cache_dir() / "building" / f"{target.stem}.f32.gguf"
    try:
        merging.merge(
            column.base_path,
            column.adapter_path,
            full,
            {"general.name": target.stem},
            lambda done: progress(done / 2),
        )
        quantize(full, target, kind, facts.cores(), lambda done: progress(0.5 + done / 2))
    except OSError as error:
        raise BadFile(target, f"cannot be written ({error.strerror}).") from None
    finally:
        full.unlink(missing_ok=True)
    progress(1.0)


def take_in(file: Path, culture: str | None, progress: Callable[[float], None] = lambda done: None) -> Card:
    """Copy a GGUF file of the user's into the models folder and return its card.

    An adapter needs the culture it speaks for, or `one` for all of them, and must say which base it belongs to; a whole
    model is a base, or with a culture a merged model. Files that the pipeline wrote say their culture themselves.

    Raises:
        UsageError: the file is damaged, is there already, or the culture is missing or unknown.
    """
    header = gguf_file.read_header(file)
    culture = culture or str(header.metadata.get("culturechat.culture", "")) or None
    is_adapter = header.metadata.get("general.type") == "adapter"
    if culture is not None and not (is_adapter and culture == catalogue.ONE):
        cultures.load(culture)
    elif is_adapter and culture is None:
        raise UsageError(f"{file}: is an adapter; say for which culture: --culture NAME.")
    form = "adapter" if is_adapter else "merged" if culture else "base"
    made_for = str(header.metadata.get("culturechat.base_sha256", ""))
    if is_adapter and not made_for:
        raise BadFile(file, "does not say which base it was made for (culturechat.base_sha256).")
    if file.stem in catalogue.cards():
        raise UsageError(f"There is a model {file.stem} already; rename the file, or remove that one first.")
    target = paths.user_models() / catalogue.FOLDERS[form] / file.name
    check_room(file, target.parent)
    with records.replacing(target) as temporary:
        _copy(file, temporary, progress)
    made: dict[str, Any] = {
        "form": form,
        "name": str(header.metadata.get("general.name", file.stem)),
        "licence": str(header.metadata.get("general.license", "unknown")),
    }
    if culture is not None:
        made |= {"culture": culture, "base_sha256": made_for}
    return _register(file.stem, target, made)


def remove(name: str) -> Path:
    """Move one of the user's models with its card to the trash folder and return where it is now.

    Raises:
        UsageError: there is none of that name, or it came with the program.
    """
    known = catalogue.cards()
    if name not in known:
        raise unknown("model", name, known)
    card = known[name]
    if card.folder != paths.user_models():
        raise UsageError(f"{name} came with the program; only models you built or imported can be removed.")
    trash = _trash() / name
    trash.mkdir(parents=True, exist_ok=True)
    if card.path is not None:
        shutil.move(card.path, trash / card.file)
    shutil.move(card.folder / "cards" / f"{name}.toml", trash / f"{name}.toml")
    return trash


def removed() -> list[str]:
    """Return the models in the trash folder, what was removed last first."""
    cards_there = [folder / f"{folder.name}.toml" for folder in _trash().glob("*")]
    return [card.stem for card in sorted(filter(Path.is_file, cards_there), key=_time_of_change, reverse=True)]


def restore(name: str) -> Card:
    """Bring a removed model back and return its card.

    Raises:
        UsageError: there is none of that name in the trash folder, or a model has its name again.
    """
    folder = _trash() / name
    known = removed()
    if name not in known:
        raise unknown("removed model", name, known)
    card = records.read(folder / f"{name}.toml", CardFile)
    target = paths.user_models() / catalogue.FOLDERS[card.form] / card.file
    if name in catalogue.cards() or target.exists():
        raise UsageError(f"There is a model {name} again; remove that one first.")
    if (folder / card.file).is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / card.file, target)
    shutil.move(folder / f"{name}.toml", paths.user_models() / "cards" / f"{name}.toml")
    with suppress(OSError):
        folder.rmdir()
    return catalogue.cards()[name]


def _trash() -> Path:
    return paths.data_dir() / "trash"


def _time_of_change(path: Path) -> int:
    return path.parent.stat().st_mtime_ns


def _copy(source: Path, target: Path, progress: Callable[[float], None]) -> None:
    size, done = source.stat().st_size, 0
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(_PIECE_BYTES):
            writing.write(piece)
            done += len(piece)
            progress(done / size)


def _register(name: str, file: Path, made: dict[str, Any]) -> Card:
    values = {**made, "file": file.name, "bytes": file.stat().st_size, "sha256": catalogue.sha256_of(file)}
    records.write(paths.user_models() / "cards" / f"{name}.toml", values)
    return catalogue.cards()[name]


def check_room(source: Path, folder: Path) -> None:
    """Refuse to write where the disk could not hold a model like this one in 32-bit floats.

    Raises:
        UsageError: the figures are in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = gguf_file.read_header(source).tensors
    need = sum(4 * prod(tensor.shape) for tensor in tensors) + source.stat().st_size + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < need:
        raise UsageError(f"{folder}: {need / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free.")


def _base_id(base: str, path: Path) -> str:
    return base if base in catalogue.cards() else path.stem


def _licence(model: str) -> str:
    card = catalogue.cards().get(model)
    return card.licence if card else "unknown"
