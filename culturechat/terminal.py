"""Makes any text safe for a terminal. Knows nothing of who wrote it.

Text from models, files and users may carry escape sequences that move the cursor, write the clipboard or fake a prompt,
and bidirectional overrides that show one thing and mean another. None of them is needed to read an answer.
"""

from __future__ import annotations

import re

# CSI, OSC/DCS/SOS/PM/APC (ended by BEL or ST), and two-character escapes; C1 forms are the same in one character.
_STRING_START = "[\x90\x98\x9d-\x9f]|\x1b[PX\\]^_]"
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    f"|(?:{_STRING_START})[^\x07\x1b\x9c]*(?:\x07|\x9c|\x1b\\\\)"
    "|\x1b[ -/]*[0-OQ-WYZ\\\\`-~]"
)
_UNFINISHED = re.compile(f"(?:\x1b\\[|\x9b)[0-?]*[ -/]*\\Z|(?:{_STRING_START})[^\x07\x1b\x9c]*\x1b?\\Z|\x1b[ -/]*\\Z")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]")
_LONGEST_SEQUENCE = 4096


def clean(text: str) -> str:
    """Return the text without anything a terminal would act on; newlines and tabs stay."""
    if text.isprintable():  # most lines of a long list are, and nothing that is removed is
        return text
    cleaner = Cleaner()
    return cleaner.feed(text) + cleaner.flush()


def one_line(text: str) -> str:
    """Return the text cleaned and on one line."""
    return " ".join(clean(text).split())


class Cleaner:
    """Cleans text that arrives in pieces: a sequence split over two pieces does not slip through."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what is safe to show now; the start of an unfinished sequence is held back."""
        text = _SEQUENCE.sub("", self._held + piece.replace("\r\n", "\n"))
        tail = _UNFINISHED.search(text)
        self._held = tail.group() if tail and len(tail.group()) <= _LONGEST_SEQUENCE else ""
        return _UNSAFE.sub("", text[: tail.start()] if tail else text)

    def flush(self) -> str:
        """Return what is left when no more text comes; an unfinished sequence is dropped with its start."""
        held, self._held = self._held, ""
        return _UNSAFE.sub("", _UNFINISHED.sub("", held))
