"""Widgets that change their size all the time. Knows nothing of what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.widget import Widget

if TYPE_CHECKING:
    _Before = Widget
else:  # the mixin is put before a kind of widget
    _Before = object


class LaidOutOnce(_Before):
    """Asks for no second layout when the first has given it another size.

    Textual lays the whole screen out again after every change of a widget's virtual size, which finds all in its place
    where the size follows from the content; each line that an answer grows by would be laid out and drawn twice.
    """

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        return super()._size_updated(size, virtual_size, container_size, layout=False)
