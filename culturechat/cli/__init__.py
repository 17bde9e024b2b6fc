"""The command line: its commands, put together, and how a user's mistake ends it.

Each command has a module of its own, which imports what is heavy only when the command runs.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from culturechat.cli import ask, cultures, doctor, history, models, probe, replay, screen, serve, settings
from culturechat.cli.flags import HELP
from culturechat.errors import CulturechatError
from culturechat.terminal import one_line

app = typer.Typer(
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    context_settings=HELP,
)
app.callback(invoke_without_command=True)(screen.compare)
app.add_typer(models.group, name="models")
app.add_typer(history.group, name="history")
app.add_typer(settings.group, name="settings")
app.command("ask")(ask.ask)
app.command("probe")(probe.probe)
app.command("compare")(probe.compare_runs)
app.command("serve")(serve.serve)
app.command("cultures")(cultures.list_cultures)
app.command("replay")(replay.replay)
app.command("doctor")(doctor.doctor)


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line and exit code 2."""
    try:
        app(prog_name="culturechat")  # of `python -m culturechat` too, so that completion is for the command
    except CulturechatError as error:
        typer.echo(f"culturechat: {one_line(str(error))}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)
