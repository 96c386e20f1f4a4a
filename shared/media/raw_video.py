"""Raw depth as 16-bit lossless video (FFV1 in Matroska): at one frame rate, or with a time for each frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np

from shared import DepthMap
from shared.media import matroska
from shared.media.ffmpeg import FFmpeg, file_url, run_ffmpeg
from shared.media.formats import input_arguments
from shared.media.raw_forms import CodeRange

READ_TIMES_S = 600.0
UNWRITTEN_MS = 500
"""What ffmpeg keeps to itself at most: the end that is lost when it, too, is killed."""


class Ffv1Sink:
    """Frames of one size. frame_rate: one for all; None for frames that come when they come.

    start_s: the first frame's time, for what has a frame rate.
    """

    def __init__(
        self,
        path: Path,
        code_range: CodeRange,
        size_px: tuple[int, int],
        frame_rate: Fraction | None,
        *,
        start_s: float = 0.0,
        usual_fps: float = 30.0,
    ) -> None:
        self._range = code_range
        self._is_timed = frame_rate is None
        size = f"{size_px[0]}x{size_px[1]}"
        tags = {
            "DEPTH_OFFSET": repr(code_range.offset),
            "DEPTH_SCALE": repr(code_range.scale),
            "DEPTH_SIZE": size,
        }
        if frame_rate is None:
            source = ["-analyzeduration", "0", "-probesize", "32", "-f", "matroska", "-i", "pipe:0"]
            output = [
                "-fps_mode",
                "passthrough",
                "-copyts",
                "-enc_time_base",
                "1:1000",
                "-flush_packets",
                "1",
            ]
            output += ["-cluster_time_limit", str(UNWRITTEN_MS)]
        else:
            tags |= {"DEPTH_START_S": repr(start_s), "DEPTH_FRAME_RATE": str(frame_rate)}
            source = ["-f", "rawvideo", "-pixel_format", "gray16le", "-framerate", str(frame_rate)]
            source += ["-video_size", size, "-i", "pipe:0"]
            output = []
        for name, value in tags.items():
            output += ["-metadata", f"{name}={value}"]
        codec = ["-c:v", "ffv1", "-level", "3", "-g", "30", "-f", "matroska"]
        self._ffmpeg = FFmpeg(["-y", *source, *codec, *output, file_url(path)], pipe_in=True)
        if self._is_timed:
            self._write(matroska.begin(*size_px, usual_fps))

    def write(self, depth_map: DepthMap, time_s: float) -> None:
        codes = np.ascontiguousarray(self._range.encode(depth_map).astype("<u2"))
        self._write(matroska.picture(codes.tobytes(), time_s) if self._is_timed else codes.data.cast("B"))

    def _write(self, data: bytes | memoryview) -> None:
        try:
            self._ffmpeg.write(memoryview(data))
        except OSError:
            self._ffmpeg.finish()
            raise OSError(f"ffmpeg stopped: {self._ffmpeg.reason()}") from None

    def close(self) -> None:
        code = self._ffmpeg.finish()
        self._ffmpeg.close()
        if code:
            raise OSError(f"ffmpeg stopped: {self._ffmpeg.reason()}")

    def abort(self) -> None:
        self._ffmpeg.close()


def read_ffv1(path: Path) -> Iterator[tuple[DepthMap, float]]:
    """Up to where it breaks off, where it does. Raises KeyError or ValueError for any other video."""
    _, dump = run_ffmpeg(input_arguments(path, "matroska"), loglevel="info")
    tags = dict(re.findall(r"(DEPTH_\w+) *: (\S+)", dump))
    width_px, height_px = (int(text) for text in tags["DEPTH_SIZE"].split("x"))
    code_range = CodeRange(float(tags["DEPTH_OFFSET"]), float(tags["DEPTH_SCALE"]))
    arguments = [*input_arguments(path, "matroska"), "-map", "0:v:0", "-fps_mode", "passthrough"]
    child = FFmpeg([*arguments, "-f", "rawvideo", "-pix_fmt", "gray16le", "pipe:1"], pipe_out=True)
    codes = np.empty((height_px, width_px), "<u2")
    try:
        for time_s in _times_s(path, tags):
            if child.read_into(codes.data.cast("B")) != codes.nbytes:
                return
            yield code_range.decode(codes), time_s
    finally:
        child.close()


def _times_s(path: Path, tags: dict[str, str]) -> Iterator[float]:
    """Of each frame: counted where there is a frame rate, else as they stand in the file."""
    if "DEPTH_FRAME_RATE" in tags:
        start_s, rate = float(tags["DEPTH_START_S"]), Fraction(tags["DEPTH_FRAME_RATE"])
        yield from (start_s + float(index / rate) for index in count())
    arguments = [*input_arguments(path, "matroska"), "-map", "0:v:0", "-copyts", "-c", "copy"]
    _, listing = run_ffmpeg(
        [*arguments, "-f", "framecrc", "pipe:2"], loglevel="quiet", timeout_s=READ_TIMES_S
    )
    base = re.search(r"^#tb 0: (\d+/\d+)$", listing, re.MULTILINE)
    if base is None:
        raise ValueError("it has no times")
    for ticks in re.findall(r"^0, *-?\d+, *(-?\d+),", listing, re.MULTILINE):
        yield float(int(ticks) * Fraction(base[1]))
