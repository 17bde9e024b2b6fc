"""How wide this terminal prints vowel signs that stand beside their letter, as Bengali has them, and telling Rich so.

Some terminals give such a sign no cell of its own, most give it one; no table can know. So one syllable is printed
before the screen opens, and the terminal is asked where its cursor stands then. Where it does not say, Rich's own table
is used.
"""

from __future__ import annotations

import os
import re
import select
import sys
import unicodedata
from time import monotonic

from rich import cells
from rich._unicode_data import load
from rich.cells import CellTable

SYLLABLE = "\u0995\u09bf"
"""A letter and a vowel sign beside it."""
SECONDS = 0.3
"""How long to wait for the terminal; those that answer do so within one round trip."""

_ANSWER = re.compile(rb"\x1b\[\d+;(\d+)R")


def fit() -> None:
    """Let text be measured as this terminal prints it."""
    if sys.stdin.isatty() and sys.stdout.isatty() and measured(sys.stdin.fileno(), sys.stdout.fileno()) == 2:
        use(with_cells_of_their_own(load("auto")))


def measured(source: int, target: int) -> int | None:
    """Return the cells that the terminal behind two file descriptors gives the syllable, or None if it does not say."""
    try:
        import termios
        import tty
    except ImportError:  # not on this system
        return None
    before = termios.tcgetattr(source)
    try:
        tty.setcbreak(source, termios.TCSANOW)
        os.write(target, f"\r{SYLLABLE}\x1b[6n".encode())
        return _column(source)
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
        os.write(target, b"\r\x1b[K")


def with_cells_of_their_own(table: CellTable) -> CellTable:
    """Return a table in which marks that take room have one cell each."""
    widths: list[tuple[int, int, int]] = []
    for start, end, width in table.widths:
        if width:
            widths.append((start, end, width))
            continue
        for code in range(start, end + 1):
            if unicodedata.category(chr(code)) == "Mc":
                continue
            if widths and widths[-1][1:] == (code - 1, 0):
                widths[-1] = (widths[-1][0], code, 0)
            else:
                widths.append((code, code, 0))
    return table._replace(widths=widths)


def use(table: CellTable) -> None:
    """Measure all text by this table from now on."""
    vars(cells)["load_cell_table"] = lambda unicode_version="auto": table
    cells.get_character_cell_size.cache_clear()
    cells.cached_cell_len.cache_clear()


def _column(source: int) -> int | None:
    """Return how far the cursor stands from the left."""
    answer = b""
    until = monotonic() + SECONDS
    while (left := until - monotonic()) > 0 and select.select([source], [], [], left)[0]:
        answer += os.read(source, 64)
        if found := _ANSWER.search(answer):
            return int(found[1]) - 1
    return None
