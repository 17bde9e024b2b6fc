"""The line at the top: what is compared, and what all of it is doing."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive

from culturechat.tui.chart import fitted
from culturechat.tui.widgets.text import FittedText


class StatusLine(FittedText):
    """Title on the left, state of the whole on the right."""

    state: reactive[str] = reactive("")

    def __init__(self, details: str) -> None:
        super().__init__()
        self._details = details

    def lines(self, width: int) -> list[Content]:
        """Return the one line."""
        name = "culturechat"
        room = max(0, width - len(name) - 2 - cell_len(self.state) - 2)
        details = (fitted(self._details, room), "$foreground 60%")
        return [Content.assemble((name, "bold $primary"), "  ", details, "  ", (self.state, "$accent"))]
