"""Other ways to get the same answers from the same weights, each behind the same few calls, each in its own process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from culturechat.conversation import Message

Prompts = Sequence[Sequence[Message]]
"""One conversation per column."""


@dataclass(frozen=True)
class Round:
    """What one question to all columns took."""

    tokens: int
    """Written by all columns together."""
    seconds: float
    """From asking to the last token of the last column."""
    first_tokens: tuple[float, ...] = ()
    """Seconds from asking to the first text of each column, where the contestant streams."""

    @property
    def speed(self) -> float:
        """Tokens per second of all columns together."""
        return self.tokens / self.seconds


class Contestant(Protocol):
    """Answers for all columns at once."""

    def ask(self, prompts: Prompts, tokens: int, seed: int) -> Round:
        """Let every column answer with at most so many tokens."""

    def pids(self) -> list[int]:
        """Return the processes that hold its weights and memory."""

    def close(self) -> None:
        """End it."""


def peak_bytes(pids: Sequence[int]) -> int:
    """Return the largest resident memory that these processes ever had together (Linux)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM"):
                total += int(line.split()[1]) * 1024
    return total
