"""What the page's server answers: the routes that the page uses, and nothing about the server itself.

Pure ASGI, so that streamed answers stay streams.
"""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse

from live.access import Application, Message, Receive, Send

HEADERS = {
    # The browser itself then refuses every request that would leave the machine.
    "Content-Security-Policy": "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval';"
    " frame-ancestors 'self'; form-action 'self'; base-uri 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
OPEN = {
    "GET": re.compile(r"/|/theme\.css|/(assets|static)/[\w@+-][\w.@+/-]*|/depth/[\w./-]+"),
    "POST": re.compile(r"/depth/[\w/-]+"),
}
"""All that the page asks for. The rest of Gradio's interface, which reads files by their names, is shut."""
OUTSIDE = re.compile(rb"<(script|link|meta)\b[^>]*\b(?:src|href|content)=\"https?://[^>]*>(?:\s*</script>)?")
VERSION = re.compile(rb'"version": ?"\d[\w.]*"')


def is_open(method: str, path: str) -> bool:
    """Whether the page uses this route."""
    pattern = OPEN.get("GET" if method == "HEAD" else method)
    return pattern is not None and pattern.fullmatch(path) is not None and ".." not in path


class Discreet:
    """An ASGI application whose answers say nothing of the server and open nothing to other sites."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:  # the server ends and does not wait; no traceback is to be printed
            if not answer.has_begun:
                await JSONResponse({"message": "The server is being stopped."}, 503)(scope, receive, answer)


class _Answer:
    """Passes an answer on; a text of Gradio's is held until whole and freed of versions and links out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
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
