"""The process that owns llama.cpp: reads commands from standard input, writes replies to standard output.

Work is cut into steps (one decode each), taken in turn, so all columns advance alike. With fewer jobs than cores one
thread, the leader, takes every step and uses all cores for it; otherwise as many threads as there are cores take one
core each. The process ends when its input does, in the middle of a step if need be: no orphan outlives the app.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, perf_counter, sleep
from typing import Any, BinaryIO, Protocol

import msgspec

from culturechat.engines import Failed, Finished, Request, Scores, Token
from culturechat.engines.llama_cpp import facts, memory, protocol
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
    Working,
)
from culturechat.engines.llama_cpp.scoring import Scorer
from culturechat.errors import CulturechatError

HEARTBEAT_SECONDS = 1.0
WAIT_SECONDS = 0.005
"""How long a thread sleeps between two looks at whether others are done."""
TOKENS_SECONDS = 0.02
"""How often tokens are sent at most. Each time wakes the app, which takes a core that decodes."""

_END = object()


class Job(Protocol):
    """Work in progress, one step at a time, never two steps at once."""

    def step(self, threads: int) -> bool:
        """Do a little of the work on so many cores; return whether there is more."""

    def has_news(self) -> bool:
        """Return whether work was added since the last step."""

    def cancel(self, command: Cancel) -> None:
        """Let what the command names end soon; callable from any thread."""

    def fail(self, error: str) -> None:
        """Tell the app that the work ended badly."""


class Worker:
    """Carries out commands until the input ends."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._cores = facts.cores()
        self._models: dict[str, Model] = {}
        self._decks: dict[str, Deck] = {}
        self._in_turn = False
        self._jobs: list[Job] = []
        self._waiting: deque[Job] = deque()
        self._news = threading.Condition(threading.RLock())
        self._writing = threading.Lock()
        self._unsent: list[Reply] = []
        self._stepping = threading.local()
        self._said = monotonic()
        for place in range(self._cores):
            threading.Thread(target=self._work, args=(place == 0,), daemon=True).start()

    def take(self, command: Command) -> None:
        """Begin a command; returns at once."""
        match command:
            case Cancel():
                self._cancel(command)
            case Open():
                if not command.keep:
                    self._cancel(Cancel(tuple(self._decks), scoring=True))
                self.begin(_Opening(self, command))
            case Generate(run, requests):
                self._answer(run, requests)
            case Score(run, column):
                if column in self._decks:
                    self._hand_over(_Scoring, self._decks[column], [command])
                else:
                    self.say(run, Broken(f"Column {column!r} is not open."))

    def say(self, run: int, body: Body) -> None:
        """Send a reply; those of one step go together, so that the app is woken once for all columns' tokens."""
        with self._writing:
            self._unsent.append(Reply(run, body))
        if not getattr(self._stepping, "now", False):
            self._send()

    def _send(self) -> None:
        """Send what was said, unless it is tokens only and the last were sent just now: then the next step sends them.

        There is a next step, for an answer that is not over has more to decode.
        """
        now = monotonic()
        with self._writing:
            tokens_only = all(isinstance(reply.body, Token) for reply in self._unsent)
            if self._unsent and not (tokens_only and now - self._said < TOKENS_SECONDS):
                self._said = now
                protocol.write(self._output, self._unsent)
                self._unsent = []

    def open(self, command: Open) -> Generator[None, None, None]:
        """Replace what is open, a file or a column a step."""
        if command.keep and not (command.in_turn or self._in_turn):
            yield from self._change(command)
            return
        while len(self._jobs) > 1:
            sleep(WAIT_SECONDS)
            yield
        for deck in self._all_decks():
            deck.close()
        self._decks = {}
        self._close_models({weights.base for weights in command.columns})
        for group in memory.groups(command.columns, command.apart):
            deck = Deck(group, command.context_tokens)
            self._decks |= dict.fromkeys(deck.columns, deck)
        self._in_turn = command.in_turn
        for deck in self._all_decks():
            # what is read in turn is opened once all the same: a file that cannot be read is known now, not in a chat
            if command.in_turn:
                self.make_room(deck)
            if deck.base not in self._models:
                self._models[deck.base] = Model(deck.base, self._heartbeat)
                yield
            deck.open(self._models[deck.base])
            yield
        self.say(command.run, Opened())

    def _change(self, command: Open) -> Generator[None, None, None]:
        """Open and close decks; those of which nothing changes keep their memory, and their work goes on beside it.

        All that can go wrong is tried before anything that is open is given up.
        """
        open_now = self._all_decks()
        stay = {deck.weights: deck for deck in open_now if deck.context_tokens == command.context_tokens}
        groups = [tuple(group) for group in memory.groups(command.columns, command.apart)]
        decks = [stay.get(group) or Deck(group, command.context_tokens) for group in groups]
        leaving = [deck for deck in open_now if deck not in decks]
        self._cancel_scoring(leaving)
        while any(job.deck in leaving for job in self._all_jobs() if isinstance(job, _Answering | _Scoring)):
            sleep(WAIT_SECONDS)
            yield
        new = [deck for deck in decks if deck not in open_now]
        try:
            for deck in sorted(new, key=lambda deck: any(set(deck.columns) & set(other.columns) for other in leaving)):
                if deck.base not in self._models:
                    self._models[deck.base] = Model(deck.base, self._heartbeat)
                    yield
                if set(deck.columns) & set(self._decks):
                    for other in leaving:
                        other.close()
                deck.open(self._models[deck.base])
                yield
        except BaseException:
            for deck in new:
                deck.close()
            self._close_models({deck.base for deck in open_now})
            raise
        for deck in leaving:
            deck.close()
        self._decks = {column: deck for deck in decks for column in deck.columns}
        self._close_models({deck.base for deck in decks})
        self.say(command.run, Opened())

    def _cancel_scoring(self, decks: Sequence[Deck]) -> None:
        with self._news:
            jobs = [job for job in self._all_jobs() if isinstance(job, _Scoring) and job.deck in decks]
        for job in jobs:
            job.cancel(Cancel(scoring=True))

    def _close_models(self, but: set[str]) -> None:
        for path in set(self._models) - but:
            self._models.pop(path).close()

    def bring(self, deck: Deck) -> None:
        """See to it that a deck is open; in turn, that means instead of all others."""
        if not deck.seats:
            if self._in_turn:
                self.make_room(deck)
            if deck.base not in self._models:
                self._models[deck.base] = Model(deck.base, self._heartbeat)
            deck.open(self._models[deck.base])

    def make_room(self, deck: Deck) -> None:
        """Close all other decks, and all models but this deck's."""
        for other in self._all_decks():
            if other is not deck:
                other.close()
        self._close_models({deck.base})

    def _all_decks(self) -> list[Deck]:
        return list({id(deck): deck for deck in self._decks.values()}.values())

    def _answer(self, run: int, requests: Sequence[Request]) -> None:
        by_deck: dict[int, list[_Asked]] = {}
        for request in requests:
            deck = self._decks.get(request.column)
            if deck is None:
                self.say(run, Failed(request.column, f"Column {request.column!r} is not open."))
            else:
                by_deck.setdefault(id(deck), []).append(_Asked(run, request, perf_counter()))
        for asked in by_deck.values():
            self._hand_over(_Answering, self._decks[asked[0].request.column], asked)

    def _hand_over(self, kind: type[_Answering] | type[_Scoring], deck: Deck, work: Sequence[Any]) -> None:
        """Give work to the job of its kind and deck, a new one where none is at it."""
        with self._news:
            for job in self._all_jobs():
                if isinstance(job, kind) and job.deck is deck:
                    job.waiting.extend(work)
                    return
            self.begin(kind(self, deck, deque(work)), self._in_turn)

    def _cancel(self, command: Cancel) -> None:
        with self._news:
            jobs = self._all_jobs()
        for job in jobs:
            job.cancel(command)

    def _all_jobs(self) -> list[Job]:
        """Return the jobs, those that wait for their turn included."""
        return [inner for job in self._jobs for inner in (job.queue if isinstance(job, _InTurn) else [job])]

    def begin(self, job: Job, in_turn: bool = False) -> None:
        """Take on a job; in turn, it waits until the others that are so are over."""
        with self._news:  # held already where a job is handed work
            if in_turn:
                line = next((other for other in self._jobs if isinstance(other, _InTurn)), None)
                if line is not None:
                    line.queue.append(job)
                    return
                job = _InTurn(deque([job]))
            self._jobs.append(job)
            self._waiting.append(job)
            self._news.notify_all()

    def _work(self, leader: bool) -> None:
        while True:
            with self._news:
                # Only the leader ever uses several cores. OpenMP keeps a team of threads for each thread that does, and
                # once there are more of them than cores they no longer spin for each other: half the speed is lost.
                while not self._waiting or (self._alone and not leader):
                    self._news.wait()
                job = self._waiting.popleft()
                threads = self._cores if self._alone else 1
            more = self._step(job, threads)
            self._heartbeat()
            with self._news:
                if more or job.has_news():
                    self._waiting.append(job)
                else:
                    self._jobs.remove(job)
                if self._alone and not leader:
                    self._news.notify_all()

    @property
    def _alone(self) -> bool:
        """Whether the leader does all the work, because there are fewer jobs than cores."""
        return len(self._jobs) < self._cores

    def _step(self, job: Job, threads: int) -> bool:
        self._stepping.now = True
        try:
            return job.step(threads)
        except Exception as error:
            job.fail(_in_words(error))
            return False
        finally:
            self._stepping.now = False
            self._send()

    def _heartbeat(self) -> None:
        if monotonic() - self._said > HEARTBEAT_SECONDS:
            self.say(0, Working())
            self._send()  # in the middle of a step, too: loading a large model is one


