"""The real command in a real terminal, with the real engine and weights."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from culturechat.history import History

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


class Terminal:
    """A tmux session with a server of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._tmux = ["tmux", "-u", "-f", "/dev/null", "-S", str(folder / "tmux.socket")]
        self._home = home

    def start(self, *arguments: str, width: int = 120, height: int = 36) -> None:
        command = shlex.join([sys.executable, "-m", "culturechat", *arguments])
        inside = f"CULTURECHAT_HOME={shlex.quote(str(self._home))} {command}; echo exit code $?; sleep 60"
        self._run("new-session", "-d", "-x", str(width), "-y", str(height), inside)

    def type(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def wait_for(self, seen: Callable[[str], bool], seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while not seen(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.1)
        return screen

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True)

    def _run(self, *arguments: str) -> str:
        # a size in the environment would overrule the terminal's own
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, check=True, encoding="utf-8", env=environment
        )
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path, home: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path, home)
    yield made
    made.close()


def test_two_cultures_answer_side_by_side_over_the_survey_and_remember(terminal: Terminal) -> None:
    terminal.start("--cultures", "chinese,arabic", "--max-tokens", "24")
    terminal.wait_for(lambda screen: "中文 Chinese" in screen and "العربية Arabic" in screen)
    terminal.type("Should grown-up children look after their ageing parents?", "Enter")
    screen = terminal.wait_for(lambda screen: screen.count("done") == 2 and "Q38" in screen)
    assert "China" in screen and "Jordan" in screen
    assert "62%" in screen, "the share of the surveyed in China who agree strongly"
    terminal.type("Why?", "Enter")
    terminal.wait_for(lambda screen: screen.count("Why?") >= 2 and screen.count("done") == 2)
    terminal.type("C-q")
    terminal.wait_for(lambda screen: "exit code 0" in screen)


def test_the_probe_measures_beside_the_chat_and_takes_a_question_there(terminal: Terminal) -> None:
    terminal.start("--cultures", "chinese,arabic", "--max-tokens", "24")
    terminal.wait_for(lambda screen: "ready" in screen)
    terminal.type("F4")
    terminal.wait_for(lambda screen: "336 prompts" in screen)
    terminal.type("a", "Down", "Down", "Down", "Down", "Space", "Enter")
    terminal.wait_for(lambda screen: "measuring" in screen)
    terminal.type("Escape")
    terminal.wait_for(lambda screen: "Ask both" in screen)
    terminal.type("Why?", "Enter")
    terminal.wait_for(lambda screen: screen.count("✓ done") == 2, 120)
    terminal.type("F4")
    screen = terminal.wait_for(lambda screen: "12 of 12 items" in screen and "95 % of WD" in screen, 120)
    assert screen.count("6/6") == 2
    terminal.type("Down", "Enter")
    terminal.wait_for(lambda screen: "Every prompt: 2 ways" in screen and "spread" in screen)
    terminal.type("c")
    terminal.wait_for(lambda screen: "❯ Is there a life after death?" in screen)
    terminal.type("C-q")
    terminal.wait_for(lambda screen: "exit code 0" in screen)


def test_escape_stops_the_answers(terminal: Terminal) -> None:
    terminal.start("--cultures", "chinese,arabic", "--max-tokens", "4000", "--temperature", "1.5")
    terminal.wait_for(lambda screen: "Arabic" in screen)
    terminal.type("Tell me a very long story.", "Enter")
    terminal.wait_for(lambda screen: "writing" in screen)
    terminal.type("Escape")
    terminal.wait_for(lambda screen: screen.count("■ stopped") == 2, 10)
    terminal.type("C-q")
    terminal.wait_for(lambda screen: "exit code 0" in screen)


def test_a_terminal_too_narrow_is_refused_in_words(terminal: Terminal) -> None:
    terminal.start("--cultures", "chinese", width=30)
    screen = terminal.wait_for(lambda screen: "exit code" in screen)
    words = "".join(screen.split())
    assert "exitcode2" in words
    assert "needs40" in words and "Traceback" not in words


def test_without_cultures_a_picker_opens_and_leaves_quietly(terminal: Terminal) -> None:
    terminal.start()
    terminal.wait_for(lambda screen: "中文" in screen and "Türkçe" in screen)
    terminal.type("Escape")
    terminal.wait_for(lambda screen: "exit code 0" in screen)


def processes_of(home: Path) -> list[int]:
    """Return the app's processes that were started with this home, those it started included."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if command[0].endswith(b"python") and str(home).encode() in environment:
            found.append(int(process.name))
    return found


def kept_words() -> list[int]:
    """Return how many words of each answer to the first question are in the history."""
    history = History()
    if not (history.count() and (turns := history.load(1).turns)):
        return []
    return [len(answer.text.split()) for answer in turns[0].answers]


def test_a_chat_survives_kill_9_and_can_be_gone_on_with(terminal: Terminal, home: Path) -> None:
    # the likeliest tokens make a story of several hundred, so neither column ends before the app is killed
    terminal.start("--cultures", "chinese,base", "--max-tokens", "2000", "--temperature", "0")
    terminal.wait_for(lambda screen: "Chinese" in screen)
    terminal.type("Tell me a very long story.", "Enter")
    terminal.wait_for(lambda _: len(kept := kept_words()) == 2 and min(kept) > 3)
    for process in processes_of(home):
        os.kill(process, signal.SIGKILL)
    terminal.wait_for(lambda screen: "exit code 137" in screen)
    terminal.close()
    shown = subprocess.run(
        [sys.executable, "-m", "culturechat", "history", "show", "1", "--json"],
        capture_output=True,
        check=True,
        env=os.environ | {"CULTURECHAT_HOME": str(home)},
    )
    (turn,) = json.loads(shown.stdout)["chats"][0]["turns"]
    assert [answer["finish"] for answer in turn["answers"]] == ["unfinished", "unfinished"]
    assert all(len(answer["text"].split()) > 3 for answer in turn["answers"])
    terminal.start("--chat", "1", "--max-tokens", "16")
    screen = terminal.wait_for(lambda screen: "Tell me a very long story." in screen and "ready" in screen)
    assert "unfinished" in screen
    terminal.type("C-r")
    terminal.wait_for(lambda screen: screen.count("done") == 2)
    terminal.type("C-o")
    terminal.wait_for(lambda screen: "1 chat" in screen and "1 question" in screen)
    terminal.type("C-q")
    terminal.wait_for(lambda screen: "exit code 0" in screen)
