"""Whom the prompt asks: all columns, one, or those whose last question is being changed.

Knows nothing of sessions; the prompt shows what is aimed at.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from culturechat.locale import _
from culturechat.tui.columns import Columns, called
from culturechat.tui.examples import EXAMPLES
from culturechat.tui.widgets.prompt import PromptLine

PROMPT_FRAME = 8


class Aim:
    """What the next question is aimed at."""

    def __init__(self, columns: Columns, prompt: PromptLine) -> None:
        self.only = False
        """Whether the current column alone is asked."""
        self.editing: Sequence[str] = ()
        """The columns whose last question is being changed."""
        self._columns = columns
        self._prompt = prompt

    @property
    def asked(self) -> list[str]:
        """The columns that are asked when nothing is changed."""
        return [self._columns.current.column.id] if self.only else list(self._columns.views)

    def at_all(self) -> None:
        """Ask all columns, and change nothing."""
        self.only, self.editing = False, ()

    def edit(self, question: str, columns: Sequence[str]) -> None:
        """Put a question on the prompt, to be asked in other words in these columns."""
        self.editing = columns
        self._prompt.suggest(question)

    def take_edit(self) -> list[str]:
        """Return the columns whose question was changed; the next one is a new one again."""
        edited, self.editing = self.editing, ()
        return list(edited)

    def renew(self) -> None:
        """Forget columns that are gone."""
        self.editing = [id_ for id_ in self.editing if id_ in self._columns.views]

    def show(self, width: int) -> None:
        """Say before the prompt's mark and in the columns who is asked, on a screen of this width."""
        names = {id_: called(view) for id_, view in self._columns.views.items()}
        current = self._columns.current.column.id
        if self.editing:
            edited = [names[id_] for id_ in self.editing]
            whom = _("all") if len(edited) == len(names) else ", ".join(edited)
            who = _("edit for {whom}").format(whom=whom) if len(names) > 1 else _("edit")
        else:
            who = "" if len(names) == 1 else names[current] if self.only else _("all")
        self._prompt.name_asked(who)
        whom_asked = names[current] if self.only else len(names)
        self._prompt.input.placeholder = _placeholder(whom_asked, width - cell_len(who))
        for id_, view in self._columns.views.items():
            view.set_class(self.only and len(names) > 1 and id_ == current, "-asked")


def _placeholder(whom: int | str, width: int) -> str:
    if isinstance(whom, str):
        who = _("Ask {name} only").format(name=whom)
    else:
        who = {1: _("Ask"), 2: _("Ask both")}.get(whom, _("Ask all {n}").format(n=whom))
    example = _("{ask}, for example: {question}").format(ask=who, question=EXAMPLES[0])
    if cell_len(example) + PROMPT_FRAME <= width:
        return example
    return _("{ask} … (↑ brings examples)").format(ask=who)
