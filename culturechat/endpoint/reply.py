"""Answers in the words and fields of OpenAI's protocol. Knows no engine's work and no HTTP server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from culturechat.catalogue import Column
from culturechat.engines import Drawn, Event, Failed, Finished, Likely, Started, Token

FINISHES = {"stop": "stop", "length": "length", "cancelled": "stop"}


@dataclass
class Reply:
    """One chat completion, as it grows."""

    id: str
    model: str
    created: int
    """Seconds since 1970."""
    logprobs: bool
    usage: dict[str, int] = field(default_factory=lambda: {"prompt_tokens": 0, "completion_tokens": 0})
    finish: str | None = None
    error: str = ""
    """Why there is no more, where the engine failed."""
    _text: str = ""
    _drawn: list[Drawn] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Started():
                self.usage["prompt_tokens"] = event.prompt_tokens
            case Token():
                self._text += event.text
                self._drawn += event.drawn
            case Finished():
                self.usage["completion_tokens"] = event.tokens
                self.finish = FINISHES[event.reason]
            case Failed():
                self.error = event.error

    def whole(self) -> dict[str, Any]:
        """Return the answer in one piece."""
        message = {"role": "assistant", "content": self._text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": self._named(self._drawn), "finish_reason": self.finish}
        return self._frame("chat.completion", [choice]) | {"usage": self._usage()}

    def beginning(self) -> dict[str, Any]:
        """Return a stream's first chunk."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, token: Token) -> dict[str, Any]:
        """Return the chunk of some text."""
        return self._chunk({"content": token.text}, token.drawn)

    def end(self) -> dict[str, Any]:
        """Return the chunk that says how the answer ended."""
        return self._chunk({})

    def count(self) -> dict[str, Any]:
        """Return the chunk with the numbers of tokens."""
        return self._frame("chat.completion.chunk", []) | {"usage": self._usage()}

    def _chunk(self, delta: dict[str, str], drawn: Sequence[Drawn] = ()) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": self._named(drawn) if drawn else None}
        return self._frame("chat.completion.chunk", [{**choice, "finish_reason": self.finish}])

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}

    def _usage(self) -> dict[str, int]:
        return self.usage | {"total_tokens": sum(self.usage.values())}

    def _named(self, drawn: Iterable[Drawn]) -> dict[str, Any] | None:
        if not self.logprobs:
            return None
        content = [_likely(one.token) | {"top_logprobs": [_likely(other) for other in one.likeliest]} for one in drawn]
        return {"content": content, "refusal": None}


def models(columns: Iterable[Column], created: int) -> dict[str, Any]:
    """Return the list of what is offered."""
    data = [
        {"id": column.id, "object": "model", "created": created, "owned_by": "culturechat", "root": column.model}
        for column in columns
    ]
    return {"object": "list", "data": data}


def _likely(likely: Likely) -> dict[str, Any]:
    return {
        "token": likely.data.decode("utf-8", "replace"),
        "logprob": likely.logprob,
        "bytes": list(likely.data),
    }
