"""Option log-probabilities with everything that prompts have in common read once. Knows nothing of processes.

What all prompts begin with is read first and kept. The rest is read in groups, each a tree: a token that several
prompts share up to there (the question, before its options in another order) is one row that belongs to all of them.
Only the last row of each prompt gives logits.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from culturechat.engines import Scores
from culturechat.engines.llama_cpp.native import Context
from culturechat.errors import EngineError

Row = npt.NDArray[np.float32]

SEQUENCES = 17
"""Sequences of a scoring context: one for the shared beginning, the others for prompts side by side."""

GROUP_TOKENS = 512
"""Rows of one group, read at once: enough to use a CPU fully, few enough that attention stays short."""


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
        self.computed = 0
        """Tokens that were really read so far."""

    def score(self, choices: Sequence[Tokens]) -> Iterator[Scores | None]:
        """Yield the scores of each choice in order, and None after every other step of work.

        Raises:
            Aborted: it was stopped.
            EngineError: a prompt does not fit.
        """
        if not choices:
            return
        for choice in choices:
            if len(choice.prompt) + max(map(len, choice.options)) > self._room:
                raise EngineError(f"A question of {len(choice.prompt)} tokens does not fit into {self._room}.")
        shared = _common_beginning([choice.prompt for choice in choices])
        self._context.forget(0, -1)
        for start in range(0, len(shared), GROUP_TOKENS):
            part = shared[start : start + GROUP_TOKENS]
            self._context.decode(part, start)
            self.computed += len(part)
            yield None
        tree = _Tree(len(shared))
        group: list[Tokens] = []
        for choice in choices:
            full = len(group) == SEQUENCES - 1 or len(tree.rows) + tree.new(choice.prompt) > GROUP_TOKENS
            if group and full:
                yield from self._score_group(group, tree)
                tree, group = _Tree(len(shared)), []
            group.append(choice)
            tree.add(choice.prompt, len(group))
        yield from self._score_group(group, tree)

    def _score_group(self, group: Sequence[Tokens], tree: _Tree) -> Iterator[Scores | None]:
        for sequence in range(1, len(group) + 1):
            self._context.copy(0, sequence)
        last: dict[int, Row] = {}
        for start in range(0, len(tree.rows), GROUP_TOKENS):
            part = tree.rows[start : start + GROUP_TOKENS]
            ends = {place - start for place in tree.ends.values() if start <= place < start + len(part)}
            self._context.decode_rows([(row.token, row.position, row.sequences) for row in part], ends)
            self.computed += len(part)
            last |= {place + start: _log_softmax(self._context.logits(place)) for place in ends}
            yield None
        for sequence, choice in enumerate(group, 1):
            first = last[tree.ends[sequence]]
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
            self.computed += 1
            total += float(_log_softmax(self._context.logits())[option[index + 1]])
            yield None
        if len(option) > 1:
            self._context.forget(start, sequence)
        return total


@dataclass
class _Row:
    """A token that is read once for all the prompts that have it there."""

    token: int
    position: int
    sequences: list[int]
    next: dict[int, int] = field(default_factory=dict)
    """Token that follows to the place of its row."""


class _Tree:
    """Prompts from a place on, merged where they begin alike; a row stands behind those it follows."""

    def __init__(self, start: int) -> None:
        self.rows: list[_Row] = []
        self.ends: dict[int, int] = {}
        """Sequence to the place of its prompt's last row."""
        self._start = start
        self._roots: dict[int, int] = {}

    def new(self, prompt: Sequence[int]) -> int:
        """Return how many rows a prompt would add."""
        following = self._roots
        for place, token in enumerate(prompt[self._start :]):
            if token not in following:
                return len(prompt) - self._start - place
            following = self.rows[following[token]].next
        return 0

    def add(self, prompt: Sequence[int], sequence: int) -> None:
        following = self._roots
        for position, token in enumerate(prompt[self._start :], self._start):
            if token not in following:
                following[token] = len(self.rows)
                self.rows.append(_Row(token, position, []))
            self.ends[sequence] = following[token]
            row = self.rows[following[token]]
            row.sequences.append(sequence)
            following = row.next


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
