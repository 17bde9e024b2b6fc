"""The questions of a run and people's answers, from wherever the user has them. Knows nothing of models."""

from __future__ import annotations

from pathlib import Path

from culturechat import cultures, survey
from culturechat.errors import UsageError
from culturechat.probing.run import Source
from culturechat.survey import Bank, Question, Scale, wvs

TYPED_ITEM = "own"


def load(items: Path | None = None, shares: Path | None = None, survey_file: Path | None = None) -> tuple[Bank, Source]:
    """Return the shipped bank, or that of the user's files.

    Args:
        items: Questions of the user's own, as CSV.
        shares: How people answered them, as CSV.
        survey_file: The survey's own file of respondents, instead of any shares.

    Raises:
        BadFile: a file is missing or wrong; line and column are named.
    """
    bank = survey.load() if items is None else survey.from_csv(items, shares)
    asked = f"questions from {items.name}" if items else Source().questions
    if survey_file is not None:
        reading = wvs.read(survey_file, bank.questions, _countries())
        return reading.bank, Source(wvs.SOURCE.format(name=survey_file.name), asked, reading.notes)
    if items is None:
        return bank, Source()
    return bank, Source(f"shares from {shares.name}" if shares else "", asked)


def typed(question: str, options: str) -> tuple[Bank, Source]:
    """Return a bank of one question that was typed in, its options divided by `|`; nobody's answers are known.

    Raises:
        UsageError: the question is empty, or the options cannot be chosen between.
    """
    labels = [label.strip() for label in options.split("|")]
    if not question.strip():
        raise UsageError("--question is empty.")
    survey.check_whole([question])
    try:
        survey.check_labels(labels)
    except UsageError as error:
        raise UsageError(f"--options: {error}") from None
    scale = Scale({str(place): label for place, label in enumerate(labels, 1)})
    own = Question(TYPED_ITEM, "own question", question.strip(), scale, topic=question.strip())
    return Bank({TYPED_ITEM: own}, {}), Source("", "one question that was typed in")


def _countries() -> list[str]:
    return [country for name in cultures.names() for country in cultures.load(name).countries]
