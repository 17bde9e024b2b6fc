"""A run's file of scores, written line by line, so that a killed run can go on. Knows nothing of what they mean.

The first line names the run by a fingerprint of everything its scores depend on: every prompt, every option, the
weights' hashes and llama.cpp's version. A file of another run is never continued.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from culturechat import catalogue, paths
from culturechat.catalogue import Column
from culturechat.engines import Choice
from culturechat.errors import UsageError

FORMAT = 1
SYNC_SECONDS = 1.0
"""So much work at most is lost when the machine loses power; a killed process loses a line at most."""

Logprobs = tuple[tuple[float, ...], ...]


class RunFile:
    """The scores of one run by column and question."""

    def __init__(self, path: Path, fingerprint: str, resume: bool = False) -> None:
        """Open the file; without `resume` it begins anew.

        Raises:
            UsageError: it cannot be written.
        """
        self.path = path
        self._known = _read(path, fingerprint) if resume else {}
        self.resumed = len(self._known)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("r+" if self._known else "w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None
        self._synced = monotonic()
        if self._known:
            self._file.truncate(sum(len(line.encode()) + 1 for line in _whole_lines(path)))
            self._file.seek(0, os.SEEK_END)
        else:
            self._write({"format": FORMAT, "run": fingerprint})
        self._sync()

    def known(self, column: str, item: str) -> Logprobs | None:
        """Return what an earlier process has found for this question, if it has."""
        return self._known.get((column, item))

    def add(self, column: str, item: str, logprobs: Logprobs) -> None:
        """Add a question's scores; they are on disk when this returns, and safe from power loss soon after."""
        self._write({"column": column, "item": item, "logprobs": logprobs})
        self._file.flush()
        if monotonic() - self._synced > SYNC_SECONDS:
            self._sync()

    def close(self) -> None:
        """Leave the file for a later process."""
        if not self._file.closed:
            self._sync()
            self._file.close()

    def discard(self) -> None:
        """Remove the file: the run is complete and its results are kept elsewhere."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = monotonic()


def fingerprint(columns: Sequence[Column], choices: Iterable[Choice]) -> str:
    """Return a hash of everything that a run's scores depend on."""
    digest = hashlib.sha256(f"{FORMAT} llama.cpp {llama_cpp_version()}\n".encode())
    for column in columns:
        model = f"{column.model} at {column.server}" if column.server else file_hashes(column)
        digest.update(f"{column.id} {column.form} {model}\n".encode())
    for choice in choices:
        digest.update(msgspec.msgpack.encode(choice))
    return digest.hexdigest()


def place(fingerprint: str) -> Path:
    """Return where the file of a run lies."""
    return paths.data_dir() / "runs" / f"{fingerprint[:16]}.jsonl"


def file_hashes(column: Column) -> dict[str, str]:
    """Return the SHA-256 of every file a column's model consists of, by the file's name."""
    files = [path for path in (column.base_path, column.adapter_path) if path is not None and path.is_file()]
    return {path.name: catalogue.sha256_of(path) for path in files}


def llama_cpp_version() -> str:
    """Return the installed version, without loading it."""
    try:
        return metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        return "none"


def _read(path: Path, fingerprint: str) -> dict[tuple[str, str], Logprobs]:
    try:
        lines = [json.loads(line) for line in _whole_lines(path)]
        if not lines or lines[0] != {"format": FORMAT, "run": fingerprint}:
            return {}
        return {(line["column"], line["item"]): tuple(map(tuple, line["logprobs"])) for line in lines[1:]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _whole_lines(path: Path) -> list[str]:
    """Return the lines of a file; a last one without its end was cut by the kill and is left out."""
    text = path.read_bytes().decode("ascii")
    return text[: text.rfind("\n") + 1].split("\n")[:-1]
