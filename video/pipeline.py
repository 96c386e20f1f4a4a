"""Reading, depth and writing at the same time: one thread each, bounded pipes between them.

A fault in any of the three ends the others at once: the reader's ffmpeg is killed, waiting threads get
Closed, every thread is joined, and the fault is raised where the conversion was called.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from shared import DepthMap, DisplayRange, FrameBGR
from shared.handoff import Closed, Pipe
from shared.media import VideoReader

IN_FLIGHT_BYTES = 48 << 20
CANCEL_POLL_S = 0.1

Frame = tuple[FrameBGR, float]
Drawn = tuple[FrameBGR, float, DepthMap, DisplayRange]


class Stream(Protocol):
    @property
    def display_range(self) -> DisplayRange: ...

    def process(self, frames: Iterable[Frame]) -> Iterator[tuple[FrameBGR, float, DepthMap]]: ...


def run_pipeline(
    reader: VideoReader,
    stream: Stream,
    draw: Callable[[Drawn], None],
    *,
    yielded: Callable[[], None],
    cancel: threading.Event,
    look_ahead: Callable[[Iterable[Frame]], Iterable[Frame]] = iter,
) -> None:
    """Takes the reader's frames through the stream to `draw`, in order, until the end or until `cancel`.

    look_ahead: what the frames go through before the stream. draw: called on the writing thread. yielded:
    called here after the stream has handed out a frame.
    Raises whatever the reader, the stream or `draw` raised.
    """
    capacity = max(2, min(16, IN_FLIGHT_BYTES // (reader.width_px * reader.height_px * 3)))
    frames: Pipe[Frame] = Pipe(capacity)
    drawn: Pipe[Drawn] = Pipe(capacity)
    faults: list[BaseException] = []
    ended = threading.Event()
    threads = [
        threading.Thread(target=_read_all, args=(reader, frames), name="convert-read"),
        threading.Thread(target=_draw_all, args=(drawn, draw, frames, faults), name="convert-write"),
        threading.Thread(target=_watch_cancel, args=(cancel, ended, frames), name="convert-cancel"),
    ]
    for thread in threads:
        thread.start()
    try:
        _depth_all(look_ahead(frames), stream, drawn, yielded, cancel)
    finally:
        drawn.end()
        threads[1].join()
        ended.set()
        frames.cancel()
        reader.stop()
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def _read_all(reader: VideoReader, frames: Pipe[Frame]) -> None:
    try:
        for frame in reader:
            frames.put(frame)
        frames.end()
    except Closed:
        pass
    except BaseException as error:
        frames.end(error)


def _depth_all(
    frames: Iterable[Frame],
    stream: Stream,
    drawn: Pipe[Drawn],
    yielded: Callable[[], None],
    cancel: threading.Event,
) -> None:
    for frame_bgr, time_s, depth_map in stream.process(frames):
        # Once cancelled, the stream hands out what it held back as if the file ended here: not ours.
        if cancel.is_set():
            return
        try:
            drawn.put((frame_bgr, time_s, depth_map, stream.display_range))
        except Closed:
            return
        yielded()


def _draw_all(
    drawn: Pipe[Drawn], draw: Callable[[Drawn], None], frames: Pipe[Frame], faults: list[BaseException]
) -> None:
    try:
        for item in drawn:
            draw(item)
    except BaseException as error:
        faults.append(error)
        drawn.cancel()
        frames.cancel()


def _watch_cancel(cancel: threading.Event, ended: threading.Event, frames: Pipe[Frame]) -> None:
    """Wakes the depth thread where it waits for a reader that gives nothing."""
    while not ended.is_set():
        if cancel.wait(CANCEL_POLL_S):
            frames.cancel()
            return
