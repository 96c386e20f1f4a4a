"""A photo in, its heat map out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from shared import SMALLEST_FRAME_PX, FrameBGR, UserError
from shared.media import decode_photo, write_whole
from shared.motion import DepthStream
from shared.render import render
from video.claim import claimed
from video.outputs import PHOTO_OUTPUT_SUFFIXES, check_output
from video.raw import open_raw, raw_map
from video.settings import ConvertResult, ConvertSettings

if TYPE_CHECKING:
    from shared.motion import Predictor


def convert_photo(
    source: Path, output: Path, settings: ConvertSettings, *, predictor: Predictor
) -> ConvertResult:
    """Converts one photo; `output`'s suffix says in which format. Raises UserError as convert() does."""
    check_output(source, output, overwrite=settings.overwrite, suffixes=PHOTO_OUTPUT_SUFFIXES)
    photo_bgr = _limited(read_photo(source), settings.max_height_px)
    stream = DepthStream(predictor)
    depth_map = stream.push(photo_bgr, 0.0)
    picture_bgr = render(photo_bgr, depth_map, stream.display_range, settings.look)
    with claimed(output), open_raw(output, settings, Fraction(1)) as raw:
        if raw:
            raw.write(raw_map(depth_map, photo_bgr.shape[1::-1], settings), 0.0)
        write_photo(picture_bgr, output)
        if raw:
            raw.close()
    return ConvertResult(output, frames=1, inferred=1, raw=raw.path if raw else None)


def read_photo(path: Path) -> FrameBGR:
    """Upright, transparent parts over black. Raises UserError for what is no photo."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened: {error.strerror}.", "Check its name and permissions."
        ) from None
    return decode_photo(content, str(path))


def write_photo(picture_bgr: FrameBGR, path: Path) -> None:
    """Writes it whole or not at all."""
    encoded_ok, data = cv2.imencode(path.suffix, picture_bgr)
    if not encoded_ok:
        raise UserError(f"{path} cannot be written as {path.suffix}.", "Give -o a name that ends in .png.")
    try:
        write_whole(path, data.tobytes())
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}.", "Choose another place with -o.", exit_code=1
        ) from None


def _limited(photo_bgr: FrameBGR, max_height_px: int | None) -> FrameBGR:
    height_px, width_px = photo_bgr.shape[:2]
    if max_height_px is None or height_px <= max_height_px:
        return photo_bgr
    width_px = max(SMALLEST_FRAME_PX, round(width_px * max_height_px / height_px))
    return cv2.resize(photo_bgr, (width_px, max_height_px), interpolation=cv2.INTER_AREA)
