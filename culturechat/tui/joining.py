"""Columns that come and go while the others stay. Knows nothing of keys, nor of what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from culturechat.catalogue import Column
from culturechat.locale import _
from culturechat.session import Session
from culturechat.tui import worker
from culturechat.tui.columns import Columns
from culturechat.tui.courier import Courier
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.header import Phase
from culturechat.tui.widgets.turn import shortened


class Roster(Protocol):
    """Where further columns and earlier questions come from."""

    def others(self, session: Session) -> Mapping[str, str]:
        """Return the columns that could be added: ids, and what they are called."""

    def column(self, name: str, session: Session) -> Column:
        """Return what answers in a further column."""

    def questions(self) -> Sequence[str]:
        """Return what was asked in chats of the past, oldest first."""


class Joining:
    """Adds columns to a session and its screen, and closes them."""

    def __init__(
        self, roster: Roster | None, session: Session, columns: Columns, courier: Courier, clock: Callable[[], float]
    ) -> None:
        self.roster = roster
        """None where no column can be added."""
        self._session = session
        self._columns = columns
        self._courier = courier
        self._clock = clock
        self._leaving: set[str] = set()

    @property
    def choices(self) -> Mapping[str, str]:
        """The columns that could be added: ids, and what they are called."""
        return self.roster.others(self._session) if self.roster else {}

    def find(self, name: str) -> bool:
        """Look for what answers in a column; return False while that column is still ending an answer."""
        roster = self.roster
        if roster is not None and name not in self._columns.views:
            if name in self._leaving:
                return False
            self._courier.send(worker.find(lambda: roster.column(name, self._session)))
        return True

    async def add(self, column: Column) -> ColumnView | None:
        """Return a new column that is being loaded, or None where it stands here already."""
        if column.id in self._columns.views:
            return None
        self._session.add(column)
        view = ColumnView(column, self._clock)
        await self._columns.add(view)
        self._courier.send(worker.reopen(self._session))
        return view

    async def close(self, view: ColumnView) -> None:
        """Close a column."""
        if view.phase.busy:
            self._leaving.add(view.column.id)
        self._session.drop(view.column.id)
        await self._columns.remove(view)
        self._courier.send(worker.reopen(self._session))

    def ended(self, name: str) -> None:
        """Take note that a column that is closed has ended its answer."""
        self._leaving.discard(name)

    def show_reopened(self, error: str, last_question: str) -> None:
        """Show which columns are loaded now, and what can be asked in those that are new."""
        for id_, view in self._columns.views.items():
            if id_ in self._session.closed:
                view.unavailable(error, _("r tries again · x closes this column"))
            elif view.phase is Phase.LOADING or (not view.turns and view.phase is Phase.FAILED):
                view.phase = Phase.READY
                if last_question:
                    asks = _("r asks it the last question: {question}")
                    view.invite(asks.format(question=shortened(last_question)))
