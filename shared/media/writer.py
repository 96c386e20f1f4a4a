"""BGR frames to an MP4 that plays everywhere and that has its name only when it is whole."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import Encoding, FrameBGR, UserError
from shared.media.decoding import BT709_TAGS, EXACT_SCALING
from shared.media.ffmpeg import FFmpeg, file_url, run_ffmpeg, thread_options
from shared.media.formats import input_arguments
from shared.media.mux import Soundtrack, join
from shared.media.pieces import FREE_MARGIN_BYTES, check_room, disk_full, piece_beside, put_in_place
from shared.media.probing import probe

logger = logging.getLogger(__name__)

FREE_CHECK_EVERY_S = 0.1

PixelFormat = Literal["bgr24", "yuv420p"]

# What veryfast looks for beyond this, a heat map does not hold: docs/measurements.md has what it costs.
HEATMAP_SEARCH = "partitions=none:subme=0:me=dia:weightp=0:rc-lookahead=5"


class VideoWriter:
    """Writes FrameBGR to an MP4: H.264, yuv420p, BT.709, index in front. An odd side is padded by one pixel.

    Frames are encoded into a fragmented MP4 beside the final name, which stays playable whatever happens;
    close() joins it with the audio and only then gives it its name. An existing file is replaced.

    pixel_format: of the frames that are written: bgr24, or yuv420p (I420, BT.709, limited range; even sizes),
    which saves the conversion and is for heat maps: the default preset then searches less.
    audio_from: a file whose audio is taken whole, or a Soundtrack; None for none.
    earlier: pieces of the same picture size and settings that come before what is written here.
    comment: text of the file's comment tag: which weights made it.
    piece: a file that is there, where pictures are encoded until then; None makes a hidden one.
    Raises UserError when the folder cannot be written to, when ffmpeg dies and when the disk is full.
    """

    def __init__(
        self,
        path: Path,
        width_px: int,
        height_px: int,
        frame_rate: Fraction,
        *,
        pixel_format: PixelFormat = "bgr24",
        audio_from: Path | Soundtrack | None = None,
        encoding: Encoding = Encoding(),
        comment: str = "",
        earlier: Sequence[Path] = (),
        piece: Path | None = None,
    ) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self.frames_written = 0
        self.size_px = (width_px, height_px)
        self._pixel_format = pixel_format
        self._frame_rate = frame_rate
        self._soundtrack = Soundtrack.of(probe(audio_from)) if isinstance(audio_from, Path) else audio_from
        self._comment = comment
        self._earlier = list(earlier)
        self.piece = piece or piece_beside(self.path)
        try:
            check_room(self.path)
        except UserError:
            self.piece.unlink()
            raise
        self._checked_s = 0.0
        self._piece_bytes = 0
        self._is_open = True
        self._ffmpeg = FFmpeg(self._arguments(encoding), pipe_in=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            self.abort()

    def write(self, frame: FrameBGR | NDArray[np.uint8]) -> None:
        """(height_px, width_px, 3) uint8 BGR, or I420 (height_px * 3/2, width_px); waits for the encoder."""
        width_px, height_px = self.size_px
        is_bgr = self._pixel_format == "bgr24"
        shape = (height_px, width_px, 3) if is_bgr else (height_px * 3 // 2, width_px)
        if frame.shape != shape or frame.dtype != np.uint8:
            raise ValueError(f"expected {shape} uint8, got {frame.shape} {frame.dtype}")
        if width_px % 2 or height_px % 2:
            frame = cv2.copyMakeBorder(frame, 0, height_px % 2, 0, width_px % 2, cv2.BORDER_REPLICATE)
        self._check_room()
        try:
            self._ffmpeg.write(np.ascontiguousarray(frame).data.cast("B"))
        except OSError:
            self._ffmpeg.finish()
            raise self._failure() from None
        self.frames_written += 1

    def close(self, name: Path | None = None) -> None:
        """Ends the encoder, adds the audio, gives the file its name. Does nothing when already closed.

        name: another one beside `path`. What is encoded stays after a fault, for `close_partial`; `abort` or
        the end of the block removes it.
        """
        if not self._is_open:
            return
        if self._ffmpeg.finish() and self.frames_written:
            raise self._failure()
        if self.frames_written + len(self._earlier) == 0:
            raise UserError(f"No frame was written to {self.path}.", "Check the input.", exit_code=1)
        self._hand_over(name or self.path, self._soundtrack)
        self.abort()

    def close_partial(self, path: Path, frames: int) -> None:
        """Keeps what was encoded, even after a fault, as a playable file under another name, or the piece's.

        frames: how many it holds at most, so that the audio ends with them.
        Raises UserError when it cannot be kept; what plays of `piece` is then left as it is.
        """
        soundtrack = self._soundtrack
        if soundtrack:
            length_s = soundtrack.picture_delay_s + float(frames / self._frame_rate)
            soundtrack = replace(soundtrack, duration_s=length_s)
        self._ffmpeg.finish()
        self._is_open = False
        self._keep(path, soundtrack)
        if path != self.piece:
            self.piece.unlink(missing_ok=True)

    def _keep(self, path: Path, soundtrack: Soundtrack | None) -> None:
        try:
            self._hand_over(path, soundtrack)
        except UserError as error:
            if not playable_frames(self.piece):
                self.piece.unlink(missing_ok=True)
                raise
            if self._earlier:
                raise
            logger.info("keeping the piece as it is: %s", error.message)
            put_in_place(self.piece, path)

    def abort(self) -> None:
        """Ends the encoder and removes what was written and not kept. May be called more than once."""
        self._ffmpeg.close()
        if self._is_open:
            self._is_open = False
            self.piece.unlink(missing_ok=True)

    def _arguments(self, encoding: Encoding) -> list[str]:
        width_px, height_px = (length_px + length_px % 2 for length_px in self.size_px)
        rate = self._frame_rate
        # A time scale in which every frame's time is a whole number.
        timescale = rate.numerator * ceil(10_000 / rate.numerator)
        to_yuv = f"scale=out_color_matrix=bt709:out_range=limited:{EXACT_SCALING},format=yuv420p,"
        is_bgr = self._pixel_format == "bgr24"
        filters = (to_yuv if is_bgr else "") + BT709_TAGS
        # A heat map is encoded sooner than it is made; more threads only wait for each other.
        threads = thread_options(None if is_bgr else max(1, (os.cpu_count() or 2) // 2))
        return [
            *("-y", "-f", "rawvideo", "-pixel_format", self._pixel_format),
            *("-video_size", f"{width_px}x{height_px}", "-framerate", str(rate), "-i", "pipe:0"),
            *("-vf", filters, *threads, "-c:v", "libx264"),
            # No B-frames: wherever the encoding breaks off, the pictures so far have no holes.
            *("-crf", str(encoding.crf), "-preset", encoding.preset, "-bf", "0", *self._search(encoding)),
            *("-video_track_timescale", str(timescale)),
            *("-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "1000000"),
            *("-flush_packets", "1", "-f", "mp4", file_url(self.piece)),
        ]

    def _search(self, encoding: Encoding) -> list[str]:
        """A preset that was asked for stays as x264 means it."""
        is_default = self._pixel_format == "yuv420p" and encoding.preset == Encoding.preset
        return ["-x264-params", HEATMAP_SEARCH] if is_default else []

    def _hand_over(self, path: Path, soundtrack: Soundtrack | None) -> None:
        whole = piece_beside(self.path)
        pieces = [*self._earlier, self.piece] if self.frames_written else self._earlier
        try:
            self.warnings += join(pieces, whole, soundtrack=soundtrack, comment=self._comment)
            put_in_place(whole, path)
        except OSError as error:
            raise UserError(
                f"{path} cannot be written: {error.strerror}.", "Choose another place with -o.", exit_code=1
            ) from None
        finally:
            whole.unlink(missing_ok=True)

    def _check_room(self) -> None:
        """Joining needs the piece's size once more: better to stop while that can still be kept.

        As much as came since the last check may come before the next, and is then joined, too.
        """
        now_s = time.monotonic()
        if now_s - self._checked_s < FREE_CHECK_EVERY_S:
            return
        self._checked_s = now_s
        before, self._piece_bytes = self._piece_bytes, self.piece.stat().st_size
        check_room(self.path, self._piece_bytes + 2 * (self._piece_bytes - before))

    def _failure(self) -> UserError:
        if shutil.disk_usage(self.path.parent).free < FREE_MARGIN_BYTES:
            return disk_full(self.path)
        return UserError(
            f"Writing {self.path} stopped after {self.frames_written} frames: {self._ffmpeg.reason()}.",
            "Run it again; with --verbose it says more.",
            exit_code=1,
        )


def playable_frames(path: Path) -> int:
    """How many frames an encoded piece holds, its end torn or not."""
    _, text = run_ffmpeg(
        [*input_arguments(path, "mov"), "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:2"],
        loglevel="quiet",
        timeout_s=600,
    )
    return len(re.findall(r"^0, ", text, re.MULTILINE))
