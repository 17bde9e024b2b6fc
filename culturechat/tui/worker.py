"""What blocks: loading, answering, finding a survey question, probing. Each is run in a thread and yields news.

Knows nothing of widgets, nor of who carries the news.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from culturechat import differences
from culturechat.catalogue import Column
from culturechat.engines import Engine, Event
from culturechat.errors import CulturechatError
from culturechat.session import Session
from culturechat.survey import Bank
from culturechat.terminal import one_line
from culturechat.tui.news import (
    Answered,
    Closest,
    Differed,
    Found,
    Loaded,
    Matched,
    Measured,
    News,
    Probed,
    Recalled,
    Reopened,
    Scored,
    Summed,
)

if TYPE_CHECKING:
    from culturechat.probing import Plan, Tally


def load(session: Session) -> Iterator[News]:
    """Load the models."""
    return _one(lambda: Loaded(shortage=session.open()), Loaded)


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
    return _one(lambda: Found(column()), lambda why: Found(None, why))


def reopen(session: Session) -> Iterator[News]:
    """Load columns that were added and free those that were dropped."""
    return _one(lambda: Reopened(shortage=session.reopen()), Reopened)


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
    return _one(lambda: Matched(question, closest(question, bank)), lambda why: Matched(question, None, why))


def differ(answers: Mapping[str, str], question: str) -> Iterator[News]:
    """Work out what sets columns' answers to a question apart."""
    return _one(
        lambda: Differed(answers, differences.between(answers, question)), lambda why: Differed(answers, None, why)
    )


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


def _one(work: Callable[[], News], failed: Callable[[str], News]) -> Iterator[News]:
    """Do work that has one outcome, or tell why there is none."""
    try:
        yield work()
    except Exception as error:
        yield failed(reason(error))
