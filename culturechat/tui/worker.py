"""What blocks runs here, in threads beside the screen: loading, answering, finding a survey question, probing.

Threads bring news, the screen decides. Knows nothing of widgets.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textual.message import Message
from textual.message_pump import MessagePump

from culturechat import differences
from culturechat.catalogue import Column
from culturechat.differences import Differences
from culturechat.engines import Engine, Event, Token
from culturechat.errors import CulturechatError
from culturechat.session import Session
from culturechat.survey import Bank
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.probing import ItemResult, Plan, Summary, Tally
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


class Courier:
    """Carries news from threads to the screen; the screen collects what has come when it is told that some waits."""

    class Waiting(Message):
        """There is news to collect; sent once until it is."""

    def __init__(self, screen: MessagePump) -> None:
        self._screen = screen
        self._held: list[News] = []
        self._lock = threading.Lock()

    def send(self, job: Iterable[News]) -> None:
        """Run the job in a thread of its own.

        Textual's thread workers are joined when the app ends, so a model that is still loading would hold up the exit;
        a daemon thread does not.
        """
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._carry, job), daemon=True).start()

    def collect(self) -> list[News]:
        """Return what has come since the last time, oldest first."""
        with self._lock:
            held, self._held = self._held, []
        return held

    def _carry(self, job: Iterable[News]) -> None:
        for news in job:
            with self._lock:
                self._held.append(news)
                first = len(self._held) == 1
            if first:
                # the screen may be gone by now; then nobody waits for news
                with suppress(RuntimeError):
                    self._screen.post_message(self.Waiting())


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


def load(session: Session) -> Iterator[News]:
    """Load the models."""
    try:
        shortage = session.open()
    except Exception as error:
        yield Loaded(reason(error))
    else:
        yield Loaded(shortage=shortage)


def answer(events: Iterable[Event], run: int) -> Iterator[News]:
    """Pass on a session's events."""
    try:
        yield from events
    except Exception as error:
        yield Answered(run, reason(error))
    else:
        yield Answered(run)


def find(column: Callable[[], Column]) -> Iterator[News]:
    """Find what answers in a column, which can mean to read through a large file."""
    try:
        yield Found(column())
    except Exception as error:
        yield Found(None, reason(error))


def reopen(session: Session) -> Iterator[News]:
    """Load columns that were added and free those that were dropped."""
    try:
        yield Reopened(shortage=session.reopen())
    except Exception as error:
        yield Reopened(reason(error))


def score(engine: Engine, columns: Sequence[Column], bank: Bank, item: str, stop: threading.Event) -> Iterator[News]:
    """Put one survey question to the columns' models, until it shall stop."""
    from culturechat import probing

    for column in columns:
        if stop.is_set():
            return
        try:
            for result in probing.stream(engine, [column], bank, [item]):
                yield Scored(column.id, result)
        except Exception as error:
            yield Scored(column.id, None, reason(error))


def recall(questions: Callable[[], Sequence[str]]) -> Iterator[News]:
    """Fetch what was asked before; a history that cannot be read is told of elsewhere."""
    with suppress(CulturechatError):
        yield Recalled(questions())


def match(closest: Closest, question: str, bank: Bank) -> Iterator[News]:
    """Search the survey for the question nearest to this one."""
    try:
        yield Matched(question, closest(question, bank))
    except Exception as error:
        yield Matched(question, None, reason(error))


def differ(answers: Mapping[str, str], question: str) -> Iterator[News]:
    """Work out what sets columns' answers to a question apart."""
    try:
        yield Differed(answers, differences.between(answers, question))
    except Exception as error:
        yield Differed(answers, None, reason(error))


def probe(
    engine: Engine, columns: Sequence[Column], bank: Bank, items: Sequence[str], plan: Plan, stop: threading.Event
) -> Iterator[News]:
    """Put the questions to the columns until all is known or it shall stop; go on where the same probe was stopped."""
    from culturechat.probing import measure
    from culturechat.probing.summary import item_controls

    try:
        with closing(measure(engine, columns, bank, items, plan, resume=True)) as results:
            for result in results:
                yield Measured(result, item_controls(result, bank))
                if stop.is_set():
                    break
    except Exception as error:
        yield Probed(reason(error))
    else:
        yield Probed()


def sum_up(tally: Tally, bank: Bank) -> Iterator[News]:
    """Work out the intervals of a complete probe, which takes seconds."""
    from culturechat.probing.summary import summarise

    yield Summed(tally, summarise(tally, bank))


def reason(error: Exception) -> str:
    """Return what went wrong in one line that is safe to show."""
    if isinstance(error, CulturechatError):
        return one_line(str(error))
    return one_line(f"Unexpected {type(error).__name__}: {error}")
