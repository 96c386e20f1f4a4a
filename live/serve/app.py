"""What the server answers: the stream, the depth, two pictures and a page. Pure ASGI: nothing is held.

A reader that has not taken the last picture does not get the next one; once it has, it gets the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

from live.access import Access, Addresses, Application, Message, Receive, Secret, Send, given_token
from live.scene import Moment
from live.serve.broadcast import Broadcast, Channel
from live.serve.connections import Connections
from live.serve.message import BOUNDARY, FIRST_PART, depth_png, view_png
from live.serve.page import POLICY, page_html
from shared.handoff import Closed

MOST_READERS = 40
PNG_FOR_S = 0.2
"""A PNG is given to all who ask within this time: encoding one takes as long as several JPEGs."""

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),  # one request each: the time that one may take to arrive is then bounded
    (b"content-security-policy", POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
MULTIPART = [(b"content-type", b"multipart/x-mixed-replace; boundary=" + BOUNDARY)]
GET_ROUTES = {"/", "/view.mjpg", "/snapshot.png", "/depth.png"}


def is_open(method: str, path: str) -> bool:
    return path in GET_ROUTES if method in ("GET", "HEAD") else method == "WEBSOCKET" and path == "/depth"


def build_app(
    broadcast: Broadcast, connections: Connections, addresses: Addresses, secret: Secret | None
) -> Application:
    streams = Streams(broadcast, connections)
    guarded = Access(streams, addresses, is_open=is_open, secret=secret)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        client = scope["client"]
        try:
            connections.asked((client[0], client[1]))
        except KeyError:
            return  # cut off while its request was on the way
        await guarded(scope, receive, partial(_send_with_headers, send))

    return app


async def _send_with_headers(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message.get("headers", []), *HEADERS]
    await send(message)


class Streams:
    """The application behind `Access`."""

    def __init__(self, broadcast: Broadcast, connections: Connections) -> None:
        self._broadcast = broadcast
        self._connections = connections
        self._pngs = {"/snapshot.png": SharedPng(view_png), "/depth.png": SharedPng(depth_png)}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await self._depth(scope, receive, send)
        if scope["path"] == "/view.mjpg":
            return await self._view(scope, receive, send)
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Message) -> Response:
        if scope["path"] == "/":
            return HTMLResponse(page_html(Headers(scope=scope)["host"], given_token(scope)))
        png = await self._pngs[scope["path"]].newest(self._broadcast.newest)
        if png is None:
            return JSONResponse({"message": "There is none yet; ask again soon."}, 503, {"Retry-After": "1"})
        return Response(png, media_type="image/png")

    async def _view(self, scope: Message, receive: Receive, send: Send) -> None:
        channel, is_head = self._broadcast.views, scope["method"] == "HEAD"
        if channel.readers.now >= MOST_READERS:
            return await JSONResponse({"message": "Too many are reading."}, 503)(scope, receive, send)
        with channel.readers.reading():
            await send({"type": "http.response.start", "status": 200, "headers": MULTIPART})
            await send({"type": "http.response.body", "body": FIRST_PART, "more_body": not is_head})
            if is_head:
                return

            async def send_part(part: bytes) -> None:
                await send({"type": "http.response.body", "body": part, "more_body": True})

            await _until_gone(_http_gone(receive), self._pictures(channel, scope, send_part))
        await send({"type": "http.response.body", "body": b""})

    async def _depth(self, scope: Message, receive: Receive, send: Send) -> None:
        channel = self._broadcast.depths
        if channel.readers.now >= MOST_READERS:
            return await send({"type": "websocket.close", "code": 1013})

        async def send_message(message: bytes) -> None:
            await send({"type": "websocket.send", "bytes": message})

        with channel.readers.reading(), suppress(OSError):  # the reader went while something was sent
            await receive()  # websocket.connect
            await send({"type": "websocket.accept"})
            # A message of the reader's ends it, too: this socket only sends.
            await _until_gone(receive(), self._pictures(channel, scope, send_message))
            await send({"type": "websocket.close", "code": 1001})

    async def _pictures(
        self, channel: Channel, scope: Message, send_one: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """The newest ones, until the server ends; those are left out that come before the last is taken."""
        connection = self._connections.asked((scope["client"][0], scope["client"][1]))
        serial = channel.join()
        while True:
            try:
                serial, data = await channel.newest(serial)
            except Closed:
                return
            if not connection.is_behind:
                connection.took_a_whole_picture()
                await send_one(data)


async def _until_gone(gone: Awaitable[object], work: Awaitable[None]) -> None:
    """Does the work until it is done or the reader has gone; raises what the work raised."""
    tasks = [asyncio.ensure_future(gone), asyncio.ensure_future(work)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        _, outcome = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


async def _http_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class SharedPng:
    """One PNG at a time, for all who ask meanwhile and shortly after."""

    def __init__(self, encode: Callable[[Moment], bytes | None]) -> None:
        self._encode = encode
        self._busy = asyncio.Lock()
        self._png: bytes | None = None
        self._good_until_s = 0.0

    async def newest(self, moment: Moment | None) -> bytes | None:
        loop = asyncio.get_running_loop()
        async with self._busy:
            if moment is not None and loop.time() >= self._good_until_s:
                self._png = await loop.run_in_executor(None, self._encode, moment)
                self._good_until_s = loop.time() + PNG_FOR_S
            return self._png
