"""The process that owns llama.cpp: reads commands from standard input, writes replies to standard output.

Work is cut into steps (one decode each). As many threads as there are cores take the next step in turn, so all columns
advance alike and every core is used; a lone job gets all cores. The process ends when its input does, in the middle of
a step if need be: no orphan outlives the app.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import BinaryIO, Protocol

import msgspec

from culturechat.engines import Choice, Failed, Request, Scores
from culturechat.engines.llama_cpp import facts, protocol
from culturechat.engines.llama_cpp.answer import Answer
from culturechat.engines.llama_cpp.deck import Deck
from culturechat.engines.llama_cpp.native import Aborted, Context, Model
from culturechat.engines.llama_cpp.protocol import (
    Body,
    Broken,
    Cancel,
    Command,
    Done,
    Generate,
    Open,
    Opened,
    Reply,
    Score,
    Weights,
    Working,
)
from culturechat.engines.llama_cpp.scoring import Scorer
from culturechat.errors import CulturechatError

HEARTBEAT_SECONDS = 1.0

_END = object()


class Job(Protocol):
    """Work in progress, one step at a time, never two steps at once."""

    def step(self, threads: int) -> bool:
        """Do a little of the work on so many cores; return whether there is more."""

    def fail(self, error: str) -> None:
        """Tell the app that the work ended badly."""


class Worker:
    """Carries out commands until the input ends."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._cores = facts.cores()
        self._models: dict[str, Model] = {}
        self._decks: dict[str, Deck] = {}
        self._jobs: list[Job] = []
        self._waiting: deque[Job] = deque()
        self._news = threading.Condition()
        self._writing = threading.Lock()
        self._said = monotonic()
        for _ in range(self._cores):
            threading.Thread(target=self._work, daemon=True).start()

    def take(self, command: Command) -> None:
        """Begin a command; returns at once."""
        match command:
            case Cancel():
                self._cancel(command)
            case Open():
                self._cancel(Cancel(tuple(self._decks)))
                self._begin(_Opening(self, command))
            case Generate(run, requests):
                self._answer(run, requests)
            case Score(run, column, choices):
                if column in self._decks:
                    self._begin(_Scoring(self, run, self._decks[column], column, choices))
                else:
                    self.say(run, Broken(f"Column {column!r} is not open."))

    def say(self, run: int, body: Body) -> None:
        """Send a reply."""
        with self._writing:
            self._said = monotonic()
            protocol.write(self._output, Reply(run, body))

    def open(self, command: Open) -> Generator[None, None, None]:
        """Replace what is open, a file or a column a step."""
        while len(self._jobs) > 1:
            yield
        self._close_decks()
        for path in set(self._models) - {weights.base for weights in command.columns}:
            self._models.pop(path).close()
        for group in _groups(command):
            base = group[0].base
            if base not in self._models:
                self._models[base] = Model(base, self._heartbeat)
                yield
            deck = Deck(self._models[base], group, command.context_tokens)
            self._decks |= {weights.column: deck for weights in group}
            yield
        self.say(command.run, Opened())

    def _close_decks(self) -> None:
        for deck in {id(deck): deck for deck in self._decks.values()}.values():
            deck.close()
        self._decks = {}

    def _answer(self, run: int, requests: Sequence[Request]) -> None:
        by_deck: dict[int, list[Answer]] = {}
        for request in requests:
            deck = self._decks.get(request.column)
            if deck is None:
                self.say(run, Failed(request.column, f"Column {request.column!r} is not open."))
            else:
                answer = Answer(run, request, deck.seats[request.column], self.say)
                by_deck.setdefault(id(deck), []).append(answer)
        for answers in by_deck.values():
            self._hand_over(self._decks[answers[0].column], answers)

    def _hand_over(self, deck: Deck, answers: Sequence[Answer]) -> None:
        """Give answers to the job of their deck, a new one where none is at work."""
        with self._news:
            job = next((job for job in self._jobs if isinstance(job, _Answering) and job.deck is deck), None)
            if job is not None:
                job.waiting.extend(answers)
                return
        self._begin(_Answering(self, deck, deque(answers)))

    def _cancel(self, command: Cancel) -> None:
        with self._news:
            jobs = list(self._jobs)
        for job in jobs:
            if isinstance(job, _Answering | _Scoring):
                job.cancel(command)

    def _begin(self, job: Job) -> None:
        with self._news:
            self._jobs.append(job)
            self._waiting.append(job)
            self._news.notify()

    def _work(self) -> None:
        while True:
            with self._news:
                while not self._waiting:
                    self._news.wait()
                job = self._waiting.popleft()
                threads = max(1, self._cores // len(self._jobs))
            more = self._step(job, threads)
            self._heartbeat()
            with self._news:
                if more or (isinstance(job, _Answering) and job.waiting):
                    self._waiting.append(job)
                    self._news.notify()
                else:
                    self._jobs.remove(job)

    def _step(self, job: Job, threads: int) -> bool:
        try:
            return job.step(threads)
        except Exception as error:
            job.fail(_in_words(error))
            return False

    def _heartbeat(self) -> None:
        if monotonic() - self._said > HEARTBEAT_SECONDS:
            self.say(0, Working())


@dataclass
class _Opening:
    worker: Worker
    command: Open

    def __post_init__(self) -> None:
        self._steps = self.worker.open(self.command)

    def step(self, threads: int) -> bool:
        return next(self._steps, _END) is not _END

    def fail(self, error: str) -> None:
        self.worker.say(self.command.run, Broken(error))


@dataclass
class _Answering:
    """The answers of one deck; a column's next answer waits until its last is over."""

    worker: Worker
    deck: Deck
    waiting: deque[Answer]

    def __post_init__(self) -> None:
        self._active: dict[str, Answer] = {}

    def step(self, threads: int) -> bool:
        for _ in range(len(self.waiting)):
            answer = self.waiting.popleft()
            if answer.column in self._active:
                self.waiting.append(answer)
            else:
                self._admit(answer)
        for answer in self.deck.step(threads):
            self._active.pop(answer.column, None)
        return bool(self._active or self.waiting)

    def cancel(self, command: Cancel) -> None:
        for answer in [*self._active.values(), *self.waiting]:
            if answer.run == command.run or answer.column in command.columns:
                self.deck.cancel(answer)

    def fail(self, error: str) -> None:
        self._active.clear()
        for answer in self.deck.forget():
            self.worker.say(answer.run, Failed(answer.column, error))

    def _admit(self, answer: Answer) -> None:
        try:
            answer.begin()
        except Exception as error:
            answer.close()
            self.worker.say(answer.run, Failed(answer.column, _in_words(error)))
        else:
            self._active[answer.column] = answer
            self.deck.add(answer)


@dataclass
class _Scoring:
    worker: Worker
    run: int
    deck: Deck
    column: str
    choices: Sequence[Choice]
    cancelled: bool = False

    def __post_init__(self) -> None:
        self._steps = self._score()
        self._context: Context | None = None

    def step(self, threads: int) -> bool:
        if not self.deck.take_scoring(self):
            return True
        self._context = self.deck.scoring()
        self._context.use_threads(threads)
        self._context.abort(self.cancelled)
        with suppress(Aborted):
            if next(self._steps, _END) is not _END:
                return True
        self._leave()
        self.worker.say(self.run, Done())
        return False

    def cancel(self, command: Cancel) -> None:
        if self.run == command.run or self.column in command.columns:
            self.cancelled = True
            if self._context is not None:
                self._context.abort()

    def fail(self, error: str) -> None:
        self._leave()
        self.worker.say(self.run, Broken(error))

    def _leave(self) -> None:
        self._context = None
        self.deck.leave_scoring(self)

    def _score(self) -> Generator[None, None, None]:
        assert self._context is not None
        seat = self.deck.seats[self.column]
        choices = [seat.tokens(choice) for choice in self.choices]
        for score in Scorer(self._context, self.deck.scoring_tokens).score(choices):
            if isinstance(score, Scores):
                self.worker.say(self.run, score)
            else:
                yield


def _in_words(error: Exception) -> str:
    """Return what to tell the user; an error nobody foresaw goes to the log in full."""
    if isinstance(error, CulturechatError):
        return str(error)
    traceback.print_exception(error)
    return f"The engine failed ({type(error).__name__}: {error})."


def _groups(command: Open) -> list[list[Weights]]:
    """Return the columns that can share a context, in the order of their first."""
    groups: dict[object, list[Weights]] = {}
    for weights in command.columns:
        key = weights.column if command.apart else (weights.base, weights.adapter)
        groups.setdefault(key, []).append(weights)
    return list(groups.values())


def main() -> None:
    """Serve the parent process until it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the app, which then closes our input
    commands, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not between the frames
    worker = Worker(replies)
    decoder = msgspec.msgpack.Decoder(Command)
    while (frame := protocol.read(commands)) is not None:
        worker.take(decoder.decode(frame))
    os._exit(0)


if __name__ == "__main__":
    main()
