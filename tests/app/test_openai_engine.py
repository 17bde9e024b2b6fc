"""The engine that asks a server, against a server that is scripted here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from math import exp, inf, isclose, log
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from culturechat import cultures, engines
from culturechat.catalogue import Column
from culturechat.cli import app
from culturechat.conversation import Message
from culturechat.engines import Choice, Event, Failed, Finished, Request, Sampling, Scores, Started, Token
from culturechat.engines.echo import Echo
from culturechat.engines.openai import OpenAI, columns, wire
from culturechat.engines.openai.client import seen
from culturechat.engines.openai.names import EVERYONE
from culturechat.engines.openai.wire import Server
from culturechat.errors import CulturechatError, EngineError, UsageError
from tests.app import chat_server
from tests.app.chat_server import ChatServer

CHOICE = Choice((Message("user", "Tea?\n\nA. yes\nB. no\nC. maybe"),), ("A", "B", "C"))


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with chat_server.running() as chat:
        yield chat


def server(chat: ChatServer, timeout_s: float = 5) -> Server:
    return Server(chat.address, timeout_s, pause=lambda _: None)


def opened(chat: ChatServer, *names: str, timeout_s: float = 5) -> OpenAI:
    engine = OpenAI(chat.address, server(chat, timeout_s))
    engine.open(columns(names or ("chinese",), server(chat), {}))
    return engine


def request(column: str = "chinese", **sampling: Any) -> Request:
    return Request(column, (Message("user", "Should we help?"),), Sampling(**sampling), seed=7)


def text(events: list[Event], column: str = "chinese") -> str:
    return "".join(event.text for event in events if isinstance(event, Token) and event.column == column)


def test_columns_stream_side_by_side_each_from_its_own_model(chat: ChatServer) -> None:
    engine = opened(chat, "chinese", "arabic", "base")
    events = list(engine.generate([request("chinese", top_k=5), request("arabic"), request("base")]))
    for column in ("chinese", "arabic", "base"):
        mine = [event for event in events if event.column == column]
        assert isinstance(mine[0], Started) and text(mine, column) == "We should help them."
        assert isinstance(mine[-1], Finished) and mine[-1].reason == "stop" and mine[-1].tokens == 9
    bodies = {body["model"]: body for body in chat.chats}
    assert set(bodies) == {"smollm2-135m.chinese", "smollm2-135m.arabic", "smollm2-135m"}
    body = bodies["smollm2-135m.chinese"]
    assert body["messages"] == [{"role": "user", "content": "Should we help?"}]
    assert (body["seed"], body["max_tokens"], body["top_k"], body["temperature"]) == (7, 256, 5, 0.7)


def test_an_answer_that_is_gone_on_with_is_marked_so(chat: ChatServer) -> None:
    begun = Request("chinese", (Message("user", "Help?"), Message("assistant", "We")), Sampling())
    list(opened(chat).generate([begun]))
    assert chat.chats[0]["messages"][-1] == {"role": "assistant", "content": "We"}
    assert chat.chats[0]["continue_final_message"] is True and chat.chats[0]["add_generation_prompt"] is False


def test_stopping_keeps_the_text_and_hangs_up(chat: ChatServer) -> None:
    chat.waits_after = 2
    events: list[Event] = []
    engine = opened(chat)
    for event in engine.generate([request()]):
        events.append(event)
        if text(events) == "We should ":
            engine.cancel(["chinese"])
    last = events[-1]
    assert isinstance(last, Finished) and (last.reason, last.tokens) == ("cancelled", 2)
    assert chat.hung_up.wait(5)


def test_one_column_can_be_stopped_alone(chat: ChatServer) -> None:
    chat.waits_after = 2
    engine = opened(chat, "chinese", "arabic")
    ends = {}
    for event in engine.generate([request("chinese"), request("arabic")]):
        if isinstance(event, Token) and event.column == "chinese" and event.text == "should ":
            engine.cancel(["chinese"])
        if isinstance(event, Finished):
            ends[event.column] = event.reason
            chat.go_on.set()
    assert ends == {"chinese": "cancelled", "arabic": "stop"}


def test_dropping_the_answers_hangs_up(chat: ChatServer) -> None:
    chat.waits_after = 1
    events = opened(chat).generate([request()])
    while not isinstance(next(events), Token):
        pass
    events.close()  # type: ignore[attr-defined]
    assert chat.hung_up.wait(5)


def test_a_server_that_refuses_unusual_parameters_is_asked_without_them_from_then_on(chat: ChatServer) -> None:
    chat.knows -= {"top_k"}
    engine = opened(chat)
    assert text(list(engine.generate([request()]))) == "We should help them."
    assert len(chat.chats) == 2 and "min_p" not in chat.chats[1] and chat.chats[1]["top_p"] == 0.95
    list(engine.generate([request()]))
    assert len(chat.chats) == 3


def test_what_passes_is_tried_again_and_what_stays_is_told(chat: ChatServer) -> None:
    engine = opened(chat)
    chat.statuses = [503, 429]
    assert text(list(engine.generate([request()]))) == "We should help them."
    chat.statuses = [404]
    (_, failed) = engine.generate([request()])
    assert isinstance(failed, Failed) and "HTTP 404" in failed.error and failed.error.isprintable()
    assert "not now" in failed.error and chat.address in failed.error
    chat.statuses = [503] * wire.TRIES
    assert "HTTP 503" in list(engine.generate([request()]))[-1].error  # type: ignore[union-attr]
    assert chat.statuses == []


def test_an_answer_that_breaks_off_keeps_its_text_and_says_so(chat: ChatServer) -> None:
    chat.breaks_after = 2
    *said, last = opened(chat).generate([request()])
    assert text(said) == "We should " and isinstance(last, Failed) and "in the middle" in last.error
    chat.breaks_after, chat.error_after = None, 1
    *said, last = opened(chat).generate([request()])
    assert text(said) == "We " and isinstance(last, Failed) and "out of memory" in last.error


def test_silence_ends_in_time(chat: ChatServer) -> None:
    """The first word comes, then nothing, not even a comment."""
    engine = opened(chat, timeout_s=0.2)
    chat.waits_after = 1
    chat.go_on.wait = lambda timeout=None: bool(threading.Event().wait(2))  # type: ignore[method-assign]
    *said, last = engine.generate([request()])
    assert text(said) == "We " and isinstance(last, Failed) and "no answer within 0.2 s" in last.error


def test_nobody_there_and_no_address_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(EngineError, match=rf"http://127\.0\.0\.1:{port}/v1: .*refused"):
        Server(f"http://127.0.0.1:{port}", pause=lambda _: None).ask("/models")
    for wrong in (
        "",
        "localhost:8080",
        "ftp://x/v1",
        "http://",
        "http://h:port/v1",
        "http://u:p@h/v1",
        "http://h/?a=b",
    ):
        with pytest.raises(UsageError):
            Server(wrong)
    assert Server("http://localhost:8080/").address == "http://localhost:8080/v1"
    assert Server("https://host/api/v2/").address == "https://host/api/v2"


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server(chat).ask("/models")
    monkeypatch.setenv(wire.KEY, "made-up")
    server(chat).ask("/models")
    assert [key for _, _, key in chat.asked] == ["", "Bearer made-up"]
    chat.statuses = [401]
    with pytest.raises(EngineError, match=wire.KEY):
        server(chat).ask("/models")
    chat.statuses = [307]
    with pytest.raises(EngineError, match="sends on"):
        server(chat).ask("/models")
    assert len(chat.asked) == 4, "a redirect is not followed"


@pytest.mark.parametrize(
    ("offered", "wanted", "found"),
    [
        (["x.chinese", "x.arabic", "x"], {}, ["x.chinese", "x.arabic", "x"]),
        (["Chinese", "not-chinese-at-all", "arabic", "base"], {}, ["Chinese", "arabic", "base"]),
        (["llama3.2:latest"], {}, ["llama3.2:latest"] * 3),
        (["x.chinese", "y", "z"], {"base": "z", EVERYONE: "y"}, ["y", "y", "z"]),
        (["/models/one.chinese.gguf", "b/arabic", "b"], {"chinese": "b"}, ["b", "b/arabic", "b"]),
    ],
)
def test_models_are_found_by_the_cultures_in_their_names(
    chat: ChatServer, offered: list[str], wanted: dict[str, str], found: list[str]
) -> None:
    chat.models = offered
    made = columns(["chinese", "arabic", "base"], server(chat), wanted)
    assert [column.model for column in made] == found
    assert {column.form for column in made} == {"server"} and made[0].culture == cultures.load("chinese")


@pytest.mark.parametrize(
    ("offered", "wanted", "complaint"),
    [
        (["x.chinese", "y.chinese"], {}, r"several models for chinese \(x\.chinese, y\.chinese\).*--server-model"),
        (["x", "y"], {}, r"no model for chinese \(x, y\)"),
        (["chinese", "x"], {"chinese": "chines"}, "Did you mean chinese"),
        (["chinese"], {"german": "chinese"}, "german is not among the columns"),
        (["chinese"], {"germn": "chinese"}, "Did you mean german"),
        ([], {}, "lists no models"),
    ],
)
def test_a_model_that_is_not_clear_is_asked_for(
    chat: ChatServer, offered: list[str], wanted: dict[str, str], complaint: str
) -> None:
    chat.models = offered
    with pytest.raises(CulturechatError, match=complaint):
        columns(["chinese"], server(chat), wanted)


def test_option_probabilities_come_from_the_first_token(chat: ChatServer) -> None:
    engine = opened(chat)
    chat.likeliest = {"A": 0.5, "B": 0.3, "I": 0.1, " C": 0.05}
    first, second = engine.score("chinese", [CHOICE] * 2)
    assert first == second
    assert [exp(logprob) for logprob in first.logprobs] == pytest.approx([0.5, 0.3, 0])
    assert first.logprobs[2] == -inf and isclose(first.mass, 0.8)
    assert isclose(first.hidden, 0.05), "a token that is not named has at most the least that is named"
    body = chat.chats[-1]
    assert body["max_tokens"] == 1 and body["logprobs"] is True and body["top_logprobs"] == 20
    assert len(chat.chats) == 3, "asking for more than the server gives is refused once, then known"


def test_marks_may_be_written_with_a_space_and_as_several_tokens_of_the_same_text() -> None:
    spaced = seen(("A", "B"), {(" A", log(0.6)), (" B", log(0.2))})
    assert spaced.probabilities == pytest.approx((0.75, 0.25)) and spaced.hidden == 0
    twice = seen(("A", "B"), {("A", log(0.5)), ("A", log(0.2)), ("B", log(0.1)), ("x", -9999.0)})
    assert twice.mass == pytest.approx(0.8)


def test_options_that_are_all_hidden_are_even_and_have_no_mass() -> None:
    none = seen(("A", "B"), {("I", log(0.7)), ("We", log(0.2))})
    assert none.probabilities == (0.5, 0.5) and none.mass == 0 and none.hidden == pytest.approx(0.1)


def test_a_server_without_log_probabilities_says_what_is_missing(chat: ChatServer) -> None:
    chat.likeliest = {}
    with pytest.raises(EngineError, match=r"no log-probabilities for smollm2-135m\.chinese"):
        list(opened(chat).score("chinese", [CHOICE]))


def test_whole_labels_are_refused_because_only_one_token_is_told(chat: ChatServer) -> None:
    with pytest.raises(UsageError, match="--styles letters or digits"):
        list(opened(chat).score("chinese", [Choice(CHOICE.messages, ("Very important", "Not important"))]))


def test_many_questions_keep_their_order(chat: ChatServer) -> None:
    asked = [Choice((Message("user", str(number)),), ("A", "B")) for number in range(20)]
    assert len(list(opened(chat).score("chinese", asked))) == 20
    assert sorted(int(body["messages"][0]["content"]) for body in chat.chats) == [0, *range(20)]


def test_only_the_server_that_was_named_is_asked(chat: ChatServer) -> None:
    local = Column("chinese", None, "prompt", "x", Path("x.gguf"))
    there = columns(["chinese"], server(chat), {})
    with pytest.raises(UsageError, match="leave --server out"):
        OpenAI(chat.address).open([local])
    with pytest.raises(UsageError, match="name that server"):
        OpenAI("http://127.0.0.1:1/v1").open(there)
    with pytest.raises(UsageError, match="name that server"):
        engines.load("openai").open(there)
    with pytest.raises(UsageError, match="only with --server"):
        engines.load("llama_cpp").open(there)


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where sockets were connected to."""
    made: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        made.append(address)
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return made


