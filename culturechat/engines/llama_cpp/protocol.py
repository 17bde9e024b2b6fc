"""What app and worker say to each other: frames of msgpack, each behind its length. Knows nothing of llama.cpp."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from culturechat.engines import Choice, Event, Request, Scores

_LENGTH = struct.Struct("<I")


class Weights(msgspec.Struct, frozen=True):
    """The files that answer for one column."""

    column: str
    base: str
    adapter: str | None


class Open(msgspec.Struct, frozen=True, tag=True):
    """Load these columns in place of what is open; answered by `Opened` or `Broken`."""

    run: int
    columns: tuple[Weights, ...]
    context_tokens: int
    apart: bool
    """Whether columns of the same weights decode one by one, so that none changes another's arithmetic."""
    in_turn: bool = False
    """Whether only one column's (or one shared batch's) model is held in memory at a time."""
    keep: bool = False
    """Whether what is open of them stays as it is and works on."""


class Generate(msgspec.Struct, frozen=True, tag=True):
    """Answer for some columns; answered by events, the last of each column a `Finished` or `Failed`.

    They travel together, so that columns of the same weights are decoded in the same batches every time.
    """

    run: int
    requests: tuple[Request, ...]


class Score(msgspec.Struct, frozen=True, tag=True):
    """Score choices; answered by one `Scores` each and `Done`, or by `Broken`."""

    run: int
    column: str
    choices: tuple[Choice, ...]


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop the answers of these columns, or all of one run, its scoring included."""

    columns: tuple[str, ...] = ()
    run: int | None = None
    scoring: bool = False
    """Whether to stop all scoring as well; who stops a chat goes on measuring."""


Command = Open | Generate | Score | Cancel


class Opened(msgspec.Struct, frozen=True, tag=True):
    """The columns are ready."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """All choices are scored, or scoring was stopped: by `Cancel`, or because models are opened anew."""


class Broken(msgspec.Struct, frozen=True, tag=True):
    """The command failed, the worker goes on."""

    error: str


class Working(msgspec.Struct, frozen=True, tag=True):
    """The worker has just done a step; said now and then, so that silence means that it hangs."""


Body = Event | Scores | Opened | Done | Broken | Working


class Reply(msgspec.Struct, frozen=True):
    """Something the worker says of one command."""

    run: int
    body: Body


def write(stream: BinaryIO, message: Command | Sequence[Reply]) -> None:
    """Send one frame: a command, or some replies."""
    frame = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(frame)) + frame)
    stream.flush()


def read(stream: BinaryIO) -> bytes | None:
    """Return the next frame, or None when the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    frame = stream.read(length)
    return frame if len(frame) == length else None
