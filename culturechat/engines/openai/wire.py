"""One server's HTTP: questions and streams of JSON, time-outs, bounded retries, hanging up. Knows no chat.

Only the standard library is used: a connection goes to the address that was named and nowhere else (no redirect and no
proxy is followed), and its socket can be closed from another thread, which is what stops an answer.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from culturechat.errors import EngineError, UsageError
from culturechat.terminal import one_line

KEY = "CULTURECHAT_API_KEY"
"""Environment variable with the server's key, for servers that want one."""

CONNECT_S = 10.0
TIMEOUT_S = 120.0
"""Longest silence: a server may load a model before its first word."""
TRIES = 4
PAUSE_S = 0.5
"""Before the second try; doubled before each that follows."""
MOST_PAUSE_S = 10.0
"""Longest pause that a server may ask for."""
MOST_BYTES = 1 << 24
"""Of one answer, or of one line of a stream."""
_ERROR_BYTES = 4000
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers of a server that is busy, starting or stumbling."""
_DATA = b"data:"


class Refused(EngineError):
    """The server answered, and says no."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class HungUp(Exception):
    """The call was ended from this side."""


class Line:
    """One call; `hang_up` ends it at once, from any thread."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._guard = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether it was hung up."""
        return self._over.is_set()

    def hang_up(self) -> None:
        """End the call; who waits for words is woken."""
        self._over.set()
        with self._guard:
            if self._socket is not None:
                with suppress(OSError):
                    # not the method of an SSL socket, which would take its reader's state away
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def carry(self, connection: http.client.HTTPConnection | None) -> None:
        """Use this connection from now on and close the one before."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
            self._connection = connection
            # kept apart, because a connection forgets its socket when the answer has begun
            self._socket = connection.sock if connection else None
        if self.over:
            self.hang_up()

    def pause(self, seconds: float) -> None:
        """Wait, but not when it is over."""
        self._over.wait(seconds)


class Server:
    """What stands at an address.

    Args:
        address: Up to and with its version, such as `http://localhost:8080/v1`; without a path, `/v1` is added.
        timeout_s: Longest silence while an answer is waited for.
        pause: Waits so many seconds between two tries; by default it can be hung up meanwhile.
    """

    def __init__(
        self, address: str, timeout_s: float = TIMEOUT_S, pause: Callable[[float], None] | None = None
    ) -> None:
        try:
            parts = urlsplit(address.strip())
            port = parts.port
        except ValueError:  # no number, or half an IPv6 address
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.netloc.endswith(":") or parts.query:
            raise UsageError(f"{address!r} is no server's address; write it like http://localhost:8080/v1.")
        if parts.username is not None:
            raise UsageError(f"Leave the name and password out of the server's address; put a key into {KEY}.")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/") or "/v1"
        self.address = f"{parts.scheme}://{parts.netloc}{self._path}"
        """As it is shown."""
        self._timeout_s = timeout_s
        self._pause = pause

    def ask(self, path: str, body: dict[str, Any] | None = None, line: Line | None = None) -> Any:
        """Return the JSON that the server answers; what may pass is tried again.

        Raises:
            EngineError: there is no answer (`Refused` where the server says no), or it is no JSON.
            HungUp: the line was hung up.
        """
        line = line or Line()
        with _Reading(self, line):
            response = self._opened(path, body, line)
            with response:
                return self._json(response)

    def stream(self, path: str, body: dict[str, Any], line: Line) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of an event stream as they come; only its beginning is tried again.

        Raises:
            EngineError: there is no answer, or none that can be read.
            HungUp: the line was hung up.
        """
        with _Reading(self, line):
            with self._opened(path, body, line) as response:
                if "event-stream" not in response.headers.get("Content-Type", ""):
                    whole = self._json(response)
                    yield whole if isinstance(whole, dict) else {}
                    return
                while raw := response.readline(MOST_BYTES + 1):
                    if len(raw) > MOST_BYTES:
                        raise EngineError(f"{self.address} sent a line without an end.")
                    data = raw.removeprefix(_DATA).strip() if raw.startswith(_DATA) else b""
                    if data == b"[DONE]":
                        return
                    if data:
                        yield self._event(data)
            if line.over:
                raise HungUp

    def problem(self, error: Exception) -> str:
        """Return in one line why there is no answer."""
        if isinstance(error, TimeoutError) or "timed out" in str(error):
            words = f"no answer within {self._timeout_s:g} s"
        elif isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
            words = "it speaks http, not https"
        else:
            words = one_line(str(error)) or type(error).__name__
        return f"{self.address}: {words}. Is the server running, and the address right?"

    def _opened(self, path: str, body: dict[str, Any] | None, line: Line) -> HTTPResponse:
        """Return the beginning of an answer that is not a refusal."""
        pause = PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                response = self._sent(path, body, line)
            except (ConnectionError, http.client.RemoteDisconnected):
                if not left or line.over:
                    raise
            else:
                if response.status < 300:
                    return response
                with response:
                    if response.status not in _PASSING or not left:
                        raise self._refusal(response)
                    pause = max(pause, _wished(response))
            (self._pause or line.pause)(pause)
            if line.over:
                raise HungUp
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def _sent(self, path: str, body: dict[str, Any] | None, line: Line) -> HTTPResponse:
        if line.over:
            raise HungUp
        connection = self._connection()
        connection.connect()
        connection.sock.settimeout(self._timeout_s)
        line.carry(connection)
        headers = {"Accept": "application/json, text/event-stream", "Connection": "close"}
        if key := os.environ.get(KEY, "").strip():
            headers["Authorization"] = f"Bearer {key}"
        if body is None:
            connection.request("GET", self._path + path, headers=headers)
        else:
            data = json.dumps(body).encode()
            connection.request("POST", self._path + path, data, {**headers, "Content-Type": "application/json"})
        return connection.getresponse()

    def _connection(self) -> http.client.HTTPConnection:
        connect_s = min(CONNECT_S, self._timeout_s)
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=connect_s, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=connect_s)

    def _refusal(self, response: HTTPResponse) -> Refused:
        if 300 <= response.status < 400:
            there = one_line(response.headers.get("Location", "another address"))
            return Refused(f"{self.address} sends on to {there}; name that address if you trust it.", response.status)
        said = _said(response)
        advice = f" Put its key into {KEY}." if response.status in (401, 403) else ""
        text = f"{self.address}: HTTP {response.status} {one_line(response.reason)}{f': {said}' if said else ''}."
        return Refused(text + advice, response.status)

    def _json(self, response: HTTPResponse) -> Any:
        try:
            return json.loads(response.read(MOST_BYTES))
        except (ValueError, RecursionError):
            raise EngineError(
                f"{self.address}: its answer is no JSON. Is it an OpenAI-compatible server, and the address right?"
            ) from None

    def _event(self, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise EngineError(f"{self.address} sent something that is no JSON object.")
        return event


class _Reading:
    """Turns what a socket raises into words, or into `HungUp` where this side ended the call."""

    def __init__(self, server: Server, line: Line) -> None:
        self._server = server
        self._line = line

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._line.carry(None)
        if isinstance(error, OSError | http.client.HTTPException | ValueError) and not isinstance(error, EngineError):
            if self._line.over:
                raise HungUp from None
            raise EngineError(self._server.problem(error)) from None


def _said(response: HTTPResponse) -> str:
    """Return what the server says of a refusal, cut short."""
    try:
        raw = response.read(_ERROR_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""
    with suppress(ValueError, RecursionError):
        raw = _message(json.loads(raw)) or raw
    return one_line(raw)[:300].rstrip(".")


def _message(answer: Any) -> str:
    """Return the sentence in an error object of any of the servers."""
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    words = error.get("message", error.get("detail")) if isinstance(error, dict) else error
    return words if isinstance(words, str) else ""


def _wished(response: HTTPResponse) -> float:
    """Return the pause that the server asks for, in seconds, or 0."""
    try:
        return min(MOST_PAUSE_S, max(0.0, float(response.headers.get("Retry-After", "0"))))
    except ValueError:
        return 0.0
