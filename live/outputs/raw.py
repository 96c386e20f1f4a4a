"""Raw depth while it is watched, written on a thread of its own so that the window does not wait for it."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from live.scene import Moment
from live.worker import Worker
from shared import DepthMap
from shared.handoff import Closed, Pipe
from shared.media import RawDepthRecording

logger = logging.getLogger(__name__)

HELD = 90
"""Frames that may wait while the disk or the cores are busy: three seconds and some ten megabytes."""


class RawRecorder:
    """Records each frame that is shown, once, with its time since the first; from the first depth on.

    frame_rate: the source's, for players.
    """

    def __init__(self, path: Path, frame_rate: Fraction) -> None:
        self._path = path
        self._usual_fps = float(frame_rate)
        self._frames: Pipe[tuple[DepthMap, float]] = Pipe(HELD)
        self._last_number = -1
        self._begun_s: float | None = None
        self._left_out = 0
        self.worker = Worker(f"raw depth {path.name}", self._run)

    def start(self) -> None:
        """Raises UserError where the file cannot be."""
        self._recording = RawDepthRecording(self._path, usual_fps=self._usual_fps)
        self.worker.start()

    def offer(self, moment: Moment) -> None:
        """Never waits: a frame for which there is no room is left out, and its time with it."""
        depth_map = moment.picture.depth_map
        if depth_map is None or moment.number == self._last_number:
            return
        if len(self._frames) >= HELD:
            self._left_out += 1
            return
        if self._begun_s is None:
            self._begun_s = moment.time_s
        self._last_number = moment.number
        with suppress(Closed):  # the worker has failed and says why
            self._frames.put((depth_map, moment.time_s - self._begun_s))

    def stop(self) -> None:
        """Asks; what waits is still written."""
        self._frames.end()

    def join(self) -> None:
        self.worker.join()
        if self._left_out:
            logger.warning("%d frames of raw depth were left out: too much at once.", self._left_out)

    def _run(self, _stop: threading.Event) -> None:
        try:
            for depth_map, time_s in self._frames:
                self._recording.write(depth_map, time_s)
        except BaseException:
            self._recording.abort()
            raise
        finally:
            self._frames.cancel()
        self._recording.close()
