"""Long work beside the screen, one piece at a time: how far it is, its end, and a way to stop it.

The work runs in a thread; whoever shows it looks at it now and then. Knows nothing of widgets, nor of what the work is.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Literal

from culturechat.locale import _
from culturechat.tui.worker import reason

CLOSE_SECONDS = 3.0
"""How long the end of the app waits for work that was cancelled to clear up."""

Progress = Callable[[float], None]


class Cancelled(Exception):
    """The user does not want the work any more."""


class Job:
    """One piece of work."""

    def __init__(self, title: str, work: Callable[[Progress], str]) -> None:
        """Prepare work; it is begun by `start`.

        Args:
            title: What is done.
            work: Does it, tells the share that is done from 0 to 1, and returns what came of it. Telling raises
                `Cancelled` where it shall stop.
        """
        self.title = title
        self.share = 0.0
        self.state: Literal["running", "done", "failed", "cancelled"] = "running"
        self.outcome = ""
        """What came of it, in a sentence."""
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,), daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Stop as soon as the work tells how far it is; nothing half-written stays."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and wait until all is cleared up, but not for long."""
        self.cancel()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            outcome = self._work(self._told)
        except Cancelled:
            self._end("cancelled", _("{work}: cancelled, nothing was left behind.").format(work=self.title))
        except Exception as error:
            self._end("failed", reason(error))
        else:
            self._end("done", outcome)

    def _told(self, share: float) -> None:
        self.share = share
        if self._stop.is_set():
            raise Cancelled

    def _end(self, state: Literal["done", "failed", "cancelled"], outcome: str) -> None:
        self.outcome = outcome
        self.state = state
