"""The question bank in other languages: one TOML file each, named by its BCP 47 code; this folder is their registry.

Knows nothing of cultures or prompts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from culturechat import records, survey
from culturechat.errors import BadFile, UsageError, unknown
from culturechat.survey import Question, Scale

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """The sentence that asks for the answer, by what the options stand under."""

    letters: str
    digits: str
    words: str
    """Where the options stand under no mark and the answer is the words of one of them."""


@dataclass(frozen=True)
class Translation:
    """The bank in one language; polarity and order are those of the English one."""

    reviewed: bool
    """Whether a native speaker has read it."""
    answer: Answer
    scales: dict[str, tuple[str, ...]]
    """Labels by the scale's name, in scale order."""
    questions: dict[str, str]
    """By item."""


def names() -> list[str]:
    """Return the codes of all languages, sorted; English, which the bank is written in, is none of them."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load(language: str) -> Translation:
    """Return the bank in one language.

    Raises:
        UsageError: there is none of that code; the nearest is named.
        BadFile: it does not fit the bank.
    """
    if language not in names():
        raise unknown("language", language, names())
    return read(FOLDER / f"{language}.toml")


def read(path: Path) -> Translation:
    """Return the translation of a file after holding it against the bank.

    Raises:
        BadFile: a question or scale is missing, unknown or empty, or a scale has other labels than the bank's.
    """
    translation = records.read(path, Translation)
    bank = survey.load().questions
    scales = survey.scales_in(survey.FOLDER / "scales.toml")
    _same("question", "questions", translation.questions, bank, path)
    _same("scale", "scales", translation.scales, scales, path)
    for place, texts in (("answer", vars(translation.answer)), ("questions", translation.questions)):
        for key, text in texts.items():
            if not text.strip():
                raise BadFile(path, f"[{place}] {key}: is empty.")
    for name, labels in translation.scales.items():
        _check_labels(labels, scales[name], name, path)
    return translation


def translated(question: Question, language: str) -> Question | None:
    """Return a question of the shipped bank in this language, or None where there is no translation.

    Its options keep their codes and order. What has no translation is empty in it: other wordings, other labels, and
    what answers in sentences are made from. A question of the user's own is never taken for one of the bank, whatever
    its code.
    """
    shipped = survey.load().questions.get(question.item)
    if language not in names() or shipped is None:
        return None
    if (shipped.question, shipped.scale.labels) != (question.question, question.scale.labels):
        return None
    translation = load(language)
    labels = dict(zip(question.codes, translation.scales[shipped.scale.name], strict=True))
    return replace(
        question,
        question=translation.questions[question.item],
        scale=Scale(labels, shipped.scale.kind, name=shipped.scale.name),
        open="",
        claim="",
        restatements=(),
    )


def _same(what: str, place: str, given: Iterable[str], known: Iterable[str], path: Path) -> None:
    for name in given:
        if name not in known:
            raise BadFile(path, f"[{place}] {unknown(what, name, known)}")
    missing = [name for name in known if name not in given]
    if missing:
        raise BadFile(path, f"[{place}] lacks {', '.join(missing)}.")


def _check_labels(labels: Sequence[str], scale: Scale, name: str, path: Path) -> None:
    if len(labels) != len(scale.labels):
        raise BadFile(path, f"[scales] {name}: has {len(labels)} labels, the bank has {len(scale.labels)}.")
    try:
        survey.check_labels(labels)
    except UsageError as error:
        raise BadFile(path, f"[scales] {name}: {error}") from None
