"""Clips whose pictures are known, and an account of a file that does not use our own reader."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

# Four quarters that tell every orientation and every colour matrix apart, as RGB.
QUARTERS_RGB = {
    "top left": (200, 40, 40),
    "top right": (40, 170, 60),
    "bottom left": (50, 60, 190),
    "bottom right": (210, 210, 60),
}


def ffmpeg(*arguments: str | Path, check: bool = True) -> str:
    """Runs the bundled ffmpeg; returns its stderr."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    text = done.stderr.decode("utf-8", "replace")
    assert not check or done.returncode == 0, text[-2000:]
    return text


def quarters(
    width_px: int = 320,
    height_px: int = 180,
    *,
    rate: str = "25",
    duration_s: float = 2.0,
    flash_s: float | None = None,
) -> str:
    """A lavfi source in RGB; from flash_s on, a white square of an eighth covers the middle."""
    boxes = [
        f"drawbox=x={x}:y={y}:w={width_px}:h={height_px}:c=0x{red:02x}{green:02x}{blue:02x}:t=fill:replace=1"
        for (x, y), (red, green, blue) in zip(
            [
                (0, 0),
                (width_px // 2, 0),
                (0, height_px // 2),
                (width_px // 2, height_px // 2),
            ],
            QUARTERS_RGB.values(),
            strict=True,
        )
    ]
    # A box that moves, so that frames differ.
    if flash_s is not None:
        boxes.append(f"drawbox=x=iw*3/8:y=ih*3/8:w=iw/4:h=ih/4:c=white:t=fill:enable='gte(t,{flash_s})'")
    return f"color=s={width_px}x{height_px}:r={rate}:d={duration_s},format=rgb24,{','.join(boxes)}"


def to_yuv(pixel_format: str = "yuv420p", *, matrix: str = "bt709", is_full: bool = False) -> str:
    """A filter from RGB by a known matrix, which also says so in the frames."""
    size_range = "full" if is_full else "limited"
    tag = matrix.replace("bt601", "smpte170m")
    return (
        f"scale=out_color_matrix={matrix}:out_range={size_range}:flags=accurate_rnd+full_chroma_int,"
        f"format={pixel_format},setparams=range={size_range}:colorspace={tag}"
    )


@dataclass(frozen=True)
class FileFacts:
    """What ffmpeg's own dump and packet lists say."""

    width_px: int
    height_px: int
    frames: int
    frame_rate: Fraction
    duration_s: float
    first_picture_s: float
    audio_hashes: tuple[str, ...]
    dump: str


def facts(path: Path) -> FileFacts:
    dump = ffmpeg("-i", path, check=False)
    size = re.search(r"Video: .*?, (\d+)x(\d+)", dump)
    duration = re.search(r"Duration: (\d+):(\d+):([\d.]+)", dump)
    assert size is not None, dump
    assert duration is not None, dump
    hours, minutes, seconds = duration.groups()
    packets = ffmpeg(
        "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-copyts", "-f", "framecrc", "pipe:2"
    )
    base = re.search(r"#tb 0: (\d+/\d+)", packets)
    assert base is not None
    times = sorted(int(text) for text in re.findall(r"^0, +-?\d+, +(-?\d+),", packets, re.MULTILINE))
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert len(steps) <= 1, f"{path} is not at a constant rate: {sorted(steps)}"
    tick_s = Fraction(base[1])
    tracks = len(re.findall(r"Stream #0:.*: Audio:", dump))
    return FileFacts(
        width_px=int(size[1]),
        height_px=int(size[2]),
        frames=len(times),
        frame_rate=1 / (steps.pop() * tick_s) if steps else Fraction(0),
        duration_s=int(hours) * 3600 + int(minutes) * 60 + float(seconds),
        first_picture_s=float(times[0] * tick_s),
        audio_hashes=tuple(audio_hash(path, track) for track in range(tracks)),
        dump=dump,
    )


def audio_hash(path: Path, track: int = 0) -> str:
    """The hash of an audio track's packets as they are, without decoding."""
    return ffmpeg("-v", "error", "-i", path, "-map", f"0:a:{track}", "-c", "copy", "-f", "hash", "pipe:2")


def pictures_rgb(path: Path) -> NDArray[np.uint8]:
    """(N, H, W, 3): every picture of one of our outputs, decoded by its tags' matrix."""
    size = facts(path)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(path), "-map", "0:v"]
    command += ["-vf", "scale=in_color_matrix=bt709:in_range=limited:flags=accurate_rnd+full_chroma_int"]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    data = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, size.height_px, size.width_px, 3)


def quarter_colors(picture_rgb: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Mean RGB around the middle of each quarter."""
    height_px, width_px = picture_rgb.shape[:2]
    colors = {}
    for name, (row, column) in zip(QUARTERS_RGB, [(1, 1), (1, 3), (3, 1), (3, 3)], strict=True):
        y, x = height_px * row // 4, width_px * column // 4
        colors[name] = picture_rgb[y - 4 : y + 4, x - 4 : x + 4].reshape(-1, 3).mean(axis=0)
    return colors
