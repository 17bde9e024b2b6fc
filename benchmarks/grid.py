"""How long does a grid take on so many workers? A simulation: `python -m benchmarks.grid`.

Simulated are 1,000 cells: nine cultures and the adapter of all, times 100 runs (bases × recipes × seeds, such as
5 × 4 × 5). A list schedule: a worker that is free takes the first task in the order of the command whose predecessors
are done, as Ray does. In every run the other words come first, then the start of all adapters, then the adapter of all
and the cultures, which start from it. A task takes its steps' measured times on one core, each stretched by a seeded
chance of as much as two trainings of a kind differed, and the time a worker needs to load the program.

Left out: machines that differ or are lost, a file system that many write to, models read from it, cores that slow each
other down by sharing memory, the scheduler's own work, and the publishing at the end, which is seconds.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RUNS, CULTURES = 100, 9
WORKERS = (1, 2, 4, 8, 16, 32, 64)

OTHER_WORDS, REPLIES, DATASET, ADAPTER = 59.0, 25.0, 0.1, 0.1
"""Seconds on a core: means of what the steps of recipe `default` on SmolLM2-135M printed, two side by side."""
FINETUNE, STEPS = 922.0, 240
"""Seconds of a culture's steps: the mean of 922.4 and 921.5."""
COMMON = 2 * 699.5
"""Seconds of the start: what two processes needed together for its 300 steps."""
ONE_STEPS, CULTURE_STEP = 700, FINETUNE / STEPS
PROBE = 2 * 84 * 4 / 11.9
"""Seconds: adapter and prompted base, 84 questions in four orders, at the pace that `probe_speed.py` found."""
LOAD = 5.0
"""Seconds until a worker of a local Ray had begun its task, other programs on both cores."""
SPREAD = 0.025
"""Half of what two earlier trainings differed by, as a share, with other programs on the machine."""


@dataclass(frozen=True)
class Work:
    """A task of the grid."""

    seconds: float
    after: tuple[int, ...]
    """Places of the tasks that come before it."""


def main() -> int:
    """Print the times."""
    work = list(grid(random.Random(1)))
    total = sum(one.seconds for one in work)
    cells = RUNS * (CULTURES + 1)
    print(f"{cells:,} cells, {len(work):,} tasks, {total / 3600:.1f} core hours, at least {longest(work) / 60:.1f} min")
    print(f"{'workers':>7}{'hours':>9}{'speed-up':>10}{'busy':>7}")
    for workers in WORKERS:
        seconds = makespan(work, workers)
        print(f"{workers:>7}{seconds / 3600:>9.2f}{total / seconds:>10.2f}{total / seconds / workers:>7.0%}")
    return 0


def grid(chance: random.Random) -> Iterator[Work]:
    """Yield the tasks of all runs in the order in which they are handed over."""

    def took(seconds: float) -> float:
        return LOAD + seconds * chance.uniform(1 - SPREAD, 1 + SPREAD)

    rest = REPLIES + DATASET + ADAPTER
    place = 0
    for _ in range(RUNS):
        yield Work(took(OTHER_WORDS), ())
        yield Work(took(REPLIES + DATASET + COMMON), (place,))
        yield Work(took(rest + ONE_STEPS * CULTURE_STEP + CULTURES * PROBE), (place, place + 1))
        yield from (Work(took(rest + FINETUNE + PROBE), (place, place + 1)) for _ in range(CULTURES))
        place += CULTURES + 3


def makespan(work: Sequence[Work], workers: int) -> float:
    """Return the seconds until the last task is done."""
    ready = [place for place, one in enumerate(work) if not one.after]
    waits = {place: set(one.after) for place, one in enumerate(work) if one.after}
    followers: dict[int, list[int]] = {}
    for place, one in enumerate(work):
        for before in one.after:
            followers.setdefault(before, []).append(place)
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            place = heapq.heappop(ready)
            heapq.heappush(running, (now + work[place].seconds, place))
        now, done = heapq.heappop(running)
        for place in followers.get(done, ()):
            waits[place].discard(done)
            if not waits[place]:
                heapq.heappush(ready, place)
    return now


def longest(work: Sequence[Work]) -> float:
    """Return the seconds of the longest chain, which no number of workers can shorten."""
    ends: list[float] = []
    for one in work:
        ends.append(one.seconds + max((ends[before] for before in one.after), default=0.0))
    return max(ends)


if __name__ == "__main__":
    sys.exit(main())
