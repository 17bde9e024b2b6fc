"""Makes any text safe for a terminal. Knows nothing of who wrote it.

Text from models, files and users may carry escape sequences that move the cursor, write the clipboard or fake a prompt,
and bidirectional overrides that show one thing and mean another. None of them is needed to read an answer.
"""

from __future__ import annotations

import re
import unicodedata

MOST_MARKS = 30
"""Marks that may stand on one character, as in Unicode's Stream-Safe Text Format (UAX #15); no script needs as many."""

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]")
_STRING_STARTS = "\x90\x98\x9d\x9e\x9f"
_STRING_STARTS_AFTER_ESCAPE = "PX]^_"
# what may follow inside a sequence, and in the group what ends it; anything else ends it too, but is no part of it
_ESCAPE = re.compile("[ -/]*([0-~])?")
_PARAMETERS = re.compile("[ -?]*([@-~])?")
_STRING = re.compile("[^\x07\x18\x1a\x1b\x9c\n]*([\x07\x18\x1a\x9c])?")
_MARKS = ("Mn", "Me", "Cf")


def clean(text: str) -> str:
    """Return the text without anything a terminal would act on; newlines and tabs stay."""
    if text.isprintable() and (text.isascii() or len(text) <= MOST_MARKS):
        return text
    return Cleaner().feed(text)


def one_line(text: str) -> str:
    """Return the text cleaned and on one line."""
    return " ".join(clean(text).split())


def safe_json(text: str) -> str:
    """Return the same JSON with what a terminal would act on, and halves of characters, written as escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class Cleaner:
    """Cleans text that arrives in pieces; where it is cut makes no difference.

    It follows a terminal through the sequences of ECMA-48: CSI, the strings (OSC, DCS, SOS, PM, APC) that BEL or ST
    ends, and shorter escapes, with their beginnings in one character (C1) too. What a sequence holds is gone, a new one
    never arises from what is left, and one that does not end costs no more than the rest of its line.
    """

    def __init__(self) -> None:
        self._inside: re.Pattern[str] | None = None
        """What goes on in the sequence under way."""
        self._escaped = False
        """Whether an escape character came last."""
        self._marks = 0

    def feed(self, piece: str) -> str:
        """Return what of the piece is safe to show."""
        kept = []
        place = 0
        while place < len(piece):
            if self._escaped:
                place += self._begin(piece[place])
            elif self._inside:
                match = self._inside.match(piece, place)
                assert match is not None
                place = match.end()
                if match.group(1) or place < len(piece):
                    self._inside = None
            else:
                match = _UNSAFE.search(piece, place)
                kept.append(piece[place : match.start() if match else None])
                place = match.end() if match else len(piece)
                if match:
                    self._meet(match.group())
        return self._without_floods("".join(kept))

    def _meet(self, control: str) -> None:
        self._escaped = control == "\x1b"
        if control == "\x9b":
            self._inside = _PARAMETERS
        elif control in _STRING_STARTS:
            self._inside = _STRING

    def _begin(self, character: str) -> int:
        """Find out what an escape character begins; return how much of it this character is."""
        self._escaped = False
        if character == "[":
            self._inside = _PARAMETERS
        elif character in _STRING_STARTS_AFTER_ESCAPE:
            self._inside = _STRING
        else:
            self._inside = _ESCAPE
            return 0
        return 1

    def _without_floods(self, text: str) -> str:
        if text.isascii():
            if text:
                self._marks = 0
            return text
        kept = []
        for character in text:
            self._marks = self._marks + 1 if unicodedata.category(character) in _MARKS else 0
            if self._marks <= MOST_MARKS:
                kept.append(character)
        return "".join(kept)
