"""Puts text written from right to left into the order in which a terminal without bidi support has to print it.

Lines are wrapped first, in the order of reading; then the cells of each line are put in the order of seeing, by the
Unicode bidirectional algorithm, over the whole paragraph. No character is added, so none that steers direction; letters
of Arabic take the form that joins them to their neighbours, and brackets face the way they are read. Only what is shown
passes through here: what is kept, copied and exported stays in the order of reading. Knows nothing of widgets.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import split_graphemes

from culturechat.settings import RightToLeft

if TYPE_CHECKING:
    from arabic_reshaper import ArabicReshaper

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_MARK = 0xE0100
_MARKS = 120
"""Variation selectors number the cells on their way through the algorithm. They are nonspacing marks, which change
nothing there; each cell gets one of the first 120 and one of the next."""
MOST_CELLS = _MARKS * _MARKS
"""Paragraphs that are longer are shown in the order of reading."""
_NON_JOINER = "\u200c"
_PLAIN = ("L", "R", "AL", "EN", "ES", "ET", "AN", "CS", "S", "WS", "ON")
_NUMBERS = ("EN", "AN")
_SEPARATORS = {
    "CS": ",./:\u00a0\u060c\u202f\u2044\ufe50\ufe52\ufe55\uff0c\uff0e\uff0f\uff1a",
    "ES": "+-\u207a\u207b\u208a\u208b\u2212\ufb29\ufe62\ufe63\uff0b\uff0d",
}
"""Characters that can separate the digits of a number, by kind."""

_ORDERING_TERMINALS: Sequence[tuple[str, str]] = (
    ("VTE_VERSION", ""),
    ("KONSOLE_VERSION", ""),
    ("MLTERM", ""),
    ("TERM_PROGRAM", "Apple_Terminal"),
    ("TERM_PROGRAM", "mintty"),
)
"""What terminals that order text themselves put into the environment: a variable, and its value where that matters."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph's cells in the order of reading, with what is needed to show any line of it."""

    cells: tuple[tuple[int, int], ...]
    """Beginning and end of each cell's characters in the text."""
    shown: tuple[str, ...]
    """What is printed for each cell."""
    places: tuple[int, ...]
    """Where each cell would stand, counted from the left, if the paragraph were one line."""
    from_right: bool
    """Whether the paragraph as a whole runs from right to left."""

    def line(self, begin: int, end: int) -> list[int]:
        """Return the cells of a line, from left to right; spaces at its end go where the line ends."""
        cells = [place for place, (start, stop) in enumerate(self.cells) if begin <= start and stop <= end]
        blank = len(cells)
        while blank and self.shown[cells[blank - 1]].isspace():
            blank -= 1
        spaces, words = cells[blank:], sorted(cells[:blank], key=self.places.__getitem__)
        return [*reversed(spaces), *words] if self.from_right else [*words, *spaces]


def has_right_to_left(text: str) -> bool:
    """Return whether any character of the text belongs to a script written from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None


def runs_from_right(text: str) -> bool:
    """Return whether the first letter with a direction belongs to a script written from right to left."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((direction != "L" for direction in directions if direction in ("L", "R", "AL")), False)


@lru_cache(1024)
def paragraph(text: str, from_right: bool | None = None) -> Paragraph:
    """Return a paragraph ready to be shown; by default its first letter decides its direction.

    While a text grows, all paragraphs but the last are found here as they were.
    """
    spans, _width = split_graphemes(text)
    cells = [(start, end) for start, end, _cells in spans]
    if from_right is None:
        from_right = runs_from_right(text)
    if len(cells) >= MOST_CELLS:
        return Paragraph(tuple(cells), tuple(text[start:end] for start, end in cells), tuple(range(len(cells))), False)
    order, backwards = _order([_base(text[start]) for start, _end in cells], from_right)
    places = [0] * len(cells)
    for place, cell in enumerate(order):
        places[cell] = place
    shown = _joined([text[start:end] for start, end in cells])
    faced = (_mirrored(cell) if place in backwards else cell for place, cell in enumerate(shown))
    return Paragraph(tuple(cells), tuple(faced), tuple(places), from_right)


def visual(text: str) -> str:
    """Return one line as it is printed."""
    found = paragraph(text)
    return "".join(found.shown[cell] for cell in found.line(0, len(text)))


