"""The app's side of the worker process: starts it, talks to it, survives it. Knows nothing of llama.cpp."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import BinaryIO, cast

import msgspec

from culturechat import paths
from culturechat.catalogue import Column
from culturechat.engines import Choice, Event, Failed, Finished, Plan, Request, Scores
from culturechat.engines.llama_cpp import facts, memory, prepared, protocol
from culturechat.engines.llama_cpp.protocol import Body, Broken, Cancel, Done, Generate, Open, Score, Weights
from culturechat.errors import EngineError, UsageError
from culturechat.terminal import one_line

CRASHES_IN_A_ROW = 3
"""So many deaths without an answer between them, and the worker is not started again by itself."""

HANG_SECONDS = 60.0
"""A worker that has work and says nothing for so long is taken for hung; it says something after every step."""

_LOG_TAIL_BYTES = 4096


class LlamaCpp:
    """llama.cpp in a child process that is started when needed and again after a crash."""

    def __init__(self) -> None:
        self._worker: _Process | None = None
        self._columns: tuple[Weights, ...] = ()
        self._files: list[str] = []
        self._plan = Plan(0)
        self._wanted = 0
        self._apart = False
        self._crashes = 0
        self._runs = itertools.count(1)
        self._starting = threading.Lock()

    def open(self, columns: Sequence[Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        """Load the columns' models in the worker, in turn or with smaller contexts where memory is short.

        Raises:
            EngineError: llama.cpp cannot load one of them, or memory is too short.
        """
        self._columns = tuple(_weights(column) for column in columns)
        self._files = sorted({column.base_path.name for column in columns})
        self._wanted = context_tokens
        self._apart = apart
        self._crashes = 0
        with self._starting:
            worker = self._running()
            self._plan = memory.plan(self._columns, context_tokens, apart, facts.free_bytes(but=worker.pid))
            self._load(worker)
        return self._plan

    def change(self, columns: Sequence[Column]) -> Plan:
        """Open further columns and close others; see `Engine.change`.

        Raises:
            EngineError: llama.cpp cannot load one of them, or memory is too short; what was open stays open.
        """
        wanted = tuple(_weights(column) for column in columns)
        with self._starting:
            before = self._columns, self._files, self._plan
            keep = self._worker is not None and self._worker.alive
            worker = self._running()
            plan = memory.plan(wanted, self._wanted, self._apart, facts.free_bytes(but=worker.pid))
            self._columns, self._plan = wanted, plan
            self._files = sorted({column.base_path.name for column in columns})
            try:
                self._load(worker, keep)
            except EngineError:
                in_turn = plan.in_turn or before[2].in_turn
                self._columns, self._files, self._plan = before
                if worker.alive and not keep:
                    worker.stop()  # the next question starts it with what was open
                elif in_turn and worker.alive:
                    self._load(worker)
                raise
        return plan

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer for several columns at once; see `Engine.generate`."""
        try:
            worker = self._ready()
        except EngineError as error:
            yield from (Failed(request.column, str(error)) for request in requests)
            return
        run = next(self._runs)
        waiting = {request.column for request in requests}
        with worker.listening(run) as replies:
            worker.send(Generate(run, tuple(requests)))
            try:
                while waiting:
                    body = worker.next_of(replies)
                    if isinstance(body, _Died):
                        self._crashes += 1
                        yield from (Failed(column, body.reason) for column in sorted(waiting))
                        return
                    event = cast(Event, body)
                    if isinstance(event, Finished | Failed):
                        waiting.discard(event.column)
                        self._crashes = 0
                    yield event
            finally:
                if waiting:
                    worker.send(Cancel(run=run))

    def cancel(self, columns: Iterable[str] | None = None) -> None:
        """Stop these columns' answers, or all."""
        if self._worker is not None:
            every = (weights.column for weights in self._columns)
            self._worker.send(Cancel(tuple(every if columns is None else columns)))

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        """Return the scores of each choice in order; see `Engine.score`."""
        worker = self._ready()
        run = next(self._runs)
        left = len(choices)
        with worker.listening(run) as replies:
            worker.send(Score(run, column, tuple(choices)))
            body: Body | _Died | None = None
            try:
                while not isinstance(body := worker.next_of(replies), Done):
                    if isinstance(body, _Died):
                        self._crashes += 1
                    if isinstance(body, Broken | _Died):
                        raise EngineError(body.error if isinstance(body, Broken) else body.reason)
                    left -= 1
                    yield cast(Scores, body)
                if left:
                    raise EngineError("The models were opened anew, which ended the measurement. Start it again.")
            finally:
                if not isinstance(body, Done | Broken | _Died):
                    worker.send(Cancel(run=run))

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    @property
    def pid(self) -> int | None:
        """Process id of the worker, if one runs."""
        return self._worker.pid if self._worker is not None and self._worker.alive else None

    def _ready(self) -> _Process:
        """Return a worker with the columns open, a new one after a crash."""
        with self._starting:
            if self._worker is not None and self._worker.alive:
                return self._worker
            if self._crashes >= CRASHES_IN_A_ROW:
                files = ", ".join(self._files)
                raise EngineError(
                    f"The engine crashed {self._crashes} times in a row on {files}; it is not tried again."
                )
            worker = self._running()
            self._load(worker)
            return worker

    def _running(self) -> _Process:
        if self._worker is None or not self._worker.alive:
            self._worker = _Process()
        return self._worker

    def _load(self, worker: _Process, keep: bool = False) -> None:
        run = next(self._runs)
        with worker.listening(run) as replies:
            plan = self._plan
            worker.send(Open(run, self._columns, plan.context_tokens, self._apart, plan.in_turn, keep))
            body = worker.next_of(replies)
        if isinstance(body, _Died):
            self._crashes += 1
            raise EngineError(body.reason)
        if isinstance(body, Broken):
            raise EngineError(body.error)


