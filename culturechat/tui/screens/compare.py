"""The main screen: the same question to every column, side by side.

Says what happens when; the widgets say how it looks, the session what is answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.screen import Screen
from textual.widgets import Static

from culturechat.engines import Event, Failed, Finished, Started
from culturechat.history import Chat
from culturechat.locale import N_, _, ngettext
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey import Bank
from culturechat.terminal import one_line
from culturechat.tui import arrangement, worker
from culturechat.tui.examples import EXAMPLES
from culturechat.tui.keys import changeable
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.widgets.column import ColumnView, Transcript
from culturechat.tui.widgets.header import Phase, title
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.prompt import PromptInput, PromptLine
from culturechat.tui.widgets.status import StatusLine
from culturechat.tui.widgets.survey_panel import SurveyHeading
from culturechat.tui.widgets.tabs import ColumnTabs
from culturechat.tui.worker import Answered, Closest, Courier, Loaded, Matched, News, Unsaved, Written

FLUSH_SECONDS = 0.1
"""Least time between two updates of the screen; tokens that come in between are shown together."""
LOW_TERMINAL = 26
"""Rows below which everything that only frames the answers goes."""
CHROME_ROWS = 7
PROMPT_FRAME = 8


class CompareScreen(Screen[None]):
    """Columns, a prompt below them, and the people's answers."""

    BINDINGS: ClassVar[list[BindingType]] = changeable(
        "chat",
        Binding("escape", "stop", "Stop", tooltip="Stop all answers where they are; the text so far stays"),
        Binding("tab", "step(1)", "Next", tooltip="To the next column, at last back to the prompt"),
        Binding("shift+tab", "step(-1)", "Column before", show=False),
        Binding("ctrl+r", "again", "Again", tooltip="Answer the last question again with the next seed", priority=True),
        Binding("ctrl+s", "survey", "Survey", tooltip="Show or hide what people told the survey", priority=True),
        Binding(
            "ctrl+pagedown", "turn(1)", "Next column", tooltip="Next column, without leaving the prompt", show=False
        ),
        Binding("ctrl+pageup", "turn(-1)", "Column before", show=False),
        Binding("f1", "help", "Help", priority=True),
        Binding("ctrl+f", "fill", "Full", tooltip="One column in the whole width, or all again", priority=True),
        Binding("ctrl+o", "app.history", "History", tooltip="Chats that were kept", priority=True, show=False),
        Binding("question_mark", "help", "Help", show=False),
    )

    def __init__(
        self,
        session: Session,
        settings: Settings,
        bank: Bank,
        closest: Closest,
        question: str = "",
        clock: Callable[[], float] = time.monotonic,
        past: Chat | None = None,
    ) -> None:
        super().__init__()
        self._past = past
        self.views = {id_: ColumnView(column, clock) for id_, column in session.columns.items()}
        self._session = session
        self._bank = bank
        self._closest = closest
        self._courier = Courier(self)
        self._waiting_question = question
        self._last_question = ""
        self.loaded = False
        self._load_error = ""
        self.answering = 0
        self._current = 0
        self._full = False
        self._with_survey = True
        self._flushed = 0.0
        self._flush_planned = False
        self._status = StatusLine(_title(settings, session))
        self._tabs = ColumnTabs([title(view.column) for view in self.views.values()])
        self._grid = Grid(*self.views.values(), id="columns")
        self._heading = SurveyHeading()
        self.prompt = PromptLine(EXAMPLES)
        self._unsaved = Static("", markup=False, id="unsaved")
        self._narrow = Static("", markup=False, id="narrow")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Vertical(id="main"):
            yield self._status
            yield self._unsaved
            yield self._tabs
            yield self._grid
            yield self._heading
            yield self.prompt
            yield KeyFooter()
        yield self._narrow

    async def on_mount(self) -> None:
        """Let the models load while the user reads and types."""
        self.prompt.input.focus()
        if self._session.recorder:
            self._session.recorder.watch(lambda reason: self._courier.send([Unsaved(reason)]))
        self._load()
        if self._past and self._past.turns:
            await self._show_past(self._past)

    def on_unmount(self) -> None:
        """Let no answer go on that nobody reads."""
        self._session.stop()

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Arrange anew for the room there is."""
        self._arrange(event.size.width, event.size.height)

    @on(PromptLine.Asked)
    async def asked(self, event: PromptLine.Asked) -> None:
        """Send what was typed, or say why it has to wait."""
        if not event.text.strip():
            self._tell(_("Type a question first; ↑ recalls earlier ones and examples."))
        elif self._load_error:
            self._tell(_("No model is loaded: ctrl+r loads again, ctrl+q quits."))
        elif self.answering:
            self._tell(_("Still answering: Esc stops, then Enter sends."))
        elif self.loaded:
            await self._ask(self.prompt.take())
        else:
            self._waiting_question = self.prompt.take()
            self._show_state()

    @on(ColumnView.Fill)
    def fill_column(self, event: ColumnView.Fill) -> None:
        """Give one column the whole width, or all their places again."""
        self._current = list(self.views).index(event.column)
        self.action_fill()

    @on(ColumnView.Again)
    async def answer_again_in(self, event: ColumnView.Again) -> None:
        """Answer again in one column."""
        await self._answer_again([event.column])

    @on(ColumnTabs.Chosen)
    def choose_column(self, event: ColumnTabs.Chosen) -> None:
        """Show the column whose name was clicked."""
        self._go_to(event.place)

    @on(DescendantFocus)
    def remember_column(self, event: DescendantFocus) -> None:
        """Keep which column was focused last."""
        parent = event.widget.parent
        if isinstance(event.widget, Transcript) and isinstance(parent, ColumnView):
            self._current = self._places().index(parent)
            self._tabs.current = self._current

    @on(Courier.Waiting)
    def news_waits(self) -> None:
        """Collect news, but not too often."""
        if not self._flush_planned:
            self._flush_planned = True
            self.set_timer(max(0.001, self._flushed + FLUSH_SECONDS - time.monotonic()), self._flush)

    @property
    def session(self) -> Session:
        """The comparison that is shown."""
        return self._session

    @property
    def obstacle(self) -> str:
        """Why no model can be asked at this moment, or nothing."""
        if self._load_error:
            return "No model is loaded: ctrl+r among the columns loads again."
        return "" if self.loaded else "The models are still loading; try again in a moment."

    def tell(self, news: str) -> None:
        """Show what goes on elsewhere."""
        self._status.aside = news

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        if action == "stop":
            return True if self.answering or self._waiting_question or self._full else None
        if action == "again":
            return True if self._load_error or (self._last_question and not self.answering) else None
        if action == "fill":
            return True if len(self.views) > 1 else None
        return True

    def action_stop(self) -> None:
        """Stop the answers; when nothing runs, take back what waits, or leave the full column."""
        if self.answering:
            self._session.stop()
        elif self._waiting_question:
            self.prompt.input.value, self._waiting_question = self._waiting_question, ""
            self._show_state()
        elif self._full:
            self.action_fill()

    async def action_again(self) -> None:
        """Answer the last question again in all columns, or load again what could not be loaded."""
        if self._load_error:
            self._load()
        else:
            await self._answer_again(list(self.views))

    def action_survey(self) -> None:
        """Show or hide the people's answers."""
        self._with_survey = not self._with_survey
        self.set_class(not self._with_survey, "-no-survey")

    def action_fill(self) -> None:
        """Give the current column the whole width, or all their places again."""
        self._full = not self._full
        self._arrange(*self.size)
        self.refresh_bindings()

    def action_step(self, step: int) -> None:
        """Move the focus over the columns and the prompt."""
        stops = [*self._places(), None]
        focused = self.focused
        here = self._current if isinstance(focused, Transcript) else len(stops) - 1
        place = (here + step) % len(stops)
        if stops[place] is None:
            self.prompt.input.focus()
        else:
            self._go_to(place)
            self._places()[place].transcript.focus()

    def action_turn(self, step: int) -> None:
        """Go to another column and leave the focus where it is, if it is on the prompt."""
        self._go_to((self._current + step) % len(self.views))
        if isinstance(self.focused, Transcript):
            self._places()[self._current].transcript.focus()

    def action_help(self) -> None:
        """Show the keys."""
        groups = {
            N_("Anywhere"): [*CompareScreen.BINDINGS, *self.app.BINDINGS],
            N_("On the prompt"): PromptInput.BINDINGS,
            N_("In a column"): ColumnView.BINDINGS,
        }
        self.app.push_screen(HelpScreen(groups))

    def _load(self) -> None:
        self._load_error = ""
        for view in self.views.values():
            view.wait_for_model()
        self._show_state()
        self._courier.send(worker.load(self._session))

    async def _show_past(self, chat: Chat) -> None:
        with self.app.batch_update():
            for id_, view in self.views.items():
                await view.restore([(turn.question, turn.latest[id_]) for turn in chat.turns if id_ in turn.latest])
        for turn in chat.turns:
            self.prompt.input.remember(turn.question)
        self._last_question = chat.turns[-1].question
        self._courier.send(worker.match(self._closest, self._last_question, self._bank))

    async def _ask(self, question: str) -> None:
        self._last_question = question
        for view in self.views.values():
            await view.ask(question)
        self._courier.send(worker.match(self._closest, question, self._bank))
        self._run(self._session.send(question))

    async def _answer_again(self, columns: list[str]) -> None:
        if not self._last_question or self.answering:
            return
        for column in columns:
            await self.views[column].ask_again()
        self._run(self._session.regenerate(columns))

    def _run(self, events: Iterable[Event]) -> None:
        self.answering = sum(view.phase.busy for view in self.views.values())
        self._courier.send(worker.answer(events))
        self._show_state()

    async def _flush(self) -> None:
        self._flushed = time.monotonic()
        self._flush_planned = False
        with self.app.batch_update():
            for news in worker.merged(self._courier.collect()):
                await self._show(news)
        self._show_state()

    async def _show(self, news: News | Written) -> None:
        match news:
            case Loaded(error, shortage):
                await self._show_loaded(error)
                if shortage:
                    self._tell(shortage)
            case Matched():
                self._show_match(news)
            case Unsaved(reason):
                self._unsaved.update(Content(reason))
                self._unsaved.display = bool(reason)
            case Answered(error):
                self._end(error)
            case Started():
                self.views[news.column].started(news)
            case Written(column, text, tokens):
                self.views[column].wrote(text, tokens)
            case Finished():
                await self.views[news.column].finished(news, self._session.seed(news.column))
            case Failed():
                self.views[news.column].failed(news)

    async def _show_loaded(self, error: str) -> None:
        self.loaded, self._load_error = not error, error
        for view in self.views.values():
            if error:
                view.unavailable(error)
            else:
                view.phase = Phase.READY
        question, self._waiting_question = self._waiting_question, ""
        if question and error:
            self.prompt.input.value = self.prompt.input.value or question
        elif question:
            self.prompt.input.remember(question)
            await self._ask(question)

    def _show_match(self, news: Matched) -> None:
        if news.question != self._last_question:
            return
        question = self._bank.questions.get(news.match.item) if news.match else None
        if question and news.match:
            self._heading.show(question, news.match.similarity)
        else:
            failed = _("The survey could not be searched: {reason}").format(reason=news.error) if news.error else ""
            self._heading.say(failed or _("No survey question is close to this."))
        for view in self.views.values():
            view.show_people(question, self._bank)

    def _end(self, error: str) -> None:
        for id_, view in self.views.items():
            if view.phase.busy:
                view.failed(Failed(id_, error or _("The engine ended without an answer.")))
        self.answering = 0

    def _show_state(self) -> None:
        phases = [view.phase for view in self.views.values()]
        busy = sum(phase.busy for phase in phases)
        if self._load_error:
            self._status.state = _("no model")
        elif not self.loaded:
            self._status.state = _("loading · your question waits") if self._waiting_question else _("loading models")
        else:
            self._status.state = _("{n} of {all} answering").format(n=busy, all=len(phases)) if busy else ""
        self._tabs.marks = tuple(phase.mark for phase in phases)
        self.refresh_bindings()

    def _arrange(self, width: int, height: int) -> None:
        complaint = arrangement.too_narrow(width, height)
        self._narrow.update(complaint)
        self.set_class(bool(complaint), "-narrow")
        self.set_class(height < LOW_TERMINAL, "-low")
        self._heading.short = height < LOW_TERMINAL
        for view in self.views.values():
            view.shorten(height < LOW_TERMINAL)
        self.prompt.input.placeholder = _placeholder(len(self.views), width)
        beside = 0 if self._full else arrangement.across(len(self.views), width, height - CHROME_ROWS)
        self._tabs.display = beside == 0 and len(self.views) > 1
        self._place(beside)

    def _place(self, beside: int) -> None:
        cells, spans = arrangement.spans(len(self.views), beside or 1)
        self._grid.styles.grid_size_columns = cells
        for place, (view, span) in enumerate(zip(self._places(), spans, strict=True)):
            view.display = beside > 0 or place == self._current
            view.styles.column_span = span

    def _go_to(self, place: int) -> None:
        in_column = isinstance(self.focused, Transcript)
        self._current = self._tabs.current = place
        self._arrange(*self.size)
        if in_column:
            self._places()[place].transcript.focus()

    def _places(self) -> list[ColumnView]:
        return list(self.views.values())

    def _tell(self, message: str) -> None:
        self.notify(message, markup=False, timeout=4)


def _title(settings: Settings, session: Session) -> str:
    count = len(session.columns)
    servers = dict.fromkeys(column.server for column in session.columns.values() if column.server)
    base = ", ".join(servers) or PurePath(settings.base).name
    return one_line(f"{base} · {ngettext('{n} column', '{n} columns', count).format(n=count)}")


def _placeholder(count: int, width: int) -> str:
    who = {1: _("Ask"), 2: _("Ask both")}.get(count, _("Ask all {n}").format(n=count))
    example = _("{ask}, for example: {question}").format(ask=who, question=EXAMPLES[0])
    if cell_len(example) + PROMPT_FRAME <= width:
        return example
    return _("{ask} … (↑ brings examples)").format(ask=who)
