"""The screen in a web browser on this machine: textual-serve, kept to the loopback address and to its own page.

Every browser window runs a culturechat of its own. A page of another site can neither read nor steer it: requests have
to name this address as their host, and as their origin where they have one. The page loads nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from textual_serve.server import Server

from culturechat.errors import UsageError

HOST = "127.0.0.1"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalServer(Server):
    """Serves one command on one port of the loopback address."""

    def __init__(self, command: str, port: int) -> None:
        """Prepare a server.

        Args:
            command: What a shell runs for every window.
            port: Where it listens.
        """
        super().__init__(command, HOST, port, title="culturechat", templates_path=Path(__file__).parent)

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: it does not listen yet."""

    async def application(self) -> web.Application:
        """Return what answers requests."""
        app = await self._make_app()
        app.middlewares.append(_local_only(f"{HOST}:{self.port}", f"localhost:{self.port}"))
        return app


def serve(command: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the command until it is ended.

    Args:
        command: What a shell runs for every window of a browser.
        port: Where to listen.
        say: Told the address once it listens.

    Raises:
        UsageError: the port cannot be had.
    """
    server = LocalServer(command, port)
    said = f"{server.public_url} shows the screen in a browser on this machine. Ctrl+C ends it."
    try:
        web.run_app(server.application(), host=HOST, port=port, print=lambda *_: say(said))
    except OSError as error:
        raise UsageError(f"Port {port} cannot be had ({error.strerror}); take another: --port {port + 1}.") from None


def _local_only(*hosts: str) -> Middleware:
    """Return a check that refuses pages of other sites, and other names for this address."""
    origins = {f"http://{host}" for host in hosts}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host not in hosts or request.headers.get("Origin", f"http://{hosts[0]}") not in origins:
            raise web.HTTPForbidden(text="culturechat answers to pages of its own only.")
        return await handler(request)

    return check
