"""What a client asks, checked: from a request's JSON to messages and sampling. Knows no engine and no HTTP server.

What cannot be done is refused by name, so that nobody believes it was done; what has no meaning here is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from culturechat import prompting
from culturechat.conversation import Conversation, Message, Role
from culturechat.cultures import Culture
from culturechat.engines import Sampling
from culturechat.settings import Settings

MOST_TOKENS = 32768
MOST_LIKELIEST = 20
MOST_STOPS = 4
MOST_SEED = 2**32 - 1

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
_PLACE = re.compile(r" - at `\$\.?([^`]*)`")


class Wrong(Exception):
    """A request that cannot be answered, in the words and fields of OpenAI's errors."""

    def __init__(
        self, message: str, param: str | None = None, status: int = 400, code: str | None = None, kind: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {
            "message": message,
            "type": kind or "invalid_request_error",
            "param": param,
            "code": code,
        }


@dataclass(frozen=True)
class Asked:
    """One chat completion that is wanted."""

    model: str
    messages: tuple[Message, ...]
    """What was said, without the culture's own system prompt."""
    system: str
    """What the client wants the model to be told before."""
    sampling: Sampling
    seed: int | None
    stop: tuple[str, ...]
    """Texts that end the answer and do not belong to it."""
    stream: bool
    usage: bool
    """Whether a stream ends with the numbers of tokens."""
    likeliest: int | None
    """How many likeliest tokens to name at each place; None for no log-probabilities."""

    def prompt(self, culture: Culture | None, wished: str | None = None) -> tuple[Message, ...]:
        """Return what the model gets: one system prompt, the culture's before the client's, and what was said.

        A client whose own names the culture in the culture's words, as our probe does, is not told them twice.

        Args:
            culture: Who answers.
            wished: What the user of this program set as the culture's system prompt.
        """
        messages = prompting.chat(culture, Conversation(self.messages), prompt=wished)
        own = messages[0].text if messages[0].role == "system" else ""
        known = (own, culture.prompt.english, culture.prompt.own) if culture else ()
        if any(text and text in self.system for text in known):
            own = ""
        system = "\n\n".join(text for text in (own, self.system) if text)
        return (*([Message("system", system)] if system else []), *self.messages)


class _Part(msgspec.Struct):
    type: str
    text: str | None = None


class _Said(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


class _Stream(msgspec.Struct):
    include_usage: bool | None = None


class _Format(msgspec.Struct):
    type: str = "text"


class _Body(msgspec.Struct):
    model: str
    messages: list[_Said]
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: _Stream | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_format: _Format | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None


def asked(raw: bytes, settings: Settings) -> Asked:
    """Return what a request's body asks for; what it does not say comes from the settings.

    Raises:
        Wrong: it is malformed, or asks for something that there is not.
    """
    try:
        body = msgspec.json.decode(raw, type=_Body)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise Wrong(_PLACE.sub("", str(error)) + ".", place.group(1) or None if place else None) from None
    except msgspec.DecodeError:
        raise Wrong("The body is no JSON object.") from None
    _check_possible(body)
    said = [(message.role, _text(message, place)) for place, message in enumerate(body.messages)]
    most = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    sampling = Sampling(
        temperature=_within("temperature", body.temperature, settings.temperature, 0, 5),
        top_k=int(_within("top_k", body.top_k, Sampling().top_k, 0, MOST_TOKENS)),
        top_p=_within("top_p", body.top_p, settings.top_p, 0, 1),
        min_p=_within("min_p", body.min_p, settings.min_p, 0, 1),
        repeat_penalty=_within(
            "repeat_penalty",
            body.repeat_penalty if body.repeat_penalty is not None else body.repetition_penalty,
            Sampling().repeat_penalty,
            0.1,
            10,
        ),
        max_tokens=int(_within("max_tokens", most, settings.max_tokens, 1, MOST_TOKENS)),
    )
    return Asked(
        body.model.removeprefix("culturechat/"),
        tuple(Message(_ROLES[role], text) for role, text in said if role in _ROLES),
        "\n\n".join(text for role, text in said if role in ("system", "developer") and text),
        sampling,
        None if body.seed is None else body.seed % MOST_SEED,
        _stops(body.stop),
        bool(body.stream),
        bool(body.stream_options and body.stream_options.include_usage),
        int(_within("top_logprobs", body.top_logprobs, 0, 0, MOST_LIKELIEST)) if body.logprobs else None,
    )


def _check_possible(body: _Body) -> None:
    impossible: Mapping[str, tuple[bool, str]] = {
        "n": (body.n not in (None, 1), "one answer at a time"),
        "tools": (bool(body.tools), "no tools"),
        "functions": (bool(body.functions), "no functions"),
        "presence_penalty": (bool(body.presence_penalty), "repeat_penalty instead"),
        "frequency_penalty": (bool(body.frequency_penalty), "repeat_penalty instead"),
        "response_format": (body.response_format is not None and body.response_format.type != "text", "text only"),
        "top_logprobs": (bool(body.top_logprobs) and not body.logprobs, "top_logprobs only with logprobs: true"),
    }
    for param, (is_asked, there_is) in impossible.items():
        if is_asked:
            raise Wrong(f"{param} is not possible here: there is {there_is}.", param, code="unsupported_parameter")
    if not body.messages or body.messages[-1].role not in _ROLES:
        raise Wrong("The last message must be the user's, or an answer to be gone on with.", "messages")


def _text(message: _Said, place: int) -> str:
    param = f"messages[{place}]"
    if message.role not in ("system", "developer", "user", "assistant"):
        raise Wrong(f"Role {message.role!r} is unknown; it is system, user or assistant.", f"{param}.role")
    if isinstance(message.content, list):
        other = next((part.type for part in message.content if part.type != "text"), None)
        if other is not None:
            raise Wrong(f"Content of type {other!r} cannot be read; only text can.", f"{param}.content")
        text = "".join(part.text or "" for part in message.content)
    else:
        text = message.content or ""
    if message.role in _ROLES and not text.strip():
        raise Wrong("The message is empty.", f"{param}.content")
    return text


def _within(param: str, value: float | None, default: float, low: float, high: float) -> float:
    if value is None:
        return default
    if not low <= value <= high:
        raise Wrong(f"{param} is {value:g}; it must be from {low:g} to {high:g}.", param)
    return value


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MOST_STOPS or not all(stops):
        raise Wrong(f"stop takes up to {MOST_STOPS} texts, none of them empty.", "stop")
    return stops
