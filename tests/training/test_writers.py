"""Models that are asked to write: a real GGUF, and a server that is made here."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from culturechat import survey
from culturechat.engines.echo import Echo
from culturechat.engines.openai import wire
from culturechat.errors import EngineError, UsageError
from training.steps import restate, synonyms, tagged, writers
from training.steps.writers import Local, Server

Answer = Callable[[str, dict[str, Any]], tuple[int, bytes]]


class Quiet(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    def handle_error(self, *_: object) -> None:
        pass


class Fake:
    """A server on this machine that answers as it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"{}")
                fake.asked.append((self.path, body, self.headers.get("Authorization", "")))
                answer = fake.answers.pop(0) if len(fake.answers) > 1 else fake.answers[0]
                status, text = answer(self.path, body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = _reply

            def log_message(self, *_: object) -> None:
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def says(text: str) -> Answer:
    """Answer every chat with this text, and list one model."""

    def answer(path: str, _: dict[str, Any]) -> tuple[int, bytes]:
        if path.endswith("/models"):
            return 200, json.dumps({"data": [{"id": "first"}]}).encode()
        return 200, json.dumps({"choices": [{"message": {"content": text}}]}).encode()

    return answer


def fails(status: int, text: str = "") -> Answer:
    return lambda _path, _body: (status, text.encode())


def server(fake: Fake, model: str = "named", timeout_s: float = 5) -> Server:
    return Server(fake.address, model, timeout_s, sleep=lambda _: None)


def test_a_server_is_asked_for_its_first_model_unless_one_is_named(fake: Fake) -> None:
    fake.answers = [says("Hello.")]
    asked = server(fake, "")
    assert asked.write("Say hello.", 7) == "Hello."
    assert asked.write("Again.", 8) == "Hello."
    assert [path for path, _, _ in fake.asked] == ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"]
    body = fake.asked[1][1]
    assert body["model"] == "first" and body["seed"] == 7
    assert body["messages"] == [{"role": "user", "content": "Say hello."}]
    server(fake).write("x", 1)
    assert fake.asked[-1][1]["model"] == "named"


def test_the_key_is_sent_only_where_there_is_one(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.answers = [says("x")]
    server(fake).write("x", 1)
    monkeypatch.setenv(wire.KEY, "made-up")
    server(fake).write("x", 1)
    assert [authorization for _, _, authorization in fake.asked] == ["", "Bearer made-up"]


def test_what_may_pass_is_tried_again_and_what_stays_is_not(fake: Fake) -> None:
    fake.answers = [fails(503), fails(429), says("At last.")]
    assert server(fake).write("x", 1) == "At last."
    fake.answers = [fails(401, '{"error": "no such\x1b[31m key"}')]
    count = len(fake.asked)
    with pytest.raises(EngineError, match=r"HTTP 401 Unauthorized.*no such key") as caught:
        server(fake).write("x", 1)
    assert len(fake.asked) == count + 1
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)
    fake.answers = [fails(500)]
    with pytest.raises(EngineError, match="HTTP 500"):
        server(fake).write("x", 1)
    assert len(fake.asked) == count + 1 + wire.TRIES


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fails(200, "<html>"), "no JSON"),
        (fails(200, '{"choices": []}'), "without a text"),
        (fails(200, '{"choices": [{"message": {"content": null}}]}'), "without a text"),
        (fails(200, "[1]"), "without a text"),
    ],
)
def test_what_is_no_chat_answer_is_refused(fake: Fake, answer: Answer, said: str) -> None:
    fake.answers = [answer]
    with pytest.raises(EngineError, match=said):
        server(fake).write("x", 1)


def test_a_server_that_lists_no_model_asks_for_a_name(fake: Fake) -> None:
    fake.answers = [fails(200, '{"data": []}')]
    with pytest.raises(EngineError, match="server_model"):
        server(fake, "").write("x", 1)


def test_silence_ends_in_time(fake: Fake) -> None:
    wait = threading.Event()

    def late(_path: str, _body: dict[str, Any]) -> tuple[int, bytes]:
        wait.wait(3)
        return 200, b"{}"

    fake.answers = [late]
    with pytest.raises(EngineError, match=r"no answer within 0\.1 s"):
        server(fake, timeout_s=0.1).write("x", 1)
    wait.set()


def test_no_server_and_no_address_are_told_apart(fake: Fake) -> None:
    with pytest.raises(EngineError, match="refused"):
        Server("http://127.0.0.1:9/v1", "m", 2, sleep=lambda _: None).write("x", 1)
    with pytest.raises(UsageError, match="is no server's address"):
        Server("http://")


def test_a_models_list_is_read_line_by_line() -> None:
    text = "Sure:\n1. “Is it so?”\n2) Is\x1b[31m it not?\n- **Really?**\n\n• 'It's one.' Is it?\n(3) What's that?"
    assert writers.lines(text) == [
        "Sure:", "Is it so?", "Is it not?", "Really?", "'It's one.' Is it?", "What's that?",
    ]  # fmt: skip


def test_restatements_come_from_a_server_until_there_are_enough(fake: Fake) -> None:
    question = survey.load().questions["Q39"]
    fake.answers = [
        says("Here they are:\n1. Question 1: Do people get lazy without work?\n2. Lazy?\nNo question at all, this one.")
    ]
    found = restate.Asked(server(fake), 5).of(question, 2)
    assert next(found) == "Do people get lazy without work?"
    assert len(list(found)) == restate.MOST_ROUNDS - 1
    assert question.question in fake.asked[0][1]["messages"][0]["content"]
    assert [body["seed"] for _, body, _ in fake.asked] == list(range(5, 5 + restate.MOST_ROUNDS))


def test_synonyms_come_from_a_server_in_dictionary_form(fake: Fake) -> None:
    fake.answers = [says("1. Kids\n2. child\n3. 4 you\n4. young people of all ages\n5. youngster.")]
    sentence = tagged.tagged("Do the children do much?")
    (place,) = synonyms.Asked(server(fake), 1).places(sentence, "")
    assert sentence.words[place.first].text == "children" and place.tag == "NNS"
    assert place.synonyms == ("kids", "youngster")


def test_a_local_model_writes_the_same_for_the_same_seed() -> None:
    local = Local("smollm2-135m")
    try:
        first = local.write("Name three fruits, one a line.", 3, most_tokens=16)
        assert first.strip() and local.write("Name three fruits, one a line.", 3, most_tokens=16) == first
    finally:
        local.close()


def test_a_local_model_that_fails_says_why() -> None:
    echo = Echo(failing={"base": "out of memory"})
    with pytest.raises(EngineError, match="out of memory"):
        Local("smollm2-135m", echo).write("x", 1)
    with pytest.raises(UsageError, match="Did you mean smollm2-135m"):
        writers.load("smollm2-135")
