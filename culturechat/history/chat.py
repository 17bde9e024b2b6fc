"""What the history keeps, as values: chats, their turns, and the answers with all that made them.

Knows nothing of files, engines or screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from culturechat.conversation import Conversation, Message

Finish = Literal["unfinished", "stop", "length", "cancelled", "failed"]
"""How an answer ended; `unfinished` is one that is being written, or whose end nobody was there to record."""

Time = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
STOPPED_EARLY = ("unfinished", "cancelled", "failed")


def letter(place: int) -> str:
    """Return what a column without a name is called: A for the first, Z for the 26th, A2 for the next."""
    turn, rest = divmod(place, 26)
    return chr(ord("A") + rest) + (str(turn + 1) if turn else "")


class Voice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers in a column."""

    culture: str
    """A culture's id, or `base`."""
    form: str
    """How the model comes: merged, adapter, prompt, base, or server."""
    model: str
    base: str
    """Id of the base, or its file, or the address of a server."""
    base_sha256: str = ""
    """Of the file that is run: the base, or the merged model. Empty where it was not known yet."""
    adapter: str = ""
    """The adapter's file, where there is one."""
    adapter_sha256: str = ""


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody thought of an answer before it was told whose it was."""

    at: Time
    """When it was told."""
    place: Count
    """The column in which it stood; 0 for the first."""
    columns: Count
    """How many were compared."""
    guess: str = ""
    """The culture that it was taken for; empty where nothing was guessed."""
    best: bool = False
    """Whether it was voted the best of its round."""

    @property
    def letter(self) -> str:
        """What the column was called."""
        return letter(self.place)


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one column answered to a question, once."""

    voice: Voice
    attempt: Count
    """0 for the first answer to the question; answering again adds 1."""
    seed: Count
    sampling: dict[str, int | float]
    """How tokens were drawn, by the engine's names."""
    context: Count
    """Tokens that the column remembers."""
    apart: bool
    """Whether the column was decoded by itself on purpose."""
    engine: str
    """What ran the model, with its version."""
    messages: tuple[Message, ...]
    """What the model was given."""
    begun: Time
    ended: Time | None
    text: str
    finish: Finish
    error: str = ""
    """Why it failed."""
    tokens: Count | None = None
    tokens_per_second: float | None = None
    cached_tokens: Count = 0
    """Of the messages' tokens, those that were still in the engine's memory."""
    shared_batch: bool = False
    """Whether other columns' tokens were decoded with these."""
    judgement: Judgement | None = None
    """What was thought of it in blind mode, if it was judged there."""
    replaced: bool = False
    """Whether its question was put in other words afterwards, so that it is no part of the conversation."""

    @property
    def begun_with(self) -> str:
        """What there was of the text when this was begun; nothing, unless an answer that was cut is gone on with."""
        last = self.messages[-1:]
        return last[0].text if last and last[0].role == "assistant" else ""


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question and all answers to it, in the order in which they were begun."""

    question: str
    asked: Time
    answers: tuple[Answer, ...]

    @property
    def latest(self) -> dict[str, Answer]:
        """The last answer of each column, by culture; what was replaced is left out."""
        return {answer.voice.culture: answer for answer in self.answers if not answer.replaced}

    def runs(self) -> Iterator[tuple[Answer, ...]]:
        """Yield the answers in groups that were asked for at the same moment."""
        for _, together in groupby(self.answers, lambda answer: (answer.begun, answer.attempt)):
            yield tuple(together)


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One comparison from its first question on."""

    id: Count
    """Its number in this history; in a file it says nothing."""
    title: str
    created: Time
    changed: Time
    """When something was last asked or answered."""
    columns: tuple[Voice, ...]
    """Who answers now, in the order of the columns."""
    turns: tuple[Turn, ...]

    def conversation(self, culture: str) -> Conversation:
        """Return what was said in a column, as it is gone on with."""
        conversation = Conversation()
        for turn in self.turns:
            if answer := turn.latest.get(culture):
                conversation = conversation.answered().with_user(turn.question)
                if text := answer.text.strip():
                    conversation = conversation.with_answer(text)
        return conversation

    def attempt(self, culture: str) -> int:
        """Return how often the column's last question was answered again."""
        attempts = [turn.latest[culture].attempt for turn in self.turns if culture in turn.latest]
        return attempts[-1] if attempts else 0


class Entry(msgspec.Struct, frozen=True):
    """A chat as a list shows it."""

    id: int
    title: str
    created: datetime
    changed: datetime
    columns: tuple[str, ...]
    turns: int
    unfinished: int
    """Answers that were not finished."""
    found: tuple[str, str, str] | None = None
    """Text before what was searched for, the place itself, and text after it."""