def test_nothing_connects_unless_a_server_is_named(
    chat: ChatServer, connections: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engines, "load", lambda name="": Echo())
    monkeypatch.setenv(wire.KEY, "made-up")
    monkeypatch.setenv("CULTURECHAT_SERVER", chat.address)
    run = CliRunner().invoke
    assert run(app, ["ask", "Hello?", "-c", "chinese,base"]).exit_code == 0
    assert run(app, ["probe", "-c", "chinese", "--item", "Q38", "--json", str(tmp_path / "a.json")]).exit_code == 0
    assert connections == [] and chat.asked == []
    assert run(app, ["ask", "Hello?", "-c", "chinese,base", "--server", chat.address]).exit_code == 0
    assert set(connections) == {("127.0.0.1", int(chat.origin.rpartition(":")[2]))}


def test_ask_and_probe_work_on_a_server_as_on_files(chat: ChatServer, tmp_path: Path) -> None:
    run = CliRunner().invoke
    asked = run(app, ["ask", "Help?", "-c", "chinese,base", "--server", chat.origin, "--json"])
    assert asked.exit_code == 0, asked.output
    answers = json.loads(asked.stdout)["answers"]
    assert [(answer["form"], answer["model"], answer["text"]) for answer in answers] == [
        ("server", "smollm2-135m.chinese", "We should help them."),
        ("server", "smollm2-135m", "We should help them."),
    ]
    prompts = {body["model"]: body["messages"] for body in chat.chats}
    assert prompts["smollm2-135m.chinese"][0]["role"] == "system" and len(prompts["smollm2-135m"]) == 1
    out = tmp_path / "out.json"
    probed = run(app, ["probe", "-c", "chinese", "--item", "Q38", "--server", chat.origin, "--json", str(out)])
    assert probed.exit_code == 0, probed.output
    report = json.loads(out.read_text("utf-8"), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    (item,) = report["items"]
    assert item["option_mass"] == pytest.approx(0.8)
    assert [reading["unseen"] for reading in item["readings"]] == [3, 3], "5 options, 2 of them named"
    assert "of 10 option probabilities 6 were not" in probed.stdout.replace("\n", " ")


def test_a_chat_with_a_server_is_kept_and_goes_on_only_when_it_is_named(
    chat: ChatServer, connections: list[Any]
) -> None:
    run = CliRunner().invoke
    assert run(app, ["ask", "Help?", "-c", "chinese", "--server", chat.origin, "--history"]).exit_code == 0
    shown = json.loads(run(app, ["history", "show", "1", "--json"]).stdout)
    answer = shown["chats"][0]["turns"][0]["answers"][0]
    assert answer["voice"]["base"] == chat.address and answer["engine"] == chat.address
    connections.clear()
    with pytest.raises(UsageError, match="only with --server"):
        run(app, ["replay", "1"], catch_exceptions=False)
    assert connections == []


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--server-model", "x"], "--server-model needs --server"),
        (["--server", "http://127.0.0.1:9", "--base", "x.gguf"], "--base is for models on this machine"),
        (["--server", "http://127.0.0.1:9", "--form", "prompt"], "--form is for models on this machine"),
        (["--server", "http://127.0.0.1:9", "--server-model", "=x"], "CULTURE=NAME"),
        (["--server", "http://127.0.0.1:9", "--server-model", "a", "--server-model", "b"], "two models"),
        (["--server", "nowhere"], "'nowhere' is no server's address"),
    ],
)
def test_a_wrong_flag_is_named(flags: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        CliRunner().invoke(app, ["ask", "Hi", "-c", "chinese", *flags], catch_exceptions=False)


def test_scores_know_what_they_hide() -> None:
    assert Scores((log(0.5),)).hidden == 0.0
