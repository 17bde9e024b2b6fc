"""How smooth the screen is: `python -m benchmarks.app [--tokens N] [--chats N]`.

The real command runs in a real terminal (a pty of 200 × 50) with nine columns: once on the scripted engine at the rate
of the real one, once on the real one. While all columns write, keys are pressed; measured are the time until each shows
on the screen, how late the app's event loop is, and how much of a core the app's process takes (the engine is another
process). First paint is the time from the start of the process until its first words, beside a bare Textual program
that says hello, in turn; so is the time until the columns are there. Opening a history is measured as in
`benchmarks.history`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.history import chats as many_chats
from benchmarks.history import opening
from culturechat import cli, cultures, engines
from culturechat.engines.echo import Echo
from culturechat.engines.llama_cpp import facts
from culturechat.history import History

QUESTION = "Write a long story about a family that moves to another country."
COLUMNS, ROWS = 200, 50
RATE = 220.0
"""Tokens per second of the scripted engine, all columns together; what the real one does here (results/engine.txt)."""
KEY_SECONDS = 0.15
"""Between two keys: a fast typist's."""
FIRST_KEY = 0x1400
"""Canadian syllabics: letters that no answer holds, so that a key is known again on the screen."""
SAMPLE_SECONDS = 0.02
ROUNDS = 5
PATIENCE = 180.0
HELLO = """
from textual.app import App
from textual.widgets import Static
class Hello(App):
    def compose(self):
        yield Static("Hello, world")
Hello().run()
"""


