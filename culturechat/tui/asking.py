"""Puts questions to columns, and follows what was begun until it has ended in every one of them.

Knows nothing of keys or of the prompt.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from culturechat.engines import Event, Failed
from culturechat.history import Chat
from culturechat.locale import _
from culturechat.session import Session
from culturechat.tui import worker
from culturechat.tui.columns import Columns
from culturechat.tui.courier import Courier
from culturechat.tui.news import Answered


class Asking:
    """Questions on their way to the models of a session, and their answers' places on the screen."""

    def __init__(self, session: Session, columns: Columns, courier: Courier, heard: Callable[[str], None]) -> None:
        """Ask nothing yet.

        Args:
            session: Answers.
            columns: Show the answers.
            courier: Brings them.
            heard: Is told of every new question.
        """
        self.last_question = ""
        """What was asked last."""
        self._session = session
        self._columns = columns
        self._courier = courier
        self._heard = heard
        self._runs = itertools.count(1)
        self._run_of: dict[str, int] = {}

    async def restore(self, chat: Chat) -> None:
        """Show a chat of the past, which has questions."""
        for id_, view in self._columns.views.items():
            await view.restore([(turn.question, turn.latest[id_]) for turn in chat.turns if id_ in turn.latest])
        self._hear(chat.turns[-1].question)

    async def ask(self, question: str, ids: Sequence[str]) -> None:
        """Ask columns a question."""
        for id_ in ids:
            await self._columns.views[id_].ask(question)
        self._hear(question)
        self._run(self._session.send(question, ids), ids)

    async def ask_instead(self, question: str, ids: Sequence[str]) -> None:
        """Ask columns something else in place of what they were asked last."""
        for id_ in ids:
            await self._columns.views[id_].ask_instead(question)
        self._hear(question)
        self._run(self._session.edit(question, ids), ids)

    async def ask_again(self, ids: Sequence[str]) -> None:
        """Ask columns the last question again, those that were asked nothing yet for the first time."""
        if not self.last_question or self._columns.busy(ids):
            return
        views = self._columns.views
        again = [id_ for id_ in ids if views[id_].turns]
        for id_ in again:
            await views[id_].ask_again()
        if again:
            self._run(self._session.regenerate(again), again)
        if new := [id_ for id_ in ids if id_ not in again]:
            for id_ in new:
                await views[id_].ask(self.last_question)
            self._run(self._session.send(self.last_question, new), new)

    async def go_on(self, ids: Sequence[str]) -> bool:
        """Let columns go on with their last answers; return whether there are any."""
        can = [id_ for id_ in ids if not self._columns.busy([id_]) and self._session.can_go_on(id_)]
        for id_ in can:
            await self._columns.views[id_].go_on(self._session.conversations[id_].messages[-1].text)
        if can:
            self._run(self._session.go_on(can), can)
        return bool(can)

    def end(self, news: Answered) -> None:
        """Let nobody wait for a run of which no more comes."""
        for id_, view in self._columns.views.items():
            if self._run_of.get(id_) == news.run and view.phase.busy:
                view.failed(Failed(id_, news.error or _("The engine ended without an answer.")))

    def _hear(self, question: str) -> None:
        self.last_question = question
        self._heard(question)

    def _run(self, events: Iterable[Event], ids: Sequence[str]) -> None:
        run = next(self._runs)
        self._run_of |= dict.fromkeys(ids, run)
        self._courier.send(worker.answer(events, run))
