"""Columns of the same weights as sequences of one context, so that one decode writes a token of each."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from culturechat.engines.llama_cpp.answer import Answer
from culturechat.engines.llama_cpp.native import Aborted, Context, Model
from culturechat.engines.llama_cpp.protocol import Weights
from culturechat.engines.llama_cpp.scoring import GROUP_TOKENS, SEQUENCES
from culturechat.engines.llama_cpp.seat import Seat

SCORE_TOKENS = 2048
"""Room of a scoring context for the shared beginning and all prompts read side by side."""


class Deck:
    """Decodes the answers of its columns; `step` is called by one thread at a time, the rest from any."""

    def __init__(self, weights: Sequence[Weights], context_tokens: int) -> None:
        self.weights = tuple(weights)
        self.base = weights[0].base
        self.columns = [one.column for one in weights]
        self.seats: dict[str, Seat] = {}
        """Each column's place; empty while the deck is closed."""
        self.scoring_tokens = 0
        self._adapter = weights[0].adapter
        self.context_tokens = context_tokens
        self._answers: list[Answer] = []
        self._decoding: Sequence[Answer] = ()
        self._guard = threading.Lock()
        self._read_last = False

    def open(self, model: Model) -> None:
        """Make room for the columns, on the weights of `base`."""
        size = min(self.context_tokens, model.trained_context)
        self._model = model
        self._context = Context(model, size * len(self.columns), self._adapter, sequences=len(self.columns))
        self._scoring: Context | None = None
        self.seats = {column: Seat(self._context, place, size) for place, column in enumerate(self.columns)}
        self.scoring_tokens = min(SCORE_TOKENS, model.trained_context)

    def add(self, answer: Answer) -> None:
        """Take in an answer that has begun."""
        with self._guard:
            self._answers.append(answer)

    def cancel(self, answer: Answer) -> None:
        """Let an answer end where it is, at once if nobody else's tokens are being decoded with its."""
        with self._guard:
            answer.cancelled = True
            if self._decoding and all(one.cancelled for one in self._decoding):
                self._context.abort()

    def step(self, threads: int) -> list[Answer]:
        """Decode once, a prompt's batch and the written tokens in turn; return the answers that are now over."""
        with self._guard:
            answers = list(self._answers)
        for answer in answers:
            if answer.cancelled:
                answer.finish("cancelled")
        reading = [answer for answer in answers if not answer.over and not answer.writing]
        writing = [answer for answer in answers if not answer.over and answer.writing]
        self._read_last = bool(reading) and not (writing and self._read_last)
        chosen = reading[:1] if self._read_last else writing
        if chosen:
            self._context.use_threads(threads)
            self._decode(chosen)
        over = [answer for answer in answers if answer.over]
        with self._guard:
            # the prompt that was just read from goes to the end, so that all prompts advance alike
            rest = [answer for answer in self._answers if not answer.over and answer not in reading[:1]]
            self._answers = rest + [answer for answer in reading[:1] if not answer.over]
        return over

    def scoring(self) -> Context:
        """Return the context for scoring, made when it is first needed."""
        if self._scoring is None:
            room, batch = self.scoring_tokens, min(GROUP_TOKENS, self.scoring_tokens)
            self._scoring = Context(self._model, room, self._adapter, SEQUENCES, shared=True, batch_tokens=batch)
        return self._scoring

    def end_scoring(self) -> None:
        """Free the context for scoring; columns that are not asked need none."""
        if self._scoring is not None:
            self._scoring.close()
            self._scoring = None

    def forget(self) -> list[Answer]:
        """Empty the memory after a failure and return the answers that are lost."""
        with self._guard:
            lost, self._answers, self._decoding = self._answers, [], ()
        for answer in lost:
            if not answer.over:
                answer.close()
        for seat in self.seats.values():
            seat.forget()
        return lost

    def close(self) -> None:
        """Free the memory; the deck can be opened again."""
        if self.seats:
            self.seats = {}
            self._context.close()
            self.end_scoring()

    def _decode(self, chosen: Sequence[Answer]) -> None:
        with self._guard:
            self._decoding = chosen
            self._context.abort(all(answer.cancelled for answer in chosen))
        rows, ends = [], []
        # llama.cpp computes sequences together only where their numbers rise by one
        chosen = sorted(chosen, key=lambda answer: answer.seat.sequence)
        for answer in chosen:
            start, sequence = answer.seat.position, answer.seat.sequence
            rows += [(token, start + index, [sequence]) for index, token in enumerate(answer.wanted)]
            ends.append(len(rows) - 1)
        try:
            self._context.decode_rows(rows, set(ends))
        except Aborted:
            for answer in chosen:
                answer.seat.trim()
                answer.finish("cancelled")
            return
        finally:
            with self._guard:
                self._decoding = ()
                self._context.abort(False)
        for answer, row in zip(chosen, ends, strict=True):
            answer.go_on(self._context, row, shared=len(chosen) > 1)
