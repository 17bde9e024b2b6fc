"""The keys, and what the screen shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from culturechat.locale import N_, _
from culturechat.tui.chart import fitted
from culturechat.tui.keys import effective
from culturechat.tui.widgets.text import FittedText

ABOUT = N_(
    "Every column is a model that answers as people of one culture might; none of them is a person. The bars below are"
    " shares of the answers that people in a country gave to the World Values Survey in the year shown, unweighted:"
    " not what “they” think, and not what the model says."
)
FIGURES = N_(
    "Beside models’ own shares, “distance” is the normalised Wasserstein distance from the people, 0 for equal, and"
    " “mass” the probability that the model answers with an option at all."
)
MOST_KEY_CELLS = 20
WIDE_TERMINAL = 110
"""From here on two groups of keys stand side by side."""


class KeyList(FittedText):
    """Keys and what they do, the meanings below each other."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = keys

    def lines(self, width: int) -> list[Content]:
        """Return a line for each key, or more where its meaning is long."""
        cells = min(MOST_KEY_CELLS, max((cell_len(key) for key, _meaning in self._keys), default=0)) + 2
        lines = []
        for key, meaning in self._keys:
            for number, part in enumerate(Content(meaning).wrap(max(10, width - cells))):
                name = fitted(key if number == 0 else "", cells)
                lines.append(Content.assemble((name, "bold $accent"), part.plain.rstrip()))
        return lines


class HelpScreen(ModalScreen[None]):
    """A page over the screen; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,question_mark,q,enter", "app.pop_screen", "Close", show=False),
    ]

    def __init__(self, groups: Mapping[str, Sequence[BindingType]], *about: str) -> None:
        super().__init__()
        self._groups = groups
        self._about = about or (ABOUT, FIGURES)

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        with VerticalScroll(id="page") as page:
            page.border_title = Content(_("Help"))
            page.border_subtitle = Content(_("Esc closes"))
            for text in self._about:
                yield Static(Content(_(text)), markup=False, classes="about")
            with Horizontal(id="groups"):
                for groups in self._halves():
                    with Vertical():
                        for title, bindings in groups:
                            yield Static(Content.styled(_(title), "bold $primary"), markup=False, classes="group")
                            yield KeyList(self._keys(bindings))

    def _halves(self) -> Iterator[list[tuple[str, Sequence[BindingType]]]]:
        """Yield the groups that stand on the left and those on the right; only the left where the page is narrow."""
        groups = list(self._groups.items())
        if self.app.size.width < WIDE_TERMINAL or len(groups) == 1:
            yield groups
        else:
            yield groups[:1]
            yield groups[1:]

    def _keys(self, bindings: Sequence[BindingType]) -> list[tuple[str, str]]:
        named = [binding for binding in bindings if isinstance(binding, Binding) and binding.description]
        return [(self._display(binding), _meaning(binding)) for binding in named]

    def _display(self, binding: Binding) -> str:
        keys = effective(binding, getattr(self.app, "chosen_keys", {})).split(",")
        return f" {_('or')} ".join(self.app.get_key_display(Binding(key, "", "")) for key in keys)


def _meaning(binding: Binding) -> str:
    return _(binding.tooltip or binding.description)
