"""What screens have in common that are a list, and beside or below it all about the thing under the cursor.

Knows nothing of what is listed.
"""

from __future__ import annotations

from abc import abstractmethod

from textual import on
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import OptionList

from culturechat.terminal import one_line
from culturechat.tui import arrangement


class ListingScreen(Screen[None]):
    """A list and an explanation; has the class `-beside` where there is room for both side by side."""

    @abstractmethod
    def show_list(self) -> None:
        """Show the list in the room there is, and the explanation."""

    @abstractmethod
    def show_chosen(self) -> None:
        """Explain what is under the cursor."""

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Put the explanation beside the list where there is room, else below it."""
        self.set_class(event.size.width >= arrangement.BESIDE_CELLS, "-beside")
        self.set_class(arrangement.is_low(event.size.height), "-low")
        self.call_after_refresh(self.show_list)

    @on(OptionList.OptionHighlighted)
    def moved(self) -> None:
        """Explain what the cursor came to."""
        self.show_chosen()
        self.refresh_bindings()

    def complain(self, message: str) -> None:
        """Say what went wrong."""
        self.notify(one_line(message), severity="error", markup=False, timeout=8)
