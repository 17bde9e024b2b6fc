"""Where columns without names are guessed and voted on, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from culturechat.locale import N_, _
from culturechat.tui.chart import fitted
from culturechat.tui.keys import changeable

UNKNOWN = N_("whose?")
BEST = N_("best")


@dataclass(frozen=True)
class Paper:
    """What was thought of the answers of one round."""

    letters: Mapping[str, str]
    """The letter of each column that answered, in the order in which they stand."""
    titles: Mapping[str, str]
    """What those columns are really called, by name, so that their order tells nothing."""
    guesses: Mapping[str, str] = field(default_factory=dict)
    """What columns are taken for; each culture for one column."""
    best: str | None = None
    revealed: bool = False

    def guessed(self, column: str, step: int) -> Paper:
        """Return this with the next guess for a column, of those that no other column has; no guess is one of them."""
        others = {other: guess for other, guess in self.guesses.items() if other != column}
        choices = [None, *(title for title in self.titles if title not in others.values())]
        guess = choices[(choices.index(self.guesses.get(column)) + step) % len(choices)]
        return replace(self, guesses=others | ({column: guess} if guess else {}))

    def voted(self, column: str) -> Paper:
        """Return this with a column as the best, or with no best if it was that."""
        return replace(self, best=None if self.best == column else column)

    @property
    def right(self) -> int:
        """How many guesses were right."""
        return sum(column == guess for column, guess in self.guesses.items())


class Ballot(OptionList):
    """A line for each column; keys guess and vote."""

    BINDINGS: ClassVar[list[BindingType]] = changeable(
        "blind",
        Binding("right,space", "guess(1)", "Guess", tooltip="Take this column for the next culture"),
        Binding("left", "guess(-1)", "Guess before", show=False),
        Binding("v", "vote", "Best", tooltip="Vote for this answer as the best, or take the vote back"),
        Binding("enter", "reveal", "Reveal", tooltip="Show whose answers these are, and the score"),
    )

    @dataclass
    class Cast(Message):
        """The user wants to know the names."""

        paper: Paper

    def __init__(self) -> None:
        super().__init__(id="ballot", markup=False, compact=True)
        self.paper = Paper({}, {})

    def show(self, paper: Paper) -> None:
        """Show a round."""
        fresh = list(paper.letters) != list(self.paper.letters)
        place = self.highlighted or 0
        self.paper = paper
        self.clear_options()
        self.add_options(Option(self._row(column)) for column in paper.letters)
        self.highlighted = None if paper.revealed else 0 if fresh else min(place, len(paper.letters) - 1)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let nothing be changed once the names are known."""
        return not self.paper.revealed if action in ("guess", "vote", "reveal") else True

    def action_guess(self, step: int) -> None:
        """Take the column under the cursor for another culture."""
        if (column := self._chosen()) is not None:
            self.show(self.paper.guessed(column, step))

    def action_vote(self) -> None:
        """Vote for the column under the cursor."""
        if (column := self._chosen()) is not None:
            self.show(self.paper.voted(column))

    def action_reveal(self) -> None:
        """Ask for the names."""
        self.post_message(self.Cast(self.paper))

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        """Let a click guess on, but never show the names by accident."""
        event.stop()
        if not self.paper.revealed:
            self.action_guess(1)

    def _chosen(self) -> str | None:
        columns = list(self.paper.letters)
        return columns[self.highlighted] if self.highlighted is not None and columns else None

    def _row(self, column: str) -> Content:
        paper = self.paper
        unknown = _(UNKNOWN)
        cells = max(cell_len(title) for title in (*paper.titles.values(), unknown))
        star = (f"   ★ {_(BEST)}" if paper.best == column else "", "bold")
        letter = (f"{paper.letters[column]}  ", "bold")
        guess = paper.guesses.get(column)
        if not paper.revealed:
            taken = fitted(paper.titles.get(guess or "", unknown), cells)
            return Content.assemble(letter, "‹ ", (taken, "bold" if guess else "italic"), " ›", star)
        verdict = (f"○ {_('not guessed')}", "$foreground 60%")
        if guess:
            taken = _("taken for {culture}").format(culture=paper.titles[guess])
            right = guess == column
            verdict = (f"✓ {_('recognised')}", "$success") if right else (f"✗ {taken}", "$error")
        return Content.assemble(letter, "= ", (fitted(paper.titles[column], cells), "bold"), "   ", verdict, star)


class BallotPanel(Vertical):
    """The ballot, and above it what to do or what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.note = Static("", markup=False, classes="note")
        self.ballot = Ballot()

    def compose(self) -> ComposeResult:
        """Note and ballot."""
        yield self.note
        yield self.ballot

    def wait(self, note: str) -> None:
        """Show what comes first."""
        self._show(note, listed=False)

    def open(self, note: str, paper: Paper) -> None:
        """Show a round to guess or vote on, or what came of it."""
        self.ballot.show(paper)
        self._show(note, listed=True)

    def close(self) -> None:
        """Show nothing."""
        self.remove_class("-shown")

    @property
    def listed(self) -> bool:
        """Whether there are lines to go to."""
        return self.has_class("-shown") and self.ballot.display

    def _show(self, note: str, listed: bool) -> None:
        self.note.update(Content(note))
        self.ballot.display = listed
        self.add_class("-shown")


def titles_in_order(titles: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    """Return the titles of some columns by their names, which tells nothing of where they stand."""
    return {column: titles[column] for column in sorted(columns)}
