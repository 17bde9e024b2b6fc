"""Blind mode: columns are shuffled and lose their names until the user has guessed whose they are, or voted.

A round begins with a question and ends when the names are shown; leaving in the middle counts for nothing. Knows
nothing of keys or engines.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from culturechat.history.chat import letter
from culturechat.locale import N_, _, decimal
from culturechat.tui.widgets.ballot import BallotPanel, Paper, titles_in_order
from culturechat.tui.widgets.column import ColumnView
from culturechat.tui.widgets.header import title

Record = Callable[[Mapping[str, int], Mapping[str, str], str | None], None]
"""Keeps a round: the place of each column that answered, what they were taken for, and the best of them."""
Views = Mapping[str, ColumnView]

BEGIN = N_("Blind: ask a question. Columns change places and have no names until you have guessed, or voted.")
WAIT = N_("Blind: the columns answer without their names.")
GUESS = N_("Blind: whose answers are these, and which is best?")
ALONE = N_("Blind: two answers are needed. Ask again, or leave with ^b.")
SAFE = {
    *("stop", "stop_here", "step", "turn", "again", "again_here", "help", "fill"),
    *("survey", "differences", "words", "blind"),
}
"""What the screen may do meanwhile; anything else might tell a name, or change who answers."""


def shuffled(columns: Iterable[str], seed: int, number: int, question: str) -> list[str]:
    """Return the columns in the order of a round; the same seed, number and question give the same one."""
    order = sorted(columns)
    random.Random(f"{seed} {number} {question}").shuffle(order)
    return order


class Blindfold:
    """Whether names are hidden, and how the user does."""

    def __init__(self, seed: int, record: Record | None) -> None:
        self.panel = BallotPanel()
        self.on = False
        self.hiding = False
        """Whether nothing may tell a name at this moment."""
        self._seed = seed
        self._record = record
        self._order: Sequence[str] = ()
        self._since: Mapping[str, int] = {}
        self._running = False
        self._rounds = 0
        self._right = 0
        self._guessed = 0

    def begin(self, views: Views) -> None:
        """Hide the names, and with them all that was said before."""
        self.on = self.hiding = True
        self._order = list(views)
        self._since = {id_: len(view.turns) for id_, view in views.items()}
        self._running = False
        self._hide(views)
        self.panel.wait(_(BEGIN))

    def end(self, views: Views) -> list[str]:
        """Show everything again; return how the columns stood before."""
        self.on = self.hiding = False
        self.panel.close()
        for view in views.values():
            view.hide_name("", False, 0)
        return [id_ for id_ in self._order if id_ in views] + [id_ for id_ in views if id_ not in self._order]

    def look(self, views: Views, question: str) -> list[str] | None:
        """Go along with what the columns do; return how they shall stand, where that changes."""
        if not self.on:
            return None
        busy = any(view.phase.busy for view in views.values())
        if busy and not self._running:
            return self._begin_round(views, question)
        if busy:
            self.panel.wait(_(WAIT))
        elif self._running and self.hiding and not self.panel.listed:
            self._open_ballot(views)
        return None

    def stood(self, views: Views) -> None:
        """Give the columns the letters of the places in which they stand now."""
        if self.on:
            self._hide(views)

    def reveal(self, views: Views, paper: Paper) -> None:
        """Show the names and keep what was thought of the answers."""
        if not self._running or paper.revealed:
            return
        self.hiding = self._running = False
        self._hide(views)
        self._right += paper.right
        self._guessed += len(paper.guesses)
        places = {id_: place for place, id_ in enumerate(views) if id_ in paper.letters}
        if self._record and (paper.guesses or paper.best):
            self._record(places, paper.guesses, paper.best)
        self.panel.open(self._score(paper), replace(paper, revealed=True))

    def _begin_round(self, views: Views, question: str) -> list[str]:
        self._running = self.hiding = True
        self._since = {id_: len(view.turns) - view.phase.busy for id_, view in views.items()}
        self._rounds += 1
        self.panel.wait(_(WAIT))
        return shuffled(views, self._seed, self._rounds, question)

    def _open_ballot(self, views: Views) -> None:
        letters = {id_: view.letter for id_, view in views.items() if view.answer}
        if len(letters) < 2:
            self.panel.wait(_(ALONE))
            return
        titles = titles_in_order({id_: title(view.column) for id_, view in views.items()}, list(letters))
        self.panel.open(_(GUESS), Paper(letters, titles))

    def _hide(self, views: Views) -> None:
        for place, (id_, view) in enumerate(views.items()):
            view.hide_name(letter(place), self.hiding, self._since.get(id_, 0))

    def _score(self, paper: Paper) -> str:
        count = len(paper.letters)
        parts = []
        if paper.guesses:
            chance = len(paper.guesses) / count
            told = _("{right} of {n} recognised (by chance {chance})")
            parts.append(told.format(right=paper.right, n=len(paper.guesses), chance=decimal(chance, 1)))
            if self._guessed > len(paper.guesses):
                parts.append(_("so far {right} of {n}").format(right=self._right, n=self._guessed))
        if paper.best:
            best = {"letter": paper.letters[paper.best], "culture": paper.titles[paper.best]}
            parts.append(_("best: {letter}, {culture}").format(**best))
        parts = parts or [_("Nothing guessed, nothing kept")]
        return " · ".join([*parts, _("the next question begins another round")])
