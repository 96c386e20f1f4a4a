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


class Channel:
    """What the readers of one kind get. For the event loop's thread, but for `readers`."""

    def __init__(self, readers: ReaderCount) -> None:
        self.readers = readers
        self._serial = 0
        self._data = b""
        self._closed = False
        self._changed = asyncio.Event()

    def publish(self, data: bytes) -> None:
        self._serial += 1
        self._data = data
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def serial(self) -> int:
        """Of what was published last."""
        return self._serial

    async def newest(self, after: int) -> tuple[int, bytes]:
        """(serial, data) of what is newer than that. Raises Closed at the end."""
        while self._serial <= after and not self._closed:
            await self._changed.wait()
        if self._closed:
            raise Closed
        return self._serial, self._data


class Broadcast:
    """Takes moments from the window's thread, which never waits, and encodes them on its own."""

    def __init__(self, stats: Stats) -> None:
        self.views = Channel(stats.view_readers)
        self.depths = Channel(stats.depth_readers)
        self.newest: Moment | None = None
        self._moments: LatestSlot[Moment] = LatestSlot()
        self._depth_number = -1

    def offer(self, moment: Moment) -> None:
        self._moments.put(moment)

    def run(self, stop: threading.Event, publish: Callable[[Channel, bytes], None]) -> None:
        """publish: hands what was encoded to the event loop's thread."""
        while not stop.is_set():
            moment = self._moments.get(WAIT_S)
            if moment is None:
                continue
            self.newest = moment
            depth_map = moment.picture.depth_map
            if self.depths.readers.now and depth_map is not None and moment.number != self._depth_number:
                self._depth_number = moment.number
                publish(self.depths, depth_message(moment, depth_map))
            if self.views.readers.now:
                publish(self.views, mjpeg_part(paint_view(moment.picture)))

    @property
    def has_readers(self) -> bool:
        return self.views.readers.now > 0 or self.depths.readers.now > 0

    def close(self) -> None:
        """Ends the readers; on the event loop's thread."""
        self.views.close()
        self.depths.close()
