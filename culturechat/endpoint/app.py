"""The HTTP side: routes, keys, streams, errors in OpenAI's form. What answers is the desk's business."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from culturechat.endpoint import body, reply
from culturechat.endpoint.body import Wrong
from culturechat.endpoint.desk import Desk
from culturechat.endpoint.reply import Reply
from culturechat.engines import Event, Started, Token
from culturechat.settings import Settings

Result = TypeVar("Result")

MOST_BYTES = 1 << 20
"""Of a request; many times what any context holds."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def application(desk: Desk, settings: Settings, token: str = "", clock: Callable[[], float] = time.time) -> Starlette:
    """Return the application.

    Args:
        desk: What is offered, opened.
        settings: Where a request says nothing.
        token: What a client must show; without one only requests to this very machine by name are answered.
        clock: Seconds since 1970.
    """
    began = int(clock())

    async def models(request: Request) -> Response:
        return JSONResponse(reply.models(desk.columns.values(), began))

    async def model(request: Request) -> Response:
        name = request.path_params["name"].removeprefix("culturechat/")
        desk.check(name)
        return JSONResponse(reply.models([desk.columns[name]], began)["data"][0])

    async def chat(request: Request) -> Response:
        asked = body.asked(await _raw(request), settings)
        desk.check(asked.model)
        made = Reply(f"chatcmpl-{secrets.token_hex(12)}", asked.model, int(clock()), asked.likeliest is not None)
        events = desk.answer(asked)
        if asked.stream:
            first = await _unless_gone(request, _first(events, made))
            if made.error:
                raise _broken(made.error)
            return StreamingResponse(_stream(first, events, made, asked.usage), media_type="text/event-stream")
        await _unless_gone(request, _collect(events, made))
        if made.error:
            raise _broken(made.error)
        return JSONResponse(made.whole())

    routes = [
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", model),
        Route("/v1/chat/completions", chat, methods=["POST"]),
    ]
    handlers: Any = {Wrong: _wrong, Gone: _gone, HTTPException: _http, Exception: _unexpected}
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Guard, token=token)])


class Guard:
    """Lets in who shows the token; without one, who calls this machine by its own name.

    A page in a browser can make it send requests to a loopback address, by a name of its own that points there; such a
    request names that host.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _as_response(refusal)(scope, receive, send)

    def _refusal(self, request: Request) -> Wrong | None:
        if self._token:
            shown = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
            if hmac.compare_digest(shown.encode(), self._token):
                return None
            return Wrong("The API key is missing or wrong.", status=401, code="invalid_api_key")
        if request.url.hostname in LOOPBACK:
            return None
        return Wrong("Without a token only localhost is answered.", status=403, code="forbidden")


class Gone(Exception):
    """The client has hung up."""


async def _unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """Return what the work gives, or stop it when the client hangs up.

    Raises:
        Gone: it did.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Gone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _collect(events: AsyncGenerator[Event], made: Reply) -> None:
    async with aclosing(events):
        async for event in events:
            made.take(event)


async def _first(events: AsyncIterator[Event], made: Reply) -> Event | None:
    """Return the first event that tells whether there is an answer."""
    async for event in events:
        made.take(event)
        if not isinstance(event, Started):
            return event
    return None


async def _stream(first: Event | None, events: AsyncGenerator[Event], made: Reply, usage: bool) -> AsyncIterator[str]:
    async with aclosing(events):
        yield _data(made.beginning())
        event = first
        while event is not None:
            if isinstance(event, Token) and (event.text or event.drawn):
                yield _data(made.piece(event))
            event = await anext(events, None)
            if event is not None:
                made.take(event)
        if made.error:
            yield _data({"error": _broken(made.error).error})
            return
        yield _data(made.end())
        if usage:
            yield _data(made.count())
        yield "data: [DONE]\n\n"


def _data(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _raw(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # a page in a browser may send other types to any address without asking first
        raise Wrong("The body must be JSON: Content-Type: application/json.", status=415)
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MOST_BYTES:
            raise Wrong(f"The request is larger than {MOST_BYTES} bytes.", status=413)
    return bytes(raw)


def _broken(error: str) -> Wrong:
    return Wrong(error, status=500, kind="server_error", code="engine_error")


def _as_response(error: Wrong) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return JSONResponse({"error": error.error}, error.status, headers)


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, Wrong)
    return _as_response(error)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path}: {error.detail}. There are /v1/models and POST /v1/chat/completions."
    return _as_response(Wrong(what, status=error.status_code))


async def _unexpected(request: Request, error: Exception) -> Response:
    return _as_response(Wrong(f"Unexpected {type(error).__name__}.", status=500, kind="server_error"))
