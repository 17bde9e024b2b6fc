"""What a probe shall measure: themes, columns, and in how many ways each question is put."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from culturechat.catalogue import Column
from culturechat.locale import N_, _, ngettext, whole
from culturechat.probing import Plan
from culturechat.probing.plan import MARKS, Count
from culturechat.survey import Bank
from culturechat.terminal import one_line
from culturechat.tui import arrangement
from culturechat.tui.measurement import Selection, everything
from culturechat.tui.widgets import header
from culturechat.tui.widgets.ticks import TickList

ABOUT = N_(
    "Every model is asked survey questions; its answer is read from the probabilities of the options, without a word"
    " being written, and put beside what people answered."
)
ORDERS: dict[str, Count] = {"2": 2, "4": 4, "all": "all"}
ORDER_LABELS = (N_("2  forward, reverse"), N_("4  rotated, too"), N_("all there are"))
WORDINGS, OTHER_MARKS, OWN_LANGUAGE = WAYS = ("wordings", "marks", "language")
WAY_LABELS = (N_("in all wordings"), N_("under other marks"), N_("in own languages"))


class ProbeSetup(ModalScreen[Selection | None]):
    """Lists to tick; ends with what was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave", show=False),
        Binding("tab", "app.focus_next", "Next list", show=False),
        Binding("shift+tab", "app.focus_previous", "List before", show=False),
    ]

    def __init__(
        self, bank: Bank, columns: Sequence[Column], before: Selection, obstacle: Callable[[], str] = lambda: ""
    ) -> None:
        """Offer what was chosen before.

        Args:
            bank: The questions.
            columns: What can be asked.
            before: What is ticked at first.
            obstacle: Says why nothing can be measured at this moment, or nothing.
        """
        super().__init__()
        self._bank = bank
        self._open = columns
        self._obstacle = obstacle
        themes = everything(bank, columns).themes
        counts = [sum(question.theme == theme for question in bank.questions.values()) for theme in themes]
        labels = [f"{count:3} {one_line(_(theme))}" for count, theme in zip(counts, themes, strict=True)]
        names = [column.id for column in columns]
        plan = before.plan
        before_ways = (plan.restatements, len(plan.styles) > 1, plan.language == "own")
        ways = {way for way, chosen in zip(WAYS, before_ways, strict=True) if chosen}
        self._themes = _titled(TickList(themes, labels, set(before.themes)), _("Themes"))
        self._columns = _titled(
            TickList(names, [header.title(column) for column in columns], set(before.columns)), _("Columns")
        )
        self._orders = _titled(
            TickList(list(ORDERS), [_(label) for label in ORDER_LABELS], {str(plan.orders)}, one=True),
            _("Orders of options"),
        )
        self._ways = _titled(TickList(WAYS, [_(label) for label in WAY_LABELS], ways), _("And also"))
        self._count = Static("", markup=False, id="count")

    def compose(self) -> ComposeResult:
        """Themes on the left, the rest on the right, and how much that is."""
        with Vertical(id="setup") as page:
            page.border_title = Content(_("Probe: what to measure"))
            page.border_subtitle = Content(_("Enter starts · Space ticks · Tab next · Esc leaves"))
            yield Static(Content(_(ABOUT)), markup=False, classes="about")
            with Horizontal():
                yield self._themes
                with Vertical():
                    yield self._columns
                    yield self._orders
                    yield self._ways
            yield self._count

    def on_mount(self) -> None:
        """Begin on the themes."""
        for ticks in (self._themes, self._columns, self._orders, self._ways):
            ticks.highlighted = 0
        self._themes.focus()
        self.show_count()

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Spare rows where they are few."""
        self.set_class(arrangement.is_low(event.size.height), "-low")

    @on(TickList.Changed)
    def show_count(self) -> None:
        """Say how much is ticked."""
        chosen = self._chosen()
        asked = [column for column in self._open if column.id in chosen.columns]
        prompts = sum(chosen.prompts(self._bank, asked).values())
        items = len(chosen.items(self._bank))
        questions = ngettext("{n} question", "{n} questions", items).format(n=items)
        columns = ngettext("{n} column", "{n} columns", len(asked)).format(n=len(asked))
        told = ngettext("{n} prompt", "{n} prompts", prompts).format(n=whole(prompts))
        self._count.update(Content.assemble(f"{questions} × {columns} = ", (told, "bold $text-accent")))

    def action_start(self) -> None:
        """Leave with what is ticked, or say what is missing."""
        chosen, obstacle = self._chosen(), self._obstacle()
        if not chosen.themes:
            obstacle = _("Tick at least one theme with Space.")
        elif not chosen.columns:
            obstacle = _("Tick at least one column with Space.")
        if obstacle:
            self.notify(obstacle, markup=False, timeout=4)
        else:
            self.dismiss(chosen)

    def _chosen(self) -> Selection:
        (orders,) = self._orders.chosen
        ways = self._ways.chosen
        styles = MARKS if OTHER_MARKS in ways else MARKS[:1]
        plan = Plan(ORDERS[orders], styles, WORDINGS in ways, "own" if OWN_LANGUAGE in ways else "english")
        return Selection(tuple(self._themes.chosen), tuple(self._columns.chosen), plan)


def _titled(ticks: TickList, title: str) -> TickList:
    ticks.border_title = Content(title)
    return ticks
