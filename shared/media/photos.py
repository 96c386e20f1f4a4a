"""A photo's bytes become a frame, for the command and for the page alike, with bounds before any pixel.

Upright by its EXIF orientation, transparent parts over black, 16 bits scaled to 8. Importing this loads no
decoder; the first photo imports Pillow.
"""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING

import numpy as np

from shared import SMALLEST_FRAME_PX, FrameBGR, UserError

if TYPE_CHECKING:
    from PIL import Image

logger = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
"""Pillow's names. It knows more, EPS among them, whose reader would run a stranger's program."""
LONGEST_SIDE_PX = 65_500  # JPEG's own limit; PNG encoders give up at a million
MOST_SCANS = 100
MOST_SCANS_OF_THE_LARGEST = 20
"""An ordinary progressive JPEG has ten. One of 160 KB can ask for 900 passes over 50 megapixels: a minute."""
NEXT_MARKER = re.compile(b"\xff[^\x00\xd0-\xd7\xff]")
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9


def decode_photo(
    content: bytes, name: str, *, formats: tuple[str, ...] = FORMATS, most_pixels: int | None = None
) -> FrameBGR:
    """(H, W, 3) uint8 BGR of a photo file's content.

    name: what errors call it. formats: those of FORMATS that are taken.
    Raises UserError for what is no photo, too small, or more than most_pixels.
    """
    from PIL import Image, ImageOps

    Image.init()  # Pillow loads WebP's decoder only when told so
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            _check_size(name, *image.size, most_pixels)
            if image.format == "JPEG":
                check_scans(content, name, image.size[0] * image.size[1], most_pixels)
            return _to_bgr(ImageOps.exif_transpose(image))
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels(name, most_pixels) from None
    except Exception as error:  # a damaged file makes Pillow raise whatever its decoders stumble over
        logger.info("%s could not be decoded: %r", name, error)
        raise UserError(f"{name} cannot be read as a photo.", "Check that the file is whole.") from None


def check_scans(jpeg: bytes, name: str, pixels: int, most_pixels: int | None) -> None:
    """Raises UserError for a JPEG whose scans would take too long to decode (ITU-T T.81, annex B).

    most_pixels: of pictures that are taken at all; the largest may have fewer scans than smaller ones.
    """
    scans = count_scans(jpeg)
    is_too_much = most_pixels is not None and scans * pixels > MOST_SCANS_OF_THE_LARGEST * most_pixels
    if scans > MOST_SCANS or is_too_much:
        raise UserError(
            f"{name} has {scans} scans, which would take too long to decode.", "Save it as an ordinary JPEG."
        )


def count_scans(jpeg: bytes) -> int:
    """How many scans a JPEG has, without decoding any. Lengths are followed, so that no thumbnail counts."""
    scans, position = 0, 2
    while found := NEXT_MARKER.search(jpeg, position):
        marker, position = jpeg[found.start() + 1], found.end()
        if marker == END_OF_IMAGE:
            break
        scans += marker == START_OF_SCAN
        position += int.from_bytes(jpeg[position : position + 2], "big")
    return scans


def _check_size(name: str, width_px: int, height_px: int, most_pixels: int | None) -> None:
    if max(width_px, height_px) > LONGEST_SIDE_PX:
        raise UserError(
            f"{name} is {width_px}x{height_px} pixels; no side may be longer than {LONGEST_SIDE_PX}.",
            "Give a smaller photo.",
        )
    if most_pixels is not None and width_px * height_px > most_pixels:
        raise _too_many_pixels(name, most_pixels)
    if min(width_px, height_px) < SMALLEST_FRAME_PX:
        raise UserError(
            f"{name} is only {width_px}x{height_px} pixels.", "Give a photo of at least 16x16 pixels."
        )


def _too_many_pixels(name: str, most_pixels: int | None) -> UserError:
    most = f"more than {most_pixels // 1_000_000} megapixels" if most_pixels else "too many pixels"
    return UserError(f"{name} has {most}.", "Give a smaller photo.")


def _to_bgr(image: Image.Image) -> FrameBGR:
    from PIL import Image

    has_alpha = "A" in image.mode or "transparency" in image.info
    if image.mode.startswith("I"):  # 16 bits; Pillow would cut off above 255 where it should scale
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if has_alpha:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image.convert("RGBA"))
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
