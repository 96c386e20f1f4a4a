"""What visitors send: bounded in size, in speed and, over all of them, in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from live.web.limits import BODIES_BYTES, GRACE_S, SLOWEST_BYTES_PER_S, STALLED_S, Refusal, too_large


class Bodies:
    """The requests' bodies that are in memory at the moment. For one event loop."""

    def __init__(self, limit_bytes: int = BODIES_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0

    @asynccontextmanager
    async def whole(self, request: Request, what: str, limit_bytes: int) -> AsyncIterator[bytes]:
        """The request's body, counted until the block ends. Raises Refusal for too much, or too slow."""
        check_length(request, what, limit_bytes)
        body = bytearray()
        try:
            async for chunk in chunks(request):
                self._held_bytes += len(chunk)
                body += chunk
                if len(body) > limit_bytes:
                    raise too_large(what, limit_bytes)
                if self._held_bytes > self._limit_bytes:
                    raise Refusal("Too much is being sent at the moment; try again soon.", 503)
            yield bytes(body)
        finally:
            self._held_bytes -= len(body)


def check_length(request: Request, what: str, limit_bytes: int) -> None:
    """Raises Refusal before anything is read, where the browser tells the length (it does for files)."""
    told = request.headers.get("content-length", "0")
    if not told.isdecimal():
        raise Refusal("The request's length is no number.")
    if int(told) > limit_bytes:
        raise too_large(what, limit_bytes)


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Refusal when nothing or too little comes: who dawdles takes up a place."""
    stream = request.stream()
    begun_s, size_bytes = time.monotonic(), 0
    try:
        while chunk := await asyncio.wait_for(anext(stream, b""), STALLED_S):
            size_bytes += len(chunk)
            late_s = time.monotonic() - begun_s - GRACE_S
            if late_s > 0 and size_bytes < late_s * SLOWEST_BYTES_PER_S:
                raise Refusal("The upload is too slow; give the file again over a faster connection.", 408)
            yield chunk
    except asyncio.TimeoutError:  # from 3.11 on the built-in one
        raise Refusal("The upload stood still; give the file again.", 408) from None
