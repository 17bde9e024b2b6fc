"""Names of the columns, where only one has room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive

from culturechat.tui.widgets.text import FittedText

AROUND = 4
"""Cells of a name's mark and the spaces around it."""


class ColumnTabs(FittedText):
    """One line of names; the one that shows stands in brackets."""

    current: reactive[int] = reactive(0)
    marks: reactive[tuple[str, ...]] = reactive(())
    """What each column is doing, one character each."""

    @dataclass
    class Chosen(Message):
        """The user clicked a name."""

        place: int

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = list(names)

    @property
    def names(self) -> list[str]:
        """What the columns are called, in their order."""
        return self._names

    @names.setter
    def names(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        """Return the names from the first that lets the current one show."""
        shown = [self._label(place) for place in self._visible(width)]
        before = "‹" if self._visible(width).start else " "
        after = "›" if self._visible(width).stop < len(self._names) else ""
        return [Content.assemble((before, "$accent"), *shown, (after, "$accent"))]

    def on_click(self, event: Click) -> None:
        """Choose the name under the pointer."""
        left = 1
        for place in self._visible(self.content_size.width):
            left += self._cells(place)
            if event.x < left:
                self.post_message(self.Chosen(place))
                return

    def _label(self, place: int) -> Content:
        mark = self.marks[place] if place < len(self.marks) else " "
        if place == self.current:
            return Content.styled(f"[{mark} {self._names[place]}]", "bold $primary")
        return Content.styled(f" {mark} {self._names[place]} ", "$foreground 70%")

    def _cells(self, place: int) -> int:
        return cell_len(self._names[place]) + AROUND

    def _visible(self, width: int) -> range:
        start, stop = self.current, self.current + 1
        used = self._cells(self.current) + 2
        while True:
            if stop < len(self._names) and used + self._cells(stop) <= width:
                used += self._cells(stop)
                stop += 1
            elif start and used + self._cells(start - 1) <= width:
                start -= 1
                used += self._cells(start)
            else:
                return range(start, stop)
