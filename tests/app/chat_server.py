"""A server on this machine that speaks OpenAI's protocol as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log
from typing import Any

Body = dict[str, Any]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


class ChatServer:
    """Says the words of `says` as a stream; what differs from that is told by its fields."""

    def __init__(self) -> None:
        self.models = ["smollm2-135m.chinese", "smollm2-135m.arabic", "smollm2-135m"]
        self.says = ["We ", "should ", "help ", "them."]
        self.likeliest: dict[str, float] = {"A": 0.5, "B": 0.3, " C": 0.1}
        self.most_likeliest = 20
        self.statuses: list[int] = []
        """Refusals to come before the next answer."""
        self.knows = {"model", "messages", "max_tokens", "seed", "stream", "temperature", "top_p", "top_k", "min_p"}
        self.knows |= {"repeat_penalty", "repetition_penalty", "stream_options", "logprobs", "top_logprobs"}
        self.knows |= {"add_generation_prompt", "continue_final_message"}
        """Any other parameter is refused as malformed."""
        self.breaks_after: int | None = None
        """The connection ends after so many words."""
        self.error_after: int | None = None
        """An error object comes instead of the next word."""
        self.waits_after: int | None = None
        """Silence after so many words, until `go_on`."""
        self.go_on = threading.Event()
        self.hung_up = threading.Event()
        """The other side went away while words were written."""
        self.asked: list[tuple[str, Body, str]] = []
        handler = type("Handler", (_Handler,), {"chat": self})
        self._server = _Quiet(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.address = f"{self.origin}/v1"

    @property
    def chats(self) -> list[Body]:
        """What was asked, without the lists of models."""
        return [body for path, body, _ in self.asked if path.endswith("/chat/completions")]


@contextmanager
def running() -> Iterator[ChatServer]:
    chat = ChatServer()
    thread = threading.Thread(target=chat._server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chat
    finally:
        chat.go_on.set()
        chat._server.shutdown()
        chat._server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    chat: ChatServer

    def do_GET(self) -> None:
        self._take({})
        if not self._refused():
            self._json(200, {"object": "list", "data": [{"id": name} for name in self.chat.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._take(body)
        unknown = set(body) - self.chat.knows
        if self._refused():
            return
        if unknown:
            self._json(400, {"error": {"message": f"Unrecognized request argument: {min(unknown)}"}})
        elif body.get("top_logprobs", 0) > self.chat.most_likeliest:
            self._json(400, {"error": {"message": f"top_logprobs: at most {self.chat.most_likeliest}"}})
        elif body.get("stream"):
            self._stream()
        else:
            self._score()

    def log_message(self, *_: object) -> None:
        pass

    def _take(self, body: Body) -> None:
        self.chat.asked.append((self.path, body, self.headers.get("Authorization", "")))

    def _refused(self) -> bool:
        if not self.chat.statuses:
            return False
        self._json(self.chat.statuses.pop(0), {"error": {"message": "not\x1b[31m now"}})
        return True

    def _score(self) -> None:
        tops = [{"token": token, "logprob": log(share)} for token, share in self.chat.likeliest.items()]
        content = [{**tops[0], "top_logprobs": tops}] if tops else []
        logprobs = {"content": content} if content else None
        self._json(200, {"choices": [{"message": {"content": "A"}, "logprobs": logprobs, "finish_reason": "length"}]})

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        try:
            self.wfile.write(b": a comment keeps the line open\n\n")
            for count, word in enumerate(self.chat.says):
                if count == self.chat.breaks_after:
                    return
                if count == self.chat.error_after:
                    self._event({"error": {"message": "out of\x1b[31m memory"}})
                    return
                if count == self.chat.waits_after:
                    while not self.chat.go_on.wait(0.01):
                        self.wfile.write(b": still here\n\n")
                self._event({"choices": [{"delta": {"content": word}}]})
            self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
            self._event({"choices": [], "usage": {"completion_tokens": 9}})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.chat.hung_up.set()

    def _event(self, event: Body) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())

    def _json(self, status: int, answer: Body) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
