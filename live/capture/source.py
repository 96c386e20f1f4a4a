"""Frames from a camera, a file or a stream, on a thread of their own, to everyone who wants the newest."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from enum import Enum

from live.capture.opening import Capture
from live.frame import Frame
from live.stats import RateMeter
from shared import FrameBGR, UserError
from shared.handoff import LatestSlot, now_s
from shared.media import VideoReader

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0
NO_PICTURE_S = 10.0
"""A stream that has opened and gives nothing for so long is no stream; one that gave something may pause."""


class SourceState(Enum):
    OPENING = "opening"
    RUNNING = "running"
    RECONNECTING = "reconnecting"


class Source:
    """Puts every frame into every slot, which it closes when it ends.

    `state` and `rate` are for other threads to read.
    """

    def __init__(self, slots: Sequence[LatestSlot[Frame]], rate: RateMeter) -> None:
        self.state = SourceState.OPENING
        self.rate = rate
        self._slots = slots

    def run(self, stop: threading.Event) -> None:
        try:
            self._run(stop)
        except BaseException as error:
            self._close(error)
            raise
        self._close()

    def _run(self, stop: threading.Event) -> None:
        raise NotImplementedError

    def _publish(self, frame_bgr: FrameBGR) -> None:
        frame = Frame(frame_bgr, now_s(), self.rate.count)
        self.rate.tick(frame.time_s)
        self.state = SourceState.RUNNING
        for slot in self._slots:
            slot.put(frame)

    def _close(self, error: BaseException | None = None) -> None:
        for slot in self._slots:
            slot.close(error)


class LiveSource(Source):
    """A camera or a stream: when it is cut it is opened again, with growing pauses, until told to stop.

    The first opening must succeed and a picture come within NO_PICTURE_S; a UserError ends the run. A file
    that a server gives as a whole is played at its own speed, once.

    name: what the user calls it. reopen_capture: opens it after a cut, where that is another thing.
    """

    def __init__(
        self,
        open_capture: Callable[[], Capture],
        slots: Sequence[LatestSlot[Frame]],
        rate: RateMeter,
        *,
        name: str = "The source",
        reopen_capture: Callable[[], Capture] | None = None,
    ) -> None:
        super().__init__(slots, rate)
        self._open_capture = open_capture
        self._reopen_capture = reopen_capture or open_capture
        self._name = name

    def _run(self, stop: threading.Event) -> None:
        capture: Capture | None = self._open_capture()
        begun_s = now_s()
        while capture is not None:
            try:
                self._read_until_cut(capture, stop)
            finally:
                capture.close()
            if capture.is_file and self.rate.count:
                return
            if not self.rate.count and now_s() - begun_s > NO_PICTURE_S:
                raise UserError(
                    f"{self._name} opened, but gave no picture within {NO_PICTURE_S:.0f} s.",
                    "Check that it plays elsewhere, and that what sends it is switched on.",
                    exit_code=1,
                )
            capture = self._open_again(stop)

    def _read_until_cut(self, capture: Capture, stop: threading.Event) -> None:
        started_s: float | None = None
        while not stop.is_set():
            frame_bgr = capture.read()
            if frame_bgr is None:
                return
            if capture.is_file:
                time_s = capture.time_s()
                started_s = now_s() - time_s if started_s is None else started_s
                if stop.wait(max(0.0, started_s + time_s - now_s())):
                    return
            self._publish(frame_bgr)

    def _open_again(self, stop: threading.Event) -> Capture | None:
        """None when told to stop."""
        if not stop.is_set():
            self.state = SourceState.RECONNECTING
            logger.warning("%s is cut; it is opened again.", self._name)
        pause_s = FIRST_PAUSE_S
        while not stop.wait(pause_s):
            try:
                return self._reopen_capture()
            except UserError as error:
                logger.info("%s", error.message)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return None


class FileSource(Source):
    """A video file at its own speed; `loop` starts it again at its end.

    After the first frame it waits for `may_go_on`, so that a short clip is not over before the network
    is loaded.
    """

    def __init__(
        self,
        open_reader: Callable[[], VideoReader],
        slots: Sequence[LatestSlot[Frame]],
        rate: RateMeter,
        *,
        loop: bool,
        may_go_on: threading.Event,
    ) -> None:
        super().__init__(slots, rate)
        self._open_reader = open_reader
        self._loop = loop
        self._may_go_on = may_go_on

    def _run(self, stop: threading.Event) -> None:
        self._play_once(stop)
        while self._loop and not stop.is_set():
            self._play_once(stop)

    def _play_once(self, stop: threading.Event) -> None:
        started_s: float | None = None
        with self._open_reader() as frames:
            for frame_bgr, time_s in frames:
                if started_s is not None and stop.wait(max(0.0, started_s + time_s - now_s())):
                    return
                self._publish(frame_bgr)
                if started_s is None:
                    while not self._may_go_on.wait(0.1):
                        if stop.is_set():
                            return
                    started_s = now_s() - time_s
