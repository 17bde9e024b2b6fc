"""How fast work goes, how long it will still take, and when it may be shown. Knows nothing of work or widgets."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from culturechat.locale import _

WINDOW_SECONDS = 15.0
"""What lies further back is forgotten, so that a faster or slower part shows soon."""

MOST_OF_A_CORE = 0.45
"""How much of a core the updates of a screen may take; keys and the rest come on top."""
LONGEST_PAUSE = 0.5
"""Between two updates, in seconds; on a machine that is too slow for this, more of it is taken."""


class Pace:
    """Takes note of what is done when."""

    def __init__(self, now: float) -> None:
        self._marks = deque([(now, 0, 0)])

    def add(self, now: float, items: int, prompts: int) -> None:
        """Take note that so much more is done."""
        _, all_items, all_prompts = self._marks[-1]
        self._marks.append((now, all_items + items, all_prompts + prompts))
        while len(self._marks) > 2 and now - self._marks[1][0] > WINDOW_SECONDS:
            self._marks.popleft()

    @property
    def items_per_second(self) -> float:
        """Of the last seconds; 0 while nothing is known."""
        return self._rate(1)

    def seconds_left(self, prompts: int) -> float | None:
        """Return how long so many prompts will take, or None while nothing is known."""
        rate = self._rate(2)
        return prompts / rate if rate else None

    def _rate(self, what: int) -> float:
        first, last = self._marks[0], self._marks[-1]
        seconds = last[0] - first[0]
        return (last[what] - first[what]) / seconds if seconds > 0 else 0.0


class Thrift:
    """Finds out how long to wait between two updates of a screen, so that drawing leaves the cores to the models."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        """Begin with no wait; the clock counts the seconds that this thread has computed."""
        self.pause = 0.0
        """Seconds from one update to the next."""
        self._clock = clock
        self._began = 0.0

    def begin(self) -> None:
        """Take note that an update begins."""
        self._began = self._clock()

    def end(self) -> None:
        """Take note that it is drawn."""
        self.pause = min(LONGEST_PAUSE, (self._clock() - self._began) / MOST_OF_A_CORE)


class Rhythm:
    """When a screen is drawn anew: soon after news came, but not again before a pause has passed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._drawn = 0.0
        self._planned = False

    def plan(self, pause: float) -> float | None:
        """Return in how many seconds to draw, so long after the last time; None where that is planned already."""
        if self._planned:
            return None
        self._planned = True
        return max(0.001, self._drawn + pause - self._clock())

    def begin(self) -> None:
        """Take note that it is drawn now."""
        self._drawn = self._clock()
        self._planned = False


def duration(seconds: float) -> str:
    """Return a time in words that are short and no more exact than they can be."""
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s").format(seconds=whole)
    minutes, rest = divmod(whole, 60)
    told = _("{minutes} min {seconds} s") if minutes < 10 else _("{minutes} min")
    return told.format(minutes=minutes, seconds=rest)
