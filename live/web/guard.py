"""What every answer of the server goes through: no foreign page may use it, nothing about it is told.

Pure ASGI, so that streamed answers stay streams.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS = {
    # The browser itself then refuses every request that would leave the machine.
    "Content-Security-Policy": "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval';"
    " frame-ancestors 'self'; form-action 'self'; base-uri 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
CLOSED = (
    re.compile(r"^/(gradio_api/)?(upload|file=|proxy=|stream|component_server|monitoring|api_info|info|mcp)"),
    re.compile(r"^/(gradio_api/)?(openapi\.json|docs|redoc|runs|login|logout|startup-events|dev|vibe)"),
)
OUTSIDE = re.compile(rb"<(script|link|meta)\b[^>]*\b(?:src|href|content)=\"https?://[^>]*>(?:\s*</script>)?")
VERSION = re.compile(rb'"version": ?"\d[\w.]*"')


class Guard:
    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refusal = refused(scope)
        if refusal is not None:
            return await refusal(scope, receive, send)
        await self._app(scope, receive, _Answer(send))


def refused(scope: Message) -> JSONResponse | None:
    """The answer to a request that is none of ours: another site's page, or a door that is not used."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return JSONResponse({"message": "Only this page itself may ask that."}, 403)
    if any(pattern.match(scope["path"]) for pattern in CLOSED):
        return JSONResponse({"message": "There is nothing here."}, 404)
    return None


class _Answer:
    """Passes an answer on; a text of Gradio's is held until whole and freed of versions and links out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            if headers.get("content-type", "").startswith(("text/html", "application/json")):
                self._start = message
                return None
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            return None if message.get("more_body") else await self._send_cleaned(self._start)
        await self._send(message)

    async def _send_cleaned(self, start: Message) -> None:
        body = cleaned(bytes(self._body))
        MutableHeaders(scope=start)["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def cleaned(text: bytes) -> bytes:
    return VERSION.sub(b'"version":""', OUTSIDE.sub(b"", text))
