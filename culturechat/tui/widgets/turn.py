"""One question in a column and what was answered to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from culturechat.differences import Only, places
from culturechat.locale import _, ngettext, whole
from culturechat.tui.widgets.prose import Prose
from culturechat.tui.widgets.settled import LaidOutOnce

if TYPE_CHECKING:
    from culturechat.tui.widgets.formatted import FormattedProse

CURSOR = "▍"
MARKED = "bold underline $primary"
MOST_CHARACTERS = 600
MOST_LINES = 8
"""A question beyond either is shown shortened; it is sent whole."""


class Turn(LaidOutOnce, Vertical):
    """Shows the answer as Markdown; where too many grow at once, as plain text until it is whole."""

    def __init__(self, question: str, live: bool = False) -> None:
        super().__init__()
        self.question = question
        self.text = ""
        """The answer so far."""
        self.live = live
        """Whether to show Markdown while the answer grows."""
        self._question = Prose(Content(shortened(question)), "question")
        self._plain = Prose("", "plain")
        self._foot = Static("", markup=False, classes="foot")
        self._markdown: FormattedProse | None = None

    def compose(self) -> ComposeResult:
        """Question, answer, and what there is to know of the answer."""
        yield self._question
        yield self._plain
        yield self._foot

    async def grow(self, text: str) -> None:
        """Add to the answer."""
        self.text += text
        if self.live and self.text.strip():
            await self._grow_markdown(text)
            return
        self._plain.update(Content.assemble(self.text.lstrip(), (CURSOR, "$accent")))

    async def go_on(self, text: str) -> None:
        """Take back the end of an answer that is going to be longer: this is what there is of it."""
        self._foot.update("")
        self.text = text
        if not self.live:
            await self._drop_markdown()
            self._plain.display = True
            await self.grow("")

    async def finish(self, foot: str, as_markdown: bool = True) -> None:
        """Show the whole answer, and below it a line about it."""
        self._foot.update(Content(foot))
        text = self.text.strip()
        if not text:
            self._plain.update(Content.styled(_("(no text)"), "italic $foreground 60%"))
            return
        if not as_markdown:
            self._plain.update(Content(text))
            return
        await self._show_markdown(text)

    def fail(self, reason: str, advice: str) -> None:
        """Keep the text so far as it is; say what went wrong and what can be done."""
        self._plain.display = bool(self.text.strip()) and self._markdown is None
        self._plain.update(Content(self.text.strip()))
        self._foot.update(Content.assemble((f"✗ {reason}", "$error"), "\n", advice))

    def mark_words(self, only: Sequence[Only]) -> None:
        """Mark these words in the answer, or let it be as it was where there are none."""
        texts = [self._plain, *(self._markdown.blocks if self._markdown else ())]
        for text in texts:
            shown = text.content
            if isinstance(shown, Content) and shown.plain.strip():
                plain = Content(shown.plain, [span for span in shown.spans if span.style != MARKED])
                for start, end in places(plain.plain, only, self.text) if only else ():
                    plain = plain.stylize(MARKED, start, end)
                if plain != shown or plain.spans != shown.spans:
                    text.update(plain, layout=False)

    async def restart(self) -> None:
        """Drop the answer; another comes."""
        self.text = ""
        await self._drop_markdown()
        self._plain.update("")
        self._foot.update("")
        self._plain.display = True

    async def _grow_markdown(self, more: str) -> None:
        if self._markdown is None:
            await self._show_markdown(self.text.lstrip())
        else:
            await self._markdown.append(more)
        self._foot.update(Content.styled(CURSOR, "$accent"))

    async def _show_markdown(self, text: str) -> None:
        if self._markdown is None:
            from culturechat.tui.widgets.formatted import FormattedProse

            self._markdown = FormattedProse(text)
            await self.mount(self._markdown, before=self._foot)
        else:
            await self._markdown.update(text)
        self._plain.display = False
        self._markdown.turn_lists()

    async def _drop_markdown(self) -> None:
        if self._markdown is not None:
            await self._markdown.remove()
            self._markdown = None


def shortened(question: str) -> str:
    """Return a question as it is shown; a pasted book would fill the screen and take seconds to lay out."""
    lines = question.splitlines() or [""]
    shown = "\n".join(lines[:MOST_LINES])[:MOST_CHARACTERS]
    rest = len(question) - len(shown)
    if rest <= 0:
        return question
    return f"{shown.rstrip()} … ({ngettext('{n} more character', '{n} more characters', rest).format(n=whole(rest))})"
