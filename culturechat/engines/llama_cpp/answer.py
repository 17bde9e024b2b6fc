"""One answer on its way: what has to be read before it, its tokens, and the characters they make."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable
from time import perf_counter

from culturechat.engines import Drawn, Finished, FinishReason, Request, Started, Token
from culturechat.engines.llama_cpp.native import Context, Sampler
from culturechat.engines.llama_cpp.protocol import Body
from culturechat.engines.llama_cpp.seat import Seat

Batch = tuple[int, ...]


class Answer:
    """The state of one column's turn; `wanted` is what it needs decoded next, until `over`."""

    def __init__(self, run: int, request: Request, asked: float, seat: Seat, say: Callable[[int, Body], None]) -> None:
        self.run = run
        self.seat = seat
        self.cancelled = False
        self.wanted: Batch = ()
        self.writing = False
        """Whether `wanted` is a token just drawn; otherwise it belongs to the prompt."""
        self.over = False
        self._request = request
        self._say = say
        self._sampler = Sampler(seat.model, request.sampling, request.seed)
        self._prompt: deque[Batch] = deque()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._drawn: list[Drawn] = []
        self._shared = False
        self._count = 0
        self._began = self._first = self._last = asked

    @property
    def column(self) -> str:
        """Which column answers."""
        return self._request.column

    def begin(self) -> None:
        """Find out what has to be read.

        Raises:
            EngineError: the question does not fit.
        """
        batches, dropped = self.seat.fitting(self._request)
        cached = self.seat.keep_common(batches)
        self._say(self.run, Started(self.column, sum(map(len, batches)), cached, dropped))
        last = self._request.messages[-1]
        if last.role == "assistant":
            self._sampler.remember(self.seat.model.tokenize(last.text, special=False, begin=False))
        self._prompt.extend(batches[len(self.seat.read) :])
        self.wanted = self._prompt.popleft()

    def go_on(self, context: Context, row: int, shared: bool) -> None:
        """Take note that `wanted` was decoded, its last logits in `row`, and want what comes next."""
        self.seat.read.append(self.wanted)
        self._shared |= shared
        if self._prompt:
            self.wanted = self._prompt.popleft()
            return
        token = self._sampler.draw(context, row)
        self._last = perf_counter()
        if not self._count:
            self._first = self._last
        if self._request.likeliest is not None:
            self._drawn.append(context.drawn(token, row, self._request.likeliest))
        if self.seat.model.ends_answer(token):
            if self._drawn:
                self._say_text("")
            self.finish("stop")
            return
        self._count += 1
        self.wanted, self.writing = (token,), True
        if self._tell(self._decoder.decode(self.seat.model.piece(token))):
            self.finish("stop")
        elif self._count >= self._request.sampling.max_tokens or self.seat.room <= 1:
            self.finish("length")

    def finish(self, reason: FinishReason) -> None:
        """End the answer; bytes of an unfinished character are dropped."""
        if self._held and reason != "stop":
            self._say_text(self._held)
        self.close()
        writing = self._last - self._first
        speed = (self._count - 1) / writing if self._count > 1 and writing > 0 else 0.0
        first = self._first - self._began
        self._say(self.run, Finished(self.column, reason, self._count, first, speed, self._shared))

    def close(self) -> None:
        """Free what drew the tokens; nothing more is said."""
        self.over = True
        self._sampler.close()

    def _tell(self, text: str) -> bool:
        """Say the text up to a stop text, holding back what may be the start of one; return whether it was met."""
        self._held += text
        stop = self.seat.format.stop
        if stop is not None and stop in self._held:
            said, self._held = self._held.partition(stop)[0], ""
            met = True
        else:
            keep = _longest_start(stop, self._held) if stop else 0
            said, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
            met = False
        if said:
            self._say_text(said)
        return met

    def _say_text(self, text: str) -> None:
        drawn, self._drawn = tuple(self._drawn), []
        self._say(self.run, Token(self.column, text, drawn))


def _longest_start(stop: str, text: str) -> int:
    """Return how many last characters of the text are a beginning of `stop`."""
    return next((size for size in range(len(stop) - 1, 0, -1) if text.endswith(stop[:size])), 0)
