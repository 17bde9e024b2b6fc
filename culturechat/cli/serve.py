"""The `serve` command: cultures for other programs, or the screen for a browser. Heavy imports come last."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from culturechat.cli import completion, flags
from culturechat.cli.answering import LocalModels
from culturechat.errors import UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.catalogue import Column
    from culturechat.engines import Engine
    from culturechat.settings import Settings

MOST_SEATS = 64
LOOPBACK = "127.0.0.1"


@flags.grouped
def serve(
    *,
    as_api: Annotated[
        bool, typer.Option("--api", help="Offer each culture as a model of an OpenAI-compatible endpoint.")
    ] = False,
    cultures: Annotated[
        str | None,
        typer.Option(
            "--cultures",
            "-c",
            metavar="A,B,…",
            help="What is offered; by default all and base.",
            autocompletion=completion.columns,
        ),
    ] = None,
    models: LocalModels,
    context: flags.Context = None,
    host: Annotated[str, typer.Option(help="Address to listen on; off this machine a token is required.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="0 takes any that is free.")] = 8090,
    seats: Annotated[int, typer.Option(metavar="N", help="Answers of one culture at the same time.")] = 1,
) -> None:
    """Serve the screen to a browser on this machine, or with --api the cultures to other programs, until Ctrl-C."""
    from culturechat import catalogue
    from culturechat import cultures as known
    from culturechat.settings import resolve

    if not as_api:
        _screen(cultures, models.base, host, port)
        return
    settings = resolve({"base": models.base, "context": context}).settings
    names = flags.names(cultures) if cultures is not None else [*known.names(), catalogue.BASE_COLUMN]
    columns = models.columns(names, settings)
    with models.engine() as engine:
        _api(engine, columns, settings, host, port, seats)


def _screen(cultures: str | None, base: str | None, host: str, port: int) -> None:
    """Show the screen in browsers of this machine until Ctrl-C.

    Raises:
        UsageError: the package is missing, or the address is no port of this machine's own.
    """
    if find_spec("textual_serve") is None:
        raise UsageError("serve needs textual-serve: pip install 'culturechat[serve]'. For an endpoint: serve --api.")
    if host != LOOPBACK:
        raise UsageError(f"The screen is served on {LOOPBACK} only; --host goes with --api.")
    if not 1 <= port <= 65535:
        raise UsageError(f"--port {port}: for the screen it must be from 1 to 65535.")
    from culturechat import web

    given = [part for name, value in (("--cultures", cultures), ("--base", base)) if value for part in (name, value)]
    web.serve(shlex.join([sys.executable, "-m", "culturechat", *given]), port, typer.echo)


def _api(engine: Engine, columns: list[Column], settings: Settings, host: str, port: int, seats: int) -> None:
    """Offer the columns as models of an OpenAI-compatible endpoint until Ctrl-C.

    Raises:
        UsageError: a package is missing, or the address or its token is wrong.
    """
    import secrets

    try:
        from culturechat import endpoint
        from culturechat.endpoint.listen import checked_token
    except ModuleNotFoundError as error:
        raise UsageError(f"serve --api needs {error.name}: pip install 'culturechat[api]'.") from None
    if not 1 <= seats <= MOST_SEATS:
        raise UsageError(f"--seats {seats}: it must be from 1 to {MOST_SEATS}.")
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port}: it must be from 0 to 65535.")
    place = endpoint.Place(host, port)
    token = checked_token(place)
    desk = endpoint.Desk(engine, columns, seats, lambda: secrets.randbelow(2**32 - 1), settings.prompts)
    if shortage := desk.open(settings.context):
        typer.echo(f"culturechat: {one_line(shortage)}", err=True)
    names = ", ".join(column.id for column in columns)
    endpoint.listen(desk, settings, place, token, lambda address: typer.echo(f"{address} offers {names}"))
