"""The flags that name a server whose models answer instead of files on this machine. Heavy imports come last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from culturechat.errors import UsageError

if TYPE_CHECKING:
    from culturechat.catalogue import Column
    from culturechat.engines import Engine

Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Ask models at this OpenAI-compatible server, none on this machine."),
]
ServerModel = Annotated[
    list[str] | None,
    typer.Option(
        "--server-model",
        metavar="[CULTURE=]NAME",
        help="The server's model for a culture, or for all; by default the one whose name holds the culture's.",
    ),
]


@dataclass(frozen=True)
class Remote:
    """A server that the user named."""

    address: str
    models: dict[str, str]
    """Its models by culture, as far as they were named; see `engines.openai.names`."""

    def columns(self, names: Sequence[str]) -> list[Column]:
        """Return what answers there; the server is asked what it has."""
        from culturechat.engines import openai
        from culturechat.engines.openai.wire import Server

        return openai.columns(names, Server(self.address), self.models)

    def engine(self) -> Engine:
        """Return what asks it."""
        from culturechat.engines import openai

        return openai.OpenAI(self.address)


def remote(server: str | None, models: Sequence[str] | None, **local: object) -> Remote | None:
    """Return the server that the flags name, or None.

    Args:
        server: Its address.
        models: `culture=model`, or `model` for every other culture.
        local: Flags that make sense only for files on this machine, by name.

    Raises:
        UsageError: flags contradict each other.
    """
    if server is None:
        if models:
            raise UsageError("--server-model needs --server: name the server that has the model.")
        return None
    for name, value in local.items():
        if value:
            raise UsageError(f"--{name} is for models on this machine; a server has its own: --server-model.")
    found: dict[str, str] = {}
    for text in models or ():
        culture, separator, model = text.partition("=")
        key, value = (culture.strip().lower(), model.strip()) if separator else ("", text.strip())
        if not value or (separator and not key):
            raise UsageError(f"--server-model {text}: write it as CULTURE=NAME, or NAME for all cultures.")
        if key in found:
            raise UsageError(f"--server-model names two models for {key or 'all cultures'}.")
        found[key] = value
    return Remote(server, found)
