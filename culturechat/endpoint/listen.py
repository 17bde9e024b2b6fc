"""Where the endpoint listens, and until when. Off loopback a token is required."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from culturechat.endpoint.app import application
from culturechat.endpoint.desk import Desk
from culturechat.errors import UsageError
from culturechat.settings import Settings

TOKEN = "CULTURECHAT_API_TOKEN"
"""Environment variable with what clients must show; not a flag, because other users can read a command line."""

LAST_WORDS_S = 2
"""How long answers under way may go on when the endpoint is ended."""


@dataclass(frozen=True)
class Place:
    """An address on this machine."""

    host: str = "127.0.0.1"
    port: int = 8090
    """0 lets the system choose."""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def checked_token(place: Place) -> str:
    """Return the token, or nothing where none is needed.

    Raises:
        UsageError: others can reach the place, and there is no token.
    """
    token = os.environ.get(TOKEN, "").strip()
    if not token and not place.local:
        raise UsageError(f"{place.host} can be reached by others: put a token that clients must show into {TOKEN}.")
    return token


def listen(desk: Desk, settings: Settings, place: Place, token: str, tell: Callable[[str], None]) -> None:
    """Answer until Ctrl-C; `tell` is called with the address once it can be called.

    Raises:
        UsageError: the address cannot be had.
    """
    with _bound(place) as bound:
        port = bound.getsockname()[1]
        host = f"[{place.host}]" if ":" in place.host else place.host
        config = uvicorn.Config(
            application(desk, settings, token),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=LAST_WORDS_S,
        )
        bound.listen(128)
        tell(f"http://{host}:{port}/v1")
        with suppress(KeyboardInterrupt):  # uvicorn shuts down at Ctrl-C, then passes it on; here it is the way to end
            uvicorn.Server(config).run(sockets=[bound])


def _bound(place: Place) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise UsageError(f"--host {place.host}: is no address of this machine ({error.strerror}).") from None
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(address)
    except OSError as error:
        made.close()
        raise UsageError(f"{place.host} port {place.port} cannot be had ({error.strerror}). Try --port 0.") from None
    return made
