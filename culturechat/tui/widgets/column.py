"""One column: whose it is, what was said in it, and what people there told the survey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from culturechat.catalogue import Column
from culturechat.differences import Only
from culturechat.engines import Failed, Finished, Started
from culturechat.history import Answer
from culturechat.locale import N_, _, ngettext
from culturechat.survey import Bank, Question
from culturechat.terminal import one_line
from culturechat.tui.keys import changeable
from culturechat.tui.widgets.header import ColumnHeader, Phase
from culturechat.tui.widgets.prose import Prose
from culturechat.tui.widgets.settled import LaidOutOnce
from culturechat.tui.widgets.survey_panel import SurveyPanel
from culturechat.tui.widgets.turn import Turn

if TYPE_CHECKING:
    from culturechat.probing import ItemResult

MOST_RESTORED = 12
"""Turns of an opened chat that are shown in a column; each costs the screen a few widgets."""
MOST_FORMATTED = 2
"""Restored answers that are shown as Markdown, which takes long for many."""
_RETRY = N_("Tab here, then r tries again · ctrl+r asks all again")


class Turns(LaidOutOnce, Vertical):
    """All that was said in a column."""


class Transcript(LaidOutOnce, VerticalScroll):
    """The turns of a column; follows the newest line until the user scrolls up."""

    def __init__(self, *turns: Widget) -> None:
        # an anchored container pushes content that is shorter than itself down; content that fills it stays on top
        self._turns = Turns(*turns)
        super().__init__(self._turns)

    def on_mount(self) -> None:
        """Begin at the end."""
        self.anchor()

    async def add(self, *turns: Turn) -> None:
        """Put turns at the end."""
        await self._turns.mount(*turns)


class ColumnView(Vertical):
    """One column on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = changeable(
        "column",
        Binding("f,enter", "fill_here", "Full", tooltip="Give this column the whole width, or put it back", show=False),
        Binding("r", "again_here", "Redo", tooltip="Answer again in this column only; also after a failure"),
        Binding("s", "screen.stop_here", "Stop here", tooltip="Stop the answer in this column only", show=False),
        Binding("c", "screen.go_on_here", "Go on", tooltip="Go on with an answer that was cut or stopped"),
        Binding("e", "screen.edit_here", "Edit", tooltip="Ask something else in place of this column's last question"),
        Binding("y", "screen.copy_answer", "Copy", tooltip="Copy this answer; again: write it to a file as well"),
        Binding("Y", "screen.copy_turn", "Copy all", tooltip="Copy the question and all columns' answers", show=False),
        Binding("o", "screen.open_answer", "Open", tooltip="Open this answer in $EDITOR", show=False),
        Binding("x", "screen.drop", "Drop", tooltip="Close this column; the others keep theirs", show=False),
        Binding("less_than_sign", "screen.move(-1)", "To the left", tooltip="Move this column", show=False),
        Binding("greater_than_sign", "screen.move(1)", "To the right", show=False),
    )

    @dataclass
    class Fill(Message):
        """The user wants this column alone, or all of them again."""

        column: str

    @dataclass
    class Again(Message):
        """The user wants another answer in this column."""

        column: str

    def __init__(self, column: Column, clock: Callable[[], float]) -> None:
        super().__init__()
        self.column = column
        self.live = False
        """Whether to show Markdown while answers grow."""
        self.cut = False
        """Whether the last answer could be gone on with because it did not end by itself."""
        self.turns: list[Turn] = []
        self.letter = ""
        """What it is called in blind mode."""
        self._clock = clock
        self._header = ColumnHeader(column)
        self._welcome = Prose(_greeting(column), "welcome")
        self._transcript = Transcript(self._welcome)
        self._survey = SurveyPanel(column)
        self._tokens = 0
        self._first_token_at = 0.0

    def compose(self) -> ComposeResult:
        """Header, turns, survey."""
        yield self._header
        yield self._transcript
        yield self._survey

    @property
    def phase(self) -> Phase:
        """What the column is doing."""
        return self._header.phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._header.phase = phase

    @property
    def alias(self) -> str:
        """What it is called while its name is hidden; nothing where it is not."""
        return self.letter if self.has_class("-blind") else ""

    @property
    def answer(self) -> str:
        """What was answered last; nothing where that is hidden."""
        return self.turns[-1].text.strip() if self.turns and self.turns[-1].display else ""

    @property
    def rate(self) -> float:
        """Tokens per second of the answer under way."""
        return self._header.rate

    def shorten(self, short: bool) -> None:
        """Leave out what only frames the answers, where rows are few."""
        self._header.short = short
        self._survey.short = short

    @property
    def transcript(self) -> Transcript:
        """Where the turns are; it takes the focus for the column."""
        return self._transcript

    async def ask(self, question: str) -> None:
        """Add a turn and wait for its answer."""
        self._welcome.display = False
        self.turns.append(Turn(question, self.live))
        await self._transcript.add(self.turns[-1])
        self._wait()

    async def restore(self, said: Sequence[tuple[str, Answer]]) -> None:
        """Show questions of the past and the answers to them, the newest ones only where they are many."""
        shown = said[-MOST_RESTORED:]
        self._welcome.display = len(shown) < len(said) or not said
        if len(shown) < len(said):
            self._welcome.update(Content(_earlier(len(said) - len(shown))))
        self.turns = [Turn(question) for question, _answer in shown]
        await self._transcript.add(*self.turns)
        for turn, (_question, answer) in zip(self.turns, shown, strict=True):
            turn.text = answer.text
            if answer.finish == "failed":
                turn.fail(one_line(answer.error), _(_RETRY))
            else:
                await turn.finish(_recorded_figures(answer), as_markdown=turn in self.turns[-MOST_FORMATTED:])
        self.cut = bool(shown) and shown[-1][1].finish != "stop" and bool(shown[-1][1].text.strip())
        self.follow()

    async def ask_again(self) -> None:
        """Drop the last answer and wait for another."""
        if self.turns:
            self.turns[-1].live = self.live
            await self.turns[-1].restart()
            self._wait()

    async def ask_instead(self, question: str) -> None:
        """Put another question in the place of the last, and wait for its answer."""
        if self.turns:
            await self.turns.pop().remove()
        await self.ask(question)

    async def go_on(self, text: str) -> None:
        """Wait for more of the last answer, of which this is there."""
        self.turns[-1].live = self.live
        await self.turns[-1].go_on(text)
        self._wait()

    def started(self, event: Started) -> None:
        """Show that the prompt is read."""
        self._header.phase = Phase.READING

    async def wrote(self, text: str, tokens: int) -> None:
        """Show more of the answer."""
        if not self._tokens:
            self._first_token_at = self._clock()
        self._tokens += tokens
        seconds = self._clock() - self._first_token_at
        # only what shows, so that the header is not drawn anew for nothing
        self._header.rate = float(round((self._tokens - 1) / seconds)) if seconds > 0 else 0.0
        self._header.phase = Phase.WRITING
        await self.turns[-1].grow(text)

    async def finished(self, event: Finished, seed: int) -> None:
        """Show the whole answer and its figures."""
        self._header.phase = Phase.STOPPED if event.reason == "cancelled" else Phase.DONE
        self.cut = event.reason != "stop"
        await self.turns[-1].finish(_figures(event, seed))

    def failed(self, event: Failed) -> None:
        """Show why there is no answer, or no more of it."""
        self._header.phase = Phase.FAILED
        self.cut = bool(self.turns and self.turns[-1].text.strip())
        if self.turns:
            self.turns[-1].fail(one_line(event.error), _(_RETRY))

    def unavailable(self, reason: str, advice: str = "") -> None:
        """Show why this column cannot answer at all."""
        self._header.phase = Phase.FAILED
        advice = advice or _("ctrl+r loads again · ctrl+q quits")
        self._welcome.update(Content.assemble((f"✗ {reason}", "$error"), "\n\n", (advice, "$foreground 60%")))
        self._welcome.display = True

    def wait_for_model(self) -> None:
        """Show that the model is being loaded."""
        self._header.phase = Phase.LOADING
        self._welcome.update(_greeting(self.column))

    def show_people(self, question: Question | None, bank: Bank) -> None:
        """Show how people answered a survey question, or nothing."""
        self._survey.show(question, bank)

    def show_model(self, result: ItemResult | None, note: str = "") -> None:
        """Show what the column's model answers to the survey question at hand, or why that is not known."""
        self._survey.show_model(result, note)

    def invite(self, advice: str) -> None:
        """Say in a column that has nothing yet what can be done."""
        self._welcome.update(Content.assemble(_greeting(self.column), "\n\n", (advice, "$foreground 60%")))

    def mark_words(self, only: Sequence[Only]) -> None:
        """Mark these words in the last answer."""
        if self.turns:
            self.turns[-1].mark_words(only)

    def hide_name(self, letter: str, hidden: bool, since: int) -> None:
        """Give the column a letter; with `hidden` nothing in it tells whose it is. Without a letter it is as always.

        Args:
            letter: What it is called, or nothing.
            hidden: Whether its name is hidden.
            since: The turns before this one are hidden with the name, as they were seen with it.
        """
        self.letter = letter
        self._header.letter, self._header.hidden = letter, hidden
        self.set_class(hidden, "-blind")
        for place, turn in enumerate(self.turns):
            turn.display = not hidden or place >= since

    def follow(self) -> None:
        """Go to the newest line and stay there."""
        self._transcript.anchor()

    def action_fill_here(self) -> None:
        """Ask for the whole width."""
        self.post_message(self.Fill(self.column.id))

    def action_again_here(self) -> None:
        """Ask for another answer here."""
        self.post_message(self.Again(self.column.id))

    @on(Click)
    def take_focus(self) -> None:
        """Make a click anywhere in the column choose it."""
        self._transcript.focus()

    def _wait(self) -> None:
        self._tokens = 0
        self.cut = False
        self._header.rate = 0.0
        self._header.phase = Phase.WAITING
        self.follow()


