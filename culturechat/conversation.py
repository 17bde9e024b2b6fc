"""A conversation as values: who said what, in order. Knows nothing of files, models or screens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One thing that was said."""

    role: Role
    text: str


@dataclass(frozen=True)
class Conversation:
    """The turns of one column, oldest first, without the system prompt."""

    messages: tuple[Message, ...] = ()

    def with_user(self, text: str) -> Conversation:
        """Return this conversation with one more question."""
        return replace(self, messages=(*self.messages, Message("user", text)))

    def with_answer(self, text: str) -> Conversation:
        """Return this conversation with one more answer."""
        return replace(self, messages=(*self.messages, Message("assistant", text)))

    def without_last_answer(self) -> Conversation:
        """Return this conversation as it stood before the last answer."""
        if self.messages and self.messages[-1].role == "assistant":
            return replace(self, messages=self.messages[:-1])
        return self

    def without_last_turn(self) -> Conversation:
        """Return this conversation as it stood before the last question."""
        return self.without_last_answer().answered()

    @property
    def question(self) -> str:
        """What was asked last, or nothing."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    def answered(self) -> Conversation:
        """Return this conversation without a last question that got no answer."""
        if self.messages and self.messages[-1].role == "user":
            return replace(self, messages=self.messages[:-1])
        return self
