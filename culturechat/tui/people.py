"""The survey beside the answers: the question nearest to what was asked, how people answered it, and the models.

Knows nothing of the prompt, nor of what the answers say.
"""

from __future__ import annotations

from culturechat.locale import _
from culturechat.session import Session
from culturechat.survey import Bank
from culturechat.tui import worker
from culturechat.tui.columns import Columns
from culturechat.tui.courier import Courier
from culturechat.tui.news import Closest, Matched, Scored
from culturechat.tui.opinions import Opinions
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.survey_panel import SurveyHeading


class SurveyBeside:
    """The heading that names the survey question at hand, and what stands below each column about it."""

    def __init__(self, session: Session, columns: Columns, bank: Bank, closest: Closest, courier: Courier) -> None:
        self.heading = SurveyHeading()
        self.item = ""
        """The question's code; nothing where none is near."""
        self.opinions = Opinions(session.engine, bank, courier)
        self.closest = closest
        self._session = session
        self._columns = columns
        self._bank = bank
        self._courier = courier
        self._text = ""

    def search(self, text: str) -> None:
        """Look for the survey question nearest to a text."""
        self._text = text
        self._courier.send(worker.match(self.closest, text, self._bank))

    def take(self, news: Matched) -> bool:
        """Show what was found, if it is what was looked for last; return whether it was."""
        if news.question != self._text:
            return False
        question = self._bank.questions.get(news.match.item) if news.match else None
        if question and news.match:
            self.heading.show(question, news.match.similarity)
        else:
            failed = _("The survey could not be searched: {reason}").format(reason=news.error) if news.error else ""
            self.heading.say(failed or _("No survey question is close to this."))
        self.item = question.item if question else ""
        for view in self._columns.views.values():
            self.show_in(view)
        return True

    def show_in(self, view: ColumnView) -> None:
        """Show a column's people."""
        view.show_people(self._bank.questions.get(self.item), self._bank)

    def ask_models(self, ready: bool) -> None:
        """Ask the models too, if that is wanted and they are `ready`; else take their answers away."""
        wanted = self.opinions.wanted and bool(self.item) and ready
        for view in self._columns.views.values():
            view.show_model(None, _("asking the model …") if wanted else "")
        if wanted:
            views = self._columns.views.items()
            self.opinions.ask(self.item, [view.column for id_, view in views if id_ not in self._session.closed])
        else:
            self.opinions.end()

    def show_model(self, view: ColumnView, news: Scored) -> None:
        """Show what a column's model answered, if that is still wanted."""
        if self.opinions.wanted:
            reason = _("not known: {reason}").format(reason=news.error) if news.error else ""
            view.show_model(news.result, reason)
