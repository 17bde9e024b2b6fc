"""Paragraphs in any script: those that run from right to left stand on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.filter import LineFilter
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from culturechat.tui import bidi, direction
from culturechat.tui.widgets.settled import LaidOutOnce

TAB_CELLS = 8

if TYPE_CHECKING:
    _Before = Static
    _Any = Widget
else:  # the mixin is put before a kind of Static, which is no base of its own
    _Before = _Any = object


class InParagraphs(_Before):
    """Shows each paragraph of a widget's text in its own direction."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters without the one that would order the pieces of a line that is in order."""
        return direction.without_pieces(super().get_line_filters())

    def render_line(self, y: int) -> Strip:
        """Return a line in the order in which it is seen."""
        strip = super().render_line(y)
        text = self.visual.plain if isinstance(self.visual, Content) else ""
        if not bidi.has_right_to_left(text):
            return strip
        place = direction.place(strip)
        if place is None:
            return strip
        begin, number = place
        paragraphs = text.split("\n")
        paragraph = paragraphs[number].expandtabs(TAB_CELLS) if number < len(paragraphs) else ""
        visual = direction.is_visual(super().get_line_filters())
        return direction.prose(strip, paragraph, begin, visual, self.content_size.width)


class Prose(LaidOutOnce, InParagraphs, Static):
    """Text as it was written."""

    def __init__(self, content: Content | str = "", classes: str | None = None) -> None:
        super().__init__(content, markup=False, classes=classes)


class WhileTyped(_Any):
    """Shows what is being typed from where it runs."""

    def typed(self) -> str:
        """Return what is typed, or what stands there as long as nothing is."""
        raise NotImplementedError  # each input keeps its text under another name

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters without the one that would order the pieces of a line that is in order."""
        return direction.without_pieces(super().get_line_filters())

    def render_line(self, y: int) -> Strip:
        """Return a line in the order in which it is seen."""
        strip = super().render_line(y)
        text = self.typed()
        if not bidi.has_right_to_left(text) or not direction.is_visual(super().get_line_filters()):
            return strip
        return direction.whole(strip, text, self.content_size.width)


class Typed(WhileTyped, Input):
    """A line to type in."""

    def typed(self) -> str:
        """Return what is typed, or the placeholder."""
        return self.value or str(self.placeholder)


class TypedText(WhileTyped, TextArea):
    """Lines to type in."""

    def typed(self) -> str:
        """Return what is typed, or the placeholder."""
        return self.text or str(self.placeholder)
