"""Answers in Markdown. Textual's parser takes a tenth of a second to load, so this comes with the first answer."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it import MarkdownIt
from textual.widget import Widget
from textual.widgets import Markdown
from textual.widgets._markdown import MarkdownBullet
from textual.widgets.markdown import MarkdownBlock

from culturechat.tui import bidi
from culturechat.tui.widgets.prose import InParagraphs

_WRITTEN = ("paragraph_open", "h1", "h2", "h3", "h4", "h5", "h6")


class FormattedProse(Markdown):
    """Markdown whose paragraphs, headings and lists stand where they run from."""

    BLOCKS = {  # noqa: RUF012 (so the base class has it)
        name: type(block.__name__, (InParagraphs, block), {}) if name in _WRITTEN else block
        for name, block in Markdown.BLOCKS.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text, parser_factory=_parser, open_links=False)

    @property
    def blocks(self) -> Iterator[MarkdownBlock]:
        """All that it consists of, from top to bottom."""
        return iter(self.query(MarkdownBlock))

    def turn_lists(self) -> None:
        """Put the marks of items that run from right to left on their right."""
        for bullet in self.query(MarkdownBullet):
            item = bullet.parent
            first = next(iter(item.query(MarkdownBlock)), None) if isinstance(item, Widget) else None
            if (
                isinstance(item, Widget)
                and first
                and item.children[-1] is not bullet
                and bidi.runs_from_right(first.source or "")
            ):
                bullet.symbol = bullet.symbol[::-1]
                item.move_child(bullet, after=-1)


def _parser() -> MarkdownIt:
    # HTML would be dropped from the answer; so it is shown as it was written
    return MarkdownIt("gfm-like", {"html": False})