class _Died:
    """The worker has gone; put to everyone who waits for a reply."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Process:
    """One run of the worker process."""

    def __init__(self) -> None:
        self._log_path = _log_path()
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "culturechat.engines.llama_cpp.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "GGML_NO_BACKTRACE": "1", "PYTHONUNBUFFERED": "1"},
            )
        self._sending = threading.Lock()
        self._listeners: dict[int, SimpleQueue[Body | _Died]] = {}
        self._listening = threading.Lock()
        self._death: _Died | None = None
        self._hung = False
        self._heard = monotonic()
        threading.Thread(target=self._receive, daemon=True, name="culturechat-engine").start()

    @property
    def alive(self) -> bool:
        return self._death is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: protocol.Command) -> None:
        """Send a command; to a dead worker it is lost, its listener hears of the death."""
        with self._sending, suppress(OSError, ValueError):
            protocol.write(cast(BinaryIO, self._process.stdin), command)

    @contextmanager
    def listening(self, run: int) -> Iterator[SimpleQueue[Body | _Died]]:
        """Give a queue of what is said of one run."""
        queue: SimpleQueue[Body | _Died] = SimpleQueue()
        with self._listening:
            self._listeners[run] = queue
            if self._death is not None:
                queue.put(self._death)
        try:
            yield queue
        finally:
            with self._listening:
                self._listeners.pop(run, None)

    def next_of(self, replies: SimpleQueue[Body | _Died]) -> Body | _Died:
        """Return the next thing said of a run; a worker that is silent for too long while it has work is killed."""
        self._heard = monotonic()
        while True:
            try:
                return replies.get(timeout=HANG_SECONDS / 10)
            except Empty:
                if monotonic() - self._heard > HANG_SECONDS:
                    self._hung = True
                    self._process.kill()

    def stop(self) -> None:
        """Close the worker's input, which ends it; kill it if that does not help."""
        with self._sending, suppress(OSError):
            cast(BinaryIO, self._process.stdin).close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        decoder = msgspec.msgpack.Decoder(list[protocol.Reply])
        with suppress(OSError, ValueError):
            while (frame := protocol.read(stream)) is not None:
                self._heard = monotonic()
                for reply in decoder.decode(frame):
                    with self._listening:
                        listener = self._listeners.get(reply.run)
                    if listener is not None:
                        listener.put(reply.body)
        code = self._process.wait()
        stream.close()
        with self._listening:
            ending = f"hung for {HANG_SECONDS:.0f} s and was ended" if self._hung else _ending(code)
            self._death = _Died(f"The engine {ending}{self._last_words()} Ask again: it starts anew by itself.")
            for listener in self._listeners.values():
                listener.put(self._death)
        with self._sending, suppress(OSError):
            cast(BinaryIO, self._process.stdin).close()

    def _last_words(self) -> str:
        with suppress(OSError):
            tail = self._log_path.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace")
            lines = [one_line(line) for line in tail.splitlines() if line.strip()]
            if lines:
                return f": {' / '.join(lines[-2:])[:300]} (log: {self._log_path})."
        return "."


def _weights(column: Column) -> Weights:
    if column.server:
        raise UsageError(
            f"{column.id} answers at {column.server}; that server is asked only with --server {column.server}"
        )
    base, adapter = prepared.fastest(column.base_path, column.adapter_path)
    return Weights(column.id, str(base), str(adapter) if adapter else None)


def _ending(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _log_path() -> Path:
    folder = paths.log_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"engine-{os.getpid()}.log"