def _greeting(column: Column) -> Content:
    if column.culture is None:
        return Content(_("The same model with no culture asked of it."))
    return Content(one_line(column.culture.greeting))


def _recorded_figures(answer: Answer) -> str:
    if answer.finish in ("stop", "length", "cancelled"):
        figures = (answer.tokens or 0, 0.0, answer.tokens_per_second or 0.0)
        return _figures(Finished(answer.voice.culture, answer.finish, *figures), answer.seed)
    return f"{_('unfinished: the app ended while this was written')} · {_seed(answer.seed)}"


def _figures(event: Finished, seed: int) -> str:
    count = event.tokens
    tokens = ngettext("{n} token", "{n} tokens", count)
    if event.reason == "length":
        tokens = ngettext("cut at {n} token", "cut at {n} tokens", count)
    end = _("stopped") if event.reason == "cancelled" else ""
    rate = f"{event.tokens_per_second:.0f} {_('tok/s')}" if event.tokens_per_second else ""
    return " · ".join(part for part in (end, tokens.format(n=count), rate, _seed(seed)) if part)


def _seed(seed: int) -> str:
    return _("seed {seed}").format(seed=seed)


def _earlier(count: int) -> str:
    told = ngettext("{n} earlier question is in the history.", "{n} earlier questions are in the history.", count)
    return told.format(n=count)
