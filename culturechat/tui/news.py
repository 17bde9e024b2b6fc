"""What threads tell the screens: values, one for each kind of news. Knows nothing of threads or widgets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from culturechat.catalogue import Column
from culturechat.differences import Differences
from culturechat.engines import Event, Token
from culturechat.survey import Bank

if TYPE_CHECKING:
    from culturechat.probing import ItemResult, Summary, Tally
    from culturechat.probing.summary import ItemControls


class Match(Protocol):
    """A survey question that is near to what was asked."""

    @property
    def item(self) -> str:
        """The survey's code for it."""

    @property
    def similarity(self) -> float:
        """1 for the same meaning, 0 for none in common."""


Closest = Callable[[str, Bank], Match | None]
"""Finds the survey question nearest to a text, or None where none is close."""


@dataclass(frozen=True)
class Loaded:
    """The models are ready, or will not be."""

    error: str = ""
    shortage: str | None = None
    """What is smaller than was asked for, because memory is short."""


@dataclass(frozen=True)
class Answered:
    """No more events come of one run: what some columns were asked together."""

    run: int
    error: str = ""


@dataclass(frozen=True)
class Found:
    """What answers in a column that is wanted, or why there is nothing."""

    column: Column | None
    error: str = ""


@dataclass(frozen=True)
class Reopened:
    """Columns that came are loaded, and those that went are closed, or not."""

    error: str = ""
    shortage: str | None = None


@dataclass(frozen=True)
class Scored:
    """What one column's model answers to a survey question, or why that is not known."""

    column: str
    result: ItemResult | None
    error: str = ""


@dataclass(frozen=True)
class Recalled:
    """What was asked in chats of the past, oldest first."""

    questions: Sequence[str]


@dataclass(frozen=True)
class Matched:
    """The survey was searched for a question."""

    question: str
    match: Match | None
    error: str = ""


@dataclass(frozen=True)
class Differed:
    """What sets answers apart was worked out."""

    answers: Mapping[str, str]
    """Of which columns."""
    found: Differences | None
    error: str = ""


@dataclass(frozen=True)
class Unsaved:
    """The chat cannot be written down, or, where no reason is given, can again."""

    reason: str


@dataclass(frozen=True)
class Measured:
    """One column's answer to one question of a probe, and how far its controls are from the people."""

    result: ItemResult
    controls: ItemControls | None


@dataclass(frozen=True)
class Probed:
    """No more results come: all are known, or it was stopped, or it failed."""

    error: str = ""


@dataclass(frozen=True)
class Summed:
    """Each column's means with their intervals."""

    tally: Tally
    """Of which results."""
    summaries: Sequence[Summary]


@dataclass
class Written:
    """Several tokens of one column, shown together."""

    column: str
    text: str
    tokens: int = 1


News = (
    Event
    | Loaded
    | Answered
    | Found
    | Reopened
    | Scored
    | Recalled
    | Matched
    | Differed
    | Unsaved
    | Measured
    | Probed
    | Summed
)


def portion(news: Sequence[News], groups: Iterable[Collection[str]]) -> tuple[list[News], list[News]]:
    """Return what to show now and what can wait: of the tokens at the end those of all but a few columns.

    Shown are the column that has waited longest and those that are drawn with it. What is no token never waits, nor
    does what came before it.

    Args:
        news: Oldest first.
        groups: Columns that are drawn together.
    """
    end = next((place for place in range(len(news), 0, -1) if not isinstance(news[place - 1], Token)), 0)
    tokens = [item for item in news[end:] if isinstance(item, Token)]
    now = next((group for group in groups if tokens and tokens[0].column in group), [token.column for token in tokens])
    shown = [*news[:end], *(token for token in tokens if token.column in now)]
    return shown, [token for token in tokens if token.column not in now]


def merged(news: Iterable[News]) -> list[News | Written]:
    """Return the news with the tokens of each column put together; columns do not depend on each other's order."""
    shown: list[News | Written] = []
    growing: dict[str, Written] = {}
    for item in news:
        if not isinstance(item, Token):
            growing.clear()
            shown.append(item)
        elif item.column in growing:
            growing[item.column].text += item.text
            growing[item.column].tokens += 1
        else:
            growing[item.column] = Written(item.column, item.text)
            shown.append(growing[item.column])
    return shown
