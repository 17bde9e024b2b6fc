"""Text that is laid out anew for the width it gets, never read as markup."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget


class FittedText(Widget):
    """Lines that depend on the width."""

    DEFAULT_CSS = "FittedText { height: auto; width: 1fr; }"

    def lines(self, width: int) -> list[Content]:
        """Return what to show in so many cells."""
        raise NotImplementedError  # Textual's metaclass leaves no room for an abstract base class

    def render(self) -> Content:
        """Return the lines for the width at hand."""
        return Content("\n").join(self.lines(max(1, self.content_size.width)))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        return len(self.lines(max(1, width)))
