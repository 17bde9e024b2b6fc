"""Asks again what a saved chat asked, with the same models, seeds and sampling, and says whether the same was answered.

Knows nothing of screens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from culturechat.catalogue import Column
from culturechat.engines import Engine, Failed, Request, Sampling, Token
from culturechat.errors import CulturechatError, UsageError
from culturechat.history import Answer, Chat, voices
from culturechat.terminal import Cleaner, one_line

_AROUND = 24
"""Characters shown from where two texts part."""


@dataclass(frozen=True)
class Verdict:
    """How one answer came out the second time."""

    turn: int
    """The question's number, from 1."""
    answer: Answer
    """What was recorded."""
    differences: tuple[str, ...]
    """What is not as it was: models, versions, and at last the text."""
    identical: bool
    """Whether the text is the same; for an answer that was stopped, as far as it goes."""


def replay(engine: Engine, version: str, chat: Chat, turn: int | None = None) -> Iterator[Verdict]:
    """Answer a chat's questions again, all or one of them, and yield a verdict on every answer of theirs.

    Columns that were asked together are asked together again. Where they shared batches, what was asked before is
    answered again too, from where the engine's memory was last empty: that is what makes their figures the same.

    Args:
        engine: Who answers.
        version: What it is, with its version.
        chat: What is asked again.
        turn: The question's number, from 1; None asks all.

    Raises:
        UsageError: there is no such question, or no answer in it.
    """
    runs = [(number, run) for number, asked in enumerate(chat.turns, 1) for run in asked.runs()]
    wanted = [place for place, (number, _) in enumerate(runs) if turn in (None, number)]
    if not wanted:
        there = f"it has {len(chat.turns)}" if turn is not None else "nothing was answered in it"
        raise UsageError(f"Chat {chat.id} has no {f'question {turn}' if turn else 'answers'}; {there}.")
    opened: object = None
    held = 0
    for place in range(_beginning([run for _, run in runs], wanted[0]), wanted[-1] + 1):
        number, run = runs[place]
        columns, missing = _columns(chat, run)
        answers = [answer for answer in run if answer.voice.culture not in missing]
        needed = (columns, run[0].context, run[0].apart)
        if answers and (needed != opened or _cold(run)):
            held = engine.open(columns, run[0].context, run[0].apart).context_tokens
            opened = needed
        texts = _answer(engine, answers) if answers else {}
        if place in wanted:
            for answer in run:
                name = answer.voice.culture
                reasons = [missing[name]] if name in missing else _changes(answer, columns, version, held)
                yield _verdict(number, answer, reasons, texts.get(name))


def _beginning(runs: Sequence[tuple[Answer, ...]], first: int) -> int:
    """Return the run from which on everything has to be repeated."""
    if not any(answer.shared_batch for answer in runs[first]):
        return first
    return next(place for place in range(first, -1, -1) if place == 0 or _cold(runs[place]))


def _cold(run: Sequence[Answer]) -> bool:
    return not any(answer.cached_tokens for answer in run)


def _columns(chat: Chat, run: Sequence[Answer]) -> tuple[list[Column], dict[str, str]]:
    """Return what was open when these answers were begun, and by culture why it is not there now."""
    asked = {answer.voice.culture: answer.voice for answer in run}
    columns, missing = [], {}
    # a column that was dropped later answered then all the same
    for voice in ({voice.culture: voice for voice in chat.columns} | asked).values():
        try:
            columns.append(voices.column(voice))
        except CulturechatError as error:
            missing[voice.culture] = f"it cannot be asked: {one_line(str(error))}"
    return columns, missing


def _answer(engine: Engine, answers: Sequence[Answer]) -> dict[str, str | Failed]:
    recorded = {answer.voice.culture: answer for answer in answers}
    cleaners = {name: Cleaner() for name in recorded}
    texts: dict[str, str | Failed] = {name: answer.begun_with for name, answer in recorded.items()}
    for event in engine.generate([_request(answer) for answer in answers]):
        name = event.column
        text = cleaners[name].feed(event.text) if isinstance(event, Token) else ""
        said = texts[name]
        if isinstance(event, Failed):
            texts[name] = event
        elif isinstance(said, str):
            texts[name] = said + text
            # an answer that was stopped is stopped at the same place
            if _was_stopped(recorded[name]) and len(said + text) >= len(recorded[name].text):
                engine.cancel([name])
    return texts


def _request(answer: Answer) -> Request:
    sampling = msgspec.convert(answer.sampling, Sampling, strict=False)
    return Request(answer.voice.culture, answer.messages, sampling, answer.seed)


def _was_stopped(answer: Answer) -> bool:
    return answer.finish not in ("stop", "length")


def _changes(answer: Answer, columns: Sequence[Column], version: str, held: int) -> list[str]:
    found = next(column for column in columns if column.id == answer.voice.culture)
    said = voices.differences(answer.voice, found)
    if answer.engine != version:
        said.append(f"the engine is {version}, it was {answer.engine}")
    if answer.context != held:
        said.append(f"a column holds {held} tokens, it held {answer.context}")
    return said


def _verdict(turn: int, answer: Answer, reasons: list[str], again: str | Failed | None) -> Verdict:
    if again is None:
        return Verdict(turn, answer, tuple(reasons), False)
    if isinstance(again, Failed):
        return Verdict(turn, answer, (*reasons, f"it failed: {one_line(again.error)}"), False)
    was = answer.text
    if _was_stopped(answer):
        again = again[: len(was)]
    if again == was:
        return Verdict(turn, answer, tuple(reasons), True)
    place = next(
        (place for place, (a, b) in enumerate(zip(was, again, strict=False)) if a != b), min(len(was), len(again))
    )
    parts = (
        f"the text differs at character {place + 1}: it was {_quoted(was, place)}, now it is {_quoted(again, place)}"
    )
    return Verdict(turn, answer, (*reasons, parts), False)


def _quoted(text: str, place: int) -> str:
    rest = one_line(text[place : place + _AROUND])
    return f"“{rest}{'…' if len(text) > place + _AROUND else ''}”" if rest else "at its end"