class Terminal:
    """A program in a pty, and what it has written so far."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self._outer, inner = pty.openpty()
        termios.tcsetwinsize(self._outer, (ROWS, COLUMNS))
        left_out = ("LINES", "COLUMNS", "NO_COLOR")
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
            env=environment | {"CULTURECHAT_HOME": str(home)},
        )  # fmt: skip
        os.close(inner)
        self.written = b""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._outer, text.encode())

    def read(self, seconds: float) -> bool:
        """Take what is written within so many seconds; return whether there was anything."""
        if not select.select([self._outer], [], [], max(0.0, seconds))[0]:
            return False
        try:
            self.written += os.read(self._outer, 1 << 16)
        except OSError:
            return False
        return True

    def wait_for(self, text: str, times: int = 1) -> float:
        """Read until the text was written so often from here on; return when that was seen."""
        start, until = len(self.written), time.monotonic() + PATIENCE
        while self.written.count(text.encode(), start) < times:
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit(f"{text!r} was not seen; the end of what was: {self.written[-2000:]!r}")
            self.read(0.05)
        return time.monotonic()

    def close(self) -> None:
        """End the program."""
        self.process.kill()
        self.process.wait()
        os.close(self._outer)


@contextmanager
def started(command: Sequence[str], home: Path) -> Iterator[Terminal]:
    """Give a program that runs while the block does."""
    terminal = Terminal(command, home)
    try:
        yield terminal
    finally:
        terminal.close()


def main(
    tokens: Annotated[int, typer.Option(help="Of each column.")] = 192,
    chats: Annotated[int, typer.Option(help="In the history.")] = 10_000,
) -> None:
    """Print everything."""
    print(f"{facts.cores()} cores, load {os.getloadavg()[0]:.1f}, Textual {metadata.version('textual')}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _prepare(home)
        for engine in ("echo", "real"):
            _print_stream(engine, home, tokens)
        _print_first_paint(home)
        history = History(Path(folder) / "history.sqlite3")
        history.add(list(many_chats(chats)))
        print(
            f"a history of {chats:,} chats opens in {statistics.median(opening(history) for _ in range(ROUNDS)):.2f} s"
        )


def _prepare(home: Path) -> None:
    """Let the engine write its prepared base before anything is measured."""
    asked = ["ask", "Hello", "--cultures", ",".join(cultures.names()), "--max-tokens", "1"]
    command = [sys.executable, "-m", "culturechat", *asked]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"CULTURECHAT_HOME": str(home)})


def _print_stream(engine: str, home: Path, tokens: int) -> None:
    samples = home / "samples.json"
    names = cultures.names()
    command = [sys.executable, "-m", "benchmarks.app", "watched", engine, str(samples), str(tokens)]
    with started(command, home) as terminal:
        terminal.wait_for("○ ready", len(names))
        terminal.type(QUESTION)
        terminal.wait_for("country.")
        terminal.type("\r")
        began = terminal.wait_for("tok/s")
        size = len(terminal.written)
        echoes = list(_echoes(terminal, len(names)))
        ended, size = time.monotonic(), len(terminal.written) - size
        terminal.type("\x11")  # ctrl+q
        while terminal.process.poll() is None:  # what it still writes must be taken, or it waits for that
            terminal.read(0.05)
    seen = json.loads(samples.read_text("utf-8"))
    lags = sorted(lag for at, lag in seen["lags"] if began <= at <= ended)
    cpu = [(at, used) for at, used in seen["cpu"] if began <= at <= ended]
    share = (cpu[-1][1] - cpu[0][1]) / (cpu[-1][0] - cpu[0][0])
    title = f"scripted engine, {RATE:.0f} tok/s" if engine == "echo" else "real engine"
    print(
        f"{len(names)} columns, {title}, {ended - began:.1f} s: "
        f"event loop late by {_ms(lags, 50)} (p50), {_ms(lags, 95)} (p95); "
        f"{len(echoes)} keys shown after {_ms(echoes, 50)} (p50), {_ms(echoes, 95)} (p95); "
        f"app's process {share:.0%} of a core; {size / (ended - began) / 1e3:.0f} kB/s to the terminal"
    )


def _echoes(terminal: Terminal, columns: int) -> Iterator[float]:
    """Press a key now and then until all columns have ended; yield the seconds until each was on the screen."""
    start, key = len(terminal.written), FIRST_KEY
    while terminal.written.count("✓ done".encode(), start) < columns:
        letter = chr(key).encode()
        pressed = time.monotonic()
        terminal.type(chr(key))
        while letter not in terminal.written[-(1 << 18) :]:
            if time.monotonic() > pressed + PATIENCE:
                raise SystemExit("a key never came to the screen")
            terminal.read(0.05)
        yield time.monotonic() - pressed
        key += 1
        until = pressed + KEY_SECONDS
        while (left := until - time.monotonic()) > 0:
            terminal.read(left)


def _print_first_paint(home: Path) -> None:
    ours = [sys.executable, "-m", "culturechat", "--cultures", "chinese,arabic"]
    programs = {"ours": (ours, ("culturechat", "columns")), "bare": ([sys.executable, "-c", HELLO], ("Hello, world",))}
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS + 1):
        for name, (command, words) in programs.items():
            with started(command, home) as terminal:
                for word in words:
                    times.setdefault(f"{name}: {word}", []).append(terminal.wait_for(word) - terminal.began)
    first, columns, bare = (statistics.median(those[1:]) for those in times.values())
    print(
        f"first paint: {first:.2f} s, columns shown: {columns:.2f} s, a bare Textual program {bare:.2f} s, "
        f"ratios {first / bare:.2f} and {columns / bare:.2f}"
    )


def _ms(values: Sequence[float], percentile: int) -> str:
    """Return a percentile in milliseconds."""
    ordered = sorted(values)
    return f"{1000 * ordered[min(len(ordered) - 1, len(ordered) * percentile // 100)]:.0f} ms"


def watched(engine: str, samples: Path, tokens: int) -> None:
    """Run the command as a user would, and write down how late its event loop was and how much it computed."""
    loops: list[asyncio.AbstractEventLoop] = []

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            loops.append(super().new_event_loop())
            return loops[-1]

    asyncio.set_event_loop_policy(Policy())
    if engine == "echo":
        text = " ".join(re.findall(r"\S+", QUESTION) * 100)
        scripted = Echo(dict.fromkeys(cultures.names(), text), seconds_per_token=1 / RATE)
        setattr(engines, "load", lambda name="llama_cpp": scripted)  # noqa: B010
    lags: list[tuple[float, float]] = []
    cpu: list[tuple[float, float]] = []

    def watch() -> None:
        while True:
            time.sleep(SAMPLE_SECONDS)
            cpu.append((time.monotonic(), time.process_time()))
            if loops and loops[-1].is_running():
                loops[-1].call_soon_threadsafe(took, time.monotonic())

    def took(asked: float) -> None:
        now = time.monotonic()
        lags.append((now, now - asked))

    threading.Thread(target=watch, daemon=True).start()
    sys.argv = ["culturechat", "--cultures", ",".join(cultures.names()), "--max-tokens", str(tokens)]
    try:
        cli.main()
    finally:
        samples.write_text(json.dumps({"lags": lags, "cpu": cpu}), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["watched"]:
        watched(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        typer.run(main)
