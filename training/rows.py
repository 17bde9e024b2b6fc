"""The rows that pass between the steps, and the JSON lines they are kept in. Knows nothing of how they are made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from culturechat import records
from culturechat.conversation import Message
from culturechat.errors import BadFile

AnyRow = TypeVar("AnyRow")

Stage = Literal["restated", "replaced"]
"""How a wording came about: the question in another sentence, or that sentence with other words."""


class Seed(msgspec.Struct, frozen=True):
    """One question and how one culture's people answered it."""

    item: str
    culture: str
    codes: tuple[str, ...]
    """Option codes in scale order."""
    shares: tuple[float, ...]
    """In the order of `codes`; they sum to 1."""
    countries: tuple[str, ...]
    """The culture's countries that were asked."""
    held_out: bool = False
    """Whether training leaves the question out, so that it can test what was learnt on the others."""


class Reply(msgspec.Struct, frozen=True):
    """What the base model says to an everyday prompt before any training."""

    messages: tuple[Message, ...]
    answer: str
    ended: bool
    """Whether the model ended by itself; otherwise it was stopped at the longest length."""
    held_out: bool = False
    """Whether training leaves it out, so that it can show what was forgotten."""


class Wording(msgspec.Struct, frozen=True):
    """A question in other words."""

    item: str
    stage: Stage
    text: str
    source: str
    """What it was made from: the question, or a restatement of it."""
    cosine: float
    """How near it is to the question in meaning, at most 1."""
    changes: tuple[tuple[str, str], ...] = ()
    """Words that were replaced, and by what, from left to right."""


class Row(msgspec.Struct, frozen=True):
    """One thing to learn: a prompt and either a distribution over marks or an answer in words."""

    kind: Literal["option", "prose", "replay"]
    item: str
    """The survey question, or nothing for an everyday prompt."""
    messages: tuple[Message, ...]
    culture: str = ""
    """Who answers, or nothing for an everyday prompt."""
    wording: str = ""
    """The question of an option row, without its options."""
    marks: tuple[str, ...] = ()
    """What an option question can be answered with, in the order shown."""
    target: tuple[float, ...] = ()
    """The share of each mark."""
    answer: str = ""
    ended: bool = True
    """Whether the answer ends where its text ends."""


class Answer(msgspec.Struct, frozen=True):
    """What an adapter answers to one question for one culture."""

    culture: str
    item: str
    wording: str
    """In which wording it was asked; see `evaluate`."""
    shares: tuple[float, ...]
    """The probability of each option, in scale order."""
    mass: float
    """How much probability all options have together."""


def write(path: Path, rows: Iterable[msgspec.Struct]) -> int:
    """Write one JSON object a line, whole or not at all; return how many."""
    lines = [msgspec.json.encode(row) for row in rows]
    with records.replacing(path) as temporary:
        temporary.write_bytes(b"".join(line + b"\n" for line in lines))
    return len(lines)


def read(path: Path, row: type[AnyRow]) -> list[AnyRow]:
    """Return the rows of a file.

    Raises:
        BadFile: the step before has not run, or the file is damaged.
    """
    try:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=row) for line in lines]
    except FileNotFoundError:
        raise BadFile(path, "is not there yet. Run the step before, or `python -m training run`.") from None
    except msgspec.DecodeError as error:
        raise BadFile(path, f"is damaged ({error}). Delete it and run the step again.") from None
