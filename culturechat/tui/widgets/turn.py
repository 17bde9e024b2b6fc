"""One question in a column and what was answered to it."""

from __future__ import annotations

from markdown_it import MarkdownIt
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownBlock

from culturechat.locale import _
from culturechat.tui.widgets.text import runs_from_right

CURSOR = "▍"


class Turn(Vertical):
    """Shows the answer as plain text while it grows and as Markdown when it is whole."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self.text = ""
        """The answer so far."""
        self._question = Static(Content(question), markup=False, classes="question")
        self._question.set_class(runs_from_right(question), "-from-right")
        self._plain = Static("", markup=False, classes="plain")
        self._foot = Static("", markup=False, classes="foot")
        self._markdown: Markdown | None = None

    def compose(self) -> ComposeResult:
        """Question, answer, and what there is to know of the answer."""
        yield self._question
        yield self._plain
        yield self._foot

    def grow(self, text: str) -> None:
        """Add to the answer."""
        self.text += text
        self._plain.set_class(runs_from_right(self.text), "-from-right")
        self._plain.update(Content.assemble(self.text.lstrip(), (CURSOR, "$accent")))

    async def finish(self, foot: str, as_markdown: bool = True) -> None:
        """Show the whole answer, and below it a line about it."""
        self._foot.update(Content(foot))
        text = self.text.strip()
        if not text:
            self._plain.update(Content.styled(_("(no text)"), "italic $foreground 60%"))
            return
        if not as_markdown:
            self._plain.update(Content(text))
            self._plain.set_class(runs_from_right(text), "-from-right")
            return
        self._markdown = Markdown(text, parser_factory=_parser, open_links=False)
        await self.mount(self._markdown, before=self._foot)
        self._plain.display = False
        for block in self._markdown.query(MarkdownBlock):
            block.set_class(runs_from_right(block.source or ""), "-from-right")

    def fail(self, reason: str, advice: str) -> None:
        """Keep the text so far as it is; say what went wrong and what can be done."""
        self._plain.display = bool(self.text.strip())
        self._plain.update(Content(self.text.strip()))
        self._foot.update(Content.assemble((f"✗ {reason}", "$error"), "\n", advice))

    async def restart(self) -> None:
        """Drop the answer; another comes."""
        self.text = ""
        if self._markdown is not None:
            await self._markdown.remove()
            self._markdown = None
        self._plain.update("")
        self._foot.update("")
        self._plain.display = True


def _parser() -> MarkdownIt:
    # HTML would be dropped from the answer; so it is shown as it was written
    return MarkdownIt("gfm-like", {"html": False})
