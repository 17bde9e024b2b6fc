"""The engine under attack: killed at random moments, dead apps, full disks, and hundreds of questions."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from culturechat import catalogue, prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Failed, Finished, Request, Sampling
from culturechat.engines.llama_cpp.client import LlamaCpp

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.linux]

KILLS = 25
"""Of the worker, and as many of the app."""

APP = """
import sys
from culturechat import catalogue, prompting
from culturechat.conversation import Conversation
from culturechat.engines import Request, Sampling
from culturechat.engines.llama_cpp.client import LlamaCpp
engine = LlamaCpp()
columns = catalogue.columns(["chinese", "base"], form="prompt")
engine.open(columns)
print(engine.pid, flush=True)
while True:
    asked = [(c, prompting.chat(c.culture, Conversation().with_user("Why is the sea salt?"))) for c in columns]
    list(engine.generate([Request(c.id, tuple(m), Sampling(temperature=1.5, max_tokens=64), 1) for c, m in asked]))
"""


def question(column: Column, text: str = "Why is the sea salt?", **sampling: float) -> Request:
    messages = prompting.chat(column.culture, Conversation().with_user(text))
    return Request(column.id, tuple(messages), Sampling(**{"max_tokens": 32, **sampling}), 1)  # type: ignore[arg-type]


def test_a_worker_killed_at_any_moment_fails_its_answers_and_comes_back() -> None:
    engine = LlamaCpp()
    columns = catalogue.columns(["chinese", "base"], form="prompt")
    engine.open(columns)
    chance = random.Random(1)
    for attempt in range(KILLS):
        pid = engine.pid
        assert pid is not None
        timer = threading.Timer(chance.uniform(0, 0.6), os.kill, (pid, signal.SIGKILL))
        timer.start()
        events = list(engine.generate([question(column, temperature=1.5, max_tokens=300) for column in columns]))
        timer.join()
        ends = {event.column: event for event in events if isinstance(event, Finished | Failed)}
        assert set(ends) == {"chinese", "base"}, attempt
        again = list(engine.generate([question(column, max_tokens=2) for column in columns]))
        assert sum(isinstance(event, Finished) for event in again) == 2, attempt
    engine.close()


def test_an_app_killed_at_any_moment_leaves_no_worker() -> None:
    chance = random.Random(2)
    apps = []
    for _ in range(KILLS):
        app = subprocess.Popen([sys.executable, "-c", APP], stdout=subprocess.PIPE, text=True)
        assert app.stdout is not None
        worker = int(app.stdout.readline())
        time.sleep(chance.uniform(0, 0.5))
        app.kill()
        app.wait()
        app.stdout.close()
        apps.append((worker, time.monotonic()))
        while alive(worker):
            assert time.monotonic() - apps[-1][1] < 2, "the worker outlived the app by two seconds"
            time.sleep(0.01)


def test_a_disk_that_fills_up_while_building_is_an_error_and_leaves_nothing(home: Path) -> None:
    """A limit on the size of written files stands in for a full disk: writing fails in the same way, in mid-file."""
    limit = 40_000_000

    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "culturechat", "models", "build", "--cultures", "chinese", "--type", "q8_0"],
        capture_output=True,
        text=True,
        preexec_fn=limited,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and ".gguf" in done.stderr
    left = [path for path in home.rglob("*") if path.is_file() and "prepared" not in path.parts]
    assert not [path for path in left if ".gguf" in path.name], left


def test_hundreds_of_questions_do_not_make_the_worker_grow() -> None:
    engine = LlamaCpp()
    columns = catalogue.columns(["chinese", "arabic", "base"])
    engine.open(columns)
    sizes = []
    for number in range(200):
        requests = [
            question(column, f"Question {number}: what is {number} plus one?", max_tokens=3) for column in columns
        ]
        list(engine.generate(requests))
        if number in (20, 199):
            sizes.append(resident(engine.pid))
    engine.close()
    assert sizes[1] <= sizes[0] * 1.05


@pytest.mark.parametrize("phase", ["reading", "writing"])
def test_stopping_one_column_takes_hold_at_once(phase: str) -> None:
    """The bound is wide, for a busy machine; benchmarks/engine.py measures it."""
    engine = LlamaCpp()
    columns = catalogue.columns(["chinese", "base"], form="prompt")
    engine.open(columns)
    list(engine.generate([question(column, max_tokens=2) for column in columns]))
    text = "word " * 1400 if phase == "reading" else "Tell a long story."
    stopped = 0.0
    for event in engine.generate([question(column, text, temperature=1.5, max_tokens=300) for column in columns]):
        wanted = event.__class__.__name__ == ("Started" if phase == "reading" else "Token")
        if wanted and event.column == "base" and not stopped:
            engine.cancel(["base"])
            stopped = time.monotonic()
        if isinstance(event, Finished) and event.column == "base":
            assert event.reason == "cancelled"
            assert time.monotonic() - stopped < 1.0
            engine.cancel()
    engine.close()


def resident(pid: int | None) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
