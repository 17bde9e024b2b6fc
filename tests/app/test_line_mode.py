"""The chat as lines of text."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.engines import Event, Plan, Request, Token
from culturechat.engines.echo import Echo
from culturechat.errors import EngineError
from culturechat.line_mode import COMMANDS, LineMode
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey import Bank
from culturechat.survey.search import Match


def column(name: str, base: str = "", beside: int = 0) -> Column:
    if name == "base":
        return Column("base", None, "base", "model", Path("model.gguf"))
    return Column(name, cultures.load(name), "prompt", "model", Path("model.gguf"))


def near(text: str, bank: Bank) -> Match | None:
    return Match("Q38", 0.61) if "parents" in text else None


def chat(*lines: str, engine: Echo | None = None, columns: Sequence[str] = ("chinese", "base")) -> LineMode:
    session = Session(engine or Echo(), [column(name) for name in columns], Settings())
    session.open()
    return LineMode(session, survey.load(), near, column, io.StringIO("\n".join(lines) + "\n"), prompt="")


def said(mode: LineMode, capsys: pytest.CaptureFixture[str]) -> str:
    assert mode.run()
    return capsys.readouterr().out


def test_a_question_gets_every_columns_answer_and_what_people_said(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Echo(answers={"chinese": "Yes.\x1b[31m", "base": "It depends."})
    out = said(chat("Should parents be cared for?", engine=engine), capsys)
    assert out.index("中文 Chinese (prompt) ──\nYes.") < out.index("base (base) ──\nIt depends.")
    assert "Closest survey question, similarity 0.61: How far do you agree" in out
    assert "中文 Chinese: people asked in China 2018, 3,029 answers: Strongly agree 62%" in out
    assert "\x1b" not in out


def test_commands_answer_again_edit_and_ask_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    mode = chat("first", "/again base", "/only base second", "/edit third", "/columns", "/help", "/quit", "never")
    out = said(mode, capsys)
    told = {name: [one.text for one in mode.session.conversations[name].messages] for name in ("chinese", "base")}
    assert told == {
        "chinese": ["third", "You asked: third"],
        "base": ["first", "You asked: first", "third", "You asked: third"],
    }
    assert "never" not in out and all(f"/{name}: " in out for name in COMMANDS)
    assert "No survey question is close to this." in out


def test_a_cut_answer_is_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    mode = chat("why", "/continue", engine=Echo(answers={"chinese": "one two three", "base": "one"}))
    mode.session.settings = Settings(max_tokens=2)
    said(mode, capsys)
    assert mode.session.conversations["chinese"].messages[-1].text == "one two three"


def test_columns_come_and_go(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(chat("/add german", "hello", "/drop chinese", "/drop base"), capsys)
    assert "german (Deutsch German, prompt)" in out and "Deutsch German (prompt) ──\nYou asked: hello" in out
    assert out.rstrip().endswith("Columns: german (Deutsch German, prompt).")


def test_a_column_that_does_not_fit_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    class Full(Echo):
        def change(self, columns: Sequence[Column]) -> Plan:
            raise EngineError("These models need 9 GiB.")

    mode = chat("/add german", "hello", engine=Full())
    assert not mode.run()
    out = capsys.readouterr().out
    assert "These models need 9 GiB." in out and "You asked: hello" in out
    assert list(mode.session.columns) == ["chinese", "base"]


def test_the_models_own_shares_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(chat("About parents", "/models", engine=Echo(scores={"base": [1, 1, 1, 1, 1]})), capsys)
    assert "base, the model: Strongly agree 20%, Agree 20%" in out and "Distance from the people 0." in out


@pytest.mark.parametrize("line", ["/agian", "/only", "/only nobody why", "/drop", "/add chinese", "/edit"])
def test_what_cannot_be_done_is_said_and_the_chat_goes_on(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    mode = chat(line, "still there?")
    assert not mode.run()
    out = capsys.readouterr().out
    assert "still there?" in out and "Traceback" not in out


def test_a_failed_answer_is_told_by_the_exit(capsys: pytest.CaptureFixture[str]) -> None:
    assert not chat("why", engine=Echo(failing={"base": "Out of memory."})).run()
    assert "[failed: Out of memory.]" in capsys.readouterr().out


@dataclass
class Endless(Echo):
    """An engine that writes until it is stopped."""

    writing: threading.Event = field(default_factory=threading.Event)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        self.answers = {request.column: "word " * 20_000 for request in requests}
        written = 0
        for event in super().generate(requests):
            written += isinstance(event, Token)
            if written == 10:
                self.writing.set()
            assert written < 30_000, "nobody stopped it"
            yield event


def test_stop_is_heeded_while_answers_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    engine = Endless()

    def typed() -> Iterator[str]:
        yield "tell\n"
        engine.writing.wait(10)
        yield from ("/stop\n", "/quit\n")

    mode = chat(engine=engine)
    mode.lines = typed()
    mode.session.settings = Settings(max_tokens=32_000)
    said(mode, capsys)
    assert mode.session.conversations["base"].messages[-1].text.startswith("word word")


def test_the_command_chats_through_a_pipe(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "culturechat", "--plain", "--cultures", "base", "--max-tokens", "8"],
        input="Should grown-up children look after their parents?\n/quit\n",
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "── base (base) ──" in done.stdout and "Closest survey question" in done.stdout
    assert "\x1b" not in done.stdout
    missing = subprocess.run(
        [sys.executable, "-m", "culturechat", "--plain"], input="", capture_output=True, encoding="utf-8"
    )
    assert missing.returncode == 2 and "--cultures" in missing.stderr
