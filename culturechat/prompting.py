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

Style = Literal["letters", "backwards", "digits"]
"""The marks of the options: A, B, C from the top, the same letters from the bottom, or 1, 2, 3."""

MOST_DIGITS = 9
"""Most options that digits can mark: a tenth would need two of them."""


def chat(
    culture: Culture | None, conversation: Conversation, language: Language = "english", prompt: str | None = None
) -> list[Message]:
    """Return a conversation as the model gets it; without a culture no system prompt is added.

    Args:
        culture: Whom the model shall speak for.
        conversation: What was said.
        language: That of the culture's own system prompt.
        prompt: Takes the place of the culture's own system prompt.
    """
    system = _system(culture, language) if prompt is None or culture is None else [Message("system", prompt)]
    return [*system, *conversation.messages]


def survey(
    culture: Culture | None,
    question: str,
    labels: Sequence[str],
    language: Language = "english",
    style: Style = "letters",
) -> list[Message]:
    """Return one survey question with its options in the order of `labels`; the answer is one of `marks`."""
    options = "\n".join(f"{mark}. {label}" for mark, label in zip(marks(labels, style), labels, strict=True))
    text = f"{question}\n\n{options}\n\nAnswer with one {'digit' if style == 'digits' else 'letter'}."
    return [*_system(culture, language), Message("user", text)]


def marks(labels: Sequence[str], style: Style = "letters") -> tuple[str, ...]:
    """Return what a model answers to choose each of the labels."""
    if style == "digits":
        return tuple(str(number) for number in range(1, min(len(labels), MOST_DIGITS) + 1))
    return LETTERS[: len(labels)][:: -1 if style == "backwards" else 1]


def _system(culture: Culture | None, language: Language) -> list[Message]:
    if culture is None:
        return []
    return [Message("system", culture.prompt.own if language == "own" else culture.prompt.english)]
