"""Writes GGUF files, each whole or not at all. Knows nothing of what they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gguf import GGUFWriter

from culturechat import gguf_file, records
from culturechat.errors import BadFile

FULL = "the disk is full"


@contextmanager
def writing(path: Path, architecture: str, check: Callable[[Path], None] = lambda _: None) -> Iterator[GGUFWriter]:
    """Yield a writer whose file appears under `path` when the block, and then `check` of the whole file, end well.

    Raises:
        BadFile: the disk is full or refuses.
    """
    try:
        with records.replacing(path) as temporary:
            writer = GGUFWriter(temporary, architecture)
            try:
                yield writer
                writer.close()
            finally:
                for file in writer.fout or ():
                    with suppress(OSError):  # what could not be written cannot be flushed either
                        file.close()
            _refuse_cut(temporary, path)
            check(temporary)
    except OSError as error:
        # numpy says how much it wrote, but not why not all; in practice that is a full disk
        raise BadFile(path, f"cannot be written ({error.strerror or FULL}).") from None


def _refuse_cut(written: Path, path: Path) -> None:
    """Raise a `BadFile` where less was written than announced, which numpy does not always notice on a full disk."""
    try:
        gguf_file.read_header(written)
    except BadFile:
        raise BadFile(path, f"cannot be written ({FULL}).") from None


def write_head(writer: GGUFWriter) -> None:
    """Write all that stands before the weights; `write_tensor_data` then follows for each announced tensor."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
