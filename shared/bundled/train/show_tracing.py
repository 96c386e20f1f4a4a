"""Shows a panorama with its traced depth: `python -m shared.bundled.train.show_tracing NAME.webp --out PNG`.

For whoever traces: a part of it enlarged (--crop), under a grid that carries the places in which outlines are
written, and with --plain without the depth, as it is before anything is traced.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import FrameBGR, UserError
from shared.bundled.render import read_bgr
from shared.bundled.train.tracings import HEIGHT_PX, WIDTH_PX, inverse_distance_of, tracing_of
from shared.console import run
from shared.render import heatmap

FARTHEST, NEAREST = 1 / 100, 2.0  # 1/m, dark and bright
DEPTH_SHARE = 0.55  # of the picture's own colours, the rest is left
UNKNOWN_BGR, OUTLINE_BGR, BASE_BGR = (120, 60, 0), (0, 255, 0), (255, 255, 0)
PICTURE_PX = 1500  # about as wide as the enlarged crop becomes
GRID_PX = 60  # at least, between two lines
Crop = tuple[int, int, int, int]
"""left, top, width, height in the panorama's pixels; it may go on past the sides: it is round."""


def show_tracing(path: Path, crop: Crop, *, plain: bool = False) -> FrameBGR:
    """The crop of the panorama, enlarged. Raises UserError where the file is no picture."""
    left, top, width, height = crop
    scale = max(PICTURE_PX // width, 1)
    sphere_bgr = cv2.resize(read_bgr(path), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    picture = _cut(sphere_bgr, crop, scale, cv2.INTER_CUBIC)
    if not plain:
        inverse = _cut(inverse_distance_of(path.stem, height_px=HEIGHT_PX), crop, scale, cv2.INTER_NEAREST)
        picture = cv2.addWeighted(picture, 1 - DEPTH_SHARE, _coloured(inverse), DEPTH_SHARE, 0)
        _draw_outlines(picture, path.stem, (left, top), scale)
    for across, first, length in ((True, left, width), (False, top, height)):
        _draw_grid(picture, first, length, scale, across=across)
    return picture


def _cut(sphere: NDArray[Any], crop: Crop, scale: int, interpolation: int) -> NDArray[Any]:
    left, top, width, height = crop
    columns = np.arange(left, left + width) % WIDTH_PX
    part = sphere[top : top + height][:, columns]
    return cv2.resize(part, None, fx=scale, fy=scale, interpolation=interpolation)


def _coloured(inverse: NDArray[np.float32]) -> FrameBGR:
    """By the logarithm of distance; what is not known is blue."""
    span = np.log(np.clip(np.nan_to_num(inverse), FARTHEST, NEAREST) / FARTHEST) / np.log(NEAREST / FARTHEST)
    height_px, width_px = inverse.shape
    picture = heatmap((255 * span).astype(np.uint8), (width_px, height_px), "inferno")
    picture[np.isnan(inverse)] = UNKNOWN_BGR
    return picture


def _draw_outlines(picture: FrameBGR, name: str, corner: tuple[int, int], scale: int) -> None:
    tracing = tracing_of(name)
    for part in tracing.parts if tracing else ():
        for turn_px in (-WIDTH_PX, 0, WIDTH_PX):
            moved = np.array([turn_px, 0]) - corner
            outline = ((np.array(part.outline, float) + moved) * scale).round().astype(np.int32)
            cv2.polylines(picture, [outline], isClosed=True, color=OUTLINE_BGR)
            for foot in part.base:
                x, y = ((np.array(foot) + moved) * scale).round().astype(int).tolist()
                cv2.circle(picture, (x, y), 4, BASE_BGR, cv2.FILLED)


def _draw_grid(picture: FrameBGR, first: int, length: int, scale: int, *, across: bool) -> None:
    step = next(step for step in (4, 8, 16, 32, 64) if step * scale >= GRID_PX)
    for place in range(-(-first // step) * step, first + length, step):
        at = (place - first) * scale
        end = (at, picture.shape[0]) if across else (picture.shape[1], at)
        cv2.line(picture, (at, 0) if across else (0, at), end, (255, 255, 255))
        where = (at + 2, 12) if across else (2, at + 12)
        cv2.putText(picture, str(place), where, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 255), 1, cv2.LINE_AA)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.bundled.train.show_tracing", description=__doc__)
    parser.add_argument("panorama", type=Path, help="the whole sphere, equirectangular")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write")
    parser.add_argument(
        "--crop",
        type=int,
        nargs=4,
        default=(0, 0, WIDTH_PX, HEIGHT_PX),
        metavar=("LEFT", "TOP", "WIDTH", "HEIGHT"),
        help=f"of {WIDTH_PX}x{HEIGHT_PX} (default: all)",
    )
    parser.add_argument("--plain", action="store_true", help="without what is traced")
    options = parser.parse_args(argv)

    def command() -> int:
        _, top, width, height = options.crop
        if not (0 < width <= WIDTH_PX and 0 <= top < top + height <= HEIGHT_PX):
            raise UserError(
                "--crop goes past the panorama's top or bottom, or is no wider than nothing.",
                f"Give LEFT TOP WIDTH HEIGHT within {WIDTH_PX}x{HEIGHT_PX}; only LEFT may lie outside.",
            )
        picture = show_tracing(options.panorama, tuple(options.crop), plain=options.plain)
        if not cv2.imwrite(str(options.out), picture):
            raise UserError(f"{options.out} cannot be written.", "Name a .png in a folder that exists.")
        return 0

    return run(command, prog=parser.prog)


if __name__ == "__main__":
    sys.exit(main())
