"""Writes what `--help` says as a page and as a manual page for `man`: `python docs/make_commands.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from culturechat import __version__
from culturechat.cli import app

FOLDER = Path(__file__).parent
WIDTH = 80
PAGE = """# Commands

Written from the program's own `--help` by `docs/make_commands.py`. `man culturechat` shows the same, and `culturechat
--install-completion` teaches bash, zsh, fish or PowerShell to complete commands, options, cultures and models.

"""


@dataclass(frozen=True)
class Command:
    """One command and all that is typed before it."""

    name: str
    """As it is typed, `culturechat models build`."""
    context: Any
    """Where the command line library keeps the command and what it belongs to."""

    @property
    def help(self) -> str:
        """What the command prints for `--help`."""
        return str(self.context.command.get_help(self.context))

    @property
    def about(self) -> list[str]:
        """The paragraphs that say what it does."""
        return [" ".join(part.split()) for part in (self.context.command.help or "").split("\n\n")]

    @property
    def usage(self) -> str:
        """What may follow the name."""
        return " ".join(self.context.command.collect_usage_pieces(self.context))

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Arguments and options, each with what it is for."""
        records = (
            parameter.get_help_record(self.context) for parameter in self.context.command.get_params(self.context)
        )
        return [record for record in records if record]


def commands() -> Iterator[Command]:
    """Yield every command, each before those it holds."""
    yield from _below(typer.main.get_command(app), "culturechat", None)


def page() -> str:
    """Return the page of the documentation."""
    return PAGE + "\n".join(f"## {command.name}\n\n```text\n{command.help.rstrip()}\n```\n" for command in commands())


def manual() -> str:
    """Return the manual page, in the language of `man`."""
    first, *others = commands()
    head, *more = first.about
    lines = [f'.TH CULTURECHAT 1 "" "culturechat {__version__}"', ".ad l", ".SH NAME", f"culturechat \\- {_roff(head)}"]
    lines += [".SH SYNOPSIS", f".B culturechat\n{_roff(first.usage)}", ".SH DESCRIPTION", _paragraphs(more)]
    lines += [".SH OPTIONS", *_entries(first), ".SH COMMANDS"]
    for command in others:
        lines += [f".SS {_roff(command.name)} {_roff(command.usage)}", _paragraphs(command.about), *_entries(command)]
    return "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    """Return what is written, and where."""
    return {FOLDER / "commands.md": page(), FOLDER / "culturechat.1": manual()}


def _below(command: Any, name: str, parent: Any) -> Iterator[Command]:
    context = command.context_class(
        command,
        info_name=name.rpartition(" ")[2],
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    yield Command(name, context)
    for inner, held in getattr(command, "commands", {}).items():
        yield from _below(held, f"{name} {inner}", context)


def _entries(command: Command) -> Iterator[str]:
    for name, about in command.parameters:
        yield f".TP\n.B {_roff(name)}\n{_roff(about)}"


def _paragraphs(texts: Sequence[str]) -> str:
    return "\n.PP\n".join(map(_roff, texts))


def _roff(text: str) -> str:
    """Return text in which nothing is an instruction to the typesetter."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", " ".join(escaped.split()))


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
