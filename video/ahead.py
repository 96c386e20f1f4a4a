"""The network works ahead of the stream: which frames it will be asked for is known from the pictures alone.

One inference on all cores waits at every layer for the core that also reads, colours or encodes; two side by
side, each on a share of the cores, keep all of them busy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.motion import Foreseen, Predictor, Timed, Tracker


class Ahead:
    """Begins the inferences of a stream's keyframes as soon as its tracker has found them.

    callers: how many threads may call `predictor` at once.

    depth_maps = stream.finish(ahead.begin(frames))
    """

    def __init__(self, predictor: Predictor, tracker: Tracker, *, callers: int) -> None:
        self._predictor = predictor
        self._tracker = tracker
        self._pool = ThreadPoolExecutor(callers, thread_name_prefix="convert-infer")

    def begin(self, frames: Iterable[Timed]) -> Iterator[Foreseen]:
        """As far ahead as they are taken. What the network raises comes where the frame is finished."""
        for frame in self._tracker.follow(frames):
            if frame.is_keyframe:
                yield frame, self._pool.submit(self._predictor.predict, frame.frame_bgr).result
            else:
                yield frame, None

    def close(self) -> None:
        """Waits for what is running; the rest is dropped."""
        self._pool.shutdown(cancel_futures=True)
