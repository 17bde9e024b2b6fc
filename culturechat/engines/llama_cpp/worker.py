"""The process that owns llama.cpp: reads commands from standard input, writes replies to standard output.

Work is cut into steps (one decode each). As many threads as there are cores take the next step in turn, so all columns
advance alike and every core is used; a lone column gets all cores. The process ends when its input does, in the middle
of a step if need be: no orphan outlives the app.
"""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import BinaryIO

import msgspec

from culturechat.conversation import Message
from culturechat.engines import Choice, Failed, Finished, FinishReason, Request, Scores, Started, Token
from culturechat.engines.llama_cpp import facts, protocol
from culturechat.engines.llama_cpp.native import BATCH_TOKENS, Aborted, Context, Model, Sampler
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
)
from culturechat.engines.llama_cpp.scoring import SEQUENCES, Scorer, Tokens
from culturechat.engines.llama_cpp.template import ChatFormat
from culturechat.errors import CulturechatError, EngineError

Steps = Generator[None, None, None]

_END = object()

SCORE_TOKENS = 4096
"""Room of a scoring context for the shared beginning and all prompts read side by side."""


class Seat:
    """One open column: its weights, its memory, what it has read, and the work that waits for it."""

    def __init__(self, weights: Weights, model: Model, context_tokens: int) -> None:
        self.weights = weights
        self.model = model
        self.format = ChatFormat(model.chat_template, model.bos, model.eos)
        self.size = min(context_tokens, model.trained_context)
        self.scoring_tokens = min(SCORE_TOKENS, model.trained_context * SEQUENCES)
        self.jobs: deque[Job] = deque()
        """The first is at work; they take turns, because they share the memory."""
        self.context = Context(model, self.size, weights.adapter, should_abort=lambda: self.cancelled)
        self.read: list[tuple[int, ...]] = []
        """The batches in memory, in order: the same conversation is always read in the same batches."""
        self._scoring: Context | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the work at hand is to stop."""
        return bool(self.jobs) and self.jobs[0].cancelled

    def scoring(self) -> Context:
        """Return the context for scoring, made when it is first needed."""
        if self._scoring is None:
            self._scoring = Context(
                self.model, self.scoring_tokens, self.weights.adapter, SEQUENCES, should_abort=lambda: self.cancelled
            )
        return self._scoring

    def read_batch(self, batch: tuple[int, ...]) -> None:
        """Read one more batch.

        Raises:
            Aborted: the work was cancelled; the memory is as before.
        """
        position = sum(map(len, self.read))
        try:
            self.context.decode(batch, position)
        except Aborted:
            self.context.forget(position)
            raise
        self.read.append(batch)

    def keep_common(self, batches: Sequence[tuple[int, ...]]) -> int:
        """Drop what the memory holds beyond the common beginning; return the tokens kept.

        The last batch is always read again, because its logits are needed.
        """
        kept = 0
        while kept < min(len(self.read), len(batches) - 1) and self.read[kept] == batches[kept]:
            kept += 1
        del self.read[kept:]
        tokens = sum(map(len, self.read))
        self.context.forget(tokens)
        return tokens

    def forget(self) -> None:
        """Empty the memory."""
        self.read.clear()
        self.context.forget()

    def batches(self, messages: Sequence[Message]) -> list[tuple[int, ...]]:
        """Return the conversation as the batches it is read in: prompts whole, earlier answers token by token.

        An answer was written token by token, so reading it again in the same way gives the same numbers, whether the
        memory still holds it or not.
        """
        batches: list[tuple[int, ...]] = []
        for piece in self.format.pieces(messages):
            begin = not batches and self.format.template is None
            tokens = self.model.tokenize(piece.text, special=not piece.answer, begin=begin)
            size = 1 if piece.answer else BATCH_TOKENS
            batches += [tuple(tokens[start : start + size]) for start in range(0, len(tokens), size)]
        return batches

    def fitting(self, request: Request) -> tuple[list[tuple[int, ...]], int]:
        """Return the batches of a request that leave room for its answer, and how many oldest messages are left out."""
        system = [message for message in request.messages if message.role == "system"]
        turns = [message for message in request.messages if message.role != "system"]
        room = self.size - min(request.sampling.max_tokens, self.size // 2)
        for dropped in range(0, len(turns), 2):
            batches = self.batches([*system, *turns[dropped:]])
            if sum(map(len, batches)) <= room:
                return batches, dropped
        raise EngineError(f"The question is longer than the {self.size} tokens this column can hold; shorten it.")

    def close(self) -> None:
        """Free the memory."""
        self.context.close()
        if self._scoring is not None:
            self._scoring.close()


@dataclass
class Job:
    """Work in progress for one command."""

    run: int
    steps: Steps
    fail: Callable[[str], None]
    """Tells the app that the work ended badly."""
    seat: Seat | None = None
    cancelled: bool = False


@dataclass
class Worker:
    """Carries out commands until the input ends."""

    output: BinaryIO
    cores: int = field(default_factory=facts.cores)

    def __post_init__(self) -> None:
        self._seats: dict[str, Seat] = {}
        self._models: dict[str, Model] = {}
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._news = threading.Condition()
        self._writing = threading.Lock()
        for _ in range(self.cores):
            threading.Thread(target=self._work, daemon=True).start()

    def take(self, command: Command) -> None:
        """Begin a command; returns at once."""
        match command:
            case Cancel():
                self._cancel(command)
            case Open():
                self._begin(Job(command.run, self._open(command), self._broken(command.run)))
            case Generate(run, request):
                job = Job(run, iter(()), lambda error: self._say(run, Failed(request.column, error)))  # type: ignore[arg-type]
                self._begin_in_seat(job, request.column, lambda seat: self._answer(run, request, seat))
            case Score(run, column, choices):
                job = Job(run, iter(()), self._broken(run))  # type: ignore[arg-type]
                self._begin_in_seat(job, column, lambda seat: self._score(run, choices, seat))

    def _broken(self, run: int) -> Callable[[str], None]:
        return lambda error: self._say(run, Broken(error))

    def _begin_in_seat(self, job: Job, column: str, steps: Callable[[Seat], Steps]) -> None:
        seat = self._seats.get(column)
        if seat is None:
            job.fail(f"Column {column!r} is not open.")
            return
        job.seat, job.steps = seat, steps(seat)
        with self._news:
            seat.jobs.append(job)
            if len(seat.jobs) > 1:
                return
        self._begin(job)

    def _begin(self, job: Job) -> None:
        with self._news:
            self._waiting.append(job)
            self._news.notify()

    def _work(self) -> None:
        while True:
            with self._news:
                while not self._waiting:
                    self._news.wait()
                job = self._waiting.popleft()
                self._running.append(job)
            over = self._step(job)
            with self._news:
                self._running.remove(job)
                if not over:
                    self._waiting.append(job)
                elif job.seat is not None:
                    job.seat.jobs.popleft()
                    self._waiting.extend(list(job.seat.jobs)[:1])
                if self._waiting:
                    self._news.notify()

    def _step(self, job: Job) -> bool:
        """Take one step of a job; return whether it was the last."""
        try:
            next(job.steps)
        except StopIteration:
            return True
        except Exception as error:
            if job.seat is not None:
                job.seat.forget()
            if not isinstance(error, CulturechatError):
                traceback.print_exc()
                error = EngineError(f"The engine failed ({type(error).__name__}: {error}).")
            job.fail(str(error))
            return True
        return False

    def _threads(self) -> int:
        """Return how many cores one step may use: all for a lone job, its share otherwise."""
        return max(1, self.cores // max(1, len(self._waiting) + len(self._running)))

    def _cancel(self, command: Cancel) -> None:
        with self._news:
            jobs = [job for seat in self._seats.values() for job in seat.jobs]
        for job in jobs:
            assert job.seat is not None
            if job.run == command.run or job.seat.weights.column in command.columns:
                job.cancelled = True

    def _open(self, command: Open) -> Steps:
        self._cancel(Cancel(tuple(self._seats)))
        while len(self._waiting) + len(self._running) > 1:
            yield
        wanted = {weights.column: weights for weights in command.columns}
        for column in list(self._seats):
            self._seats.pop(column).close()
        for path in set(self._models) - {weights.base for weights in wanted.values()}:
            self._models.pop(path).close()
        for weights in wanted.values():
            if weights.base not in self._models:
                self._models[weights.base] = Model(weights.base)
                yield
            self._seats[weights.column] = Seat(weights, self._models[weights.base], command.context_tokens)
            yield
        self._say(command.run, Opened())

    def _answer(self, run: int, request: Request, seat: Seat) -> Steps:
        began = perf_counter()
        batches, dropped = seat.fitting(request)
        cached = seat.keep_common(batches)
        self._say(run, Started(request.column, sum(map(len, batches)), cached, dropped))
        answer = _Answer(seat, request, began)
        try:
            for batch in batches[len(seat.read) :]:
                self._decode(seat, batch)
                yield
            while answer.reason is None:
                token = answer.draw()
                self._tell(run, request.column, answer.text_of(token))
                if answer.reason is None:
                    self._decode(seat, (token,))
                    yield
        except Aborted:
            answer.reason = "cancelled"
        finally:
            answer.sampler.close()
        self._tell(run, request.column, answer.rest())
        self._say(run, answer.finished())

    def _tell(self, run: int, column: str, text: str) -> None:
        if text:
            self._say(run, Token(column, text))

    def _decode(self, seat: Seat, batch: tuple[int, ...]) -> None:
        seat.context.use_threads(self._threads())
        seat.read_batch(batch)

    def _score(self, run: int, choices: Sequence[Choice], seat: Seat) -> Steps:
        context = seat.scoring()
        scores = Scorer(context, seat.scoring_tokens).score([_tokens(seat, choice) for choice in choices])
        with suppress(Aborted):
            while not seat.cancelled:
                context.use_threads(self._threads())
                score = next(scores, _END)
                if score is _END:
                    break
                if isinstance(score, Scores):
                    self._say(run, score)
                yield
        self._say(run, Done())

    def _say(self, run: int, body: Body) -> None:
        with self._writing:
            protocol.write(self.output, Reply(run, body))


class _Answer:
    """One answer being written: draws tokens, joins bytes to characters, knows when it is over."""

    def __init__(self, seat: Seat, request: Request, began: float) -> None:
        self.seat = seat
        self.request = request
        self.sampler = Sampler(seat.model, request.sampling, request.seed)
        self.reason: FinishReason | None = None
        self._began = began
        self._first = self._last = began
        self._count = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def draw(self) -> int:
        token = self.sampler.draw(self.seat.context)
        self._last = perf_counter()
        if not self._count:
            self._first = self._last
        if self.seat.cancelled:
            self.reason = "cancelled"
        elif self.seat.model.ends_answer(token):
            self.reason = "stop"
        else:
            self._count += 1
            if self._count >= min(self.request.sampling.max_tokens, self._room()):
                self.reason = "length"
        return token

    def text_of(self, token: int) -> str:
        """Return the characters that are complete with this token, up to a stop text."""
        if self.reason in ("stop", "cancelled"):
            return ""
        self._held += self._decoder.decode(self.seat.model.piece(token))
        stop = self.seat.format.stop
        if stop is None:
            text, self._held = self._held, ""
            return text
        if stop in self._held:
            self.reason = "stop"
            text, self._held = self._held.split(stop)[0], ""
            return text
        keep = next((size for size in range(len(stop), 0, -1) if self._held.endswith(stop[:size])), 0)
        text, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return text

    def rest(self) -> str:
        """Return what was held back when the answer ended; bytes of an unfinished character are dropped."""
        text, self._held = self._held, ""
        return text

    def finished(self) -> Finished:
        first = self._first - self._began
        writing = self._last - self._first
        speed = (self._count - 1) / writing if self._count > 1 and writing > 0 else 0.0
        assert self.reason is not None
        return Finished(self.request.column, self.reason, self._count, first, speed)

    def _room(self) -> int:
        return self.seat.size - sum(map(len, self.seat.read)) + self._count


def _tokens(seat: Seat, choice: Choice) -> Tokens:
    text = seat.format.render(choice.messages)
    begin = seat.format.template is None
    prompt = seat.model.tokenize(text, begin=begin)
    options = []
    for option in choice.options:
        whole = seat.model.tokenize(text + option, begin=begin)
        joined = whole[: len(prompt)] == prompt and len(whole) > len(prompt)
        options.append(tuple(whole[len(prompt) :] if joined else seat.model.tokenize(option, special=False)))
    return Tokens(tuple(prompt), tuple(options))


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
