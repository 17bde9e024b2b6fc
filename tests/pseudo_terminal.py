"""Runs a program in a real pseudo terminal and returns every byte that it wrote there."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SECONDS = 120.0
"""A program that takes longer is ended, and the test with it."""


@dataclass(frozen=True)
class Ran:
    """What became of the program."""

    output: bytes
    """In the order in which the terminal got it, standard output and standard error alike."""
    exit_code: int


def run(
    command: Sequence[str],
    columns: int = 120,
    rows: int = 40,
    typed: Sequence[tuple[bytes, bytes]] = (),
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run the program to its end; of each pair, the second is typed as soon as the first was written."""
    import pty  # here, because Windows has neither and still reads the tests
    import termios

    outer, inner = pty.openpty()
    termios.tcsetwinsize(outer, (rows, columns))
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    variables |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | dict(environment or {})
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env=variables, start_new_session=True, close_fds=True
    )
    os.close(inner)
    try:
        output = _read_all(outer, time.monotonic() + SECONDS, list(typed))
        return Ran(output, process.wait(SECONDS))
    finally:
        process.kill()
        process.wait()
        os.close(outer)


def _read_all(outer: int, until: float, typed: list[tuple[bytes, bytes]]) -> bytes:
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([outer], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError(f"still running after {SECONDS:.0f} s: {b''.join(parts)[-2000:]!r}")
        try:
            part = os.read(outer, 1 << 16)
        except OSError:  # this is how Linux says that nobody has the other end open any more
            return b"".join(parts)
        if not part:
            return b"".join(parts)
        parts.append(part)
        if typed and typed[0][0] in b"".join(parts):
            os.write(outer, typed.pop(0)[1])
