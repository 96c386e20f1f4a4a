"""What a video file holds, read from ffmpeg's own account of it (imageio-ffmpeg brings no ffprobe).

One ffmpeg call decodes two frames through its `showinfo` filter. That filter stands behind the rotation by
the display matrix, so that its size is the displayed one, and it prints the frame rate as an exact fraction
where the stream dump prints 29.97.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from shared import SMALLEST_FRAME_PX, UserError
from shared.media.ffmpeg import run_ffmpeg, without_addresses
from shared.media.formats import input_arguments

STANDARD_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
TIMING_PACKETS = 400
SEEKABLE = {"mov", "matroska"}


@dataclass(frozen=True)
class VideoInfo:
    """A file's first video stream, as it is displayed.

    width_px, height_px: after rotation, and with square pixels (the width is scaled by the sample aspect).
    frame_rate: exact and constant; a variable one is replaced by a standard one that loses nothing.
    duration_s: the container's, None where it has none. start_s: when the first frame is shown.
    audio_codecs: one per audio track. matrix, color_range, transfer: ffmpeg's names, 'unknown' where unset.
    """

    path: Path
    container: str
    width_px: int
    height_px: int
    frame_rate: Fraction
    is_variable_rate: bool
    duration_s: float | None
    start_s: float
    audio_codecs: tuple[str, ...]
    codec: str
    pixel_format: str
    matrix: str
    color_range: str
    transfer: str
    is_interlaced: bool
    has_alpha: bool

    @property
    def has_audio(self) -> bool:
        return bool(self.audio_codecs)

    @property
    def can_seek(self) -> bool:
        """Whether ffmpeg finds a frame by its time, without all that come before it."""
        return bool(SEEKABLE.intersection(self.container.split(",")))

    @property
    def frame_count_estimate(self) -> int | None:
        if self.duration_s is None:
            return None
        return max(1, round((self.duration_s - self.start_s) * self.frame_rate))

    @property
    def is_hdr(self) -> bool:
        return self.transfer in {"smpte2084", "arib-std-b67"}


def probe(path: Path) -> VideoInfo:
    """Reads what the file says about itself; once, as long as it stays as it is.

    Raises UserError for a file that cannot be used.
    """
    check_is_file(path)
    stat = path.stat()
    return _probe(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _probe(path: Path, *stat: int) -> VideoInfo:
    """`stat` tells one content of the file from another."""
    _, text = run_ffmpeg(
        [
            *(*input_arguments(path), "-map", "0:V:0", "-vf", "showinfo=checksum=0"),
            *("-frames:v", "2", "-f", "null", "-"),
        ],
        loglevel="info",
    )
    if not (opened := re.search(r"^Input #0, (.+), from '", text, re.MULTILINE)):
        raise UserError(
            f"{path} cannot be read as a video: {_complaint(text)}.",
            "Check that it is a video file and that it is whole.",
        )
    container = opened[1]
    dump = text.split("Stream mapping:")[0].split("Output #0")[0]
    if not _video_line(dump):
        raise UserError(f"{path} holds no video.", "Give a file with a video stream.")
    if not (first := _first_frame(text)):
        raise UserError(
            f"No picture of {path} can be decoded: {_complaint(text)}.",
            "Check that the file is whole and that it plays elsewhere.",
        )
    return _describe(path, container, dump, text, first)


def check_is_file(path: Path) -> None:
    """Raises UserError unless the path is a readable file."""
    if path.is_dir():
        raise UserError(f"{path} is a folder.", "Give a file, or name the folder to depth-video as an input.")
    if not path.exists():
        raise UserError(f"{path} does not exist.", "Check the name and the folder.")
    if not path.is_file():
        raise UserError(f"{path} is no ordinary file.", "Save what it gives as a file, and name that.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened: {error.strerror}.", "Check the permissions of the file."
        ) from None
    if empty:
        raise UserError(f"{path} is empty.", "Give a file with a video stream.")


def _video_line(dump: str) -> str:
    """What the dump says of the first video stream that is no cover picture; empty where there is none."""
    lines = [line for line in dump.splitlines() if re.match(r"\s*Stream #0:", line)]
    return next((line for line in lines if ": Video: " in line and "(attached pic)" not in line), "")


def _first_frame(text: str) -> dict[str, str] | None:
    """The fields that `showinfo` printed for the first frame."""
    frame = re.search(
        r"\bn: *0 .*?fmt:(?P<fmt>\S+) .*?sar:(?P<sar>\d+/\d+) s:(?P<w>\d+)x(?P<h>\d+) i:(?P<i>\S)", text
    )
    rate = re.search(r"config in time_base: \S+ frame_rate: (?P<rate>\d+/\d+)", text)
    if not frame or not rate:
        return None
    time_s = re.search(r"pts_time: *(-?[\d.e+-]+)", frame[0])
    color = re.search(r"color_range:(\S+) color_space:(\S+) color_primaries:\S+ color_trc:(\S+)", text)
    names = color.groups() if color else ("unknown", "unknown", "unknown")
    return {
        **frame.groupdict(),
        "rate": rate["rate"],
        "time_s": time_s[1] if time_s else "0",
        **dict(zip(("range", "matrix", "transfer"), names, strict=True)),
    }


def _describe(path: Path, container: str, dump: str, text: str, first: dict[str, str]) -> VideoInfo:
    video = _video_line(dump)
    width_px, height_px = _square_pixels(int(first["w"]), int(first["h"]), first["sar"])
    if min(width_px, height_px) < SMALLEST_FRAME_PX:
        raise UserError(
            f"{path} is only {width_px}x{height_px} pixels.", "Give a video of at least 16x16 pixels."
        )
    duration = re.search(r"Duration: (\d+):(\d+):([\d.]+)", dump)
    hours, minutes, seconds = duration.groups() if duration else ("0", "0", "0")
    rate, is_variable = _frame_rate(path, video, Fraction(first["rate"]))
    alpha_tag = re.search(r"alpha_mode\s*: 1", dump) is not None
    return VideoInfo(
        path=path,
        container=container,
        width_px=width_px,
        height_px=height_px,
        frame_rate=rate,
        is_variable_rate=is_variable,
        duration_s=int(hours) * 3600 + int(minutes) * 60 + float(seconds) if duration else None,
        start_s=float(first["time_s"]),
        audio_codecs=tuple(re.findall(r"Stream #0:.*?: Audio: ([^\s,]+)", dump)),
        codec=video.split(": Video: ")[1].split(",")[0].split(" ")[0],
        pixel_format=first["fmt"],
        matrix=first["matrix"],
        color_range=first["range"],
        transfer=first["transfer"],
        is_interlaced=first["i"] in "TB" or re.search(r"(top|bottom) (coded )?first", video) is not None,
        has_alpha=alpha_tag or _has_alpha(first["fmt"]),
    )


def _square_pixels(width_px: int, height_px: int, aspect_text: str) -> tuple[int, int]:
    over, under = (int(part) for part in aspect_text.split("/"))
    if over == under or not over or not under:
        return width_px, height_px
    return max(2, round(width_px * over / under / 2) * 2), height_px


def _has_alpha(pixel_format: str) -> bool:
    return pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya", "pal8"))


def _frame_rate(path: Path, video_line: str, guessed: Fraction) -> tuple[Fraction, bool]:
    """(constant frame rate, whether the file's own varies).

    ffmpeg prints the average (fps) and the least common rate (tbr). Where they agree the guess is exact.
    Where not, the packets' own times decide: evenly spaced at the average, or variable.
    """
    average = re.search(r"([\d.]+)(k?) fps", video_line)
    common = re.search(r"([\d.]+)(k?) tbr", video_line)
    average_fps = float(average[1]) * (1000 if average[2] else 1) if average else 0.0
    common_fps = float(common[1]) * (1000 if common[2] else 1) if common else float(guessed)
    if guessed <= 0:
        guessed = Fraction(25)
    if average_fps == 0 or (average_fps == common_fps and guessed <= 300):
        return snap(guessed), False
    if even := _even_rate(path):
        return snap(even), False
    if common_fps <= 60 and common_fps <= 2.2 * average_fps:
        return snap(Fraction(common_fps).limit_denominator(100_000)), True
    return next((rate for rate in STANDARD_RATES if rate >= average_fps * 0.99), Fraction(60)), True


def snap(rate: Fraction) -> Fraction:
    """The standard rate within a hundredth of a per cent (29.97 is 30000/1001), else the rate itself.

    Frames keep their own times, so a rate that is this little off repeats or drops one frame in ten thousand.
    """
    for standard in STANDARD_RATES:
        if abs(rate - standard) <= standard / 10_000:
            return standard
    return rate.limit_denominator(100_000)


def _even_rate(path: Path) -> Fraction | None:
    """The exact rate of the first packets' times when those are evenly spaced, else None."""
    _, text = run_ffmpeg(
        [
            *(*input_arguments(path), "-map", "0:V:0", "-c", "copy", "-copyts"),
            *("-frames:v", str(TIMING_PACKETS), "-f", "framecrc", "pipe:2"),
        ],
        loglevel="quiet",
    )
    base = re.search(r"#tb 0: (\d+/\d+)", text)
    times = sorted(int(field) for field in re.findall(r"^0, +-?\d+, +(-?\d+),", text, re.MULTILINE))
    # The last packets in decoding order may leave holes in display order.
    times = times[: len(times) - 8] if len(times) > 16 else times
    if not base or len(times) < 3 or times[-1] == times[0]:
        return None
    step = Fraction(times[-1] - times[0], len(times) - 1)
    slack = max(Fraction(1), Fraction(2, 1000) / Fraction(base[1]))
    if any(abs(time - times[0] - step * index) > slack for index, time in enumerate(times)):
        return None
    return 1 / (step * Fraction(base[1]))


def _complaint(text: str) -> str:
    """ffmpeg's own last word, without its addresses and the file's name."""
    for line in reversed(text.splitlines()):
        if "Error opening input: " in line:
            return line.split("Error opening input: ")[1].rstrip(".")
    for line in text.splitlines():
        if re.search(r"error|invalid|not found|matches no", line, re.IGNORECASE):
            return without_addresses(line).rstrip(".")
    return "ffmpeg found no picture in it"
