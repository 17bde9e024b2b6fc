"""Which of a server's models answers for which culture. Knows nothing of how they answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from culturechat import catalogue, cultures
from culturechat.catalogue import BASE_COLUMN, ONE, Column
from culturechat.engines.openai.wire import Server
from culturechat.errors import EngineError, UsageError, unknown
from culturechat.terminal import one_line

EVERYONE = ""
"""Key of the model that answers for every culture without one of its own."""

_MOST_SHOWN = 12
_WORDS = re.compile(r"[^a-z0-9]+")


def columns(names: Sequence[str], server: Server, wanted: Mapping[str, str]) -> list[Column]:
    """Return what answers for each name on a server: a culture's id, `one`, or `base`.

    Args:
        names: Columns in the order they are shown.
        server: Where the models are; it is asked for their list.
        wanted: Models by culture that the user named, and under `EVERYONE` the one for all others.

    Raises:
        UsageError: a culture or model is unknown, or it is not clear which model answers.
        EngineError: the server does not answer.
    """
    known = catalogue.checked(names, wanted.keys() - {EVERYONE})
    for name in wanted:
        if name != EVERYONE and name not in names:
            raise UsageError(f"--server-model {name}={wanted[name]}: {name} is not among the columns.")
    offered = _offered(server)
    for model in wanted.values():
        if model not in offered:
            raise unknown(f"model at {server.address}", model, offered)
    others = [name for name in known if name != BASE_COLUMN]
    return [
        Column(
            name,
            None if name in (ONE, BASE_COLUMN) else cultures.load(name),
            "server",
            wanted.get(name) or wanted.get(EVERYONE) or _match(name, offered, others, server),
            Path(),
            server=server.address,
        )
        for name in names
    ]


def _match(name: str, offered: Sequence[str], others: Sequence[str], server: Server) -> str:
    """Return the model whose name holds the culture's as a word, or the only one there is."""
    mine = [model for model in offered if name in _words(model)]
    if not mine and name == BASE_COLUMN:
        mine = [model for model in offered if not _words(model) & set(others)]
    exact = [model for model in mine if model.lower() == name]
    if len(exact or mine) == 1:
        return (exact or mine)[0]
    if len(offered) == 1:
        return offered[0]
    what = f"several models for {name}" if mine else f"no model for {name}"
    shown = ", ".join(one_line(model) for model in (mine or offered)[:_MOST_SHOWN])
    more = ", …" if len(mine or offered) > _MOST_SHOWN else ""
    raise UsageError(f"{server.address} has {what} ({shown}{more}); say which: --server-model {name}=MODEL.")


def _words(model: str) -> set[str]:
    return set(_WORDS.split(model.lower()))


def _offered(server: Server) -> list[str]:
    listed: Any = server.ask("/models")
    entries = listed.get("data") if isinstance(listed, dict) else None
    found = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    names = [name for name in found if isinstance(name, str) and name]
    if not names:
        raise EngineError(f"{server.address} lists no models. Is it an OpenAI-compatible server, with a model loaded?")
    return names
