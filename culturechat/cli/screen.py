"""Without a command: opens the screen, or chats line by line. Heavy imports come last."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from culturechat import __version__
from culturechat.cli import flags
from culturechat.cli.answering import Models
from culturechat.cli.recording import recorder
from culturechat.errors import UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.catalogue import Column
    from culturechat.history import Chat
    from culturechat.settings import Settings

NARROWEST = 40

OTHER_SCREEN, OWN_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
CLEARED = "\x1b[2J\x1b[H"


@flags.grouped
def compare(
    *,
    command: typer.Context,
    cultures: flags.Cultures = None,
    models: Models,
    drawing: flags.Drawing,
    chat: Annotated[int | None, typer.Option(metavar="ID", help="Go on with a chat of the history.")] = None,
    keep: Annotated[
        bool | None, typer.Option("--history/--no-history", help="Keep what is asked and answered, or do not.")
    ] = None,
    interface_language: Annotated[
        str | None,
        typer.Option(
            metavar="auto|CODE", help="Language of the screen's words, such as de; auto: as the environment says."
        ),
    ] = None,
    rtl: Annotated[
        str | None,
        typer.Option(
            metavar="auto|logical|visual", help="Who orders Arabic: the terminal (logical), we (visual), whoever can."
        ),
    ] = None,
    language: flags.Language = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Chat line by line, without the screen: for screen readers and pipes.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Ask local models of several cultures the same question, side by side, next to what people there said.

    Without a command: opens the screen, for example with `culturechat --cultures chinese,arabic`.
    """
    if version:
        typer.echo(f"culturechat {__version__}")
        raise typer.Exit
    if command.invoked_subcommand is not None:
        if cultures is not None:
            raise UsageError(f"Put --cultures after the command: culturechat {command.invoked_subcommand} --cultures …")
        return
    from culturechat.settings import resolve

    of_screen = {"history": keep, "interface_language": interface_language, "rtl": rtl, "language": language}
    resolved = resolve({"base": models.base} | vars(drawing) | of_screen)
    settings = resolved.settings
    if chat is not None and cultures is not None:
        raise UsageError("--chat brings its own columns; leave --cultures out.")
    names = flags.names(cultures) if cultures is not None else None
    if plain:
        columns, past = _columns(names, chat, models, settings)
        columns = columns or models.told(flags.names(cultures), settings)
        raise typer.Exit(_converse(models, columns, settings, past))
    if names:
        from culturechat import catalogue

        catalogue.checked(names)
    with _shown_at_once(" ".join(["culturechat", *(names or ())])):
        columns, past = _columns(names, chat, models, settings)
        _require_terminal()
        from culturechat import locale, tui

        locale.use(locale.choose(settings.interface_language))
        tui.check(resolved)
    picked = None if columns else tui.pick(settings)
    if picked is not None:
        columns = models.told(picked.columns, settings)
    if columns:
        with models.engine() as engine:
            probing = picked is not None and picked.probe
            raise typer.Exit(tui.run(engine, columns, resolved, past, probe=probing, find=models.finder()))


def _columns(
    names: Sequence[str] | None, chat: int | None, models: Models, settings: Settings
) -> tuple[Sequence[Column], Chat | None]:
    """Return the columns that were named, none if none were, and the chat that is gone on with."""
    there = models.remote
    if chat is None:
        return models.told(names, settings) if names else [], None
    from culturechat.history import History, voices

    past = History().load(chat)
    return voices.columns(past, there.columns if there else None), past


@contextmanager
def _shown_at_once(text: str) -> Iterator[None]:
    """Show a text where the screen will be, which takes longer to load; Textual takes over and cleans up.

    Where the screen does not come after all, the terminal is as before.
    """
    if not _has_terminal() or sys.platform == "win32":  # consoles there must first be told to understand this
        yield
        return
    sys.stdout.write(f"{OTHER_SCREEN}{CLEARED}{one_line(text)}")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        sys.stdout.write(OWN_SCREEN)
        sys.stdout.flush()
        raise


def _converse(models: Models, columns: Sequence[Column], settings: Settings, past: Chat | None) -> int:
    """Chat line by line and return the exit code."""
    from dataclasses import replace

    from culturechat import survey
    from culturechat.line_mode import LineMode
    from culturechat.session import Session
    from culturechat.survey.search import closest

    find = models.finder()
    if past is not None:
        settings = replace(settings, base=past.columns[0].base)
    with models.engine() as engine, recorder(columns, settings, settings.history, past) as writer:
        session = Session(engine, columns, settings, writer, past)
        if shortage := session.open():
            typer.echo(f"culturechat: {shortage}", err=True)
        prompt = "> " if sys.stdin.isatty() else ""
        return 0 if LineMode(session, survey.load(), closest, find, prompt=prompt).run() else 1


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _require_terminal() -> None:
    in_browser = "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")
    if not in_browser and not _has_terminal():
        raise UsageError("The screen needs a terminal; use `culturechat ask` in pipes and scripts.")
    width = shutil.get_terminal_size().columns
    if width < NARROWEST:
        raise UsageError(f"The terminal is {width} columns wide; the screen needs {NARROWEST}. Widen it or use `ask`.")
