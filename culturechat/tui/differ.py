"""Compares the answers on the screen as soon as none is under way, and shows what sets them apart.

Knows nothing of sessions or keys.
"""

from __future__ import annotations

from collections.abc import Mapping

from culturechat.locale import _
from culturechat.tui import worker
from culturechat.tui.courier import Courier
from culturechat.tui.news import Differed
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.differences import DifferencesPanel, Found, SummaryLine, mark, title


class Differ:
    """The line and the table of differences, and the words marked in the answers."""

    def __init__(self, courier: Courier) -> None:
        self.line = SummaryLine()
        self.panel = DifferencesPanel()
        self.marking = False
        """Whether words that only one column has are marked."""
        self._courier = courier
        self._looked_at: Mapping[str, str] = {}
        self._found: Differed | None = None
        self._marks: Mapping[str, str] = {}

    @property
    def settled(self) -> bool:
        """Whether what is shown is of the answers that were looked at last."""
        return not self._looked_at or self._found is not None

    @property
    def comparable(self) -> bool:
        """Whether there are answers to compare."""
        return bool(self._looked_at)

    def look(self, views: Mapping[str, ColumnView], question: str) -> None:
        """Compare what stands in the columns, if that is not known yet; forget it while more is written."""
        busy = any(view.phase.busy for view in views.values())
        answers = {} if busy else {id_: view.answer for id_, view in views.items() if view.answer}
        if len(answers) < 2:
            answers = {}
        named = _marks(views)
        if answers != self._looked_at or list(answers) != list(self._looked_at):
            self._looked_at, self._found = answers, None
            self._show(views)
            if answers:
                self._courier.send(worker.differ(answers, question))
        elif named != self._marks and self._found:
            self._show(views)

    def take(self, news: Differed, views: Mapping[str, ColumnView]) -> None:
        """Show a comparison, if it is of what stands there."""
        if news.answers == self._looked_at:
            self._found = news
            self._show(views)

    def mark_words(self, views: Mapping[str, ColumnView], marking: bool) -> None:
        """Mark the words that only one column has, or let them be as they were."""
        self.marking = marking
        found = self._found.found if self._found else None
        for id_, view in views.items():
            view.mark_words(found.only.get(id_, ()) if found and marking else ())

    def _show(self, views: Mapping[str, ColumnView]) -> None:
        self._marks = _marks(views)
        names = {id_: "" if view.alias else title(view.column) for id_, view in views.items()}
        found = self._found.found if self._found else None
        shown = Found(found, self._marks, names) if found else None
        failed = _("The answers could not be compared: {reason}")
        self.line.note = failed.format(reason=self._found.error) if self._found and not found else ""
        self.line.found = self.panel.table.found = shown
        self.mark_words(views, self.marking)


def _marks(views: Mapping[str, ColumnView]) -> dict[str, str]:
    return {id_: view.alias or mark(view.column) for id_, view in views.items()}
