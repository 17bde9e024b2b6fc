"""What the columns' own models answer to the survey question at hand, asked for on demand. Knows nothing of widgets."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from culturechat.catalogue import Column
from culturechat.engines import Engine
from culturechat.survey import Bank
from culturechat.tui import worker
from culturechat.tui.courier import Courier


class Opinions:
    """Whether they are wanted, and who reads them."""

    def __init__(self, engine: Engine, bank: Bank, courier: Courier) -> None:
        self.wanted = False
        self._engine, self._bank, self._courier = engine, bank, courier
        self._stop = threading.Event()

    def ask(self, item: str, columns: Sequence[Column]) -> None:
        """Read what these columns' models answer to a question, in place of one that is being read."""
        self.end()
        self._stop = threading.Event()
        self._courier.send(worker.score(self._engine, columns, self._bank, item, self._stop))

    def end(self) -> None:
        """Read no further."""
        self._stop.set()
