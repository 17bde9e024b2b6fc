"""A list of things to tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class TickList(OptionList):
    """Names with a tick each, any number of them or exactly one; Space ticks, Enter starts what the screen is for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Tick"),
        Binding("a", "tick_all", "All or none"),
        Binding("enter", "screen.start", "Start"),
    ]

    @dataclass
    class Changed(Message):
        """Something was ticked, or a tick was taken away."""

    def __init__(self, names: Sequence[str], labels: Sequence[str], ticked: set[str], one: bool = False) -> None:
        super().__init__(markup=False, compact=True)
        self._names = list(names)
        self._labels = list(labels)
        self._one = one
        self.ticked = ticked
        self.add_options([Option(self._prompt(place)) for place in range(len(names))])

    @property
    def chosen(self) -> list[str]:
        """The names of what is ticked, in the order shown."""
        return [name for name in self._names if name in self.ticked]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer all or none only where that can be had."""
        return not (action == "tick_all" and self._one)

    def action_tick(self) -> None:
        """Tick what is highlighted, or take its tick away."""
        if self.highlighted is not None:
            self.toggle(self.highlighted)

    def action_tick_all(self) -> None:
        """Tick all, or none when all are ticked."""
        self._tick(set() if len(self.ticked) == len(self._names) else set(self._names))

    def toggle(self, place: int) -> None:
        """Tick one, or take its tick away; where one has to be ticked, it takes the tick from the other."""
        self._tick({self._names[place]} if self._one else self.ticked ^ {self._names[place]})

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        """Let the mouse tick as well."""
        event.stop()
        self.toggle(event.option_index)

    def _tick(self, ticked: set[str]) -> None:
        changed, self.ticked = self.ticked ^ ticked, ticked
        for place, name in enumerate(self._names):
            if name in changed:
                self.replace_option_prompt_at_index(place, self._prompt(place))
        self.post_message(self.Changed())

    def _prompt(self, place: int) -> Content:
        ticked = self._names[place] in self.ticked
        mark = ("(•) " if ticked else "( ) ") if self._one else ("[x] " if ticked else "[ ] ")
        return Content.assemble((mark, "bold" if ticked else ""), self._labels[place])
