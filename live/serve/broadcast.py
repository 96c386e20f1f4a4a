"""One picture for all readers: encoded once, and only while somebody reads; the newest, never a queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from live.scene import Moment
from live.serve.message import depth_message, mjpeg_part, paint_view
from live.stats import ReaderCount, Stats
from shared.handoff import Closed, LatestSlot

WAIT_S = 0.2
NOTHING = -1


class Channel:
    """What the readers of one kind get. For the event loop's thread, but for `readers`."""

    def __init__(self, readers: ReaderCount) -> None:
        self.readers = readers
        self._serial = NOTHING
        self._data = b""
        self._closed = False
        self._changed = asyncio.Event()

    def publish(self, serial: int, data: bytes) -> None:
        """serial: 0 or more; who has had it, or a later one, does not get it again."""
        self._serial, self._data = serial, data
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def join(self) -> int:
        """Where a new reader begins, who is counted already: what is there from former readers is old."""
        if self.readers.now == 1:
            self._serial = NOTHING
        return NOTHING

    async def newest(self, after: int) -> tuple[int, bytes]:
        """(serial, data) of what is newer than that. Raises Closed at the end."""
        while self._serial <= after and not self._closed:
            await self._changed.wait()
        if self._closed:
            raise Closed
        return self._serial, self._data


Publish = Callable[[Channel, int, bytes], None]
"""Hands (channel, serial, data) to the event loop's thread."""


class Broadcast:
    """Takes moments from the window's thread, which never waits, and encodes them on its own."""

    def __init__(self, stats: Stats) -> None:
        self.views = Channel(stats.view_readers)
        self.depths = Channel(stats.depth_readers)
        self.newest: Moment | None = None
        self._moments: LatestSlot[Moment] = LatestSlot()
        self._taken = 0
        self._last_depth = (NOTHING, 0)

    def offer(self, moment: Moment) -> None:
        self._moments.put(moment)

    def run(self, stop: threading.Event, publish: Publish) -> None:
        while not stop.is_set():
            moment = self._moments.get(WAIT_S)
            if moment is None:
                continue
            self.newest = moment
            self._taken += 1
            self._publish_depth(moment, publish)
            if self.views.readers.now:
                publish(self.views, self._taken, mjpeg_part(paint_view(moment.picture)))

    def _publish_depth(self, moment: Moment, publish: Publish) -> None:
        """Once for each frame, and again for a reader who has come to a frozen picture."""
        depth_map, readers = moment.picture.depth_map, self.depths.readers
        depth = moment.number, readers.came
        if readers.now and depth_map is not None and depth != self._last_depth:
            self._last_depth = depth
            publish(self.depths, moment.number, depth_message(moment, depth_map))

    @property
    def has_readers(self) -> bool:
        return self.views.readers.now > 0 or self.depths.readers.now > 0

    def close(self) -> None:
        """Ends the readers; on the event loop's thread."""
        self.views.close()
        self.depths.close()
