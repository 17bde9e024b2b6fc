"""Turns messages into the pieces of text a model reads, by the chat template in its own file.

A template comes from an untrusted file: it runs in Jinja's immutable sandbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from culturechat.conversation import Message
from culturechat.errors import EngineError

PLAIN_STOP = "\nQuestion:"
"""A model without a chat template goes on with the next question by itself; that is where its answer ends."""

_PLAIN = (
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% elif message.role == 'user' %}Question: {{ message.content }}\nAnswer:"
    "{% else %}{{ message.content }}\n{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Piece:
    """A part of what a model reads."""

    text: str
    answer: bool
    """Whether the model wrote it, token by token."""


@dataclass(frozen=True)
class ChatFormat:
    """How one model wants a conversation to look."""

    template: str | None
    """Jinja source; None where the model has none and a plain transcript is used."""
    bos: str = ""
    eos: str = ""

    @property
    def stop(self) -> str | None:
        """Text that ends an answer besides the model's own end token."""
        return None if self.template else PLAIN_STOP

    def pieces(self, messages: Sequence[Message]) -> list[Piece]:
        """Return the conversation cut before and after each earlier answer; joined, it is what the template gives.

        The cuts let a follow-up be read after the tokens that were written, exactly as it would be read from the
        start. A template that rewrites earlier turns gives one piece. After a last answer nothing stands: it is to be
        gone on with.
        """
        pieces: list[Piece] = []
        done = ""
        for index, message in enumerate(messages):
            if message.role != "assistant":
                continue
            before = self.render(messages[:index])
            if not (before.startswith(done) and self.render(messages[: index + 1]).startswith(before + message.text)):
                return [Piece(self._open_end(messages), False)]
            pieces += [Piece(before[len(done) :], False), Piece(message.text, True)]
            done = before + message.text
        if messages and messages[-1].role == "assistant":
            return pieces
        whole = self.render(messages)
        if not whole.startswith(done):
            return [Piece(whole, False)]
        return [*pieces, Piece(whole[len(done) :], False)]

    def _open_end(self, messages: Sequence[Message]) -> str:
        if messages[-1].role == "assistant":
            return self.render(messages[:-1]) + messages[-1].text
        return self.render(messages)

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text up to where the next answer begins.

        Raises:
            EngineError: the template is broken.
        """
        try:
            return self._render(messages)
        except TemplateError as error:
            if messages and messages[0].role == "system":
                return self.render(_system_into_user(messages))
            raise EngineError(f"The model's chat template fails: {error}.") from None

    def _render(self, messages: Sequence[Message]) -> str:
        return _compiled(self.template or _PLAIN).render(
            messages=[{"role": message.role, "content": message.text} for message in messages],
            add_generation_prompt=not messages or messages[-1].role != "assistant",
            bos_token=self.bos,
            eos_token=self.eos,
        )


def _system_into_user(messages: Sequence[Message]) -> list[Message]:
    """Return the messages for a template that knows no system role: its text stands before the first question."""
    system, first, *rest = messages if len(messages) > 1 else (*messages, Message("user", ""))
    return [Message("user", f"{system.text}\n\n{first.text}".strip()), *rest]


@lru_cache
def _compiled(source: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = _date
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise EngineError(f"The model's chat template cannot be read: {error}.") from None


def _raise(message: Any) -> NoReturn:
    raise TemplateError(str(message))


def _date(pattern: str) -> str:
    return datetime.now().strftime(pattern)
