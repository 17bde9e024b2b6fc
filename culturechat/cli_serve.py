"""The `serve` command: cultures for other programs. Heavy imports come last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from culturechat.errors import UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.catalogue import Column
    from culturechat.engines import Engine
    from culturechat.settings import Settings

MOST_SEATS = 64


def api(engine: Engine, columns: list[Column], settings: Settings, host: str, port: int, seats: int) -> None:
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
