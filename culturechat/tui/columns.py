"""Where the columns stand: their order, the current one, and how many are side by side in the room there is.

Knows nothing of sessions, nor of what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from textual.containers import Grid

from culturechat.settings import Layout
from culturechat.tui import arrangement
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.header import title
from culturechat.tui.widgets.tabs import ColumnTabs

MOST_LIVE = 4
"""Columns up to which answers are shown as Markdown while they grow; more would cost too much of a core."""
MOST_DRAWN = 3
"""Columns that are drawn in one update."""
CHROME_ROWS = 7


class Columns:
    """The columns of a screen, the grid they stand in, and the tabs that name them where one at a time has room."""

    def __init__(self, views: Iterable[ColumnView], layout: Layout) -> None:
        self.views = {view.column.id: view for view in views}
        """By their ids, in the order in which they stand."""
        self.layout = layout
        self.full = False
        """Whether the current column has the whole width."""
        self.place = 0
        """Where the current column stands: the one that was focused or shown last."""
        self.grid = Grid(*self.views.values(), id="columns")
        self.tabs = ColumnTabs([called(view) for view in self.views.values()])
        self._beside = 0
        self._let_grow()

    @property
    def in_order(self) -> list[ColumnView]:
        """The columns as they stand."""
        return list(self.views.values())

    @property
    def current(self) -> ColumnView:
        """The column that was focused or shown last."""
        return self.in_order[self.place]

    @property
    def drawn_together(self) -> list[Sequence[str]]:
        """The columns in parts of a row: whatever lies between two that change is drawn as well.

        A key that is pressed while a part is drawn waits until that is done.
        """
        ids = list(self.views)
        across = self._beside or len(ids)
        rows = [ids[start : start + across] for start in range(0, len(ids), across)]
        return [part for row in rows for part in arrangement.evenly(row, MOST_DRAWN)]

    def busy(self, ids: Iterable[str]) -> bool:
        """Return whether one of these columns is at it."""
        return any(self.views[id_].phase.busy for id_ in ids)

    def go_to(self, place: int) -> None:
        """Make the column in this place the current one."""
        self.place = self.tabs.current = place

    async def add(self, view: ColumnView) -> None:
        """Put a column at the end."""
        self.views[view.column.id] = view
        await self.grid.mount(view)
        self.place = len(self.views) - 1

    async def remove(self, view: ColumnView) -> None:
        """Take a column away."""
        del self.views[view.column.id]
        self.place = min(self.place, len(self.views) - 1)
        await view.remove()

    def move(self, step: int) -> bool:
        """Let the current column change places with its neighbour; return whether there is one."""
        goal = self.place + step
        if not 0 <= goal < len(self.views):
            return False
        order = list(self.views)
        order[self.place], order[goal] = order[goal], order[self.place]
        self.stand(order)
        self.place = goal
        return True

    def stand(self, order: Sequence[str]) -> None:
        """Let the columns stand in another order."""
        self.views = {id_: self.views[id_] for id_ in order}
        for before, after in pairwise(self.in_order):
            self.grid.move_child(after, after=before)

    def renew(self) -> None:
        """Show which columns there are now, where some came, went or changed places."""
        self.show_names()
        self.tabs.current = self.place
        self._let_grow()

    def show_names(self) -> None:
        """Show what the columns are called now."""
        self.tabs.names = [called(view) for view in self.views.values()]

    def show_marks(self) -> None:
        """Show what each column is doing."""
        self.tabs.marks = tuple(view.phase.mark for view in self.views.values())

    def arrange(self, width: int, height: int) -> None:
        """Put as many columns side by side as are wished for and have room on a screen of this size."""
        count = len(self.views)
        for view in self.views.values():
            view.shorten(arrangement.is_low(height))
        beside = self._beside = 0 if self.full else arrangement.across(count, width, height - CHROME_ROWS, self.layout)
        self.tabs.display = beside == 0 and count > 1
        cells, spans = arrangement.spans(count, beside or 1)
        self.grid.styles.grid_size_columns = cells
        for place, (view, span) in enumerate(zip(self.in_order, spans, strict=True)):
            view.display = beside > 0 or place == self.place
            view.styles.column_span = span

    def _let_grow(self) -> None:
        for view in self.views.values():
            view.live = len(self.views) <= MOST_LIVE


def called(view: ColumnView) -> str:
    """Return a column's name, or its letter while the name is hidden."""
    return view.alias or title(view.column)
