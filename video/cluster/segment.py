"""One segment of a film, converted to a piece that is joined with its neighbours later.

Its stream starts at a cut; or goes on from the state that the segment before it left; or, where that is not
there yet, sees RUN_IN_S of what comes before. It reads on to the next inferred frame behind its end, because
the last frames are carried from both sides.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared import UserError
from shared.media import VideoInfo, VideoReader, VideoWriter, playable_frames, put_in_place, write_whole
from shared.motion import Predictor
from video.cluster.cutting import Segment, run_in_frames
from video.convert import Progress, comment_of, describe_model
from video.drawing import Drawing
from video.pipeline import DepthPass, Drawn, open_part
from video.settings import ConvertSettings


@dataclass(frozen=True)
class Piece:
    """What a segment came to."""

    segment: Segment
    frames: int
    inferred: int
    warnings: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it has the planned number of frames; the last segment has those that there are."""
        start, stop = self.segment.start, self.segment.stop
        return self.frames > 0 and (stop is None or self.frames == stop - start)


class SegmentRun:
    """Converts one segment.

    path: where the piece goes, and with it, under another suffix, the state for the segment behind it.
    before: the state that the segment before has left; None: there is none, or it is not there yet.
    """

    def __init__(
        self,
        info: VideoInfo,
        segment: Segment,
        path: Path,
        before: Path | None,
        settings: ConvertSettings,
        *,
        predictor: Predictor,
        progress: Progress,
        cancel: threading.Event,
    ) -> None:
        self._info, self._segment, self._path, self._settings = info, segment, path, settings
        self._every = settings.every
        self._predictor, self._progress, self._cancel = predictor, progress, cancel
        self._pass = DepthPass(predictor, every=self._every, steady=settings.steady)
        self._stream = self._pass.stream
        self._first = self._begin(before)
        self._drawn = self._seen = self._first
        self._state: tuple[int, dict[str, Any]] | None = None

    def run(self) -> Piece | None:
        """None when it was cancelled. What is not whole is not left behind."""
        unfinished = self._path.with_name(f"{self._path.stem}.new{self._path.suffix}")
        stop = self._segment.stop
        last = None if stop is None else stop + self._every
        with open_part(self._info, self._settings, self._predictor, self._first, last) as reader:
            try:
                self._write(reader, unfinished)
                if self._cancel.is_set():
                    return None
                piece = self._counted(unfinished, reader)
                if piece.is_whole:
                    self._keep_state()
                    put_in_place(unfinished, self._path)
                return piece
            finally:
                unfinished.unlink(missing_ok=True)

    def _write(self, reader: VideoReader, path: Path) -> None:
        """Closes the file unless it was cancelled, or there was nothing to write."""
        self._drawing = Drawing(self._settings.look, reader.width_px, reader.height_px)
        self._writer = VideoWriter(
            path,
            *self._drawing.size_px,
            reader.info.frame_rate,
            pixel_format=self._drawing.pixel_format,
            encoding=self._settings.encoding,
            comment=comment_of(describe_model(self._predictor)),
        )
        try:
            self._pass.run(reader, self._draw, cancel=self._cancel, yielded=self._note)
            if self._writer.frames_written and not self._cancel.is_set():
                self._writer.close()
        finally:
            self._writer.abort()

    def _counted(self, path: Path, reader: VideoReader) -> Piece:
        """Raises UserError when the file does not hold what was written to it."""
        written = self._writer.frames_written
        held = playable_frames(path) if written else 0
        if held != written:
            raise UserError(
                f"The piece {self._path} holds {held} frames instead of {written}.",
                "Check the disk that it lies on.",
                exit_code=1,
            )
        warnings = reader.warnings if self._segment.stop is None else []
        return Piece(self._segment, held, self._stream.inferred, tuple(warnings))

    def _begin(self, before: Path | None) -> int:
        """Prepares the stream; returns the first frame that it is to see."""
        if not self._segment.in_take:
            return self._segment.start
        if before is not None:
            with np.load(io.BytesIO(before.read_bytes()), allow_pickle=False) as state:
                self._stream.restore(state)
                return int(state["next_frame"])
        return max(0, self._segment.start - run_in_frames(self._info.frame_rate, self._settings.steady))

    def _draw(self, drawn: Drawn) -> None:
        frame_bgr, _, depth_map, display_range = drawn
        index, self._drawn = self._drawn, self._drawn + 1
        start, stop = self._segment.start, self._segment.stop
        if index < start or (stop is not None and index >= stop):
            return
        self._writer.write(self._drawing.picture(frame_bgr, depth_map, display_range))
        self._progress(index + 1 - start, None if stop is None else stop - start)

    def _note(self) -> None:
        """Takes the state at the last inferred frame before the segment's end."""
        self._seen += 1
        stop = self._segment.stop
        if stop is not None and stop - self._every <= self._seen <= stop and self._stream.at_keyframe:
            self._state = self._seen, self._stream.state()

    def _keep_state(self) -> None:
        if self._state is None:
            return
        next_frame, state = self._state
        buffer = io.BytesIO()
        np.savez(buffer, next_frame=np.array(next_frame), **state)
        write_whole(self._path.with_suffix(".npz"), buffer.getvalue())
