"""Columns asked on a cluster, each a task of its own. Knows nothing of Ray or terminals.

Scores end in the same file that a run on this machine keeps, and the run is made from them there: the same columns and
questions give the same bytes. A task whose worker was lost goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain

from culturechat import cluster, engines
from culturechat.catalogue import Column
from culturechat.cluster import Cluster, Task
from culturechat.errors import EngineError
from culturechat.probing.api import check_style, measure
from culturechat.probing.plan import Plan
from culturechat.probing.run import ProbeRun, Source, finished
from culturechat.probing.runfile import Logprobs, RunFile, fingerprint, place
from culturechat.probing.stream import checked, result
from culturechat.survey import Bank

Found = dict[str, Logprobs]
"""A column's scores by question."""

SPARE_BYTES = 10**9
"""What asking takes besides the model's files: caches, scratch space, libraries."""


def probe_columns(
    where: Cluster,
    columns: Sequence[Column],
    bank: Bank,
    items: Sequence[str],
    plan: Plan,
    seed: int,
    source: Source,
    resume: bool,
    watch: Callable[[Iterable[str], int], Iterable[str]],
    context_tokens: int,
) -> tuple[ProbeRun, dict[str, str]]:
    """Ask everything and return the finished run, and what is missing from it: columns that failed, each with why.

    Where any is missing, the others' scores stay in the user's data folder for `resume`.

    Args:
        where: Who asks.
        columns: What answers.
        bank: The questions and people's answers.
        items: Codes of the questions to ask.
        plan: How they are put.
        seed: Of the bootstrap and the simulated halves.
        source: Where bank and answers come from.
        resume: Whether to take what an earlier run has left.
        watch: Takes the items as they come and their number in the end, and hands them on.
        context_tokens: What a column can hold.

    Raises:
        EngineError: no column answered.
    """
    questions = checked(bank, items)
    check_style(columns, plan)
    key = fingerprint(columns, chain.from_iterable(plan.choices(column, q) for column in columns for q in questions))
    with closing(RunFile(place(key), key, resume)) as file:
        found = {column.id: _known(file, column, items) for column in columns}
        tasks = [
            Task(column.id, partial(ask, column, bank, items, plan, context_tokens), memory_bytes=_memory(column))
            for column in columns
            if found[column.id] is None
        ]
        missing: dict[str, str] = {}
        for _ in watch(_asked(tasks, where, file, found, missing), len(tasks) * len(items)):
            pass
        if not missing:
            file.discard()
    answered = [(column, scores) for column in columns if (scores := found[column.id]) is not None]
    if not answered:
        raise EngineError("No column answered. " + " ".join(f"{name}: {error}" for name, error in missing.items()))
    results = [
        result(column, plan.asked(column, question), bank, plan, scores[question.item])
        for column, scores in answered
        for question in questions
    ]
    noted = replace(source, notes=(*source.notes, *(f"{name} is missing: {error}" for name, error in missing.items())))
    return finished(results, [column for column, _ in answered], bank, plan, seed, noted), missing


def ask(column: Column, bank: Bank, items: Sequence[str], plan: Plan, context_tokens: int) -> Found:
    """Return a column's scores by question; what an earlier worker has left is not asked again."""
    engine = engines.load()
    try:
        engine.open([column], context_tokens)
        with closing(measure(engine, [column], bank, items, plan, resume=True)) as results:
            return {one.item: tuple(reading.logprobs for reading in one.readings) for one in results}
    finally:
        engine.close()


def _asked(
    tasks: Sequence[Task[Found]],
    where: Cluster,
    file: RunFile,
    found: dict[str, Found | None],
    missing: dict[str, str],
) -> Iterator[str]:
    """Keep what each column answered, or why it did not, and yield the items that are known."""
    for outcome in cluster.run(tasks, where):
        if outcome.result is None:
            missing[outcome.name] = outcome.error or "nothing came back."
            continue
        found[outcome.name] = outcome.result
        for item, logprobs in outcome.result.items():
            file.add(outcome.name, item, logprobs)
            yield item


def _known(file: RunFile, column: Column, items: Sequence[str]) -> Found | None:
    """Return what an earlier run has found for a column, if all of it."""
    known = {item: logprobs for item in items if (logprobs := file.known(column.id, item)) is not None}
    return known if len(known) == len(items) else None


def _memory(column: Column) -> int:
    """Return about what asking a column takes; weights may be there a second time while they are prepared."""
    files = [path for path in (column.base_path, column.adapter_path) if path is not None]
    return SPARE_BYTES + 2 * sum(path.stat().st_size for path in files)