@dataclass
class _Opening:
    worker: Worker
    command: Open

    def __post_init__(self) -> None:
        self._steps = self.worker.open(self.command)

    def step(self, threads: int) -> bool:
        return next(self._steps, _END) is not _END

    def has_news(self) -> bool:
        return False

    def cancel(self, command: Cancel) -> None:
        pass  # what is half open is of no use to anyone

    def fail(self, error: str) -> None:
        self.worker.say(self.command.run, Broken(error))


@dataclass
class _InTurn:
    """Jobs whose models are not held in memory side by side: each is done before the next begins."""

    queue: deque[Job]

    def step(self, threads: int) -> bool:
        job = self.queue[0]
        try:
            more = job.step(threads)
        except Exception as error:
            job.fail(_in_words(error))
            more = False
        if not (more or job.has_news()):
            self.queue.popleft()
        return bool(self.queue)

    def has_news(self) -> bool:
        return bool(self.queue)

    def cancel(self, command: Cancel) -> None:
        for job in self.queue:
            job.cancel(command)

    def fail(self, error: str) -> None:
        for job in self.queue:
            job.fail(error)
        self.queue.clear()


@dataclass(frozen=True)
class _Asked:
    """A request, and when it came in."""

    run: int
    request: Request
    at: float


@dataclass
class _Answering:
    """The answers of one deck; a column's next answer waits until its last is over."""

    worker: Worker
    deck: Deck
    waiting: deque[_Asked]

    def __post_init__(self) -> None:
        self._active: dict[str, Answer] = {}
        self._admitting = threading.Lock()

    def step(self, threads: int) -> bool:
        self.worker.bring(self.deck)
        with self._admitting:
            for _ in range(len(self.waiting)):
                asked = self.waiting.popleft()
                if asked.request.column in self._active:
                    self.waiting.append(asked)
                else:
                    self._admit(asked)
        for answer in self.deck.step(threads):
            self._active.pop(answer.column, None)
        return bool(self._active or self.waiting)

    def has_news(self) -> bool:
        return bool(self.waiting)

    def cancel(self, command: Cancel) -> None:
        with self._admitting:
            for answer in list(self._active.values()):
                if answer.run == command.run or answer.column in command.columns:
                    self.deck.cancel(answer)
            for asked in list(self.waiting):
                if asked.run == command.run or asked.request.column in command.columns:
                    self.waiting.remove(asked)
                    self.worker.say(asked.run, Finished(asked.request.column, "cancelled", 0, 0.0, 0.0))

    def fail(self, error: str) -> None:
        self._active.clear()
        for answer in self.deck.forget():
            self.worker.say(answer.run, Failed(answer.column, error))
        while self.waiting:
            asked = self.waiting.popleft()
            self.worker.say(asked.run, Failed(asked.request.column, error))

    def _admit(self, asked: _Asked) -> None:
        column = asked.request.column
        answer = Answer(asked.run, asked.request, asked.at, self.deck.seats[column], self.worker.say)
        try:
            answer.begin()
        except Exception as error:
            answer.close()
            self.worker.say(asked.run, Failed(column, _in_words(error)))
        else:
            self._active[column] = answer
            self.deck.add(answer)


