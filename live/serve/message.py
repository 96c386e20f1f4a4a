"""What the readers get, as bytes: a part of the MJPEG stream, a depth message, a PNG. Imports OpenCV."""

from __future__ import annotations

import json
import struct
import time

import cv2
import numpy as np

from live.picture import Picture, paint
from live.scene import Moment
from shared import DepthMap, FrameBGR
from shared.handoff import now_s
from shared.media import CodeRange, encode_png

JPEG_QUALITY = 85
LARGEST_PX = 1920 * 1080
BOUNDARY = b"depthviewer"
ALIGNMENT_BYTES = 8
FIRST_PART = b"--" + BOUNDARY + b"\r\n"


def paint_view(picture: Picture) -> FrameBGR:
    """The view at the frame's own size, reduced where that is very large."""
    width_px, height_px = picture.size_px
    scale = min(1.0, (LARGEST_PX / (width_px * height_px)) ** 0.5)
    return paint(picture, (max(round(width_px * scale) // 2 * 2, 2), max(round(height_px * scale), 1)))


def mjpeg_part(view_bgr: FrameBGR) -> bytes:
    """A JPEG with its header, and the next part's boundary at once: a browser waits for it to show this."""
    jpeg = cv2.imencode(".jpg", view_bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    header = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
    return b"".join([header, jpeg, b"\r\n", FIRST_PART])


def depth_message(moment: Moment, depth_map: DepthMap) -> bytes:
    """The header's length (uint32, little-endian), the header (JSON), and height * width codes (uint16).

    depth = offset + scale * code. The header is padded with spaces so that the codes begin at a multiple of
    ALIGNMENT_BYTES, as JavaScript's typed arrays want it.
    """
    code_range = CodeRange.of(depth_map)
    far, near = moment.picture.display_range
    header = {
        "frame": moment.number,
        "time_unix_s": time.time() - now_s() + moment.time_s,
        "width": depth_map.shape[1],
        "height": depth_map.shape[0],
        "far": float(far),
        "near": float(near),
        "offset": code_range.offset,
        "scale": code_range.scale,
        "inferred": moment.depth_age_s == 0,
        "inferred_age_s": moment.depth_age_s,
        "mirrored": moment.is_mirrored,
    }
    text = json.dumps(header).encode("ascii")
    text += b" " * (-(len(text) + 4) % ALIGNMENT_BYTES)
    codes = np.ascontiguousarray(code_range.encode(depth_map).astype("<u2"))
    return b"".join([struct.pack("<I", len(text)), text, codes.tobytes()])


def view_png(moment: Moment) -> bytes:
    return cv2.imencode(".png", paint_view(moment.picture))[1].tobytes()


def depth_png(moment: Moment) -> bytes | None:
    """16-bit depth at network size, its scale in the text fields, as in `--raw png16`; None before depth."""
    depth_map = moment.picture.depth_map
    if depth_map is None:
        return None
    return encode_png(depth_map, CodeRange.of(depth_map), time.time() - now_s() + moment.time_s)
