"""Folders that are written whole or not at all, and copies of models in them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gguf import GGUFReader

from culturechat import building
from culturechat.catalogue import Column
from culturechat.errors import UsageError


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder` and move it there when the block ends well.

    Raises:
        UsageError: there is something already, or it cannot be written.
    """
    if folder.exists():
        raise UsageError(f"{folder} is there already; remove it first, or write elsewhere with --to.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}).") from None
    try:
        yield temporary
        temporary.chmod(0o755)
        for path in temporary.iterdir():
            path.chmod(0o644)
        temporary.rename(folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror}).") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def merged(column: Column, target: Path, kind: str, progress: Callable[[float], None]) -> None:
    """Write a culture's adapter and its base as one GGUF file of this number format."""
    building.merge_and_quantize(column, target, kind, progress)


def copied(source: Path, folder: Path) -> Path:
    """Copy a file into a folder and return where it is."""
    building.check_room(source, folder)
    return Path(shutil.copyfile(source, folder / source.name))


def chat_template(base: Path) -> tuple[str, str, str]:
    """Return a model's chat template, and the texts of the tokens that begin and end a text."""
    fields = GGUFReader(base).fields
    template = fields["tokenizer.chat_template"].contents() if "tokenizer.chat_template" in fields else ""
    tokens = fields["tokenizer.ggml.tokens"]

    def text(name: str) -> str:
        place = fields.get(f"tokenizer.ggml.{name}_token_id")
        return str(tokens.contents(int(place.contents()))) if place else ""

    return str(template), text("bos"), text("eos")
