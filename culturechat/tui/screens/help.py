"""The keys, and what the screen shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from culturechat.locale import N_, _
from culturechat.tui.chart import fitted

ABOUT = N_(
    "Every column is a model that answers as people of one culture might; none of them is a person. The bars below are"
    " shares of the answers that people in a country gave to the World Values Survey in the year shown, unweighted:"
    " not what “they” think, and not what the model says."
)
KEY_CELLS = 18


class HelpScreen(ModalScreen[None]):
    """A page over the screen; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,question_mark,q,enter", "app.pop_screen", "Close", show=False),
    ]

    def __init__(self, groups: Mapping[str, Sequence[BindingType]], about: str = ABOUT) -> None:
        super().__init__()
        self._groups = groups
        self._about = about

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        with VerticalScroll(id="page") as page:
            page.border_title = Content(_("Help"))
            page.border_subtitle = Content(_("Esc closes"))
            yield Static(Content(_(self._about)), markup=False, classes="about")
            for title, bindings in self._groups.items():
                yield Static(Content.styled(_(title), "bold $primary"), markup=False, classes="group")
                yield Static(Content("\n").join(self._keys(bindings)), markup=False)

    def _keys(self, bindings: Sequence[BindingType]) -> list[Content]:
        named = [binding for binding in bindings if isinstance(binding, Binding) and binding.description]
        return [
            Content.assemble((fitted(self._display(binding), KEY_CELLS), "bold $accent"), _meaning(binding))
            for binding in named
        ]

    def _display(self, binding: Binding) -> str:
        keys = binding.key.split(",")
        return f" {_('or')} ".join(self.app.get_key_display(Binding(key, "", "")) for key in keys)


def _meaning(binding: Binding) -> str:
    return _(binding.tooltip or binding.description)
