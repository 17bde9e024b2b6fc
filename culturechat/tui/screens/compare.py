"""The main screen: the same question to every column, side by side.

Says what happens when; the widgets say how it looks, the session what is answered.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import PurePath
from typing import ClassVar, Protocol

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.events import DescendantFocus, Resize
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from culturechat.catalogue import Column
from culturechat.engines import Event, Failed, Finished, Started
from culturechat.history import Chat
from culturechat.locale import N_, _, ngettext
from culturechat.session import Session
from culturechat.settings import PromptLanguage, Settings
from culturechat.survey import Bank
from culturechat.terminal import one_line
from culturechat.tui import arrangement, worker
from culturechat.tui.blind import SAFE, Blindfold
from culturechat.tui.courier import Courier
from culturechat.tui.differ import Differ
from culturechat.tui.examples import EXAMPLES
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
)
from culturechat.tui.opinions import Opinions
from culturechat.tui.pace import Thrift
from culturechat.tui.screens.dialogs import ChoiceDialog
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.takeaway import Takeaway
from culturechat.tui.widgets.ballot import Ballot
from culturechat.tui.widgets.column import ColumnView, Transcript
from culturechat.tui.widgets.header import Phase, title
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.prompt import PromptInput, PromptLine
from culturechat.tui.widgets.status import StatusLine
from culturechat.tui.widgets.survey_panel import SurveyHeading
from culturechat.tui.widgets.tabs import ColumnTabs
from culturechat.tui.widgets.turn import shortened

FLUSH_SECONDS = 0.1
"""Least time between two updates of the screen; tokens that come in between are shown together."""
MOST_LIVE = 4
"""Columns up to which answers are shown as Markdown while they grow; more would cost too much of a core."""
FEW_LIVE = 2
"""Columns of growing Markdown that can be updated as often as plain text."""
LIVE_FLUSH_SECONDS = 0.2
LOW_TERMINAL = 26
"""Rows below which everything that only frames the answers goes."""
CHROME_ROWS = 7
PROMPT_FRAME = 8


class Roster(Protocol):
    """Where further columns and earlier questions come from."""

    def others(self, session: Session) -> Mapping[str, str]:
        """Return the columns that could be added: ids, and what they are called."""

    def column(self, name: str, session: Session) -> Column:
        """Return what answers in a further column."""

    def questions(self) -> Sequence[str]:
        """Return what was asked in chats of the past, oldest first."""


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
        self.views = {id_: ColumnView(column, clock) for id_, column in session.columns.items()}
        self._session = session
        self._bank = bank
        self._closest = closest
        self._courier = Courier(self)
        self._waiting_question = question
        self._last_question = ""
        self._editing: tuple[str, ...] = ()
        self.loaded = False
        self._load_error = ""
        self._runs = itertools.count(1)
        self._run_of: dict[str, int] = {}
        self._leaving: set[str] = set()
        self._roster = roster
        self._clock = clock
        self.obstacle_to_change: Callable[[], str] = lambda: ""
        """Says why no column can come or go at this moment, or nothing."""
        self._opinions = Opinions(session.engine, bank, self._courier)
        self._item = ""
        self._only = False
        self._takeaway: Takeaway | None = None
        self._current = 0
        self._full = False
        self._with_survey = settings.survey
        self._layout = settings.layout
        self._flushed = 0.0
        self._flush_planned = False
        self._thrift = Thrift()
        self._offered_last: object = None
        self._status = StatusLine(_title(settings, session))
        self._tabs = ColumnTabs([title(view.column) for view in self.views.values()])
        self._grid = Grid(*self.views.values(), id="columns")
        self._heading = SurveyHeading()
        self.differ = Differ(self._courier)
        self.blind = Blindfold(settings.seed, session.recorder.judged if session.recorder else None)
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
            yield self.differ.panel
            yield self.differ.line
            yield self._heading
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
        self._show_live()
        self._load()
        if self._roster is not None:
            self._courier.send(worker.recall(self._roster.questions))
        if self._past and self._past.turns:
            await self._show_past(self._past)

    def on_unmount(self) -> None:
        """Let no answer go on that nobody reads."""
        self._opinions.end()
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
        elif any(self.views[id_].phase.busy for id_ in self._editing or self._aimed()):
            self._tell(_("Still answering: Esc stops, then Enter sends."))
        elif self.loaded and self._editing:
            asked, self._editing = self._editing, ()
            await self._ask_instead(self.prompt.take(), asked)
        elif self.loaded:
            await self._ask(self.prompt.take(), self._aimed())
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
            self._current = self._places().index(parent)
            self._tabs.current = self._current
            self._show_aim()

    @on(Courier.Waiting)
    def news_waits(self) -> None:
        """Collect news, but not too often."""
        if not self._flush_planned:
            self._flush_planned = True
            pause = LIVE_FLUSH_SECONDS if FEW_LIVE < len(self.views) <= MOST_LIVE else FLUSH_SECONDS
            until = self._flushed + max(pause, self._thrift.pause)
            self.set_timer(max(0.001, until - time.monotonic()), self._flush)

    @property
    def answering(self) -> int:
        """How many columns are at it."""
        return sum(view.phase.busy for view in self.views.values())

    @property
    def current(self) -> ColumnView:
        """The column that was focused or shown last."""
        return self._places()[self._current]

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
        return self._last_question

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
        if self.blind.on and action not in SAFE:
            return None
        if action == "words":
            return True if self.differ.comparable else None
        if action == "stop":
            return True if self.answering or self._waiting_question or self._editing or self._full else None
        if action == "again":
            free = self._last_question and not any(self.views[id_].phase.busy for id_ in self._aimed())
            return True if self._load_error or free else None
        if action == "aim":
            return len(self.views) > 1
        if action == "models":
            return True if self._item or self._opinions.wanted else None
        if action == "add":
            return self._roster is not None
        if action == "fill":
            return True if len(self.views) > 1 else None
        return True

    def commands(self) -> Iterator[SystemCommand]:
        """Yield what the keys do, here and in the current column, for the palette."""
        called = _called(self.current)
        for place, bindings in ((self, self.BINDINGS), (self.current, self.current.BINDINGS)):
            for binding in bindings:
                if isinstance(binding, Binding) and binding.id and self._offered(binding):
                    run = partial(self.app.run_action, binding.action, place)
                    name = _(binding.description) if place is self else f"{_(binding.description)}: {called}"
                    yield SystemCommand(name, _(binding.tooltip), run)

    def _offered(self, binding: Binding) -> bool:
        if self.blind.on and binding.action.removeprefix("screen.").partition("(")[0] not in SAFE:
            return False
        return binding.action != "app.history" or self._roster is not None

    def action_stop(self) -> None:
        """Stop the answers; when nothing runs, take back what waits, or leave the full column."""
        if self.answering:
            self._session.stop()
        elif self._waiting_question:
            self.prompt.input.value, self._waiting_question = self._waiting_question, ""
            self._show_state()
        elif self._editing:
            self._editing = ()
            self.prompt.input.value = ""
            self._show_aim()
        elif self._full:
            self.action_fill()

    async def action_again(self) -> None:
        """Answer the last question again in all columns, or load again what could not be loaded."""
        if self._load_error:
            self._load()
        else:
            await self._answer_again(self._aimed())

    def action_survey(self) -> None:
        """Show or hide the people's answers."""
        self.post_message(self.SurveyShown(not self._with_survey))

    def adopt(self, settings: Settings) -> None:
        """Draw the next answers, and arrange the columns, as these settings say."""
        self._session.settings = settings
        self._with_survey, self._layout = settings.survey, settings.layout
        self.set_class(not self._with_survey, "-no-survey")
        if self.is_attached:
            self._arrange(*self.size)

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
            self._tell("Blind mode needs two columns.")
        elif not self.loaded or self.answering:
            self._tell("Blind mode begins when no answer is under way.")
        else:
            self._only, self._editing = False, ()
            self.blind.begin(self.views)
        self._show_names()
        self._show_aim()

    def action_fill(self) -> None:
        """Give the current column the whole width, or all their places again."""
        self._full = not self._full
        self._arrange(*self.size)
        self.refresh_bindings()

    def action_step(self, step: int) -> None:
        """Move the focus over the columns and the prompt."""
        columns = [view.transcript for view in self._places()]
        stops = [*columns, *([self.blind.panel.ballot] if self.blind.panel.listed else []), self.prompt.input]
        here = stops.index(self.focused) if self.focused in stops else len(stops) - 1
        place = (here + step) % len(stops)
        if place < len(columns):
            self._go_to(place)
        stops[place].focus()

    def action_turn(self, step: int) -> None:
        """Go to another column and leave the focus where it is, if it is on the prompt."""
        self._go_to((self._current + step) % len(self.views))
        if isinstance(self.focused, Transcript):
            self._places()[self._current].transcript.focus()

    def action_aim(self) -> None:
        """Ask all columns from now on, or only the current one."""
        self._only = not self._only
        self._show_aim()
        self.refresh_bindings()

    def action_edit(self) -> None:
        """Put the last question on the prompt, to be asked in other words where it was asked last."""
        ids = self._aimed()
        question = self._session.conversations[ids[0]].question if self._only else self._last_question
        self._edit(question, [id_ for id_ in ids if self._session.conversations[id_].question == question])

    def action_edit_here(self) -> None:
        """Put this column's last question on the prompt."""
        id_ = self.current.column.id
        self._edit(self._session.conversations[id_].question, [id_])

    async def action_go_on(self) -> None:
        """Go on with every answer that did not end by itself."""
        await self._go_on([id_ for id_ in self._aimed() if self.views[id_].cut])

    async def action_go_on_here(self) -> None:
        """Go on with this column's answer, however it ended."""
        await self._go_on([self.current.column.id])

    def action_stop_here(self) -> None:
        """Stop the answer in this column."""
        if self.current.phase.busy:
            self._session.stop([self.current.column.id])

    def action_models(self) -> None:
        """Show what the models answer to the survey question, or the people's answers alone."""
        self._opinions.wanted = not self._opinions.wanted
        if self._opinions.wanted and not self._with_survey:
            self.action_survey()
        self._show_opinions()
        self.refresh_bindings()

    def action_picture(self) -> None:
        """Keep a picture of the screen."""
        self._taken().picture()

    def action_copy_answer(self) -> None:
        """Copy what this column answered last."""
        if self.current.turns and (text := self.current.turns[-1].text.strip()):
            what = _("the answer of {name}").format(name=_called(self.current))
            self._taken().copy(text, what)
        else:
            self._tell(_("There is no answer to copy here yet."))

    def action_copy_turn(self) -> None:
        """Copy the last question and what every column answered to it."""
        question = self.current.turns[-1].question if self.current.turns else self._last_question
        asked = [view for view in self._places() if view.turns and view.turns[-1].question == question]
        said = [f"{_called(view)}:\n{view.turns[-1].text.strip() or _('(no text)')}" for view in asked]
        if said:
            self._taken().copy("\n\n".join([question, *said]) + "\n", _("the question and all answers"))
        else:
            self._tell(_("There is nothing to copy yet."))

    def action_open_answer(self) -> None:
        """Open what this column answered last in the user's editor; what is changed there is not kept."""
        if self.current.turns and (text := self.current.turns[-1].text.strip()):
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
        if self._roster is None or self._cannot_change():
            return
        choices = self._roster.others(self._session)
        if choices:
            self.app.push_screen(ChoiceDialog(_("Compare one more column"), choices), self._find)
        else:
            self._tell(_("All columns that there are stand here already."))

    async def action_drop(self) -> None:
        """Close this column; what was said in it stays in the history."""
        view = self.current
        if len(self.views) == 1:
            self._tell(_("The last column stays; ctrl+q quits."))
        elif not self._cannot_change():
            id_ = view.column.id
            if view.phase.busy:
                self._leaving.add(id_)
            self._session.drop(id_)
            del self.views[id_]
            self._current = min(self._current, len(self.views) - 1)
            await view.remove()
            self._seated()
            self.current.transcript.focus()
            self._courier.send(worker.reopen(self._session))
            closed = _("{name} is closed; ctrl+n brings it back with nothing said in it.")
            self._tell(closed.format(name=_called(view)))

    def action_move(self, step: int) -> None:
        """Let this column change places with its neighbour."""
        places = self._places()
        goal = self._current + step
        if not 0 <= goal < len(places):
            return
        view, other = places[self._current], places[goal]
        if step > 0:
            self._grid.move_child(view, after=other)
        else:
            self._grid.move_child(view, before=other)
        places[self._current], places[goal] = other, view
        self.views = {one.column.id: one for one in places}
        self._current = goal
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
            for id_, view in self.views.items():
                await view.restore([(turn.question, turn.latest[id_]) for turn in chat.turns if id_ in turn.latest])
        for turn in chat.turns:
            self.prompt.input.remember(turn.question)
        self._last_question = chat.turns[-1].question
        self._courier.send(worker.match(self._closest, self._last_question, self._bank))

    async def _ask(self, question: str, columns: Sequence[str]) -> None:
        for column in columns:
            await self.views[column].ask(question)
        self._match(question)
        self._run(self._session.send(question, columns), columns)

    async def _ask_instead(self, question: str, columns: Sequence[str]) -> None:
        columns = [column for column in columns if column in self.views]
        for column in columns:
            await self.views[column].ask_instead(question)
        self._match(question)
        self._run(self._session.edit(question, columns), columns)

    async def _answer_again(self, columns: Sequence[str]) -> None:
        if not self._last_question or any(self.views[column].phase.busy for column in columns):
            return
        again = [column for column in columns if self.views[column].turns]
        for column in again:
            await self.views[column].ask_again()
        if again:
            self._run(self._session.regenerate(again), again)
        if new := [column for column in columns if column not in again]:
            for column in new:
                await self.views[column].ask(self._last_question)
            self._run(self._session.send(self._last_question, new), new)

    async def _go_on(self, columns: Sequence[str]) -> None:
        can = [id_ for id_ in columns if not self.views[id_].phase.busy and self._session.can_go_on(id_)]
        for column in can:
            await self.views[column].go_on(self._session.conversations[column].messages[-1].text)
        if can:
            self._run(self._session.go_on(can), can)
        else:
            self._tell(_("There is no answer to go on with."))

    def _edit(self, question: str, columns: Sequence[str]) -> None:
        if not question or not columns:
            self._tell(_("Nothing was asked yet that could be changed."))
            return
        self._editing = tuple(columns)
        self.prompt.suggest(question)
        self._show_aim()

    def _run(self, events: Iterable[Event], columns: Sequence[str]) -> None:
        run = next(self._runs)
        self._run_of |= dict.fromkeys(columns, run)
        self._courier.send(worker.answer(events, run))
        self._show_aim()
        self._show_state()

    def _match(self, question: str) -> None:
        self._last_question = question
        self._courier.send(worker.match(self._closest, question, self._bank))

    def _find(self, name: str | None) -> None:
        roster = self._roster
        if name is not None and roster is not None and name not in self.views:
            if name in self._leaving:
                self._tell(_("It is still ending its last answer; try again in a moment."))
                return
            self._courier.send(worker.find(lambda: roster.column(name, self._session)))

    async def _add(self, column: Column) -> None:
        if column.id in self.views:
            return
        view = ColumnView(column, self._clock)
        self._session.add(column)
        self.views[column.id] = view
        await self._grid.mount(view)
        view.show_people(self._bank.questions.get(self._item), self._bank)
        self._current = len(self.views) - 1
        self._seated()
        view.transcript.focus()
        self._courier.send(worker.reopen(self._session))

    def _show_reopened(self, error: str) -> None:
        for id_, view in self.views.items():
            if id_ in self._session.closed:
                view.unavailable(error, _("r tries again · x closes this column"))
            elif view.phase is Phase.LOADING or (not view.turns and view.phase is Phase.FAILED):
                view.phase = Phase.READY
                if self._last_question:
                    asks = _("r asks it the last question: {question}")
                    view.invite(asks.format(question=shortened(self._last_question)))
        if error and not self._session.closed:
            self._tell(error)
        self._show_opinions()

    def _seated(self) -> None:
        """Show the columns as they are now."""
        self.blind.stood(self.views)
        self._tabs.names = list(map(_called, self.views.values()))
        self._tabs.current = self._current
        self._status.details = _title(self._session.settings, self._session)
        self._editing = tuple(id_ for id_ in self._editing if id_ in self.views)
        self._show_live()
        self._arrange(*self.size)
        self._show_aim()
        self._show_state()
        self.post_message(self.Reseated())

    def _show_live(self) -> None:
        for view in self.views.values():
            view.live = len(self.views) <= MOST_LIVE

    def _cannot_change(self) -> bool:
        why = self.obstacle or self.obstacle_to_change()
        if why:
            self._tell(why)
        return bool(why)

    def _aimed(self) -> list[str]:
        """Return the columns that are asked."""
        return [self.current.column.id] if self._only else list(self.views)

    def _show_aim(self) -> None:
        names = {id_: _called(view) for id_, view in self.views.items()}
        only = names[self.current.column.id]
        if self._editing:
            whom = _("all") if len(self._editing) == len(names) else ", ".join(names[id_] for id_ in self._editing)
            who = _("edit for {whom}").format(whom=whom) if len(names) > 1 else _("edit")
        else:
            who = "" if len(names) == 1 else only if self._only else _("all")
        self.prompt.name_asked(who)
        self.prompt.input.placeholder = _placeholder(
            only if self._only else len(names), self.size.width - cell_len(who)
        )
        for id_, view in self.views.items():
            view.set_class(self._only and len(names) > 1 and id_ == self.current.column.id, "-asked")

    def _show_opinions(self) -> None:
        wanted = self._opinions.wanted and bool(self._item) and self.loaded
        columns = [view.column for id_, view in self.views.items() if id_ not in self._session.closed]
        for view in self.views.values():
            view.show_model(None, _("asking the model …") if wanted else "")
        if wanted:
            self._opinions.ask(self._item, columns)
        else:
            self._opinions.end()

    def _taken(self) -> Takeaway:
        if self._takeaway is None:
            self._takeaway = Takeaway(self.app)
        return self._takeaway

    async def _flush(self) -> None:
        self._flushed = time.monotonic()
        self._flush_planned = False
        self._thrift.begin()
        with self.app.batch_update():
            for news in merged(self._courier.collect()):
                await self._show(news)
        self._show_state()
        self.call_after_refresh(self._thrift.end)

    async def _show(self, news: News | Written) -> None:
        match news:
            case Loaded(error, shortage):
                await self._show_loaded(error)
                if shortage:
                    self._tell(shortage)
            case Matched():
                self._show_match(news)
            case Differed():
                self.differ.take(news, self.views)
            case Unsaved(reason):
                self._unsaved.update(Content(reason))
                self._unsaved.display = bool(reason)
            case Answered(run, error):
                self._end(run, error)
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
                self._leaving.discard(news.column)
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
            case Scored(_, result, error) if self._opinions.wanted:
                view.show_model(result, _("not known: {reason}").format(reason=error) if error else "")

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
            await self._ask(question, list(self.views))

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
        self._item = question.item if question else ""
        self._show_opinions()

    def _end(self, run: int, error: str) -> None:
        for id_, view in self.views.items():
            if self._run_of.get(id_) == run and view.phase.busy:
                view.failed(Failed(id_, error or _("The engine ended without an answer.")))

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
        listed = self.blind.panel.listed
        if order := self.blind.look(self.views, self._last_question):
            self._stand(order)
        if self.blind.panel.listed and not listed:
            self.blind.panel.ballot.focus()
        self.differ.look(self.views, self._last_question)
        actions = {binding.action for binding in self.BINDINGS if isinstance(binding, Binding)}
        offered = (phases, {action: self.check_action(action, ()) for action in actions})
        # the footer is made anew then, which costs as much as nine columns' tokens
        if offered != self._offered_last:
            self._offered_last = offered
            self.refresh_bindings()

    def _stand(self, order: Sequence[str]) -> None:
        """Let the columns stand in another order."""
        self.views = {id_: self.views[id_] for id_ in order}
        for before, after in pairwise(self._places()):
            self._grid.move_child(after, after=before)
        self.blind.stood(self.views)
        self._show_names()
        self._arrange(*self.size)

    def _show_names(self) -> None:
        """Call the columns by their names, or in blind mode by letters."""
        self._tabs.names = list(map(_called, self.views.values()))
        self.set_class(self.blind.hiding, "-hiding")
        self._show_state()

    def _arrange(self, width: int, height: int) -> None:
        complaint = arrangement.too_narrow(width, height)
        self._narrow.update(complaint)
        self.set_class(bool(complaint), "-narrow")
        self.set_class(height < LOW_TERMINAL, "-low")
        self._heading.short = self.differ.panel.table.short = height < LOW_TERMINAL
        for view in self.views.values():
            view.shorten(height < LOW_TERMINAL)
        self._show_aim()
        beside = 0 if self._full else arrangement.across(len(self.views), width, height - CHROME_ROWS, self._layout)
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
        self._show_aim()
        self._arrange(*self.size)
        if in_column:
            self._places()[place].transcript.focus()

    def _places(self) -> list[ColumnView]:
        return list(self.views.values())

    def _tell(self, message: str) -> None:
        self.notify(message, markup=False, timeout=4)


def _called(view: ColumnView) -> str:
    """Return a column's name, or its letter while the name is hidden."""
    return view.alias or title(view.column)


def _title(settings: Settings, session: Session) -> str:
    count = len(session.columns)
    servers = dict.fromkeys(column.server for column in session.columns.values() if column.server)
    base = ", ".join(servers) or PurePath(settings.base).name
    return one_line(f"{base} · {ngettext('{n} column', '{n} columns', count).format(n=count)}")


def _placeholder(whom: int | str, width: int) -> str:
    if isinstance(whom, str):
        who = _("Ask {name} only").format(name=whom)
    else:
        who = {1: _("Ask"), 2: _("Ask both")}.get(whom, _("Ask all {n}").format(n=whom))
    example = _("{ask}, for example: {question}").format(ask=who, question=EXAMPLES[0])
    if cell_len(example) + PROMPT_FRAME <= width:
        return example
    return _("{ask} … (↑ brings examples)").format(ask=who)
