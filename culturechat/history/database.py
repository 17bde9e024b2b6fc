"""The history's file: opened, brought up to date, and its failures in words. Knows nothing of what is kept in it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import cast

from culturechat import paths
from culturechat.errors import BadFile, HistoryError

BUSY_SECONDS = 5.0
"""How long one app waits for another that is writing."""
_FOLDER = Path(__file__).parent / "steps"


def default_path() -> Path:
    """Return where the history is kept."""
    return paths.data_dir() / "history.sqlite3"


@cache
def steps() -> dict[int, str]:
    """Return the SQL that leads from one version of the file to the next, by the version it leads to."""
    return {int(path.stem): path.read_text("utf-8") for path in sorted(_FOLDER.glob("*.sql"))}


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection for as long as the block lasts; failures inside are told in words.

    Raises:
        HistoryError: the disk or the file system refuses.
        BadFile: the file is damaged, no history, or from a newer version.
    """
    with in_words(path):
        connection = connect(path)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into an error for the user."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not isinstance(error, sqlite3.OperationalError):
            advice = "Move it away to begin a new history, or restore a copy of it."
            raise BadFile(path, f"is damaged or no history ({error}). {advice}") from None
        raise HistoryError(f"{path}: {error}.") from None
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror or error}.") from None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all that the block does, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Read everything in the block as it was at one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the history, which is made if there is none and brought up to date if it is old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepared(path, "mode=rwc")
    except sqlite3.OperationalError:
        if not path.is_file():
            raise
    # a disk that cannot be written can still be read; an unclean file needs what lies beside it
    waiting = path.with_name(f"{path.name}-wal")
    return _prepared(path, "mode=ro" if waiting.exists() and waiting.stat().st_size else "mode=ro&immutable=1")


def migrate(connection: sqlite3.Connection, path: Path, known: Mapping[int, str]) -> None:
    """Bring the file to the last of the known versions, or leave it as it was.

    Raises:
        BadFile: the file is from a newer version of the program.
    """
    newest = max(known)
    if _version(connection) == 0:
        # the chats are the user's alone; SQLite gives its other files the same mode
        path.chmod(0o600)
        _use_wal(connection)
    with transaction(connection):
        # another app may have done it while this one waited
        version = _version(connection)
        if version > newest:
            raise BadFile(path, f"was written by a newer culturechat (format {version}); update this one.")
        for step in range(version + 1, newest + 1):
            for statement in _statements(known[step]):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")


def _prepared(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        # a kill loses nothing that was committed; a power cut may lose the last moments, but damages nothing
        connection.execute("PRAGMA synchronous = NORMAL")
        if _version(connection) != max(steps()):
            migrate(connection, path, steps())
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait for others by itself here."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _version(connection: sqlite3.Connection) -> int:
    return cast(int, connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
