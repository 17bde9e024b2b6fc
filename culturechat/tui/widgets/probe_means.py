"""The means of a probe: how far each column's model is from its people, and the controls to read that against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from culturechat.locale import N_, _, decimal
from culturechat.probing import Interval, Means
from culturechat.terminal import one_line
from culturechat.tui.chart import ACROSS, fitted, flush_right
from culturechat.tui.widgets.text import FittedText

MARK_CELLS = 2
LONGEST_NAME = 20
SHORTEST_SCALE = 24
LONGEST_SCALE = 120
SCALE_END = 0.5
"""The distance at the right end of the scale; a model that always picks the wrong end comes near to 1, none does."""
NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """One column of the probe."""

    name: str
    mark: str
    """What the column is doing, one character."""
    total: int
    """Questions it is asked."""
    compared: bool
    """Whether there are people to compare it with."""
    means: Means
    interval: Interval | None = None
    """Of WD, when all is known."""


Figure = tuple[str, int, Callable[[Row], str]]
"""Heading, cells that it has at least, and what stands below it."""


def _number(value: float | None) -> str:
    return NOTHING if value is None else decimal(value, 3)


_FIGURES: tuple[Figure, ...] = (
    (N_("done"), 8, lambda row: f"{row.means.done}/{row.total}"),
    ("JSD", 7, lambda row: _number(row.means.jsd_bits)),
    ("WD", 7, lambda row: _number(row.means.wd)),
    (N_("uniform"), 9, lambda row: _number(row.means.uniform)),
    (N_("others"), 8, lambda row: _number(row.means.others_pooled)),
    (N_("noise"), 7, lambda row: _number(row.means.noise_floor)),
    (N_("mass"), 6, lambda row: NOTHING if row.means.option_mass is None else f"{row.means.option_mass:.0%}"),
)
"""In this order; where room is short the last ones go first."""
_INTERVAL: Figure = (
    N_("95 % of WD"),
    14,
    lambda row: f"{_number(row.interval.low)}–{_number(row.interval.high)}" if row.interval else NOTHING,
)
_AFTER_WD = 3
HEADING = N_("mean distance")


class ProbeMeans(FittedText):
    """One line per column under a heading; where there is room, WD and its controls on a scale."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[Row] = ()

    def show(self, rows: Sequence[Row]) -> None:
        """Show these columns."""
        more = len(rows) != len(self._rows)
        self._rows = rows
        self.refresh(layout=more)

    def lines(self, width: int) -> list[Content]:
        """Return the table."""
        if not self._rows:
            return []
        name = max(cell_len(one_line(row.name)) + MARK_CELLS for row in self._rows)
        name = min(LONGEST_NAME + MARK_CELLS, max(name, cell_len(_(HEADING))))
        figures = _fitting(width - name, with_interval=any(row.interval for row in self._rows))
        scale = min(LONGEST_SCALE, width - name - sum(map(_cells, figures)) - 2)
        scale = scale if scale >= SHORTEST_SCALE else 0
        heads = "".join(flush_right(_(figure[0]), _cells(figure)) for figure in figures)
        heading = Content.styled(fitted(_(HEADING), name) + heads, "$foreground 60%")
        if scale:
            heading = heading + Content.styled("  " + _scale_heading(scale), "$foreground 60%")
        return [heading, *(self._line(row, name, figures, scale) for row in self._rows)]

    def _line(self, row: Row, name: int, figures: Sequence[Figure], scale: int) -> Content:
        lead = Content.assemble(
            (f"{row.mark} ", "$text-accent"), (fitted(one_line(row.name), name - MARK_CELLS), "bold $foreground")
        )
        parts = []
        for figure in figures:
            head, _least, words = figure
            style = "bold $text-accent" if head == "WD" else "$foreground 80%"
            parts.append((words(row).rjust(_cells(figure)), style))
        line = Content.assemble(lead, *parts)
        if not row.compared:
            nobody = f"  {fitted(_('no people to compare'), scale)}" if scale else ""
            return line + Content.styled(nobody, "italic $foreground 60%")
        return line + "  " + _scale(row.means, scale) if scale else line


def _fitting(room: int, with_interval: bool) -> list[Figure]:
    wanted = list(_FIGURES)
    if with_interval:
        wanted.insert(_AFTER_WD, _INTERVAL)
    if sum(map(_cells, wanted)) > room and with_interval:
        wanted.remove(_INTERVAL)
    while wanted and sum(map(_cells, wanted)) > room:
        wanted.pop()
    return wanted


def _cells(figure: Figure) -> int:
    """Return the cells of a figure, which its heading fits into in every language."""
    head, least, _words = figure
    return max(least, cell_len(_(head)) + 2)


def _scale_heading(cells: int) -> str:
    end = decimal(SCALE_END, 1)
    legend = f"█ {_('model')}  u {_('uniform')}  o {_('others')}  n {_('noise')} {end}"
    return "0" + flush_right(legend if cell_len(legend) < cells - 1 else end, cells - 1)


def _scale(means: Means, cells: int) -> Content:
    """Return the model's WD as a bar, and letters where the controls are."""
    if means.wd is None:
        return Content.styled("─" * cells, "$foreground 20%")
    eighths = min(cells * 8, round(means.wd / SCALE_END * cells * 8))
    full, rest = divmod(eighths, 8)
    signs = list(("█" * full + (ACROSS[rest] if rest else "")).ljust(cells, "─"))
    styles = ["$accent" if place < full + bool(rest) else "$foreground 20%" for place in range(cells)]
    for letter, value in _marks(means).items():
        place = min(cells - 1, int(value / SCALE_END * cells))
        styles[place] = "bold auto on $accent" if place < full else "bold $foreground"
        signs[place] = letter
    return Content.assemble(*zip(signs, styles, strict=True))


def _marks(means: Means) -> Mapping[str, float]:
    found = {"n": means.noise_floor, "o": means.others_pooled, "u": means.uniform}
    return {letter: value for letter, value in found.items() if value is not None}
