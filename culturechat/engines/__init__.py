"""Who produces tokens: one file or package per engine, its name is the engine's name.

An engine answers for columns that were opened by a `Column`. It knows nothing of cultures beyond that, of histories or
screens; text it returns is as the model wrote it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from math import exp, inf
from typing import Literal, Protocol, cast

import msgspec

from culturechat.catalogue import Column
from culturechat.conversation import Message
from culturechat.errors import unknown

FinishReason = Literal["stop", "length", "cancelled"]


class Sampling(msgspec.Struct, frozen=True):
    """How the next token is drawn."""

    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_k: int = 40
    """0 switches it off."""
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    """Over the last 64 tokens; 1 switches it off."""
    max_tokens: int = 256
    """Most tokens of one answer."""


class Request(msgspec.Struct, frozen=True):
    """One column's turn: the whole conversation, ending with the user's message or an answer to be gone on with."""

    column: str
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    seed: int = 0
    likeliest: int | None = None
    """How many of the likeliest tokens to name beside each that is written; None for no log-probabilities at all."""


class Started(msgspec.Struct, frozen=True, tag=True):
    """The column reads its prompt."""

    column: str
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt's tokens, those still in memory from the turn before."""
    dropped_messages: int
    """Oldest messages left out because the conversation outgrew the context."""


class Likely(msgspec.Struct, frozen=True):
    """A token and how likely it was, before anything narrowed the choice."""

    data: bytes
    """Its text; a token can be a part of a character."""
    logprob: float
    """Natural logarithm, over the whole vocabulary."""


class Drawn(msgspec.Struct, frozen=True):
    """A token that was written, and what else could have been."""

    token: Likely
    likeliest: tuple[Likely, ...]
    """As many as were asked for, likeliest first."""


class Token(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The column wrote more text: whole characters, one or several tokens."""

    column: str
    text: str
    drawn: tuple[Drawn, ...] = ()
    """The tokens that were drawn since the last text, if asked for and where the engine knows; at the answer's end the
    one that ended it, with an empty text."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The column's answer ended."""

    column: str
    reason: FinishReason
    tokens: int
    first_token_s: float
    """Seconds from the request to the first token."""
    tokens_per_second: float
    """While writing, the first token left out; 0 for a single token."""
    shared_batch: bool = False
    """Whether other columns' tokens were decoded with these, which changes the arithmetic in the last digits."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The column got no answer, or no more of it."""

    column: str
    error: str
    """One line: what happened and what to do."""


Event = Started | Token | Finished | Failed


class Choice(msgspec.Struct, frozen=True):
    """A prompt and the answers whose probability is wanted."""

    messages: tuple[Message, ...]
    options: tuple[str, ...]
    """What the model would have to write, such as `A`."""


class Scores(msgspec.Struct, frozen=True, tag=True):
    """How likely each option of a `Choice` is as the next thing the model writes.

    An option with which another one begins counts only where the model does not go on as that other.
    """

    logprobs: tuple[float, ...]
    """Natural logarithms, in the order of the options, over the whole vocabulary; -∞ where the engine cannot see it."""
    hidden: float = 0.0
    """Most that the options it cannot see may have together: some engines know only the likeliest tokens."""

    @property
    def mass(self) -> float:
        """Total probability of the options that are seen; what is missing from 1 went to other texts or is hidden."""
        return float(sum(exp(logprob) for logprob in self.logprobs))

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Probabilities of the options among themselves; they sum to 1, and are even where none is seen."""
        best = max(self.logprobs)
        if best == -inf:
            return (1 / len(self.logprobs),) * len(self.logprobs)
        weights = [exp(logprob - best) for logprob in self.logprobs]
        return tuple(weight / sum(weights) for weight in weights)


class Plan(msgspec.Struct, frozen=True):
    """How the columns that were opened are held in memory; sizes in bytes, estimated before anything is loaded."""

    context_tokens: int
    """What one column can hold."""
    in_turn: bool = False
    """Whether the columns answer one after another, because their models do not fit side by side."""
    weights: int = 0
    """Of the models, adapters included."""
    cache: int = 0
    """What the columns remember of what they have read."""
    compute: int = 0
    """Scratch space."""
    free: int | None = None
    """Memory that was free before; None where that cannot be known."""

    @property
    def needed(self) -> int:
        """All of it together."""
        return self.weights + self.cache + self.compute

    def shortage(self, context_tokens: int) -> str | None:
        """Return in a sentence what became smaller than was asked for, or None."""
        parts = []
        if self.in_turn:
            parts.append("the columns answer one after another")
        if self.context_tokens < context_tokens:
            parts.append(f"each holds {self.context_tokens} tokens instead of {context_tokens}")
        return f"Memory is short: {' and '.join(parts)}." if parts else None


class Engine(Protocol):
    """What every engine can do. Calls may come from any thread."""

    def open(self, columns: Sequence[Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        """Load what the columns need, in a smaller way where memory is short; replaces what was open before.

        Args:
            columns: What answers.
            context_tokens: What one column can hold, prompt and reply together; at most what its model was trained for.
            apart: Decode every column by itself, so that its text does not depend on which others answer beside it.

        Raises:
            CulturechatError: a model cannot be loaded, or memory is too short for any way to hold them.
        """

    def change(self, columns: Sequence[Column]) -> Plan:
        """Open further columns and close those that are not named, beside what goes on in the others.

        A column that stays keeps what it has read, unless it shares a context with one that comes or goes, or memory
        is short; then its conversation is read again with its next question. Returns how all are held now.

        Raises:
            CulturechatError: a column cannot be had, or memory is too short; what was open stays open.
        """

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer for several columns at once; a last message that is an answer is gone on with.

        Yields each column's `Started`, `Token`s and at last `Finished` or `Failed`, columns interleaved. Dropping the
        iterator cancels what is still running.
        """

    def cancel(self, columns: Iterable[str] | None = None) -> None:
        """Stop the answers of these columns, or all; each ends as `Finished` with reason `cancelled`.

        Scoring goes on; it ends when its iterator is dropped.
        """

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        """Return the option log-probabilities of each choice, in order, as they become known.

        Raises:
            EngineError: the engine failed.
        """

    def close(self) -> None:
        """Free everything; safe to call twice."""


def names() -> list[str]:
    """Return the names of all engines."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str = "llama_cpp") -> Engine:
    """Return an engine with nothing open yet.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in names():
        raise unknown("engine", name, names())
    return cast(Engine, importlib.import_module(f"{__name__}.{name}").engine())
