"""Many jobs: cultures × bases × recipes × seeds, here one after another or on a cluster. Knows nothing of steps' work.

A cell of the grid is one job. What all cultures of a run have in common is made once, before its cells; the adapter
that all others start from comes before them. Where one cell fails the others go on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from math import prod

from culturechat import cluster, gguf_file
from culturechat.cluster import Cluster, Outcome, Task
from culturechat.errors import UsageError
from training import pipeline, processes
from training.pipeline import STEPS, Job
from training.speaker import COMMON

AT_HOME = "publish"
"""The step that this machine takes itself, a cell at a time, because all cells' table of models is one file."""

FIXED_BYTES = 5 * 10**9
"""What a training takes besides the base's weights in 32-bit floats: activations, optimizer, libraries."""


def run(jobs: Sequence[Job], names: Sequence[str] | None, again: bool, where: Cluster | None) -> int:
    """Take the steps of all jobs and return the exit code: 1 where a cell failed, which is named at the end.

    Args:
        jobs: The cells.
        names: Steps to take; by default all that need not be asked for.
        again: Also take steps that are done.
        where: The cluster that does it; None is this machine.

    Raises:
        UsageError: two jobs would write the same files, or it cannot be said which should be published.
        CulturechatError: the only job failed, or its start.
    """
    if where is not None and processes.count() > 1:
        raise UsageError("Either accelerate shares out one training, or --on ray many; leave one of them out.")
    steps = _steps(jobs, names)
    one_wanted = sum(job.speaker.id != COMMON for job in jobs) <= 1
    if where is None and (one_wanted or processes.count() > 1):
        for job in jobs:
            pipeline.run(job, steps, again)
        return 0
    if where is None or steps == [AT_HOME]:
        ended = list(cluster.run(list(tasks(jobs, steps, again)), None))
    else:
        ended = list(_away(jobs, steps, again, where))
    failed = [outcome for outcome in ended if outcome.error is not None]
    for outcome in failed:
        print(f"{outcome.name}: {outcome.error}", file=sys.stderr)
    return 1 if failed else 0


def tasks(
    jobs: Sequence[Job], steps: Sequence[str], again: bool, memory_of: Callable[[Job], int] = lambda _: 0
) -> Iterator[Task[None]]:
    """Yield what is to be done in an order that keeps to what comes after what."""
    for run, group in groupby(jobs, key=lambda job: job.workspace.run.folder):
        of_run = list(group)
        memory = memory_of(of_run[0])
        shared = [name for name in steps if STEPS[name].shared and STEPS[name].leaves(of_run[0])]
        before: tuple[str, ...] = ()
        if shared:
            name = f"{run.name}/{'+'.join(shared)}"
            before = (name,)
            yield Task(name, partial(pipeline.run, of_run[0], shared, again), (), memory, gpu=True)
        own = [name for name in steps if name not in shared]
        beside = {job.workspace.folder: cell(job) for job in of_run}
        begun = {cell(job) for job in of_run if job.start is None and pipeline.steps_of(job, own)}
        for job in of_run:
            start = beside.get(job.start.folder) if job.start else None
            after = (*before, start) if start in begun else before
            if taken := pipeline.steps_of(job, own):
                yield Task(cell(job), partial(pipeline.run, job, taken, again), after, memory, gpu=True)


def cell(job: Job) -> str:
    """Return what a job is called among others: its run and whom it speaks for."""
    return f"{job.workspace.run.folder.name}/{job.speaker.id}"


def _away(jobs: Sequence[Job], steps: Sequence[str], again: bool, where: Cluster) -> Iterator[Outcome[None]]:
    """Yield the outcomes of a cluster's tasks and of what is done here after them, and print how far it is."""
    todo = list(tasks(jobs, [step for step in steps if step != AT_HOME], again, _memory))
    at_home = {
        cell(job): partial(pipeline.run, job, [AT_HOME], again)
        for job in jobs
        if AT_HOME in pipeline.steps_of(job, steps)
    }
    for count, outcome in enumerate(cluster.run(todo, where), 1):
        if outcome.error is None and outcome.name in at_home:
            (outcome,) = cluster.run([Task(outcome.name, at_home[outcome.name])], None)
        print(f"{count}/{len(todo)} {outcome.name} {'failed' if outcome.error else 'done'}", flush=True)
        yield outcome


def _steps(jobs: Sequence[Job], names: Sequence[str] | None) -> list[str]:
    """Return the steps to take; of several recipes or seeds only the user can say which one's card is wanted."""
    if not jobs:
        raise UsageError("Name at least one culture, base, recipe and seed.")
    places = [job.workspace.folder for job in jobs]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise UsageError(f"Two cells of the grid would write to {twice}. Give bases and recipes different names.")
    if len({(job.recipe.id, job.seed) for job in jobs}) == 1:
        return list(names or pipeline.WHOLE)
    if names and AT_HOME in names:
        raise UsageError("A culture has one card for each base: publish one recipe with one seed.")
    return [name for name in names or pipeline.WHOLE if name != AT_HOME]


def _memory(job: Job) -> int:
    tensors = gguf_file.read_header(job.base.path).tensors
    return FIXED_BYTES + 4 * sum(prod(tensor.shape) for tensor in tensors)