@dataclass
class _Scoring:
    """What is to be scored on one deck, one run after the other: they share its scoring context."""

    worker: Worker
    deck: Deck
    waiting: deque[Score]

    def __post_init__(self) -> None:
        self._guard = threading.Lock()
        self._cancelled = False
        self._context: Context | None = None
        self._steps: Iterator[None] | None = None

    def step(self, threads: int) -> bool:
        self.worker.bring(self.deck)
        context = self.deck.scoring()
        context.use_threads(threads)
        with self._guard:
            self._context = context
            context.abort(self._cancelled)
        if self._steps is None:
            self._steps = self._score(self.waiting[0])
        with suppress(Aborted):
            if next(self._steps, _END) is not _END:
                return True
        self.worker.say(self._leave(), Done())
        return bool(self.waiting)

    def has_news(self) -> bool:
        return bool(self.waiting)

    def cancel(self, command: Cancel) -> None:
        with self._guard:
            for place, score in enumerate(list(self.waiting)):
                if score.run != command.run and not command.scoring:
                    continue
                if place == 0:
                    self._cancelled = True
                    if self._context is not None:
                        self._context.abort()
                else:
                    self.waiting.remove(score)
                    self.worker.say(score.run, Done())

    def fail(self, error: str) -> None:
        self.worker.say(self._leave(), Broken(error))
        while self.waiting:
            self.worker.say(self.waiting.popleft().run, Broken(error))

    def _leave(self) -> int:
        """End the run at hand; return which it was."""
        with self._guard:
            self._cancelled, self._context, self._steps = False, None, None
            run = self.waiting.popleft().run
        if not self.waiting and self.deck.seats:
            self.deck.end_scoring()
        return run

    def _score(self, score: Score) -> Iterator[None]:
        seat = self.deck.seats[score.column]
        choices = [seat.tokens(choice) for choice in score.choices]
        for found in Scorer(self.deck.scoring(), self.deck.scoring_tokens).score(choices):
            if isinstance(found, Scores):
                self.worker.say(score.run, found)
            else:
                yield


def _in_words(error: Exception) -> str:
    """Return what to tell the user; an error nobody foresaw goes to the log in full."""
    if isinstance(error, CulturechatError):
        return str(error)
    traceback.print_exception(error)
    return f"The engine failed ({type(error).__name__}: {error})."


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