def prints_visual(chosen: RightToLeft, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether lines have to be put in the order of seeing here, because the terminal would not do it."""
    if chosen != "auto":
        return chosen == "visual"
    return not any(
        variable in environment and value in ("", environment[variable]) for variable, value in _ORDERING_TERMINALS
    )


def _base(character: str) -> str:
    """Return what stands for a cell: a space for what steers, marks or ends a line, which would act on others."""
    return " " if unicodedata.bidirectional(character) not in _PLAIN or _is_mark(character) else character


def _order(bases: Sequence[str], from_right: bool) -> tuple[list[int], set[int]]:
    """Return the cells from left to right, and those of them that run from right to left."""
    # loading it takes time that most screens never need
    from bidi import get_display

    stand_ins: dict[str, list[int]] = {}
    numbered = "".join(
        _stand_in(bases[cell], cell, stand_ins) if _splits(bases, cell) else base + _number(cell)
        for cell, base in enumerate(bases)
    )
    return _read(get_display(numbered, base_dir="R" if from_right else "L"), stand_ins)


def _splits(bases: Sequence[str], cell: int) -> bool:
    """Return whether this is a separator inside a number, where a mark would change how the number is taken."""
    if not 0 < cell < len(bases) - 1 or unicodedata.bidirectional(bases[cell]) not in _SEPARATORS:
        return False
    return all(unicodedata.bidirectional(bases[near]) in _NUMBERS for near in (cell - 1, cell + 1))


def _stand_in(separator: str, cell: int, taken: dict[str, list[int]]) -> str:
    """Return a separator of the same kind that stands for this cell, and as long as there are some for no other."""
    kind = _SEPARATORS[unicodedata.bidirectional(separator)]
    chosen = min(kind, key=lambda character: len(taken.get(character, ())))
    taken.setdefault(chosen, []).append(cell)
    return chosen


def _number(cell: int) -> str:
    high, low = divmod(cell, _MARKS)
    return chr(_MARK + high) + chr(_MARK + _MARKS + low)


def _read(display: str, stand_ins: Mapping[str, list[int]]) -> tuple[list[int], set[int]]:
    """Return what the numbers in an ordered text say; a cell that runs from right to left has its number before it."""
    order: list[int] = []
    backwards: set[int] = set()
    place = 0
    while place < len(display):
        marks = [_mark_at(display, place + ahead) for ahead in range(3)]
        if marks[0] is not None and marks[1] is not None:
            cell = marks[1] * _MARKS + marks[0] - _MARKS
            backwards.add(cell)
        elif marks[1] is not None and marks[1] < _MARKS and marks[2] is not None:
            cell = marks[1] * _MARKS + marks[2] - _MARKS
        else:
            # beyond a dozen such separators one stands for several: then it is the nearest
            order.append(_nearest(stand_ins[display[place]], order[-1] if order else 0))
            stand_ins[display[place]].remove(order[-1])
            place += 1
            continue
        order.append(cell)
        place += 3
    return order, backwards


def _nearest(cells: Sequence[int], cell: int) -> int:
    return min(cells, key=lambda other: abs(other - cell))


def _mark_at(display: str, place: int) -> int | None:
    return ord(display[place]) - _MARK if place < len(display) and _is_mark(display[place]) else None


def _is_mark(character: str) -> bool:
    return _MARK <= ord(character) < _MARK + 2 * _MARKS


def _mirrored(cell: str) -> str:
    from bidi.mirror import MIRRORED

    return str(MIRRORED.get(cell[0], cell[0])) + cell[1:]


def _joined(cells: Sequence[str]) -> list[str]:
    """Return the cells with Arabic letters in the forms in which they join; each stays one cell."""
    if not any("\u0600" <= cell[0] <= "\u06ff" for cell in cells):
        return list(cells)
    shaped = _reshape(cell[0] + (_NON_JOINER if _NON_JOINER in cell else "") for cell in cells)
    letters = [letter for letter in shaped if letter != _NON_JOINER]
    return [letter + cell[1:] for letter, cell in zip(letters, cells, strict=True)]


def _reshape(letters: Iterable[str]) -> str:
    return str(_reshaper().reshape("".join(letters)))


@lru_cache(1)
def _reshaper() -> ArabicReshaper:
    from arabic_reshaper import ArabicReshaper

    # two letters that become one sign would take a cell away
    return ArabicReshaper({"support_ligatures": False, "delete_harakat": False, "delete_tatweel": False})
