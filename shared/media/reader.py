"""Video files as upright BGR frames with square pixels at one constant rate, whatever the file holds."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np

from shared import FrameBGR, UserError, halved_sizes
from shared.media.decoding import frame_filters
from shared.media.ffmpeg import FFmpeg, thread_options
from shared.media.formats import input_arguments
from shared.media.probing import VideoInfo, probe

SEEK_MARGIN_S = 5.0
EARLY_END_S = 1.0


class VideoReader:
    """Iterates (frame_bgr, time_s) over a video file; time_s counts in the file's own time.

    start_s, duration_s: the part that is read, in seconds from the first frame, to the nearest frame.
    first_frame: how many frames of that part to pass over (a conversion that goes on).
    max_height_px: frames higher than that are made smaller. width_px, height_px: of the picture, and of the
    frames unless they are read `for_network`.
    `warnings` says, after the last frame, what was wrong with the file but did not stop it.

    with VideoReader(Path("clip.mp4")) as reader:
        for frame_bgr, time_s in reader:
            ...
    """

    def __init__(
        self,
        path: Path,
        start_s: float = 0.0,
        duration_s: float | None = None,
        *,
        first_frame: int = 0,
        max_height_px: int | None = None,
        info: VideoInfo | None = None,
    ) -> None:
        self.info = info or probe(Path(path))
        self.width_px, self.height_px = self._frame_px = _limited(self.info, max_height_px)
        self.start_frame = round(start_s * self.info.frame_rate)
        self.frame_count_estimate = self._estimate(duration_s)
        self.warnings: list[str] = []
        self._first = self.start_frame + first_frame
        self._limit = (
            None if duration_s is None else max(1, round(duration_s * self.info.frame_rate)) - first_frame
        )
        self._exact_colors = True
        self._read = 0
        self._ffmpeg: FFmpeg | None = None

    @property
    def start_s(self) -> float:
        """Time of the part's first frame in the file's own time."""
        return float(self.info.start_s + self.start_frame / self.info.frame_rate)

    @property
    def frame_bytes(self) -> int:
        width_px, height_px = self._frame_px
        return 3 * width_px * height_px

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def for_network(self, map_px: tuple[int, int]) -> None:
        """Before the first frame: nobody sees the frames but a network whose maps have this (width, height).

        They are then halved while they stay at least as large, and up to 5 levels off; width_px and height_px
        are still the picture's. ffmpeg makes them smaller before it converts them, and less goes through the
        pipe: of 1280x720 a quarter of the time.
        """
        whole_px = self.width_px, self.height_px
        self._frame_px = [whole_px, *halved_sizes(whole_px, map_px)][-1]
        self._exact_colors = False

    def __iter__(self) -> Iterator[tuple[FrameBGR, float]]:
        """Raises UserError when ffmpeg dies, stalls or gives no frame at all."""
        if self._limit is not None and self._limit <= 0:
            return
        self._ffmpeg = FFmpeg(self._arguments(), pipe_out=True, loglevel="warning")
        while True:
            frame_bgr: FrameBGR = np.empty((*self._frame_px[::-1], 3), np.uint8)
            filled = self._ffmpeg.read_into(frame_bgr.data.cast("B"))
            if filled < frame_bgr.nbytes:
                self._end(is_torn=filled > 0)
                return
            time_s = self.info.start_s + float((self._first + self._read) / self.info.frame_rate)
            self._read += 1
            yield frame_bgr, time_s

    def stop(self) -> None:
        """Ends the reading at once, from any thread; whoever iterates gets an error."""
        if self._ffmpeg is not None:
            self._ffmpeg.kill()

    def close(self) -> None:
        """Frees everything; for the thread that iterates, or after it has ended."""
        if self._ffmpeg is not None:
            self._ffmpeg.close()

    def _arguments(self) -> list[str]:
        seek_frame = 0
        if self.info.can_seek:
            seek_frame = max(0, self._first - ceil(SEEK_MARGIN_S * self.info.frame_rate))
        arguments: list[str] = []
        if seek_frame:
            arguments += ["-ss", f"{self.info.start_s + float(seek_frame / self.info.frame_rate):.6f}"]
        if self.info.codec == "vp9" and self.info.has_alpha:
            arguments += ["-c:v", "libvpx-vp9"]  # ffmpeg's own decoder drops the alpha plane
        filters = frame_filters(
            self.info,
            self._frame_px,
            is_seeked=seek_frame > 0,
            skip_frames=self._first - seek_frame,
            is_exact=self._exact_colors,
        )
        # A change of size in mid-stream is the scale filter's business: new filters would count frames anew.
        arguments += [
            "-reinit_filter",
            "0",
            *input_arguments(self.info.path),
            "-map",
            "0:V:0",
            "-vf",
            filters,
        ]
        if self._limit is not None:
            arguments += ["-frames:v", str(self._limit)]
        arguments = [*thread_options(), *arguments]
        return [*arguments, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "pipe:1"]

    def _end(self, *, is_torn: bool) -> None:
        assert self._ffmpeg is not None
        code = self._ffmpeg.finish()
        name = self.info.path
        if self._ffmpeg.stalled or code < 0 or is_torn:
            raise UserError(
                f"Reading {name} stopped after {self._read} frames: {self._ffmpeg.reason()}.",
                "Run it again; if it stops at the same place, the file is damaged there.",
                exit_code=1,
            )
        if self._read == 0 and self._first == self.start_frame:
            raise UserError(
                f"{name} has no picture in that part.", "Check --start against the file's length."
            )
        if damaged := self._ffmpeg.damage_count:
            self.warnings.append(f"{name}: {damaged} damaged packets were skipped or patched over")
        missing_s = self._missing_s()
        if missing_s > EARLY_END_S and (damaged or code or not self.info.has_audio):
            self.warnings.append(f"{name} ends early: the last {missing_s:.1f} s of it hold no picture")

    def _missing_s(self) -> float:
        if self.frame_count_estimate is None:
            return 0.0
        delivered = self._first - self.start_frame + self._read
        return float((self.frame_count_estimate - delivered) / self.info.frame_rate)

    def _estimate(self, duration_s: float | None) -> int | None:
        whole = self.info.frame_count_estimate
        left = None if whole is None else max(1, whole - self.start_frame)
        if duration_s is None:
            return left
        wanted = max(1, round(duration_s * self.info.frame_rate))
        return wanted if left is None else min(left, wanted)


def _limited(info: VideoInfo, max_height_px: int | None) -> tuple[int, int]:
    if max_height_px is None or info.height_px <= max_height_px:
        return info.width_px, info.height_px
    return max(2, round(info.width_px * max_height_px / info.height_px / 2) * 2), max_height_px
