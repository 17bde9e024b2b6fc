"""Carries news from threads to the screens. Threads bring news, the screen decides; knows nothing of what it says."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterable
from contextlib import suppress

from textual.message import Message
from textual.message_pump import MessagePump

from culturechat.tui.news import News


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
