"""The probe: survey questions as rows, and beside each what models and people answer, while it is measured.

Says what happens when; the widgets say how it looks, `culturechat.probing` what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize, ScreenResume
from textual.screen import Screen
from textual.widgets import OptionList

from culturechat.catalogue import Column
from culturechat.locale import N_, _, ngettext
from culturechat.survey import Bank
from culturechat.tui import worker
from culturechat.tui.courier import Courier
from culturechat.tui.measurement import Measurement, Selection, everything
from culturechat.tui.news import Measured, News, Probed, Summed
from culturechat.tui.pace import Rhythm, duration
from culturechat.tui.screens.compare import CompareScreen
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.screens.probe_item import ItemScreen, freely
from culturechat.tui.screens.probe_setup import ProbeSetup
from culturechat.tui.widgets import header
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.narrow import NarrowNote
from culturechat.tui.widgets.probe_items import ItemList, ItemsHeading, Sorting, View, view
from culturechat.tui.widgets.probe_means import ProbeMeans, Row
from culturechat.tui.widgets.probe_progress import Course, ProgressLine
from culturechat.tui.widgets.status import StatusLine

FLUSH_SECONDS = 0.2
"""Least time between two updates of the screen."""
TALL_TERMINAL = 32
"""Rows from which a question has two lines and its bars are twice as high."""
MEANS_PART = 4
"""The means of all columns stand above the questions where they take no more than this part of the rows."""
FRAME_CELLS = 5
"""Cells around the list: its padding and its scrollbar."""
ABOUT = N_(
    "On the left of each column stand the model’s probabilities of the options, on the right the shares of people’s"
    " answers to the World Values Survey, first option first. WD and JSD are distances between the two, 0 for equal."
    " Read them beside what knows nothing of the model: “uniform”, every option equally likely; “others”, the mean of"
    " the people of all other cultures; “noise”, two halves of the same people. “mass” is the probability that the"
    " model answers with an option at all."
)


class ProbeScreen(Screen[None]):
    """Means above, questions below; it goes on measuring while other screens show."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", tooltip="Back to the columns; the measurement goes on"),
        Binding("m", "choose", "Measure", tooltip="Choose themes, columns and orders, and measure them"),
        Binding("space", "stop", "Stop", tooltip="Stop the measurement; what is known stays"),
        Binding("space", "go_on", "Go on", tooltip="Go on with a measurement that was stopped"),
        Binding("s", "sort", "Sort", tooltip="By theme, farthest or nearest first"),
        Binding("left", "turn(-1)", "Column before", show=False, priority=True),
        Binding(
            "right", "turn(1)", "Next column", tooltip="Next column, where not all have room", show=False, priority=True
        ),
        Binding("c", "chat", "Chat", tooltip="Ask the question under the cursor in the chat"),
        Binding("f1", "help", "Help", priority=True),
        Binding("question_mark", "help", "Help", show=False),
    ]

    def __init__(
        self, compare: CompareScreen, bank: Bank, chat: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        """Show nothing yet.

        Args:
            compare: Whose columns are asked, on the engine where they are open; it hears how far that is.
            bank: The questions and people's answers.
            chat: Takes a question to where it can be asked freely.
            clock: Seconds, for the pace.
        """
        super().__init__()
        self.measurement: Measurement | None = None
        """What is, or was last, measured."""
        self._engine = compare.session.engine
        self._open = compare.session.columns
        self._bank = bank
        self._compare, self._chat, self._clock = compare, chat, clock
        self._courier = Courier(self)
        self._first = 0
        self._sorting = Sorting.THEME
        self._rhythm = Rhythm()
        self._status = StatusLine(_("probe"))
        self._progress = ProgressLine()
        self._means = ProbeMeans()
        self._heading = ItemsHeading()
        self._list = ItemList(bank)
        self._narrow = NarrowNote()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Vertical(id="main"):
            yield self._status
            yield self._progress
            yield self._means
            yield self._heading
            yield self._list
            yield KeyFooter()
        yield self._narrow

    def on_mount(self) -> None:
        """Begin with an empty list."""
        self._list.focus()
        self._show_state()

    def on_unmount(self) -> None:
        """Let nothing be measured that nobody sees."""
        if self.measurement is not None:
            self.measurement.stop.set()

    @on(ScreenResume)
    def entered(self) -> None:
        """Begin with the choice of what is measured."""
        if self.measurement is None and self.is_current:
            self.action_choose()

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Arrange anew for the room there is."""
        self._narrow.fit(event.size)
        self._arrange()

    @on(Courier.Waiting)
    def news_waits(self) -> None:
        """Collect news, but not too often."""
        wait = self._rhythm.plan(FLUSH_SECONDS)
        if wait is not None:
            self.set_timer(wait, self._flush)

    @on(OptionList.OptionSelected)
    def open_item(self, event: OptionList.OptionSelected) -> None:
        """Show all of one question."""
        assert self.measurement is not None
        order = self._list.order
        item = ItemScreen(
            self._bank,
            self.measurement,
            order,
            place=order.index(str(event.option_id)),
            column=self._first,
            chat=self._chat,
            show_help=self.action_help,
        )
        self.app.push_screen(item, self._back_from)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out or hide what cannot be done now."""
        running = self.measurement is not None and self.measurement.running
        if action == "stop":
            return running
        if action == "go_on":
            return self.measurement is not None and not running and not self.measurement.complete
        if action == "choose":
            return None if running else True
        if action in ("sort", "chat"):
            return None if self.measurement is None else True
        if action == "turn":
            return self.measurement is not None and self._view(self.measurement).columns != self.measurement.columns
        return True

    def commands(self) -> Iterator[SystemCommand]:
        """Give what the keys do, for the palette."""
        if self.measurement is not None and self.measurement.running:
            yield SystemCommand(_("Stop"), _("Stop the measurement; what is known stays"), self.action_stop)
        else:
            told = _("Choose themes, columns and orders, and measure them")
            yield SystemCommand(_("Measure"), told, self.action_choose)
        yield SystemCommand(_("Sort"), _("By theme, or by distance from the people"), self.action_sort)
        yield SystemCommand(_("Chat"), _("Ask the question under the cursor in the chat"), self.action_chat)
        yield SystemCommand(_("Help"), _("The keys, and what is shown"), self.action_help)

    def action_choose(self) -> None:
        """Choose what is measured, and begin."""
        columns = list(self._open.values())
        before = self.measurement.selection if self.measurement else everything(self._bank, columns)
        self.app.push_screen(ProbeSetup(self._bank, columns, before, lambda: self._compare.obstacle), self._begin)

    def action_stop(self) -> None:
        """Stop when the question under way is known."""
        if self.measurement is not None:
            self.measurement.stop.set()
            self._show_state()

    def action_go_on(self) -> None:
        """Measure what is not known yet."""
        if obstacle := self._compare.obstacle:
            self.notify(obstacle, markup=False, timeout=4)
        elif self.measurement is not None:
            self._run(self.measurement)

    def action_sort(self) -> None:
        """Put the questions into the next order."""
        orders = list(Sorting)
        self._sorting = orders[(orders.index(self._sorting) + 1) % len(orders)]
        self._list.sort(self._sorting)
        self._arrange()

    def action_turn(self, step: int) -> None:
        """Show the columns one further."""
        if self.measurement is not None:
            beside = len(self._view(self.measurement).columns)
            self._first = max(0, min(self._first + step, len(self.measurement.columns) - beside))
            self._arrange()

    def action_chat(self) -> None:
        """Ask the question under the cursor freely."""
        if self._list.current:
            self._chat(freely(self._bank.question(self._list.current)))

    def action_help(self) -> None:
        """Show the keys."""
        groups = {
            N_("In the probe"): [*ProbeScreen.BINDINGS, *ItemList.BINDINGS],
            N_("On one question"): ItemScreen.BINDINGS,
            N_("Anywhere"): self.app.BINDINGS,
        }
        self.app.push_screen(HelpScreen(groups, ABOUT))

    def _begin(self, chosen: Selection | None) -> None:
        if chosen is not None:
            columns = [self._open[name] for name in chosen.columns]
            self.measurement = Measurement(chosen, columns, self._bank, self._clock)
            self._first = 0
            self._list.show(self.measurement.items, self.measurement.tally)
            self._run(self.measurement)
            self._arrange()
        elif self.measurement is None:
            self.app.pop_screen()

    def _back_from(self, item: str | None) -> None:
        if item is not None:
            self._list.go_to(item)

    def _run(self, measurement: Measurement) -> None:
        measurement.begin()
        plan = measurement.selection.plan
        columns, items, stop = measurement.columns, measurement.items, measurement.stop
        self._courier.send(worker.probe(self._engine, columns, self._bank, items, plan, stop))
        self._show_state()

    def _flush(self) -> None:
        self._rhythm.begin()
        news = self._courier.collect()
        if self.measurement is not None:
            with self.app.batch_update():
                self._take(news, self.measurement)
                self._show_state()

    def _take(self, news: Sequence[News], measurement: Measurement) -> None:
        new = measurement.add((one.result, one.controls) for one in news if isinstance(one, Measured))
        self._list.renew(new)
        for one in news:
            match one:
                case Probed(error):
                    measurement.end(error)
                    if measurement.complete:
                        self._courier.send(worker.sum_up(measurement.tally, self._bank))
                case Summed(tally, summaries) if tally is measurement.tally:
                    measurement.sum_up(summaries)
        for screen in self.app.screen_stack:
            if isinstance(screen, ItemScreen):
                screen.renew()

    def _view(self, measurement: Measurement) -> View:
        rows = 2 if self.size.height >= TALL_TERMINAL else 1
        return view(measurement.columns, self._first, self.size.width - FRAME_CELLS, rows)

    def _arrange(self) -> None:
        if self.measurement is not None:
            shown = self._view(self.measurement)
            self._list.look(shown)
            note = _("{questions}, {order}").format(
                questions=_questions(self.measurement), order=_(self._sorting.value)
            )
            self._heading.show(shown, note, len(self.measurement.columns))
        self._show_state()

    def _show_state(self) -> None:
        measurement = self.measurement
        if measurement is None:
            self._progress.course = Course(note=_("m chooses what is measured"))
        else:
            self._status.details = _details(measurement)
            self._status.state = _state(measurement)
            self._progress.course = _course(measurement)
            self._means.show([_row(measurement, column) for column in self._summarised(measurement)])
            share = len(measurement.tally) / measurement.total
            self._compare.tell(_("probe {share}").format(share=f"{share:.0%}") if measurement.running else "")
        self.refresh_bindings()

    def _summarised(self, measurement: Measurement) -> Sequence[Column]:
        """Return the columns whose means are shown: all, or those in view where rows are few."""
        if (len(measurement.columns) + 1) * MEANS_PART <= self.size.height:
            return measurement.columns
        return self._view(measurement).columns


def _details(measurement: Measurement) -> str:
    plan = measurement.selection.plan
    orders = _("all orders")
    if plan.orders != "all":
        orders = ngettext("{n} order", "{n} orders", plan.orders).format(n=plan.orders)
    more = (
        _("all wordings") if plan.restatements else "",
        _("three kinds of marks") if len(plan.styles) > 1 else "",
        _("own languages") if plan.language == "own" else "",
    )
    return " · ".join(part for part in (_("probe"), _questions(measurement), orders, *more) if part)


def _questions(measurement: Measurement) -> str:
    count = len(measurement.items)
    return ngettext("{n} question", "{n} questions", count).format(n=count)


def _state(measurement: Measurement) -> str:
    if measurement.running:
        return f"… {_('stopping')}" if measurement.stopping else f"● {_('measuring')}"
    if measurement.error:
        return f"✗ {_('failed')}"
    return f"✓ {_('done')}" if measurement.complete else f"■ {_('stopped')}"


def _course(measurement: Measurement) -> Course:
    done, total = len(measurement.tally), measurement.total
    if measurement.error:
        return Course(done, total, note=f"✗ {measurement.error} {_('Space goes on.')}", failed=True)
    if measurement.stopping:
        return Course(done, total, note=_("stopping after this question"))
    if measurement.running:
        rate = measurement.items_per_second
        note = "" if rate else _("reading the first questions")
        return Course(done, total, rate, measurement.seconds_left, note)
    return Course(done, total, note=duration(measurement.seconds) if measurement.complete else _("Space goes on"))


def _row(measurement: Measurement, column: Column) -> Row:
    return Row(
        name=header.title(column),
        mark=measurement.mark(column),
        total=len(measurement.items),
        compared=column.culture is not None,
        means=measurement.tally.means(column.id, measurement.items),
        interval=measurement.intervals.get(column.id),
    )
