"""Models that are asked to write: a GGUF file on this machine, or a server that the user names. Knows no survey.

Nothing here reaches for the network unless a recipe holds a server's address.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

from culturechat import catalogue, engines, terminal
from culturechat.conversation import Message
from culturechat.engines import Engine, Failed, Request, Sampling, Token
from culturechat.errors import EngineError, UsageError

TEMPERATURE = 0.7
TIMEOUT_S = 120
TRIES = 3
PAUSE_S = 2.0
MOST_BYTES = 1 << 20
KEY = "CULTURECHAT_API_KEY"
"""Environment variable with the server's key, for servers that want one."""

_NUMBERED = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.):])\s*")


class Writer(Protocol):
    """A model that answers a prompt."""

    def write(self, prompt: str, seed: int, most_tokens: int = 400) -> str:
        """Return the model's answer, as it wrote it.

        Raises:
            EngineError: there is none; the text says what happened.
        """

    def close(self) -> None:
        """Free the model."""


def load(source: str, server_model: str = "") -> Writer:
    """Return what writes for a recipe's setting: a server's address, a GGUF file, or the id of an installed base.

    Raises:
        UsageError: there is no such file or base.
    """
    if is_server(source):
        return Server(source, server_model)
    return Local(source)


def is_server(source: str) -> bool:
    """Return whether a setting is the address of a server."""
    return source.startswith(("http://", "https://"))


def lines(text: str) -> list[str]:
    """Return a list that a model wrote, line by line, without bullets, numbers and quotation marks around a line."""
    cleaned = (terminal.one_line(_NUMBERED.sub("", line)) for line in text.splitlines())
    return [line for line in map(_unquoted, cleaned) if line]


class Local:
    """A GGUF file, run by the engine."""

    def __init__(self, base: str, engine: Engine | None = None) -> None:
        self._column = catalogue.columns([catalogue.BASE_COLUMN], base)[0]
        self._engine = engine or engines.load()
        self._engine.open([self._column])

    def write(self, prompt: str, seed: int, most_tokens: int = 400) -> str:
        """Return the model's answer."""
        sampling = Sampling(temperature=TEMPERATURE, max_tokens=most_tokens)
        request = Request(self._column.id, (Message("user", prompt),), sampling, seed)
        text = ""
        for event in self._engine.generate([request]):
            if isinstance(event, Token):
                text += event.text
            elif isinstance(event, Failed):
                raise EngineError(event.error)
        return text

    def close(self) -> None:
        """End the engine."""
        self._engine.close()


class Server:
    """An OpenAI-compatible server.

    Args:
        address: Up to and with its version, such as `http://localhost:8080/v1`.
        model: What to ask for; nothing asks for the first that the server lists.
        timeout_s: Longest wait for one answer.
        sleep: Waits between two tries.
    """

    def __init__(
        self, address: str, model: str = "", timeout_s: float = TIMEOUT_S, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if not urllib.parse.urlsplit(address).hostname:
            raise UsageError(f"{address!r} is no server's address; write it like http://localhost:8080/v1.")
        self.address = address.rstrip("/")
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._model = model

    def write(self, prompt: str, seed: int, most_tokens: int = 400) -> str:
        """Return the model's answer; what may pass is tried again, twice."""
        answer = self._asked(
            "/chat/completions",
            {
                "model": self._named(),
                "messages": [{"role": "user", "content": prompt}],
                "temperature": TEMPERATURE,
                "seed": seed,
                "max_tokens": most_tokens,
            },
        )
        try:
            text = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            text = None
        if not isinstance(text, str):
            raise EngineError(f"{self.address} answered without a text; is it an OpenAI-compatible server?")
        return text

    def close(self) -> None:
        """Do nothing; no connection is kept."""

    def _named(self) -> str:
        if not self._model:
            listed = self._asked("/models", None)
            try:
                self._model = str(listed["data"][0]["id"])
            except (KeyError, IndexError, TypeError):
                raise EngineError(
                    f'{self.address} lists no model. Name one in the recipe: server_model = "…".'
                ) from None
        return self._model

    def _asked(self, path: str, body: dict[str, Any] | None) -> Any:
        for attempt in range(TRIES):
            if attempt:
                self._sleep(PAUSE_S * attempt)
            try:
                return self._once(path, body)
            except urllib.error.HTTPError as error:
                problem = f"HTTP {error.code} {error.reason}{_said(error)}"
                if error.code < 500 and error.code not in (408, 429):
                    break
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                problem = (
                    f"no answer within {self._timeout_s:g} s" if _timed_out(reason) else str(reason) or repr(reason)
                )
            except ValueError:
                problem = "its answer is no JSON"
                break
        raise EngineError(
            f"{self.address}: {terminal.one_line(problem)}. Is the server running, and the address right?"
        )

    def _once(self, path: str, body: dict[str, Any] | None) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.address + path, data, headers)
        with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
            return json.loads(answer.read(MOST_BYTES))


def _said(error: urllib.error.HTTPError) -> str:
    """Return what the server says of a refusal, cut short."""
    try:
        words = terminal.one_line(error.read(2000).decode("utf-8", "replace"))
    except OSError:
        return ""
    return f": {words[:200]}" if words else ""


def _timed_out(reason: object) -> bool:
    return isinstance(reason, TimeoutError) or "timed out" in str(reason)


def _unquoted(line: str) -> str:
    line = line.strip().strip("*").strip()
    for opening, closing in (('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’")):
        if len(line) > 1 and line[0] == opening and line[-1] == closing and opening not in line[1:-1]:
            return line[1:-1].strip()
    return line
