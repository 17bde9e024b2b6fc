"""The errors a user can meet. Knows nothing of where they are shown.

    CulturechatError        one line: what happened, where, and what to do next
    ├── UsageError          the request is wrong: unknown culture, empty question, bad option
    │   └── BadFile         a file is missing, damaged, or not what it says it is
    ├── WeightsMissing      no model to answer with is installed
    ├── HistoryError        the saved chats cannot be read or written
    └── EngineError         the engine failed while working

`exit_code` is what the command line returns: 2 where the user has to change something, 1 where the work failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class CulturechatError(Exception):
    """Something went wrong that the user can understand; its text is one line."""

    exit_code = 1


class UsageError(CulturechatError):
    """The request itself is wrong and stays wrong until it is changed."""

    exit_code = 2


class BadFile(UsageError):
    """A file is missing, damaged, or not what it claims to be."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = Path(path)


class WeightsMissing(CulturechatError):
    """No weights are installed for the model that was asked for."""

    exit_code = 2


class HistoryError(CulturechatError):
    """The disk or the file system refuses to keep or give the saved chats."""


class EngineError(CulturechatError):
    """The engine failed; the text carries its last words."""


def unknown(noun: str, name: str, known: Iterable[str]) -> UsageError:
    """Return an error that names the nearest known name, or all of them when none is near."""
    names = sorted(known)
    near = get_close_matches(name.lower(), names, n=1, cutoff=0.55)
    advice = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(names) or 'none'}."
    return UsageError(f"Unknown {noun} {name!r}. {advice}")
