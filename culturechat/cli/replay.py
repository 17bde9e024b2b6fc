"""The `replay` command: whether a kept chat is answered the same again. Heavy imports come last."""

from __future__ import annotations

from typing import Annotated

import typer

from culturechat.cli.answering import LocalModels
from culturechat.cli.flags import Chat, Json


def replay(
    chat: Chat,
    turn: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only this question; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Ask again what a chat asked and say whether the same is answered. Exit code 1 if anything differs."""
    from culturechat import plain, replaying
    from culturechat.engines.llama_cpp import facts
    from culturechat.history import History

    verdicts = []
    past = History().load(chat)
    with LocalModels().engine() as engine:
        for verdict in replaying.replay(engine, facts.version(), past, turn):
            verdicts.append(verdict)
            if not as_json:
                plain.print_verdict(verdict)
    if as_json:
        plain.print_json([plain.verdict_row(verdict) for verdict in verdicts])
    raise typer.Exit(0 if all(verdict.identical for verdict in verdicts) else 1)
