"""The line at the top: what is compared, and what all of it is doing."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive

from culturechat.tui.chart import fitted
from culturechat.tui.widgets.text import FittedText


class StatusLine(FittedText):
    """Title on the left, state of the whole on the right."""

    details: reactive[str] = reactive("")
    state: reactive[str] = reactive("")
    aside: reactive[str] = reactive("")
    """What goes on elsewhere."""

    def __init__(self, details: str) -> None:
        super().__init__()
        self.details = details

    def lines(self, width: int) -> list[Content]:
        """Return the one line."""
        name = "culturechat"
        states = " · ".join(part for part in (self.aside, self.state) if part)
        room = max(0, width - len(name) - 2 - cell_len(states) - 2)
        details = (fitted(self.details, room), "$foreground 60%")
        return [Content.assemble((name, "bold $primary"), "  ", details, "  ", (states, "$accent"))]
