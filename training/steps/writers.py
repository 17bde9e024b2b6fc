"""Models that are asked to write: a GGUF file on this machine, or a server that the user names. Knows no survey.

Nothing here reaches for the network unless a recipe holds a server's address.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Protocol

from culturechat import catalogue, engines, terminal
from culturechat.conversation import Message
from culturechat.engines import Engine, Failed, Request, Sampling, Token
from culturechat.engines.openai import wire
from culturechat.engines.openai.wire import TIMEOUT_S
from culturechat.errors import EngineError

TEMPERATURE = 0.7

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
        self._server = wire.Server(address, timeout_s, sleep)
        self._model = model

    def write(self, prompt: str, seed: int, most_tokens: int = 400) -> str:
        """Return the model's answer; what may pass is tried again a few times."""
        answer = self._server.ask(
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
            raise EngineError(f"{self._server.address} answered without a text; is it an OpenAI-compatible server?")
        return text

    def close(self) -> None:
        """Do nothing; no connection is kept."""

    def _named(self) -> str:
        if not self._model:
            listed = self._server.ask("/models")
            try:
                self._model = str(listed["data"][0]["id"])
            except (KeyError, IndexError, TypeError):
                raise EngineError(
                    f'{self._server.address} lists no model. Name one in the recipe: server_model = "…".'
                ) from None
        return self._model


def _unquoted(line: str) -> str:
    line = line.strip().strip("*").strip()
    for opening, closing in (('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’")):
        if len(line) > 1 and line[0] == opening and line[-1] == closing and opening not in line[1:-1]:
            return line[1:-1].strip()
    return line
