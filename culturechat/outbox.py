"""What leaves the app for other programs: copied text and pictures of the screen, as files, and the user's editor.

Knows nothing of screens.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from culturechat import paths, records
from culturechat.errors import CulturechatError, UsageError
from culturechat.terminal import clean

CLIPBOARD_CHARACTERS = 74_000
"""What common terminals take into their clipboard at once."""
_WITHOUT_CLIPBOARD = {"TERM": ("linux", "dumb"), "TERM_PROGRAM": ("Apple_Terminal",)}


def takes(text: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this terminal may take the text into the clipboard; whether it does, it never says."""
    known = any(environment.get(name) in values for name, values in _WITHOUT_CLIPBOARD.items())
    return not known and len(text.encode()) <= CLIPBOARD_CHARACTERS


def copy(text: str) -> Path:
    """Write a text where it can be copied from, in place of the one before, and return the file.

    Raises:
        CulturechatError: it cannot be written.
    """
    return _written(paths.data_dir() / "copied.txt", text)


def picture(svg: str, now: datetime) -> Path:
    """Keep a picture of the screen and return its file.

    Raises:
        CulturechatError: it cannot be written.
    """
    return _written(paths.data_dir() / "screenshots" / f"culturechat-{now:%Y-%m-%dT%H-%M-%S}.svg", svg)


def edited(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Open a text in the user's editor, wait until it is closed, and return the text as it was saved, made safe.

    Raises:
        UsageError: no editor is set, or there is no such program.
        CulturechatError: it ended with an error.
    """
    variable = next((name for name in ("VISUAL", "EDITOR") if environment.get(name, "").strip()), None)
    if variable is None:
        raise UsageError("No editor is set. Set one before you start, for example: export EDITOR=nano")
    command = _words(environment[variable], variable)
    with tempfile.TemporaryDirectory(prefix="culturechat-") as folder:
        path = Path(folder) / "text.md"
        path.write_text(text, "utf-8")
        try:
            code = subprocess.run([*command, str(path)]).returncode
        except OSError as error:
            raise UsageError(f"{command[0]}, set as {variable}, cannot be started: {error.strerror}.") from None
        if code:
            raise CulturechatError(f"{command[0]} ended with code {code}; nothing was changed.")
        try:
            return clean(path.read_text("utf-8", errors="replace")).rstrip("\n")
        except OSError as error:
            raise CulturechatError(f"{command[0]} left no text behind ({error.strerror}).") from None


def _words(command: str, variable: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{variable}={command}: {error}; quote it like a command line.") from None


def _written(path: Path, text: str) -> Path:
    try:
        with records.replacing(path) as temporary:
            temporary.write_text(text, "utf-8")
    except OSError as error:
        raise CulturechatError(f"{path} cannot be written ({error.strerror}).") from None
    return path
