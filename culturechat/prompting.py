"""Turns a culture and what was asked into the exact messages a model gets; the trainer uses it too.

Knows nothing of engines, chat templates or screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from culturechat.conversation import Conversation, Message
from culturechat.cultures import Culture

Language = Literal["english", "own"]

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""The marks under which options are listed; one token each in every tokenizer met so far."""


def chat(culture: Culture | None, conversation: Conversation, language: Language = "english") -> list[Message]:
    """Return a conversation as the model gets it; without a culture no system prompt is added."""
    return [*_system(culture, language), *conversation.messages]


def survey(
    culture: Culture | None, question: str, labels: Sequence[str], language: Language = "english"
) -> list[Message]:
    """Return one survey question with its options in the order of `labels`; the answer is one of `marks`."""
    options = "\n".join(f"{mark}. {label}" for mark, label in zip(marks(labels), labels, strict=True))
    text = f"{question}\n\n{options}\n\nAnswer with one letter."
    return [*_system(culture, language), Message("user", text)]


def marks(labels: Sequence[str]) -> tuple[str, ...]:
    """Return what a model answers to choose each of the labels."""
    return LETTERS[: len(labels)]


def _system(culture: Culture | None, language: Language) -> list[Message]:
    if culture is None:
        return []
    return [Message("system", culture.prompt.own if language == "own" else culture.prompt.english)]
