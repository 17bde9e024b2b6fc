"""Tasks done one after another here, or side by side on a Ray cluster. The only module that knows Ray.

Knows nothing of what a task does. On a cluster a task runs in the folder that the command was started in, so that paths
mean the same there; every machine therefore has the same installation and sees the same files.
"""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from culturechat.errors import CulturechatError, UsageError

RETRIES = 3
"""Times a task is begun again whose worker or machine was lost."""

_HERE = "ray"
_ELSEWHERE = "ray://"
_ALONE = "local"
_GB = 10**9
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anyone
    "RAY_DEDUP_LOGS": "0",  # lines of different tasks may read alike and are still news
    "RAY_COLOR_PREFIX": "0",
}

_OWN = {"task_oom_retries": RETRIES}  # without it Ray would begin again for ever where memory is short

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cluster:
    """Where tasks are done, and what each of them gets there."""

    address: str = ""
    """Of the cluster, `ray://HOST:PORT`; empty stands for `RAY_ADDRESS`, or else a cluster on this machine alone that
    ends with the command."""
    cpus: float = 1
    gpus: float | None = None
    """None: one where the cluster has any and the task can use it."""
    memory_bytes: int | None = None
    """None: what the task asks for."""


@dataclass(frozen=True)
class Task(Generic[Result]):
    """Something to do."""

    name: str
    """What it is called in messages; no two have the same."""
    work: Callable[[], Result]
    """Does it. What was begun and lost is begun again, so it must go on from what it left on disk."""
    after: tuple[str, ...] = ()
    """Tasks earlier in the list that come first; where one of them fails, this one is not begun."""
    memory_bytes: int = _GB
    """About as much as it takes."""
    gpu: bool = False
    """Whether it can use one."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """How a task ended."""

    name: str
    result: Result | None = None
    error: str | None = None
    """One line on why it failed; None where it did not."""


def named(on: str | None, each: str | None) -> Cluster | None:
    """Return the cluster that a user named, or None.

    Args:
        on: `ray` or `ray://HOST:PORT`.
        each: What every task gets, such as `cpus=2,gpus=0.5,memory=8`; memory in GB.

    Raises:
        UsageError: they say something else, or Ray is not installed.
    """
    if on is None:
        if each is not None:
            raise UsageError("--each is for tasks on a cluster; name it with --on ray.")
        return None
    if on != _HERE and not (on.startswith(_ELSEWHERE) and on != _ELSEWHERE):
        raise UsageError(f"--on {on}: write ray for this machine, or ray://HOST:PORT for a cluster.")
    _ray()
    cluster = Cluster("" if on == _HERE else on)
    for part in (each or "").split(",") if each else ():
        cluster = _with(cluster, *part.partition("=")[::2])
    return cluster


def run(tasks: Sequence[Task[Result]], cluster: Cluster | None) -> Iterator[Outcome[Result]]:
    """Yield the outcomes as tasks end; a failure is an outcome and ends no other task.

    Args:
        tasks: What to do.
        cluster: Where; None does it here, one task after another.

    Raises:
        UsageError: there is no such cluster, or this machine alone is too small for a task.
    """
    if cluster is None:
        yield from _here(tasks)
        return
    with connected(cluster):
        yield from _side_by_side(tasks, cluster)


@contextmanager
def connected(cluster: Cluster) -> Iterator[None]:
    """Hold the connection for several runs; where there is one already it is used, and left as it is.

    Raises:
        UsageError: there is no such cluster.
    """
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    address = _address(cluster)
    own = {"include_dashboard": False, "_system_config": _OWN} if address == _ALONE else {}
    try:
        ray.init(address, logging_level="error", **own)
    except Exception as error:  # Ray has no common error for what keeps it from starting
        hint = "" if address == _ALONE else " If it asks for a token, set RAY_AUTH_MODE=token."
        raise UsageError(f"No Ray cluster could be had at {address}: {_first_line(error).rstrip('.')}.{hint}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _address(cluster: Cluster) -> str:
    return cluster.address or os.environ.get("RAY_ADDRESS") or _ALONE


def _here(tasks: Sequence[Task[Result]]) -> Iterator[Outcome[Result]]:
    ended: dict[str, Outcome[Result]] = {}
    for task in tasks:
        ended[task.name] = _outcome(task.name, task.work, [ended[name] for name in task.after])
        yield ended[task.name]


def _side_by_side(tasks: Sequence[Task[Result]], cluster: Cluster) -> Iterator[Outcome[Result]]:
    """Hand all tasks over at once; each waits there for those it comes after and for room."""
    ray = _ray()
    there = ray.cluster_resources()
    attempt = ray.remote(_attempt)
    refs: dict[str, Any] = {}
    for task in tasks:
        needs = _needs(task, cluster, there)
        waits = [refs[name] for name in task.after]
        options = attempt.options(name=task.name, max_retries=RETRIES, **needs)
        refs[task.name] = options.remote(task.name, task.work, Path.cwd(), cluster.cpus, *waits)
    pending = {refs[task.name]: task for task in tasks}
    lost: set[str] = set()
    while pending:
        (done, *_), _ = ray.wait(list(pending), num_returns=1)
        task = pending.pop(done)
        try:
            yield ray.get(done)
        except ray.exceptions.RayError as error:
            waited_for = next((name for name in task.after if name in lost), None)
            lost.add(task.name)
            yield Outcome(task.name, error=_unbegun(waited_for) if waited_for else _lost(error))


def _attempt(
    name: str, work: Callable[[], Result], folder: Path, cpus: float, *before: Outcome[Result]
) -> Outcome[Result]:
    """Do a task in a worker of the cluster, with as many threads as it has processors."""
    os.environ["OMP_NUM_THREADS"] = str(max(1, int(cpus)))
    try:
        os.chdir(folder)
    except OSError as error:
        return Outcome(name, error=f"{folder} cannot be entered on {platform.node()} ({error.strerror}).")
    return _outcome(name, work, before)


def _outcome(name: str, work: Callable[[], Result], before: Sequence[Outcome[Result]]) -> Outcome[Result]:
    missing = next((one for one in before if one.error is not None), None)
    if missing is not None:
        return Outcome(name, error=_unbegun(missing.name))
    try:
        return Outcome(name, work())
    except CulturechatError as error:
        return Outcome(name, error=str(error))
    except OSError as error:
        return Outcome(name, error=f"{error.filename2 or error.filename or 'Writing'}: {error.strerror}.")
    except Exception as error:  # a fault of one task is no reason to lose the others' work
        traceback.print_exc()
        return Outcome(name, error=f"{type(error).__name__}: {_first_line(error)}")


def _unbegun(waited_for: str) -> str:
    return f"was not begun, because {waited_for} failed."


def _lost(error: Exception) -> str:
    return f"its worker was lost {RETRIES + 1} times. {_first_line(error)}"


def _needs(task: Task[Any], cluster: Cluster, there: dict[str, float]) -> dict[str, float]:
    """Return what Ray sets aside for a task; a cluster of this machine alone never grows, so too much is refused."""
    gpus = cluster.gpus if cluster.gpus is not None else float(task.gpu and there.get("GPU", 0) > 0)
    memory = task.memory_bytes if cluster.memory_bytes is None else cluster.memory_bytes
    asked = {"cpus": (cluster.cpus, there.get("CPU", 0)), "gpus": (gpus, there.get("GPU", 0))}
    asked["memory"] = (memory / _GB, there.get("memory", 0) / _GB)
    for kind, (amount, room) in asked.items() if _address(cluster) == _ALONE else ():
        if amount > room:
            much = f"{kind}={amount:.3g}, and this machine has {room:.3g}"
            raise UsageError(f"{task.name} asks for {much}. Give it less: --each {kind}=…")
    return {"num_cpus": cluster.cpus, "num_gpus": gpus, "memory": memory}


def _with(cluster: Cluster, key: str, text: str) -> Cluster:
    try:
        amount = float(text)
    except ValueError:
        amount = -1
    if key == "memory" and amount >= 0:
        return replace(cluster, memory_bytes=int(amount * _GB))
    if key not in ("cpus", "gpus") or amount < 0 or (amount > 1 and amount != int(amount)):
        raise UsageError(f"--each {key}={text}: write it as cpus=2,gpus=0.5,memory=8, memory in GB, whole above 1.")
    return replace(cluster, cpus=amount) if key == "cpus" else replace(cluster, gpus=amount)


def _ray() -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UsageError("--on ray needs Ray, which is not installed: pip install 'culturechat[cluster]'.") from None
    return ray


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
