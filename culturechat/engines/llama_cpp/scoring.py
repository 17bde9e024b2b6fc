"""Option log-probabilities with everything that prompts have in common read once. Knows nothing of processes.

What all prompts begin with is read first and kept. The rest is read in groups, each a tree: a token that several
prompts share up to there (the question, before its options in another order) is one row that belongs to all of them.
Where an option has several tokens, the prompt with all but its last token is read as one more prompt of the tree. Only
rows that an option's token follows give logits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

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


GROUP_LOGITS = 64
"""Rows of one decode that give logits; each takes room for the whole vocabulary."""

LEAST = 1e-30
"""What is left at least of an option's probability when those of its continuations are taken away."""


@dataclass(frozen=True)
class Tokens:
    """A prompt and its options as tokens."""

    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]

    @property
    def tails(self) -> list[tuple[int, ...]]:
        """What has to be read behind the prompt: of each option all but its last token, and nothing twice."""
        wanted = sorted({option[:-1] for option in self.options}, key=len, reverse=True)
        tails: list[tuple[int, ...]] = []
        for tail in wanted:
            if not any(longer[: len(tail)] == tail for longer in tails):
                tails.append(tail)
        return tails


@dataclass
class _Path:
    """A prompt with one of its tails, read as one sequence."""

    choice: int
    tail: tuple[int, ...]
    rows: list[int]
    """Places in the tree of the prompt's last token and of the tail's."""


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
        found: dict[int, dict[int, float]] = {place: {} for place in range(len(choices))}
        done = 0
        for group, tree in _groups(choices, len(shared)):
            yield from self._read(group, tree, choices, found)
            while done < len(choices) and len(found[done]) == len(choices[done].options):
                yield _scores(choices[done], found.pop(done))
                done += 1

    def _read(
        self, group: Sequence[_Path], tree: _Tree, choices: Sequence[Tokens], found: dict[int, dict[int, float]]
    ) -> Iterator[None]:
        """Read a group and add the log-probability of every option that it is enough for."""
        for sequence in range(1, len(group) + 1):
            self._context.copy(0, sequence)
        wanted: dict[int, set[int]] = {}
        for path in group:
            for option in choices[path.choice].options:
                if path.tail[: len(option) - 1] == option[:-1]:
                    for row, token in zip(path.rows, option, strict=False):
                        wanted.setdefault(row, set()).add(token)
        values: dict[tuple[int, int], float] = {}
        for start, stop in _parts(len(tree.rows), wanted):
            part = tree.rows[start:stop]
            ends = {place - start for place in wanted if start <= place < stop}
            self._context.decode_rows([(row.token, row.position, row.sequences) for row in part], ends)
            self.computed += len(part)
            for place in ends:
                logprobs = _log_softmax(self._context.logits(place))
                values |= {(start + place, token): float(logprobs[token]) for token in wanted[start + place]}
            yield None
        for path in group:
            for place, option in enumerate(choices[path.choice].options):
                if path.tail[: len(option) - 1] == option[:-1]:
                    steps = zip(path.rows, option, strict=False)
                    found[path.choice][place] = sum(values[step] for step in steps)
        for sequence in range(1, len(group) + 1):
            self._context.forget(0, sequence)


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

    def add(self, prompt: Sequence[int], sequence: int) -> list[int]:
        """Add a prompt and return the places of its rows."""
        following = self._roots
        places = []
        for position, token in enumerate(prompt[self._start :], self._start):
            if token not in following:
                following[token] = len(self.rows)
                self.rows.append(_Row(token, position, []))
            places.append(following[token])
            row = self.rows[following[token]]
            row.sequences.append(sequence)
            following = row.next
        return places


def _groups(choices: Sequence[Tokens], start: int) -> Iterator[tuple[list[_Path], _Tree]]:
    """Cut the choices' paths into groups that are read at once; `start` tokens of all prompts are known."""
    tree = _Tree(start)
    group: list[_Path] = []
    for place, choice in enumerate(choices):
        for tail in choice.tails:
            tokens = choice.prompt + tail
            if group and (len(group) == SEQUENCES - 1 or len(tree.rows) + tree.new(tokens) > GROUP_TOKENS):
                yield group, tree
                tree, group = _Tree(start), []
            rows = tree.add(tokens, len(group) + 1)
            group.append(_Path(place, tail, rows[len(choice.prompt) - 1 - start :]))
    yield group, tree


def _parts(rows: int, wanted: Collection[int]) -> Iterator[tuple[int, int]]:
    """Cut rows into stretches of at most `GROUP_TOKENS`, of which at most `GROUP_LOGITS` give logits."""
    start = logits = 0
    for row in range(rows):
        if row - start == GROUP_TOKENS or (row in wanted and logits == GROUP_LOGITS):
            yield start, row
            start, logits = row, 0
        logits += row in wanted
    yield start, rows


def _scores(choice: Tokens, found: Mapping[int, float]) -> Scores:
    """Return the options' scores; one that begins another is counted only where it does not go on as the other."""
    logprobs = [found[place] for place in range(len(choice.options))]
    return Scores(tuple(_alone(option, choice.options, logprobs) for option in range(len(logprobs))))


def _alone(place: int, options: Sequence[tuple[int, ...]], logprobs: Sequence[float]) -> float:
    own = options[place]
    longer = [i for i, option in enumerate(options) if len(option) > len(own) and option[: len(own)] == own]
    nearest = [i for i in longer if not any(i != j and options[i][: len(options[j])] == options[j] for j in longer)]
    if not nearest:
        return logprobs[place]
    return log(max(exp(logprobs[place]) - sum(exp(logprobs[i]) for i in nearest), LEAST))


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
