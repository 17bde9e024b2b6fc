"""Keeps a session of the command line in the history. Heavy imports come last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from culturechat.catalogue import Column
    from culturechat.history import Chat, Recorder
    from culturechat.settings import Settings


@contextmanager
def recorder(
    columns: Sequence[Column], settings: Settings, keep: bool, past: Chat | None = None
) -> Iterator[Recorder | None]:
    """Give what writes the history, if it is wanted; a failure is one line on standard error."""
    if not keep:
        yield None
        return
    from culturechat.engines.llama_cpp import facts
    from culturechat.history import History

    recorder = History().record(columns, settings, columns[0].server or facts.version(), past)
    recorder.watch(lambda message: typer.echo(f"culturechat: {message}", err=True) if message else None)
    try:
        yield recorder
    finally:
        recorder.close()
