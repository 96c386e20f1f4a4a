"""Recordings, written on a thread of their own so that the window does not wait for them."""

from __future__ import annotations

import logging
import threading
from fractions import Fraction
from pathlib import Path

from live.picture import Picture, paint
from live.worker import Worker
from shared import LIVE_ENCODING, FrameBGR, UserError
from shared.handoff import LatestSlot, now_s
from shared.media import VideoWriter, claim_partial

logger = logging.getLogger(__name__)


class Recorder:
    """Writes the newest picture at a constant rate, by the clock on the wall, from construction to stop().

    A picture that is late is written again, one too many is left out: the recording lasts as long as
    the time it shows. Its size is that of the first picture; later ones are fitted into it. Until the end it
    is `STEM.partial.mp4`, which plays up to where a killed program left it.
    """

    def __init__(self, path: Path, first: Picture, frame_rate: Fraction, comment: str) -> None:
        self.path = path
        self._comment = comment
        self._kept: Path | None = None
        self.started_s = now_s()
        self._size_px = first.size_px
        self._frame_rate = frame_rate
        self._pictures: LatestSlot[Picture] = LatestSlot()
        self._pictures.put(first)
        self.worker = Worker(f"recording {path.name}", self._run)
        self.worker.start()

    def offer(self, picture: Picture) -> None:
        self._pictures.put(picture)

    def _run(self, stop: threading.Event) -> None:
        try:
            self._record(stop)
        except UserError as error:
            hint = "Free some room, or record to another place."
            if self._kept is not None:
                hint += f" What was recorded until then is in {self._kept}."
            raise UserError(error.message, hint, exit_code=error.exit_code) from None

    def _record(self, stop: threading.Event) -> None:
        with VideoWriter(
            self.path,
            *self._size_px,
            self._frame_rate,
            encoding=LIVE_ENCODING,
            comment=self._comment,
            piece=claim_partial(self.path),
        ) as writer:
            try:
                self._write(writer, stop)
                writer.close()
            except UserError:
                self._keep(writer)
                raise

    def _write(self, writer: VideoWriter, stop: threading.Event) -> None:
        painted_bgr: FrameBGR | None = None
        is_over = False
        while not is_over:
            due_s = self.started_s + float(writer.frames_written / self._frame_rate)
            is_over = stop.wait(max(0.0, due_s - now_s()))
            due = max(round((now_s() - self.started_s) * self._frame_rate) + (not is_over), 1)
            picture = self._pictures.get(timeout_s=0)
            if picture is not None:
                painted_bgr = paint(picture, self._size_px)
            assert painted_bgr is not None  # the first picture was put in before the thread started
            while writer.frames_written < due:
                writer.write(painted_bgr)

    def _keep(self, writer: VideoWriter) -> None:
        try:
            writer.close_partial(writer.piece, writer.frames_written)
        except UserError as error:
            logger.info("%s", error.message)
        else:
            self._kept = writer.piece


class Recordings:
    """At most one recording runs; those that were ended may still be finishing their file."""

    def __init__(self, frame_rate: Fraction) -> None:
        self._frame_rate = frame_rate
        self._running: Recorder | None = None
        self._all: list[Recorder] = []

    def start(self, path: Path, first: Picture, *, comment: str) -> None:
        self._running = Recorder(path, first, self._frame_rate, comment)
        self._all.append(self._running)

    def offer(self, picture: Picture) -> None:
        if self._running is not None:
            self._running.offer(picture)

    def stop(self) -> Path | None:
        """Ends the running recording, without waiting; its path, or None when there was none."""
        if self._running is None:
            return None
        recorder, self._running = self._running, None
        recorder.worker.stop()
        return recorder.path

    def elapsed_s(self) -> float | None:
        """Length of the running recording; None when there is none."""
        return None if self._running is None else now_s() - self._running.started_s

    def check(self) -> None:
        """Raises what went wrong in any of them."""
        for recorder in self._all:
            recorder.worker.check()

    def close(self) -> None:
        """Ends the running one and waits until every file is whole or has failed."""
        self.stop()
        for recorder in self._all:
            recorder.worker.join()
