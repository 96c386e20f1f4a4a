"""Reading, foreseeing, depth and writing at the same time: one thread each, bounded pipes between them.

A fault in any of them ends the others at once: the reader's ffmpeg is killed, waiting threads get Closed,
every thread is joined, and the fault is raised where the conversion was called.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from shared import DepthMap, DisplayRange, FrameBGR
from shared.handoff import Closed, Pipe
from shared.media import VideoReader
from shared.motion import Foreseen, Timed

IN_FLIGHT_BYTES = 48 << 20
AHEAD_BYTES = 96 << 20
CANCEL_POLL_S = 0.1

Drawn = tuple[FrameBGR, float, DepthMap, DisplayRange]
T = TypeVar("T")


class Stream(Protocol):
    @property
    def display_range(self) -> DisplayRange: ...

    def finish(self, frames: Iterable[Foreseen]) -> Iterator[tuple[FrameBGR, float, DepthMap]]: ...


def run_pipeline(
    reader: VideoReader,
    foresee: Callable[[Iterable[Timed]], Iterable[Foreseen]],
    stream: Stream,
    draw: Callable[[Drawn], None],
    *,
    ahead: int,
    yielded: Callable[[], None],
    cancel: threading.Event,
) -> None:
    """Takes the reader's frames through `foresee` and the stream to `draw`, in order, to the end or `cancel`.

    foresee: up to `ahead` frames before the stream, on a thread of its own. draw: called on the writing
    thread. yielded: called here after the stream has handed out a frame.
    Raises whatever the reader, `foresee`, the stream or `draw` raised.
    """
    frame_bytes = reader.width_px * reader.height_px * 3
    capacity = max(2, min(16, IN_FLIGHT_BYTES // frame_bytes))
    frames: Pipe[Timed] = Pipe(capacity)
    foreseen: Pipe[Foreseen] = Pipe(max(1, min(ahead, AHEAD_BYTES // frame_bytes)))
    drawn: Pipe[Drawn] = Pipe(capacity)
    upstream: tuple[Pipe[Timed], Pipe[Foreseen]] = (frames, foreseen)
    faults: list[BaseException] = []
    ended = threading.Event()
    writing = threading.Thread(target=_draw_all, args=(drawn, draw, upstream, faults), name="convert-write")
    threads = [
        threading.Thread(target=_put_all, args=(reader, frames), name="convert-read"),
        threading.Thread(target=_foresee_all, args=(foresee, frames, foreseen), name="convert-foresee"),
        threading.Thread(target=_watch_cancel, args=(cancel, ended, upstream), name="convert-cancel"),
        writing,
    ]
    for thread in threads:
        thread.start()
    try:
        _depth_all(foreseen, stream, drawn, yielded, cancel)
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


def _foresee_all(
    foresee: Callable[[Iterable[Timed]], Iterable[Foreseen]], frames: Pipe[Timed], foreseen: Pipe[Foreseen]
) -> None:
    _put_all(foresee(frames), foreseen)


def _depth_all(
    foreseen: Iterable[Foreseen],
    stream: Stream,
    drawn: Pipe[Drawn],
    yielded: Callable[[], None],
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
