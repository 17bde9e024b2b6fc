"""Our engine, as the app uses it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.peers import Prompts, Round
from culturechat.catalogue import Column
from culturechat.engines import Failed, Finished, Request, Sampling, Token
from culturechat.engines.llama_cpp.client import LlamaCpp

ENDLESS = Sampling(temperature=1.0, top_k=40, top_p=0.95, min_p=0.05, repeat_penalty=1.1)
"""The sampling of every contestant, so that all do the same work for a token."""


class Ours:
    """Columns on one worker process."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.texts: dict[str, str] = {}
        """What each column answered last."""
        self.engine = LlamaCpp()
        self.engine.open(columns)

    def ask(self, prompts: Prompts, tokens: int, seed: int) -> Round:
        """Let every column answer."""
        sampling = Sampling(**{**_as_dict(ENDLESS), "max_tokens": tokens})  # type: ignore[arg-type]
        requests = [
            Request(column.id, tuple(messages), sampling, seed)
            for column, messages in zip(self.columns, prompts, strict=True)
        ]
        began, written = time.perf_counter(), 0
        first: dict[str, float] = {}
        self.texts = {column.id: "" for column in self.columns}
        for event in self.engine.generate(requests):
            assert not isinstance(event, Failed), event
            if isinstance(event, Token):
                self.texts[event.column] += event.text
                first.setdefault(event.column, time.perf_counter() - began)
            if isinstance(event, Finished):
                written += event.tokens
        return Round(written, time.perf_counter() - began, tuple(first.values()))

    def pids(self) -> list[int]:
        """Return the worker's process."""
        return [pid for pid in [self.engine.pid] if pid is not None]

    def close(self) -> None:
        """End the worker."""
        self.engine.close()


def _as_dict(sampling: Sampling) -> dict[str, float]:
    return {name: getattr(sampling, name) for name in sampling.__struct_fields__}
