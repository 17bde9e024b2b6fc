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
from culturechat.probing import Plan
from culturechat.probing.plan import MARKS, Count
from culturechat.survey import Bank
from culturechat.terminal import one_line
from culturechat.tui import arrangement
from culturechat.tui.measurement import Selection, everything
from culturechat.tui.widgets.ticks import TickList

ABOUT = (
    "Every model is asked survey questions; its answer is read from the probabilities of the options, without a word"
    " being written, and put beside what people answered."
)
ORDERS: dict[str, Count] = {"2": 2, "4": 4, "all": "all"}
ORDER_LABELS = ("2  forward, reverse", "4  rotated, too", "all there are")
WORDINGS, OTHER_MARKS, OWN_LANGUAGE = WAYS = ("wordings", "marks", "language")
WAY_LABELS = ("in all wordings", "under other marks", "in own languages")


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
        labels = [f"{count:3} {one_line(theme)}" for count, theme in zip(counts, themes, strict=True)]
        names = [column.id for column in columns]
        plan = before.plan
        before_ways = (plan.restatements, len(plan.styles) > 1, plan.language == "own")
        ways = {way for way, chosen in zip(WAYS, before_ways, strict=True) if chosen}
        self._themes = _titled(TickList(themes, labels, set(before.themes)), "Themes")
        self._columns = _titled(
            TickList(names, [one_line(column.title) for column in columns], set(before.columns)), "Columns"
        )
        self._orders = _titled(TickList(list(ORDERS), ORDER_LABELS, {str(plan.orders)}, one=True), "Orders of options")
        self._ways = _titled(TickList(WAYS, WAY_LABELS, ways), "And also")
        self._count = Static("", markup=False, id="count")

    def compose(self) -> ComposeResult:
        """Themes on the left, the rest on the right, and how much that is."""
        with Vertical(id="setup") as page:
            page.border_title = Content("Probe: what to measure")
            page.border_subtitle = Content("Enter starts · Space ticks · Tab next · Esc leaves")
            yield Static(Content(ABOUT), markup=False, classes="about")
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
        self._count.update(
            Content.assemble(
                f"{len(chosen.items(self._bank))} questions × {len(asked)} column{'s' if len(asked) != 1 else ''} = ",
                (f"{prompts:,} prompts", "bold $text-accent"),
            )
        )

    def action_start(self) -> None:
        """Leave with what is ticked, or say what is missing."""
        chosen, obstacle = self._chosen(), self._obstacle()
        if not chosen.themes or not chosen.columns:
            missing = "theme" if not chosen.themes else "column"
            self.notify(f"Tick at least one {missing} with Space.", markup=False, timeout=4)
        elif obstacle:
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
