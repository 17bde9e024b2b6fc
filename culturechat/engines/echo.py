"""A scripted engine: answers at once with known words, for tests and screenshots. It needs no weights.

The answer to a question is found in a script by column and question; without one it repeats the question. Scores fall
evenly unless scripted. It is a normal engine: events, seeds, cancelling and failing columns behave as in a real one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from time import sleep

from culturechat.catalogue import Column
from culturechat.engines import Choice, Event, Failed, Finished, FinishReason, Plan, Request, Scores, Started, Token


@dataclass
class Echo:
    """The scripted engine."""

    answers: Mapping[str, str] = field(default_factory=dict)
    """Column id to what it answers, whatever the question."""
    failing: Mapping[str, str] = field(default_factory=dict)
    """Column id to the error it fails with after its first word."""
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Column id to the probabilities of the options, cut or filled up to their number."""
    seconds_per_token: float = 0.0
    tokens_per_second: float = 40.0
    """What the statistics claim, so that screenshots do not change."""

    def __post_init__(self) -> None:
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()
        self.opened: list[Column] = []
        self._context = 2048

    def open(self, columns: Sequence[Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        """Remember the columns; nothing is loaded."""
        self.opened = list(columns)
        self._context = context_tokens
        return Plan(context_tokens)

    def change(self, columns: Sequence[Column]) -> Plan:
        """Remember these columns instead."""
        self.opened = list(columns)
        return Plan(self._context)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer word by word, columns in turn."""
        with self._lock:
            self._cancelled -= {request.column for request in requests}
        for request in requests:
            words = sum(len(message.text.split()) for message in request.messages)
            yield Started(request.column, words, 0, 0)
        left = {request.column: self._words(request) for request in requests}
        written = dict.fromkeys(left, 0)
        limits = {request.column: request.sampling.max_tokens for request in requests}
        while left:
            for column in list(left):
                if self.seconds_per_token:
                    sleep(self.seconds_per_token)
                event = self._step(column, left[column], written, limits[column])
                if not isinstance(event, Token):
                    del left[column]
                yield event

    def cancel(self, columns: Iterable[str] | None = None) -> None:
        """Let these columns end at their next word."""
        with self._lock:
            self._cancelled |= set(columns if columns is not None else (column.id for column in self.opened))

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        """Return the scripted probabilities, or even ones."""
        for choice in choices:
            count = len(choice.options)
            shares = [*self.scores.get(column, ()), *[1.0] * count][:count]
            yield Scores(tuple(log(share / sum(shares)) for share in shares))

    def close(self) -> None:
        """Forget the columns."""
        self.opened = []

    def _words(self, request: Request) -> list[str]:
        asked = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
        text = self.answers.get(request.column, f"You asked: {asked}")
        words = text.split(" ")
        spoken = [words[0], *(f" {word}" for word in words[1:])]
        last = request.messages[-1]
        return spoken[len(last.text.split(" ")) :] if last.role == "assistant" else spoken

    def _step(self, column: str, words: list[str], written: dict[str, int], most: int) -> Event:
        if column in self._cancelled:
            return self._finished(column, "cancelled", written[column])
        if column in self.failing and written[column]:
            return Failed(column, self.failing[column])
        if not words or written[column] >= most:
            return self._finished(column, "length" if words else "stop", written[column])
        written[column] += 1
        return Token(column, words.pop(0))

    def _finished(self, column: str, reason: FinishReason, tokens: int) -> Finished:
        return Finished(column, reason, tokens, 0.1, self.tokens_per_second)


def engine() -> Echo:
    """Return an engine that repeats what it is asked."""
    return Echo()
