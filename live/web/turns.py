"""Threads of their own for each kind of work, so that slow photos hold up no camera and no page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from live.web.limits import Refusal

T = TypeVar("T")


class Turns:
    """So many at once, so many more waiting; the others are told to come back. For one event loop."""

    def __init__(self, name: str, *, at_once: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._most = at_once + waiting
        self._taken = 0

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Raises Refusal when too many wait already, and what the work raises."""
        if self._taken >= self._most:
            raise Refusal("Too many are being worked on at the moment; try again soon.", 503)
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._taken -= 1

    def close(self) -> None:
        """What waits is dropped; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
