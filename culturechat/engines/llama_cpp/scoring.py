"""Option log-probabilities with every shared beginning read once. Knows nothing of processes or questions.

A run of choices is read as a tree in the context's memory: what all prompts begin with stays in sequence 0, each
prompt's rest in a sequence of its own, many in one batch, and only the last row of each gives logits.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from culturechat.engines import Scores
from culturechat.engines.llama_cpp.memory import BATCH_TOKENS
from culturechat.engines.llama_cpp.native import Context
from culturechat.errors import EngineError

Row = npt.NDArray[np.float32]

SEQUENCES = 17
"""Sequences of a scoring context: one for the shared beginning, the others for prompts side by side."""


@dataclass(frozen=True)
class Tokens:
    """A prompt and its options as tokens."""

    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


class Scorer:
    """Scores choices in one context of `SEQUENCES` sequences and so many tokens."""

    def __init__(self, context: Context, room: int) -> None:
        self._context = context
        self._room = room

    def score(self, choices: Sequence[Tokens]) -> Iterator[Scores | None]:
        """Yield the scores of each choice in order, and None after every other step of work.

        Raises:
            Aborted: it was stopped.
        """
        if not choices:
            return
        shared = _common_beginning([choice.prompt for choice in choices])
        self._context.forget(0, -1)
        for start in range(0, len(shared), BATCH_TOKENS):
            self._context.decode(shared[start : start + BATCH_TOKENS], start)
            yield None
        for group in _groups(choices, len(shared), self._room - len(shared)):
            yield from self._score_group(group, len(shared))

    def _score_group(self, group: Sequence[Tokens], shared: int) -> Iterator[Scores | None]:
        for sequence in range(1, len(group) + 1):
            self._context.copy(0, sequence)
        ends = yield from self._read(
            [(sequence, shared, choice.prompt[shared:]) for sequence, choice in enumerate(group, 1)]
        )
        for sequence, choice in enumerate(group, 1):
            first = ends[sequence]
            logprobs = []
            for option in choice.options:
                rest = yield from self._rest(option, len(choice.prompt), sequence)
                logprobs.append(float(first[option[0]]) + rest)
            yield Scores(tuple(logprobs))
        for sequence in range(1, len(group) + 1):
            self._context.forget(0, sequence)

    def _rest(self, option: Sequence[int], start: int, sequence: int) -> Generator[None, None, float]:
        """Return (as a generator's value) the log-probability of an option's tokens after its first."""
        total = 0.0
        for index in range(len(option) - 1):
            self._context.decode(option[index : index + 1], start + index, sequence)
            total += float(_log_softmax(self._context.logits())[option[index + 1]])
            yield None
        if len(option) > 1:
            self._context.forget(start, sequence)
        return total

    def _read(self, parts: Sequence[tuple[int, int, Sequence[int]]]) -> Generator[None, None, dict[int, Row]]:
        """Read (sequence, start, tokens) parts in full batches; the generator's value is the last row of each."""
        rows = [
            (token, start + index, sequence, index == len(tokens) - 1)
            for sequence, start, tokens in parts
            for index, token in enumerate(tokens)
        ]
        ends: dict[int, Row] = {}
        for first in range(0, len(rows), BATCH_TOKENS):
            batch = rows[first : first + BATCH_TOKENS]
            last = {index for index, row in enumerate(batch) if row[3]}
            self._context.decode_rows([row[:3] for row in batch], last)
            ends |= {batch[index][2]: _log_softmax(self._context.logits(index)) for index in last}
            yield None
        return ends


def _groups(choices: Sequence[Tokens], shared: int, room: int) -> Iterator[list[Tokens]]:
    """Cut the choices into runs that fit side by side into the context."""
    group: list[Tokens] = []
    left = room
    for choice in choices:
        need = len(choice.prompt) - shared + max(map(len, choice.options))
        if need > room:
            raise EngineError(f"A question of {len(choice.prompt)} tokens does not fit into {shared + room}.")
        if group and (need > left or len(group) == SEQUENCES - 1):
            yield group
            group, left = [], room
        group.append(choice)
        left -= need
    yield group


def _common_beginning(prompts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the tokens that all prompts begin with; each keeps at least one token of its own."""
    low, high = min(prompts), max(prompts)
    most = min(len(prompt) for prompt in prompts) - 1
    length = next((index for index in range(most) if low[index] != high[index]), most)
    return low[:length]


def _log_softmax(logits: Row) -> Row:
    shifted = logits.astype(np.float64) - logits.max()
    logprobs: Row = (shifted - np.log(np.exp(shifted).sum())).astype(np.float32)
    return logprobs
