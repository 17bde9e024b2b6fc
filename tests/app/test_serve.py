"""The screen in a browser: served to this machine alone, with nothing loaded from elsewhere."""

from __future__ import annotations

import http.client
import importlib.util
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.machinery import ModuleSpec

import pytest
from aiohttp import ClientSession, WSMsgType
from typer.testing import CliRunner

from culturechat.cli import app
from culturechat.errors import UsageError


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
def served(port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "culturechat", "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            assert f"http://127.0.0.1:{port}" in said, said + server.stdout.read()
            yield port
        finally:
            server.terminate()


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")


def test_the_page_is_served_to_this_machine_and_loads_nothing_from_elsewhere(served: int) -> None:
    status, page = get(served, "/")
    assert status == 200 and "culturechat" in page
    assert f'data-session-websocket-url="ws://127.0.0.1:{served}/ws"' in page
    addresses = re.findall(r"(?:https?|wss?)://[^\"')\s]+", page)
    assert addresses and all(address.split("//")[1].startswith(f"127.0.0.1:{served}/") for address in addresses)
    for address in addresses:
        if address.startswith("http") and not address.endswith("/"):
            assert get(served, address.partition(str(served))[2])[0] == 200, address
    assert get(served, "/", Host=f"localhost:{served}")[0] == 200
    assert get(served, "/", Host="evil.example")[0] == 403
    assert get(served, "/ws", Origin="http://evil.example", Upgrade="websocket", Connection="Upgrade")[0] == 403
    # any address of 127/8 is this machine, and only one of them is listened to
    with socket.socket() as outside, pytest.raises(OSError):
        outside.settimeout(2)
        outside.connect(("127.0.0.2", served))


async def test_a_window_of_the_browser_runs_the_app(served: int) -> None:
    seen = b""
    address = f"ws://127.0.0.1:{served}/ws?width=100&height=30"
    async with ClientSession() as session, session.ws_connect(address) as window:
        while b"Bengali" not in seen:
            message = await window.receive(timeout=60)
            assert message.type in (WSMsgType.BINARY, WSMsgType.TEXT), seen[-500:]
            seen += message.data if message.type is WSMsgType.BINARY else b""


def test_a_port_that_is_taken_is_named(port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "culturechat", "serve", "--port", str(port)], capture_output=True, text=True
        )
    assert done.returncode == 2
    assert re.fullmatch(rf"culturechat: Port {port} cannot be had .*--port {port + 1}\.", done.stderr.strip())


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def missing(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "textual_serve" else found(name, package)

    monkeypatch.setattr("culturechat.cli.serve.find_spec", missing)
    with pytest.raises(UsageError, match=r"pip install 'culturechat\[serve\]'"):
        CliRunner().invoke(app, ["serve"], catch_exceptions=False)
