"""How many columns stand side by side in the room there is. Knows nothing of widgets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, gcd, sqrt
from typing import TypeVar

from culturechat.locale import _
from culturechat.settings import Layout

Value = TypeVar("Value")

NARROWEST_TERMINAL = 40
LOWEST_TERMINAL = 10
LOW_TERMINAL = 26
"""Rows below which everything that only frames the rest goes."""
NARROWEST_COLUMN = 38
LOWEST_COLUMN = 18
"""Rows below which a column of a grid shows too little to be read."""
NARROWEST_WISHED = 24
LOWEST_WISHED = 10
"""Cells and rows that columns keep where the user wants them all in a row, or in a grid."""


BESIDE_CELLS = 100
"""Width from which on all about the thing under a list's cursor stands beside the list."""


def too_narrow(width: int, height: int) -> str:
    """Return what to say where the terminal is too small, or nothing where it is not."""
    if width >= NARROWEST_TERMINAL and height >= LOWEST_TERMINAL:
        return ""
    return _("Too narrow: {size}. Make it {least} or more.").format(
        size=f"{width}×{height}", least=f"{NARROWEST_TERMINAL}×{LOWEST_TERMINAL}"
    )


def is_low(height: int) -> bool:
    """Return whether rows are few."""
    return height < LOW_TERMINAL


def across(count: int, width: int, height: int, layout: Layout = "auto") -> int:
    """Return how many of the columns stand side by side; 0 where only one at a time has room, or is wished for."""
    if layout == "tabs":
        return 0
    if layout == "beside" and width // count >= NARROWEST_WISHED:
        return count
    rows = ceil(sqrt(count))
    if (
        layout == "grid"
        and count > 2
        and height // rows >= LOWEST_WISHED
        and width // ceil(count / rows) >= NARROWEST_WISHED
    ):
        return ceil(count / rows)
    fit = min(count, width // NARROWEST_COLUMN)
    if fit == 0:
        return 0
    rows = ceil(count / fit)
    if rows > 1 and height // rows < LOWEST_COLUMN:
        return 0
    return ceil(count / rows)


def evenly(values: Sequence[Value], most: int) -> list[Sequence[Value]]:
    """Return the values in parts of about the same length, none of more than `most`."""
    parts = ceil(len(values) / most)
    ends = [len(values) * part // parts for part in range(parts + 1)]
    return [values[start:end] for start, end in pairwise(ends)]


def spans(count: int, beside: int) -> tuple[int, list[int]]:
    """Return a grid's width in cells and the cells of each column, so that a shorter last row fills its width."""
    last = count % beside or beside
    cells = beside * last // gcd(beside, last)
    full = count - last
    return cells, [cells // beside] * full + [cells // last] * last
