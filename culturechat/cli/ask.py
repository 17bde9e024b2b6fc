"""The `ask` command: one question, every culture's answer. Heavy imports come last."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from culturechat.cli import flags
from culturechat.cli.answering import Models
from culturechat.cli.recording import recorder
from culturechat.errors import UsageError
from culturechat.terminal import one_line


@flags.grouped
def ask(
    *,
    question: Annotated[str, typer.Argument(help="What to ask; `-` or nothing reads standard input.")] = "-",
    cultures: flags.Cultures = None,
    models: Models,
    drawing: flags.Drawing,
    language: flags.Language = None,
    keep: Annotated[bool, typer.Option("--history/--no-history", help="Keep it in the history.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Ask once and print every culture's answer. Exit code: 0 all answered, 1 some failed, 2 bad usage."""
    from culturechat.plain import Answers, print_json
    from culturechat.session import Session
    from culturechat.settings import resolve

    settings = resolve({"base": models.base} | vars(drawing) | {"language": language}).settings
    names = flags.names(cultures)
    text = _question(question)
    columns = models.told(names, settings)
    with models.engine() as engine, recorder(columns, settings, keep) as writer:
        session = Session(engine, columns, settings, writer)
        if shortage := session.open():
            typer.echo(f"culturechat: {one_line(shortage)}", err=True)
        answers = Answers(columns, settings.seed, silent=as_json)
        for event in session.send(text):
            answers.take(event)
    if as_json:
        print_json({"question": text, "answers": answers.as_json()})
    raise typer.Exit(0 if answers.complete else 1)


def _question(argument: str) -> str:
    text = argument
    if argument == "-":
        if sys.stdin.isatty():
            raise UsageError('Ask something: culturechat ask "…" --cultures chinese,arabic, or pipe the question in.')
        text = sys.stdin.read()
    if not text.strip():
        raise UsageError("The question is empty; type one, or pipe it in.")
    return text.strip()
