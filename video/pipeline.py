"""Reading, foreseeing, depth and writing at the same time: one thread each, bounded pipes between them.

A fault in any of them ends the others at once: the reader's ffmpeg is killed, waiting threads get Closed,
every thread is joined, and the fault is raised where the conversion was called.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from shared import DepthMap, DisplayRange, FrameBGR
from shared.handoff import Closed, Pipe
from shared.media import VideoInfo, VideoReader
from shared.motion import DepthStream, Foreseen, Timed
from video.ahead import Ahead
from video.settings import ConvertSettings

if TYPE_CHECKING:
    from shared.motion import Predictor

IN_FLIGHT_BYTES = 48 << 20
AHEAD_BYTES = 96 << 20
CANCEL_POLL_S = 0.1

Drawn = tuple[FrameBGR, float, DepthMap, DisplayRange]
T = TypeVar("T")


def open_part(
    info: VideoInfo,
    settings: ConvertSettings,
    predictor: Predictor,
    first: int = 0,
    stop: int | None = None,
) -> VideoReader:
    """Reads frames first to stop of the part of the source that `settings` ask for; None: to its end.

    Where only a heat map is drawn of them, they are read as small as `predictor` can do with.
    """
    duration_s = settings.duration_s
    if stop is not None:
        duration_s = min(float(stop / info.frame_rate), settings.duration_s or float("inf"))
    reader = VideoReader(
        info.path,
        settings.start_s,
        duration_s,
        first_frame=first,
        max_height_px=settings.max_height_px,
        info=info,
    )
    if settings.look.view == "depth":
        shape = reader.height_px, reader.width_px, 3
        reader.for_network(predictor.map_size_px(np.broadcast_to(np.uint8(0), shape)))
    return reader


class DepthPass:
    """One pass over a source's frames: a stream that looks ahead, and the network that works ahead of it.

    every: the network runs on each Nth frame at least. `stream` may be restored before `run`.
    """

    def __init__(self, predictor: Predictor, *, every: int, steady: float) -> None:
        self.stream = DepthStream(predictor, every=every, steady=steady, lookahead=True)
        self._predictor = predictor
        self._callers = getattr(predictor, "callers", 1)
        self._reach = (self._callers + 1) * every

    def run(
        self,
        reader: VideoReader,
        draw: Callable[[Drawn], None],
        *,
        cancel: threading.Event,
        yielded: Callable[[], None] | None = None,
    ) -> None:
        """Takes the reader's frames to `draw`, in order, to the end or `cancel`. Once.

        draw: called on the writing thread. yielded: called here after the stream has handed out a frame.
        Raises whatever the reader, the network, the stream or `draw` raised.
        """
        ahead = Ahead(self._predictor, self.stream.tracker, callers=self._callers)
        frame_bytes = reader.frame_bytes
        capacity = max(2, min(16, IN_FLIGHT_BYTES // frame_bytes))
        frames: Pipe[Timed] = Pipe(capacity)
        foreseen: Pipe[Foreseen] = Pipe(max(1, min(self._reach, AHEAD_BYTES // frame_bytes)))
        drawn: Pipe[Drawn] = Pipe(capacity)
        upstream: tuple[Pipe[Timed], Pipe[Foreseen]] = (frames, foreseen)
        faults: list[BaseException] = []
        ended = threading.Event()
        writing = threading.Thread(
            target=_draw_all, args=(drawn, draw, upstream, faults), name="convert-write"
        )
        threads = [
            threading.Thread(target=_put_all, args=(reader, frames), name="convert-read"),
            threading.Thread(target=_foresee_all, args=(ahead, frames, foreseen), name="convert-foresee"),
            threading.Thread(target=_watch_cancel, args=(cancel, ended, upstream), name="convert-cancel"),
            writing,
        ]
        with closing(ahead):
            for thread in threads:
                thread.start()
            try:
                _depth_all(foreseen, self.stream, drawn, yielded, cancel)
            finally:
                drawn.end()
                writing.join()
                ended.set()
                _cancel(upstream)
                reader.stop()
                for thread in threads:
                    thread.join()
        if faults:
            raise faults[0]


def _put_all(items: Iterable[T], pipe: Pipe[T]) -> None:
    try:
        for item in items:
            pipe.put(item)
        pipe.end()
    except Closed:
        pass
    except BaseException as error:
        pipe.end(error)


def _foresee_all(ahead: Ahead, frames: Pipe[Timed], foreseen: Pipe[Foreseen]) -> None:
    _put_all(ahead.begin(frames), foreseen)


def _depth_all(
    foreseen: Iterable[Foreseen],
    stream: DepthStream,
    drawn: Pipe[Drawn],
    yielded: Callable[[], None] | None,
    cancel: threading.Event,
) -> None:
    for frame_bgr, time_s, depth_map in stream.finish(foreseen):
        # Once cancelled, the stream hands out what it held back as if the file ended here: not ours.
        if cancel.is_set():
            return
        try:
            drawn.put((frame_bgr, time_s, depth_map, stream.display_range))
        except Closed:
            return
        if yielded is not None:
            yielded()


def _draw_all(
    drawn: Pipe[Drawn],
    draw: Callable[[Drawn], None],
    upstream: tuple[Pipe[Timed], Pipe[Foreseen]],
    faults: list[BaseException],
) -> None:
    try:
        for item in drawn:
            draw(item)
    except BaseException as error:
        faults.append(error)
        drawn.cancel()
        _cancel(upstream)


def _watch_cancel(
    cancel: threading.Event, ended: threading.Event, upstream: tuple[Pipe[Timed], Pipe[Foreseen]]
) -> None:
    """Wakes the depth thread where it waits for a reader that gives nothing."""
    while not ended.is_set():
        if cancel.wait(CANCEL_POLL_S):
            _cancel(upstream)
            return


def _cancel(pipes: tuple[Pipe[Timed], Pipe[Foreseen]]) -> None:
    for pipe in pipes:
        pipe.cancel()
