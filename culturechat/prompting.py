"""Turns a culture and what was asked into the exact messages a model gets; the trainer uses it too.

A survey question is asked in English or in the culture's own language: `asked` gives the question with its labels in
that language, `survey` puts it, system prompt and last sentence in the same language. The marks are the same in all.

Knows nothing of engines, chat templates or screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from culturechat.conversation import Conversation, Message
from culturechat.cultures import Culture
from culturechat.survey import Question, translations
from culturechat.survey.translations import Answer

Language = Literal["english", "own"]

ENGLISH = Answer("Answer with one letter.", "Answer with one digit.", "Answer with the words of one option.")

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""The marks under which options are listed; one token each in every tokenizer met so far."""

Style = Literal["letters", "backwards", "digits", "words"]
"""The marks of the options: A, B, C from the top, the same letters from the bottom, 1, 2, 3, or their own words."""

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


def asked(culture: Culture | None, question: Question, language: Language = "english") -> Question:
    """Return a question as this culture is asked it; what has no translation stays as it is."""
    code = spoken(culture, language)
    return question if code == "en" else translations.translated(question, code) or question


def spoken(culture: Culture | None, language: Language = "english") -> str:
    """Return the BCP 47 code of the language in which this culture is asked the bank's questions."""
    if culture is None or language == "english" or culture.language not in translations.names():
        return "en"
    return culture.language


def survey(
    culture: Culture | None,
    question: str,
    labels: Sequence[str],
    language: Language = "english",
    style: Style = "letters",
) -> list[Message]:
    """Return one survey question with its options in the order of `labels`; the answer is one of `marks`.

    Args:
        culture: Who is asked; None for nobody in particular, in English.
        question: The sentence, in the language it is to be asked in; see `asked`.
        labels: The options, in the same language.
        language: Of the system prompt and of the sentence that asks for the answer.
        style: What the options stand under.
    """
    lines = [f"- {label}" for label in labels] if style == "words" else _marked(labels, style)
    options = "\n".join(lines)
    return [
        *_system(culture, language),
        Message("user", f"{question}\n\n{options}\n\n{_last(culture, language, style)}"),
    ]


def marks(labels: Sequence[str], style: Style = "letters") -> tuple[str, ...]:
    """Return what a model answers to choose each of the labels."""
    if style == "words":
        return tuple(labels)
    if style == "digits":
        return tuple(str(number) for number in range(1, min(len(labels), MOST_DIGITS) + 1))
    return LETTERS[: len(labels)][:: -1 if style == "backwards" else 1]


def _marked(labels: Sequence[str], style: Style) -> list[str]:
    return [f"{mark}. {label}" for mark, label in zip(marks(labels, style), labels, strict=True)]


def _last(culture: Culture | None, language: Language, style: Style) -> str:
    """Return the sentence that asks for the answer."""
    code = spoken(culture, language)
    answer = ENGLISH if code == "en" else translations.load(code).answer
    by_style = {"digits": answer.digits, "words": answer.words}
    return by_style.get(style, answer.letters)


def _system(culture: Culture | None, language: Language) -> list[Message]:
    if culture is None:
        return []
    return [Message("system", culture.prompt.own if language == "own" else culture.prompt.english)]
