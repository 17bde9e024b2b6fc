"""What stands in place of a screen for which the terminal is too small."""

from __future__ import annotations

from textual.geometry import Size
from textual.widgets import Static

from culturechat.tui import arrangement


class NarrowNote(Static):
    """Says how large the terminal must be; shows while the screen has the class `-narrow`."""

    def __init__(self) -> None:
        super().__init__("", markup=False, id="narrow")

    def fit(self, size: Size) -> None:
        """Fit the screen to the size of the terminal by its classes: `-narrow`, and `-low` where rows are few."""
        complaint = arrangement.too_narrow(*size)
        self.update(complaint)
        self.screen.set_class(bool(complaint), "-narrow")
        self.screen.set_class(arrangement.is_low(size.height), "-low")
