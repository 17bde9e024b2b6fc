"""The cultures as models of the `llm` command, where both are installed together: llm -m culturechat/chinese "…".

`llm` finds this module by its entry point and imports it at every start, so it loads nothing heavy by itself.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import llm

from culturechat.conversation import Conversation, Message

if TYPE_CHECKING:
    from culturechat.engines import Engine


class CultureOptions(llm.Options):
    """How the answer is drawn; what is not given comes from culturechat's settings."""

    temperature: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


class CultureModel(llm.Model):
    """One culture, or the untouched base."""

    can_stream = True
    Options = CultureOptions  # type: ignore[assignment]

    def __init__(self, column: str) -> None:
        self.model_id = f"culturechat/{column}"
        self._column = column
        self._engine: Engine | None = None
        self._base = ""

    def __str__(self) -> str:
        return f"culturechat: {self.model_id}"

    def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any = None) -> Iterator[str]:
        """Yield the answer as it is written.

        Raises:
            llm.ModelError: there is none.
        """
        from culturechat.errors import CulturechatError

        try:
            yield from self._answer(prompt, response, conversation)
        except CulturechatError as error:
            raise llm.ModelError(str(error)) from None

    def _answer(self, prompt: Any, response: Any, conversation: Any) -> Iterator[str]:
        from culturechat import catalogue, engines, prompting, settings
        from culturechat.engines import Failed, Finished, Request, Sampling, Started, Token
        from culturechat.terminal import Cleaner

        given = {name: value for name, value in prompt.options.model_dump().items() if value is not None}
        chosen = settings.load(given)
        (column,) = catalogue.columns([self._column], chosen.base)
        if self._engine is None:
            self._engine = engines.load()
            atexit.register(self._engine.close)
        if self._base != chosen.base:
            self._engine.open([column], chosen.context)
            self._base = chosen.base
        wished = chosen.prompts.get(self._column)
        said = prompting.chat(column.culture, _conversation(prompt, conversation), prompt=wished)
        messages = _with_system(said, getattr(prompt, "system", None))
        sampling = Sampling(chosen.temperature, top_p=chosen.top_p, min_p=chosen.min_p, max_tokens=chosen.max_tokens)
        cleaner, read = Cleaner(), 0
        for event in self._engine.generate([Request(self._column, messages, sampling, chosen.seed)]):
            match event:
                case Started():
                    read = event.prompt_tokens
                case Token():
                    yield cleaner.feed(event.text)
                case Failed():
                    raise llm.ModelError(event.error)
                case Finished():
                    response.set_usage(input=read, output=event.tokens)


@llm.hookimpl
def register_models(register: Any) -> None:
    """Offer every culture, and the base for comparison."""
    from culturechat import cultures

    for column in (*cultures.names(), "base"):
        register(CultureModel(column))


def _conversation(prompt: Any, conversation: Any) -> Conversation:
    said = Conversation()
    for earlier in conversation.responses if conversation is not None else ():
        said = said.with_user(earlier.prompt.prompt or "").with_answer(earlier.text_or_raise())
    return said.with_user(prompt.prompt or "")


def _with_system(messages: list[Message], system: str | None) -> tuple[Message, ...]:
    """Return the messages with one system prompt, the culture's before the user's."""
    if not system:
        return tuple(messages)
    own = [message.text for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    return (Message("system", "\n\n".join([*own, system])), *rest)
