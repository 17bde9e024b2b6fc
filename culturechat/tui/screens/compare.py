"""The main screen: the same question to every column, side by side.

Says what happens when. Objects with one job each do it; the widgets say how it looks, the session what is answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from culturechat.catalogue import Column
from culturechat.engines import Failed, Finished, Started
from culturechat.history import Chat
from culturechat.locale import N_, _, ngettext
from culturechat.session import Session
from culturechat.settings import PromptLanguage, Settings
from culturechat.survey import Bank
from culturechat.terminal import one_line
from culturechat.tui import arrangement, quoting, worker
from culturechat.tui.aim import Aim
from culturechat.tui.asking import Asking
from culturechat.tui.blind import SAFE, Blindfold
from culturechat.tui.columns import MOST_LIVE, Columns, called
from culturechat.tui.courier import Courier
from culturechat.tui.differ import Differ
from culturechat.tui.examples import EXAMPLES
from culturechat.tui.joining import Joining, Roster
from culturechat.tui.keys import changeable
from culturechat.tui.news import (
    Answered,
    Closest,
    Differed,
    Found,
    Loaded,
    Matched,
    News,
    Recalled,
    Reopened,
    Scored,
    Unsaved,
    Written,
    merged,
    portion,
)
from culturechat.tui.pace import Rhythm, Thrift
from culturechat.tui.people import SurveyBeside
from culturechat.tui.screens.dialogs import ChoiceDialog
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.takeaway import Takeaway
from culturechat.tui.widgets.ballot import Ballot
from culturechat.tui.widgets.column import ColumnView, Transcript
from culturechat.tui.widgets.header import Phase
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.narrow import NarrowNote
from culturechat.tui.widgets.prompt import PromptInput, PromptLine
from culturechat.tui.widgets.status import StatusLine
from culturechat.tui.widgets.tabs import ColumnTabs

FLUSH_SECONDS = 0.05
"""Least time between two updates of the screen; tokens that come in between are shown together."""
FEW_LIVE = 2
"""Columns of growing Markdown that can be updated as often as plain text."""
LIVE_FLUSH_SECONDS = 0.2


class CompareScreen(Screen[None]):
    """Columns, a prompt below them, and the people's answers."""

    class Reseated(Message):
        """Columns came, went or changed places."""

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
        Binding("ctrl+t", "aim", "All/one", tooltip="Ask all columns, or only the current one"),
        Binding("f2", "edit", "Edit", tooltip="Ask something else in place of the last question", show=False),
        Binding("f3", "models", "Models", tooltip="Show what the models answer to the survey question"),
        Binding("f5", "go_on", "Go on", tooltip="Go on with all answers that were cut or stopped", show=False),
        Binding("f8", "picture", "Picture", tooltip="Keep a picture of the screen as SVG", show=False),
        Binding("ctrl+n", "add", "Add column", tooltip="Compare one more column", show=False),
        Binding("ctrl+g", "write", "Editor", tooltip="Write the question in $EDITOR", show=False),
        Binding(
            "ctrl+d",
            "differences",
            "Differences",
            tooltip="Show how the answers differ, in a table",
            priority=True,
            show=False,
        ),
        Binding("f6", "words", "Words", tooltip="Mark the words that only one column has", priority=True, show=False),
        Binding(
            "ctrl+b",
            "blind",
            "Blind",
            tooltip="Hide the names and guess whose answers these are",
            priority=True,
        ),
        Binding("ctrl+o", "app.history", "History", tooltip="Chats that were kept", priority=True, show=False),
        Binding("question_mark", "help", "Help", show=False),
    )

    @dataclass
    class SurveyShown(Message):
        """The user wants to see the people's answers, or not to."""

        shown: bool

    def __init__(
        self,
        session: Session,
        settings: Settings,
        bank: Bank,
        closest: Closest,
        question: str = "",
        clock: Callable[[], float] = time.monotonic,
        past: Chat | None = None,
        roster: Roster | None = None,
    ) -> None:
        super().__init__()
        self._past = past
        self._session = session
        self._waiting_question = question
        self.loaded = False
        self._load_error = ""
        self.obstacle_to_change: Callable[[], str] = lambda: ""
        """Says why no column can come or go at this moment, or nothing."""
        self._with_survey = settings.survey
        self._takeaway: Takeaway | None = None
        self._rhythm = Rhythm()
        self._thrift = Thrift()
        self._offered_last: object = None
        self._courier = Courier(self)
        self._held: list[News] = []
        self._columns = Columns([ColumnView(column, clock) for column in session.columns.values()], settings.layout)
        self._status = StatusLine(_title(settings, session))
        self._unsaved = Static("", markup=False, id="unsaved")
        self._narrow = NarrowNote()
        self.prompt = PromptLine(EXAMPLES)
        self.aim = Aim(self._columns, self.prompt)
        self.survey = SurveyBeside(session, self._columns, bank, closest, self._courier)
        self.asking = Asking(session, self._columns, self._courier, self.survey.search)
        self.joining = Joining(roster, session, self._columns, self._courier, clock)
        self.differ = Differ(self._courier)
        self.blind = Blindfold(settings.seed, session.recorder.judged if session.recorder else None)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Vertical(id="main"):
            yield self._status
            yield self._unsaved
            yield self._columns.tabs
            yield self._columns.grid
            yield self.differ.panel
            yield self.differ.line
            yield self.survey.heading
            yield self.blind.panel
            yield self.prompt
            yield KeyFooter()
        yield self._narrow

    async def on_mount(self) -> None:
        """Let the models load while the user reads and types."""
        self.set_class(not self._with_survey, "-no-survey")
        self.prompt.input.focus()
        if self._session.recorder:
            self._session.recorder.watch(lambda reason: self._courier.send([Unsaved(reason)]))
        self._load()
        if self.joining.roster is not None:
            self._courier.send(worker.recall(self.joining.roster.questions))
        if self._past and self._past.turns:
            await self._show_past(self._past)

    def on_unmount(self) -> None:
        """Let no answer go on that nobody reads."""
        self.survey.opinions.end()
        self._session.stop()

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Arrange anew for the room there is."""
        self._arrange(event.size)

    @on(PromptLine.Asked)
    async def asked(self, event: PromptLine.Asked) -> None:
        """Send what was typed, or say why it has to wait."""
        if not event.text.strip():
            self._tell(_("Type a question first; ↑ recalls earlier ones and examples."))
        elif self._load_error:
            self._tell(_("No model is loaded: ctrl+r loads again, ctrl+q quits."))
        elif self._columns.busy(self.aim.editing or self.aim.asked):
            self._tell(_("Still answering: Esc stops, then Enter sends."))
        elif not self.loaded:
            self._waiting_question = self.prompt.take()
            self._show_state()
        elif self.aim.editing:
            edited = self.aim.take_edit()
            await self.asking.ask_instead(self.prompt.take(), edited)
            self._show_asked()
        else:
            await self.asking.ask(self.prompt.take(), self.aim.asked)
            self._show_asked()

    @on(ColumnView.Fill)
    def fill_column(self, event: ColumnView.Fill) -> None:
        """Give one column the whole width, or all their places again."""
        self._columns.go_to(list(self.views).index(event.column))
        self.action_fill()

    @on(ColumnView.Again)
    async def answer_again_in(self, event: ColumnView.Again) -> None:
        """Answer again in one column."""
        await self.asking.ask_again([event.column])
        self._show_asked()

    @on(ColumnTabs.Chosen)
    def choose_column(self, event: ColumnTabs.Chosen) -> None:
        """Show the column whose name was clicked."""
        self._go_to(event.place)

    @on(Ballot.Cast)
    def show_names(self, event: Ballot.Cast) -> None:
        """End a round of blind mode."""
        self.blind.reveal(self.views, event.paper)
        self.prompt.input.focus()
        self._show_names()

    @on(DescendantFocus)
    def remember_column(self, event: DescendantFocus) -> None:
        """Keep which column was focused last."""
        parent = event.widget.parent
        if isinstance(event.widget, Transcript) and isinstance(parent, ColumnView):
            self._columns.go_to(self._columns.in_order.index(parent))
            self._show_aim()

    @on(Courier.Waiting)
    def news_waits(self) -> None:
        """Collect news, but not too often."""
        pause = LIVE_FLUSH_SECONDS if FEW_LIVE < len(self.views) <= MOST_LIVE else FLUSH_SECONDS
        wait = self._rhythm.plan(max(pause, self._thrift.pause))
        if wait is not None:
            self.set_timer(wait, self._flush)

    @property
    def views(self) -> dict[str, ColumnView]:
        """The columns by their ids, in the order in which they stand."""
        return self._columns.views

    @property
    def answering(self) -> int:
        """How many columns are at it."""
        return sum(view.phase.busy for view in self.views.values())

    @property
    def current(self) -> ColumnView:
        """The column that was focused or shown last."""
        return self._columns.current

    @property
    def session(self) -> Session:
        """The comparison that is shown."""
        return self._session

    @property
    def language(self) -> PromptLanguage:
        """In which the models are told their cultures."""
        languages = {column.language for column in self._session.columns.values() if column.told_apart_by}
        return "both" if len(languages) > 1 else "own" if languages else "english"

    @property
    def last_question(self) -> str:
        """What was asked last."""
        return self.asking.last_question

    @property
    def obstacle(self) -> str:
        """Why no model can be asked at this moment, or nothing."""
        if self._load_error:
            return _("No model is loaded: ctrl+r among the columns loads again.")
        return "" if self.loaded else _("The models are still loading; try again in a moment.")

    def tell(self, news: str) -> None:
        """Show what goes on elsewhere."""
        self._status.aside = news

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        if self.blind.on and action not in SAFE:
            return None
        if action == "words":
            return True if self.differ.comparable else None
        if action == "stop":
            to_stop = self.answering or self._waiting_question or self.aim.editing or self._columns.full
            return True if to_stop else None
        if action == "again":
            free = self.last_question and not self._columns.busy(self.aim.asked)
            return True if self._load_error or free else None
        if action == "aim":
            return len(self.views) > 1
        if action == "models":
            return True if self.survey.item or self.survey.opinions.wanted else None
        if action == "add":
            return self.joining.roster is not None
        if action == "fill":
            return True if len(self.views) > 1 else None
        return True

    def commands(self) -> Iterator[SystemCommand]:
        """Yield what the keys do, here and in the current column, for the palette."""
        name = called(self.current)
        for place, bindings in ((self, self.BINDINGS), (self.current, self.current.BINDINGS)):
            for binding in bindings:
                if isinstance(binding, Binding) and binding.id and self._offered(binding):
                    run = partial(self.app.run_action, binding.action, place)
                    does = _(binding.description) if place is self else f"{_(binding.description)}: {name}"
                    yield SystemCommand(does, _(binding.tooltip), run)

    def _offered(self, binding: Binding) -> bool:
        if self.blind.on and binding.action.removeprefix("screen.").partition("(")[0] not in SAFE:
            return False
        return binding.action != "app.history" or self.joining.roster is not None

    def adopt(self, settings: Settings) -> None:
        """Draw the next answers, and arrange the columns, as these settings say."""
        self._session.settings = settings
        self._with_survey, self._columns.layout = settings.survey, settings.layout
        self.set_class(not self._with_survey, "-no-survey")
        if self.is_attached:
            self._arrange(self.size)

    def action_stop(self) -> None:
        """Stop the answers; when nothing runs, take back what waits, or leave the full column."""
        if self.answering:
            self._session.stop()
        elif self._waiting_question:
            self.prompt.input.value, self._waiting_question = self._waiting_question, ""
            self._show_state()
        elif self.aim.editing:
            self.aim.take_edit()
            self.prompt.input.value = ""
            self._show_aim()
        elif self._columns.full:
            self.action_fill()

    async def action_again(self) -> None:
        """Answer the last question again in all columns, or load again what could not be loaded."""
        if self._load_error:
            self._load()
        else:
            await self.asking.ask_again(self.aim.asked)
            self._show_asked()

    def action_survey(self) -> None:
        """Show or hide the people's answers."""
        self.post_message(self.SurveyShown(not self._with_survey))

    def action_differences(self) -> None:
        """Show or hide the table of differences."""
        self.toggle_class("-differences")

    def action_words(self) -> None:
        """Mark the words that only one column has, or no longer."""
        self.differ.mark_words(self.views, not self.differ.marking)

    def action_blind(self) -> None:
        """Hide the columns' names, or show them and put the columns back in their order."""
        if self.blind.on:
            self._stand(self.blind.end(self.views))
        elif len(self.views) < 2:
            self._tell(_("Blind mode needs two columns."))
        elif not self.loaded or self.answering:
            self._tell(_("Blind mode begins when no answer is under way."))
        else:
            self.aim.at_all()
            self.blind.begin(self.views)
        self._show_names()
        self._show_aim()

    def action_fill(self) -> None:
        """Give the current column the whole width, or all their places again."""
        self._columns.full = not self._columns.full
        self._arrange(self.size)
        self.refresh_bindings()

    def action_step(self, step: int) -> None:
        """Move the focus over the columns and the prompt."""
        columns = [view.transcript for view in self._columns.in_order]
        stops = [*columns, *([self.blind.panel.ballot] if self.blind.panel.listed else []), self.prompt.input]
        here = stops.index(self.focused) if self.focused in stops else len(stops) - 1
        place = (here + step) % len(stops)
        if place < len(columns):
            self._go_to(place)
        stops[place].focus()

    def action_turn(self, step: int) -> None:
        """Go to another column and leave the focus where it is, if it is on the prompt."""
        self._go_to((self._columns.place + step) % len(self.views))

    def action_aim(self) -> None:
        """Ask all columns from now on, or only the current one."""
        self.aim.only = not self.aim.only
        self._show_aim()
        self.refresh_bindings()

    def action_edit(self) -> None:
        """Put the last question on the prompt, to be asked in other words where it was asked last."""
        ids = self.aim.asked
        question = self._session.conversations[ids[0]].question if self.aim.only else self.last_question
        self._edit(question, [id_ for id_ in ids if self._session.conversations[id_].question == question])

    def action_edit_here(self) -> None:
        """Put this column's last question on the prompt."""
        id_ = self.current.column.id
        self._edit(self._session.conversations[id_].question, [id_])

    async def action_go_on(self) -> None:
        """Go on with every answer that did not end by itself."""
        await self._go_on([id_ for id_ in self.aim.asked if self.views[id_].cut])

    async def action_go_on_here(self) -> None:
        """Go on with this column's answer, however it ended."""
        await self._go_on([self.current.column.id])

    def action_stop_here(self) -> None:
        """Stop the answer in this column."""
        if self.current.phase.busy:
            self._session.stop([self.current.column.id])

    def action_models(self) -> None:
        """Show what the models answer to the survey question, or the people's answers alone."""
        opinions = self.survey.opinions
        opinions.wanted = not opinions.wanted
        if opinions.wanted and not self._with_survey:
            self.action_survey()
        self.survey.ask_models(self.loaded)
        self.refresh_bindings()

    def action_picture(self) -> None:
        """Keep a picture of the screen."""
        self._taken().picture()

    def action_copy_answer(self) -> None:
        """Copy what this column answered last."""
        if text := quoting.last_answer(self.current):
            self._taken().copy(text, _("the answer of {name}").format(name=called(self.current)))
        else:
            self._tell(_("There is no answer to copy here yet."))

    def action_copy_turn(self) -> None:
        """Copy the last question and what every column answered to it."""
        question = self.current.turns[-1].question if self.current.turns else self.last_question
        if text := quoting.all_answers(self._columns.in_order, question):
            self._taken().copy(text, _("the question and all answers"))
        else:
            self._tell(_("There is nothing to copy yet."))

    def action_open_answer(self) -> None:
        """Open what this column answered last in the user's editor; what is changed there is not kept."""
        if text := quoting.last_answer(self.current):
            self._taken().edited(text + "\n")
        else:
            self._tell(_("There is no answer to open here yet."))

    def action_write(self) -> None:
        """Write the question in the user's editor."""
        text = self._taken().edited(self.prompt.input.value)
        if text is not None:
            self.prompt.input.value = text
        self.prompt.input.focus()

    def action_add(self) -> None:
        """Let the user choose a column to compare with the others."""
        if self.joining.roster is None or self._cannot_change():
            return
        if choices := self.joining.choices:
            self.app.push_screen(ChoiceDialog(_("Compare one more column"), choices), self._find)
        else:
            self._tell(_("All columns that there are stand here already."))

    async def action_drop(self) -> None:
        """Close this column; what was said in it stays in the history."""
        view = self.current
        if len(self.views) == 1:
            self._tell(_("The last column stays; ctrl+q quits."))
        elif not self._cannot_change():
            await self.joining.close(view)
            self._seated()
            self.current.transcript.focus()
            closed = _("{name} is closed; ctrl+n brings it back with nothing said in it.")
            self._tell(closed.format(name=called(view)))

    def action_move(self, step: int) -> None:
        """Let this column change places with its neighbour."""
        if self._columns.move(step):
            self._session.arrange(list(self.views))
            self._seated()

    def action_help(self) -> None:
        """Show the keys."""
        groups = {
            N_("Anywhere"): [*CompareScreen.BINDINGS, *self.app.BINDINGS],
            N_("On the prompt"): PromptInput.BINDINGS,
            N_("In a column"): ColumnView.BINDINGS,
            N_("In blind mode"): Ballot.BINDINGS,
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
            await self.asking.restore(chat)
        for turn in chat.turns:
            self.prompt.input.remember(turn.question)

    def _edit(self, question: str, columns: Sequence[str]) -> None:
        if question and columns:
            self.aim.edit(question, columns)
            self._show_aim()
        else:
            self._tell(_("Nothing was asked yet that could be changed."))

    async def _go_on(self, columns: Sequence[str]) -> None:
        if await self.asking.go_on(columns):
            self._show_asked()
        else:
            self._tell(_("There is no answer to go on with."))

    def _find(self, name: str | None) -> None:
        if name is not None and not self.joining.find(name):
            self._tell(_("It is still ending its last answer; try again in a moment."))

    async def _add(self, column: Column) -> None:
        if view := await self.joining.add(column):
            self.survey.show_in(view)
            self._seated()
            view.transcript.focus()

    def _seated(self) -> None:
        """Show the columns as they are now."""
        self.blind.stood(self.views)
        self._columns.renew()
        self._status.details = _title(self._session.settings, self._session)
        self.aim.renew()
        self._arrange(self.size)
        self._show_state()
        self.post_message(self.Reseated())

    def _cannot_change(self) -> bool:
        why = self.obstacle or self.obstacle_to_change()
        if why:
            self._tell(why)
        return bool(why)

    def _taken(self) -> Takeaway:
        if self._takeaway is None:
            self._takeaway = Takeaway(self.app)
        return self._takeaway

    async def _flush(self) -> None:
        self._rhythm.begin()
        self._thrift.begin()
        shown, self._held = portion([*self._held, *self._courier.collect()], self._columns.drawn_together)
        with self.app.batch_update():
            for news in merged(shown):
                await self._show(news)
        self._show_state()
        if self._held:
            self.news_waits()
        self.call_after_refresh(self._thrift.end)

    async def _show(self, news: News | Written) -> None:
        match news:
            case Loaded(error, shortage):
                await self._show_loaded(error)
                if shortage:
                    self._tell(shortage)
            case Matched():
                if self.survey.take(news):
                    self.survey.ask_models(self.loaded)
            case Differed():
                self.differ.take(news, self.views)
            case Unsaved(reason):
                self._unsaved.update(Content(reason))
                self._unsaved.display = bool(reason)
            case Answered():
                self.asking.end(news)
            case Found(None, error):
                self._tell(error)
            case Found(column) if column is not None:
                await self._add(column)
            case Reopened(error, shortage):
                self._show_reopened(error)
                if shortage:
                    self._tell(shortage)
            case Recalled(questions):
                self.prompt.input.remember_earlier(questions)
            case Started() | Written() | Finished() | Failed() | Scored():
                await self._show_in(self.views.get(news.column), news)

    async def _show_in(self, view: ColumnView | None, news: Started | Written | Finished | Failed | Scored) -> None:
        if view is None:  # it was closed meanwhile
            if isinstance(news, Finished | Failed):
                self.joining.ended(news.column)
            return
        match news:
            case Started():
                view.started(news)
            case Written(_, text, tokens):
                await view.wrote(text, tokens)
            case Finished():
                await view.finished(news, self._session.seed(news.column))
            case Failed():
                view.failed(news)
            case Scored():
                self.survey.show_model(view, news)

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
            await self.asking.ask(question, list(self.views))
            self._show_asked()

    def _show_reopened(self, error: str) -> None:
        self.joining.show_reopened(error, self.last_question)
        if error and not self._session.closed:
            self._tell(error)
        self.survey.ask_models(self.loaded)

    def _show_asked(self) -> None:
        self._show_aim()
        self._show_state()

    def _show_aim(self) -> None:
        self.aim.show(self.size.width)

    def _show_state(self) -> None:
        self._status.state = self._state()
        self._columns.show_marks()
        listed = self.blind.panel.listed
        if order := self.blind.look(self.views, self.last_question):
            self._stand(order)
        if self.blind.panel.listed and not listed:
            self.blind.panel.ballot.focus()
        self.differ.look(self.views, self.last_question)
        actions = {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)}
        phases = [view.phase for view in self.views.values()]
        offered = (phases, {action: self.check_action(action, ()) for action in actions})
        # the footer is made anew then, which costs as much as nine columns' tokens
        if offered != self._offered_last:
            self._offered_last = offered
            self.refresh_bindings()

    def _state(self) -> str:
        if self._load_error:
            return _("no model")
        if not self.loaded:
            return _("loading · your question waits") if self._waiting_question else _("loading models")
        busy = self.answering
        return _("{n} of {all} answering").format(n=busy, all=len(self.views)) if busy else ""

    def _stand(self, order: Sequence[str]) -> None:
        """Let the columns stand in another order."""
        self._columns.stand(order)
        self.blind.stood(self.views)
        self._show_names()
        self._arrange(self.size)

    def _show_names(self) -> None:
        """Call the columns by their names, or in blind mode by letters."""
        self._columns.show_names()
        self.set_class(self.blind.hiding, "-hiding")
        self._show_state()

    def _arrange(self, size: Size) -> None:
        self._narrow.fit(size)
        self.survey.heading.short = self.differ.panel.table.short = arrangement.is_low(size.height)
        self._show_aim()
        self._columns.arrange(*size)

    def _go_to(self, place: int) -> None:
        in_column = isinstance(self.focused, Transcript)
        self._columns.go_to(place)
        self._arrange(self.size)
        if in_column:
            self.current.transcript.focus()

    def _tell(self, message: str) -> None:
        self.notify(message, markup=False, timeout=4)


def _title(settings: Settings, session: Session) -> str:
    count = len(session.columns)
    servers = dict.fromkeys(column.server for column in session.columns.values() if column.server)
    base = ", ".join(servers) or PurePath(settings.base).name
    return one_line(f"{base} · {ngettext('{n} column', '{n} columns', count).format(n=count)}")
