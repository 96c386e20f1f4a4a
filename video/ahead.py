"""The network sees frames before the stream asks for them, several at a time, each on a share of the cores.

One inference on all cores waits at every layer for the core that also reads, colours or encodes; two side by
side keep all cores busy: 45 instead of 59 ms per frame on two cores, every frame of 720p inferred.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from shared import DepthMap, FrameBGR

if TYPE_CHECKING:
    from shared.motion import Predictor

Frame = tuple[FrameBGR, float]
AHEAD_BYTES = 96 << 20


class Ahead:
    """What a DepthStream asks for depth, and the frames that it is to be fed with.

    callers: how many threads may call `predictor` at once; 1 looks at nothing ahead. every: the stream's.
    due: the next frame, counted from 0, that the stream will infer and that is not yet begun. A frame that it
    infers unforeseen, at a cut, is inferred there and then, and the frames after it are foreseen anew.

    depth_maps = DepthStream(ahead, every).process(ahead.frames(frames))
    """

    def __init__(self, predictor: Predictor, *, callers: int, every: int) -> None:
        self._predictor = predictor
        self._callers = callers
        self._every = every
        self.due = 0
        self._current = -1
        self._waiting: deque[tuple[int, Frame]] = deque()
        self._futures: dict[int, Future[DepthMap]] = {}
        self._pool = ThreadPoolExecutor(callers, thread_name_prefix="convert-infer")

    def frames(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames, taken from their source some time before they are handed out.

        A fault of the source comes, as without this, after the frames before it.
        """
        if self._callers == 1:
            yield from frames
            return
        fault: BaseException | None = None
        source = enumerate(frames)
        while True:
            try:
                index, frame = next(source)
            except StopIteration:
                break
            except BaseException as error:
                fault = error
                break
            self._waiting.append((index, frame))
            if len(self._waiting) > self._reach(frame[0].nbytes):
                yield self._next()
        while self._waiting:
            yield self._next()
        if fault is not None:
            raise fault

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        """The depth of the frame that was handed out last; raises what the network raised."""
        foreseen = self._futures.pop(self._current, None)
        if foreseen is not None:
            return foreseen.result()
        self._drop()
        self.due = self._current + self._every
        return self._predictor.predict(frame_bgr)

    def close(self) -> None:
        """Waits for what is running; the rest is dropped."""
        self._drop()
        self._pool.shutdown()

    def _reach(self, frame_bytes: int) -> int:
        return min(self._callers * self._every, AHEAD_BYTES // frame_bytes)

    def _next(self) -> Frame:
        for index, (frame_bgr, _) in self._waiting:
            if index == self.due:
                self._futures[index] = self._pool.submit(self._predictor.predict, frame_bgr)
                self.due += self._every
        self._current, frame = self._waiting.popleft()
        return frame

    def _drop(self) -> None:
        for future in self._futures.values():
            future.cancel()
        self._futures.clear()
