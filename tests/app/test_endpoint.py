"""Cultures as models of an OpenAI-compatible endpoint, asked by the official client."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import openai
import pytest
import uvicorn
from starlette.types import Message as Packet

from culturechat import cultures, prompting
from culturechat.catalogue import Column
from culturechat.endpoint import Desk, Place
from culturechat.endpoint.app import application
from culturechat.endpoint.body import Asked, Wrong, asked
from culturechat.endpoint.listen import TOKEN, checked_token, listen
from culturechat.engines import Drawn, Event, Failed, Likely, Request, Token
from culturechat.engines.echo import Echo
from culturechat.errors import UsageError
from culturechat.prompting import Language
from culturechat.settings import Settings

QUESTION: Any = [{"role": "user", "content": "Should we help?"}]


@dataclass
class Noting(Echo):
    """An echo that remembers what it was asked, names log-probabilities, and can be made to wait after a word."""

    requests: list[Request] = field(default_factory=list)
    waits: bool = False
    waiting: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def generate(self, requests: Any) -> Iterator[Event]:
        self.requests += requests
        for event in super().generate(requests):
            if isinstance(event, Token) and requests[0].likeliest is not None:
                token = Likely(event.text.encode(), -0.5)
                event = Token(event.column, event.text, (Drawn(token, (token,) * requests[0].likeliest),))
            yield event
            if self.waits and isinstance(event, Token):
                self.waiting.set()
                self.go_on.wait(10)

    def cancel(self, columns: Any = None) -> None:
        super().cancel(columns)
        self.cancelled.set()
        self.go_on.set()


def column(name: str) -> Column:
    culture = None if name == "base" else cultures.load(name)
    return Column(name, culture, "adapter", f"model.{name}", Path("x.gguf"))


@dataclass
class Served:
    engine: Noting
    address: str
    desk: Desk

    def client(self, key: str = "none", **options: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key=key, max_retries=0, timeout=10, **options)


def serving(token: str = "", seats: int = 1) -> Iterator[Served]:
    engine = Noting(answers={"chinese": "Yes, most people would say so.", "german": "Ja."}, failing={"german": "full"})
    desk = Desk(engine, [column("chinese"), column("german"), column("base")], seats, lambda: 5, {})
    assert desk.open(2048) is None
    app = application(desk, Settings(), token)
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield Served(engine, f"http://127.0.0.1:{bound.getsockname()[1]}", desk)
    finally:
        engine.go_on.set()
        server.should_exit = True
        thread.join()
        bound.close()


@pytest.fixture
def served() -> Iterator[Served]:
    yield from serving()


def test_every_culture_is_a_model(served: Served) -> None:
    with served.client() as client:
        assert [model.id for model in client.models.list()] == ["chinese", "german", "base"]
        assert client.models.retrieve("chinese").owned_by == "culturechat"
        with pytest.raises(openai.NotFoundError, match="chinese, german, base"):
            client.models.retrieve("latin")


def test_an_answer_comes_whole(served: Served) -> None:
    with served.client() as client:
        answer = client.chat.completions.create(model="chinese", messages=QUESTION, seed=3, temperature=0, max_tokens=4)
    assert answer.choices[0].message.content == "Yes, most people would"
    assert answer.choices[0].finish_reason == "length" and answer.model == "chinese"
    assert answer.usage is not None and answer.usage.completion_tokens == 4
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 4
    (request,) = served.engine.requests
    assert (request.seed, request.sampling.temperature, request.sampling.max_tokens) == (3, 0, 4)
    assert request.sampling.top_p == Settings().top_p, "what a client does not say comes from the settings"


def test_an_answer_comes_word_by_word(served: Served) -> None:
    with served.client() as client:
        chunks = list(
            client.chat.completions.create(
                model="culturechat/chinese", messages=QUESTION, stream=True, stream_options={"include_usage": True}
            )
        )
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert words == ["Yes,", " most", " people", " would", " say", " so."]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 6
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_culture_stands_before_what_the_client_says_and_base_has_none(served: Served) -> None:
    own = [{"role": "system", "content": "Be brief."}, *QUESTION]
    with served.client() as client:
        client.chat.completions.create(model="chinese", messages=cast(Any, own))
        client.chat.completions.create(model="base", messages=QUESTION)
    first, second = served.engine.requests
    assert [message.role for message in first.messages] == ["system", "user"]
    assert first.messages[0].text == f"{cultures.load('chinese').prompt.english}\n\nBe brief."
    assert [message.role for message in second.messages] == ["user"]


@pytest.mark.parametrize("language", ["english", "own"])
def test_a_client_that_says_for_itself_who_answers_is_not_told_again(served: Served, language: Language) -> None:
    question = prompting.survey(cultures.load("chinese"), "Is it so?", ["Yes", "No"], language)
    with served.client() as client:
        given = [{"role": message.role, "content": message.text} for message in question]
        client.chat.completions.create(model="chinese", messages=cast(Any, given))
    assert list(served.engine.requests[-1].messages) == question, "as our own probe asks another server"


def test_an_answer_that_was_begun_is_gone_on_with(served: Served) -> None:
    begun = [*QUESTION, {"role": "assistant", "content": "Yes, most"}]
    with served.client() as client:
        answer = client.chat.completions.create(model="chinese", messages=cast(Any, begun))
    assert answer.choices[0].message.content == " people would say so."


def test_log_probabilities_come_where_they_are_asked_for(served: Served) -> None:
    with served.client() as client:
        answer = client.chat.completions.create(
            model="chinese", messages=QUESTION, logprobs=True, top_logprobs=3, max_tokens=2
        )
        without = client.chat.completions.create(model="chinese", messages=QUESTION, max_tokens=2)
    assert answer.choices[0].logprobs is not None and answer.choices[0].logprobs.content is not None
    first, second = answer.choices[0].logprobs.content
    assert (first.token, first.logprob, bytes(first.bytes or [])) == ("Yes,", -0.5, b"Yes,")
    assert len(second.top_logprobs) == 3
    assert without.choices[0].logprobs is None


@pytest.mark.parametrize(
    ("stop", "text"),
    [("people", "Yes, most "), (["ould s", "xyz"], "Yes, most people w"), ("zz", "Yes, most people would say so.")],
)
def test_a_stop_text_ends_the_answer_before_it(served: Served, stop: Any, text: str) -> None:
    with served.client() as client:
        answer = client.chat.completions.create(model="chinese", messages=QUESTION, stop=stop)
        stream = client.chat.completions.create(model="chinese", messages=QUESTION, stop=stop, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text
    assert answer.choices[0].message.content == text and answer.choices[0].finish_reason == "stop"


def test_an_engine_that_fails_is_a_server_error_before_and_in_a_stream(served: Served) -> None:
    with served.client() as client:
        with pytest.raises(openai.InternalServerError, match="full"):
            client.chat.completions.create(model="german", messages=QUESTION)
        with pytest.raises(openai.APIError, match="full"):
            list(client.chat.completions.create(model="german", messages=QUESTION, stream=True))


def test_who_hangs_up_stops_the_answer(served: Served) -> None:
    served.engine.waits = True
    with served.client() as client:
        stream = client.chat.completions.create(model="chinese", messages=QUESTION, stream=True)
        next(iter(stream))
        stream.close()
        assert served.engine.cancelled.wait(5)


def test_who_hangs_up_before_the_answer_is_whole_stops_it_too(served: Served) -> None:
    served.engine.waits = True
    body = json.dumps({"model": "chinese", "messages": QUESTION}).encode()
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert served.engine.waiting.wait(5)
    assert served.engine.cancelled.wait(5)


def test_who_comes_later_waits_for_a_seat_and_two_seats_answer_two(served: Served) -> None:
    served.engine.waits = True
    with served.client() as client:
        first = client.chat.completions.create(model="chinese", messages=QUESTION, stream=True)
        next(iter(first))
        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.2).chat.completions.create(model="chinese", messages=QUESTION, stream=True)
        assert len(served.engine.requests) == 1
        first.close()
    two = serving(seats=2)
    more = next(two)
    with more.client() as client:
        more.engine.waits = True
        held = client.chat.completions.create(model="chinese", messages=QUESTION, stream=True)
        next(iter(held))
        more.engine.waits = False
        client.chat.completions.create(model="chinese", messages=QUESTION)
        assert {request.column for request in more.engine.requests} == {"chinese", "chinese·2"}
        held.close()
    assert next(two, None) is None


@pytest.mark.parametrize(
    ("change", "param", "says"),
    [
        ({"model": "latin"}, "model", "chinese, german, base"),
        ({"messages": []}, "messages", "user's"),
        ({"messages": [*QUESTION, {"role": "system", "content": "Hm"}]}, "messages", "gone on with"),
        ({"messages": [*QUESTION, {"role": "assistant", "content": None}]}, "messages[1].content", "empty"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages[0].content", "empty"),
        ({"messages": [{"role": "tool", "content": "x"}, *QUESTION]}, "messages[0].role", "'tool'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content", "image_url"),
        ({"temperature": 9}, "temperature", "from 0 to 5"),
        ({"max_tokens": 0}, "max_tokens", "from 1"),
        ({"seed": "x"}, "seed", "Expected"),
        ({"n": 2}, "n", "one answer"),
        ({"tools": [{"type": "function"}]}, "tools", "no tools"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "from 0 to 20"),
        ({"top_logprobs": 2}, "top_logprobs", "logprobs: true"),
        ({"stop": ["a"] * 5}, "stop", "up to 4"),
        ({"response_format": {"type": "json_object"}}, "response_format", "text only"),
        ({"frequency_penalty": 1}, "frequency_penalty", "repeat_penalty"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(change: dict[str, Any], param: str, says: str) -> None:
    desk = Desk(Echo(), [column(name) for name in ("chinese", "german", "base")], 1, lambda: 0, {})
    body = {"model": "chinese", "messages": QUESTION} | change
    with pytest.raises(Wrong, match=says) as caught:
        desk.check(asked(json.dumps(body).encode(), Settings()).model)
    assert caught.value.error["param"] == param and caught.value.status in (400, 404)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'"x"', b'{"model": 3}'])
def test_a_body_that_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(Wrong):
        asked(raw, Settings())


def test_parts_of_a_message_are_put_together() -> None:
    parts = [{"type": "text", "text": "Should "}, {"type": "text", "text": "we?"}]
    body = {"model": "base", "messages": [{"role": "user", "content": parts}], "max_completion_tokens": 9, "seed": -1}
    found = asked(json.dumps(body).encode(), Settings())
    assert found.messages[0].text == "Should we?" and found.sampling.max_tokens == 9 and found.seed == 2**32 - 2
    assert isinstance(found, Asked)


def get(address: str, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """Ask without a client that knows what it does."""
    import http.client

    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)
    method, body = ("POST", b"{}") if "Content_Type" in headers else ("GET", None)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as response:
        found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_errors_have_openais_form(served: Served) -> None:
    for path, headers, status in (
        ("/v1/none", {}, 404),
        ("/v1/models", {"Content_Type": "application/json"}, 405),
        ("/v1/chat/completions", {"Content_Type": "text/plain"}, 415),
        ("/v1/chat/completions", {"Content_Type": "application/json"}, 400),
    ):
        got, body = get(served.address, path, **headers)
        assert got == status and set(body["error"]) == {"message", "type", "param", "code"}


def test_a_page_that_calls_this_machine_by_another_name_is_refused(served: Served) -> None:
    assert get(served.address, "/v1/models", Host="evil.example:80")[0] == 403
    assert get(served.address, "/v1/models", Host="localhost:80")[0] == 200


def test_with_a_token_only_who_shows_it_is_answered() -> None:
    guarded = serving(token="made-up")
    served = next(guarded)
    with served.client("wrong") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    assert get(served.address, "/v1/models")[0] == 401
    with served.client("made-up") as client:
        assert len(list(client.models.list())) == 3
    assert get(served.address, "/v1/models", Host="name.example", Authorization="Bearer made-up")[0] == 200
    assert next(guarded, None) is None


def test_off_this_machine_a_token_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    for host in ("127.0.0.1", "localhost", "::1", "127.8.9.1"):
        assert checked_token(Place(host)) == ""
    for host in ("0.0.0.0", "::", "192.168.1.2", "host.example"):
        with pytest.raises(UsageError, match=TOKEN):
            checked_token(Place(host))
    monkeypatch.setenv(TOKEN, "made-up")
    assert checked_token(Place("0.0.0.0")) == "made-up"


def test_an_address_that_cannot_be_had_is_named() -> None:
    desk = Desk(Echo(), [column("base")], 1, lambda: 0, {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = Place(port=taken.getsockname()[1])
        with pytest.raises(UsageError, match=f"port {place.port} cannot be had"):
            listen(desk, Settings(), place, "", print)


def test_a_request_that_is_too_large_is_refused() -> None:
    """Without a socket: the application is called with pieces that never end."""
    app = application(Desk(Echo(), [column("base")], 1, lambda: 0, {}), Settings(), clock=lambda: 0.0)
    sent: list[Packet] = []

    async def receive() -> Packet:
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    async def send(packet: Packet) -> None:
        sent.append(packet)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    asyncio.run(app({**scope, "query_string": b"", "server": ("localhost", 80), "scheme": "http"}, receive, send))
    assert sent[0]["status"] == 413


def test_the_events_of_a_broken_engine_reach_the_client() -> None:
    class Breaking(Echo):
        def generate(self, requests: Any) -> Iterator[Event]:
            raise RuntimeError("no engine")

    async def events() -> list[Event]:
        desk = Desk(Breaking(), [column("base")], 1, lambda: 0, {})
        body = json.dumps({"model": "base", "messages": QUESTION}).encode()
        return [event async for event in desk.answer(asked(body, Settings()))]

    (failed,) = asyncio.run(events())
    assert isinstance(failed, Failed) and "no engine" in failed.error
