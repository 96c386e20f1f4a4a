"""A photo's bytes in, its depth as PNG out, with bounds on what is decoded and a bounded cache.

Nothing is written to disk: pictures live in the cache until newer ones or an hour push them out.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from live.web.limits import (
    DEPTH_CACHE_BYTES,
    KEPT_S,
    PHOTO_BYTES,
    PHOTO_PIXELS,
    PICTURE_CACHE_BYTES,
    Refusal,
    too_large,
)
from live.web.model import SharedPredictor
from shared import DepthMap, DisplayRange, FrameBGR, Look, UserError
from shared.media import decode_photo
from shared.model import model_glb
from shared.motion import DepthStream
from shared.render import render

logger = logging.getLogger(__name__)

PHOTO_FORMATS = ("JPEG", "PNG", "WEBP")
TEXTURE_PX, TEXTURE_QUALITY = 1280, [cv2.IMWRITE_JPEG_QUALITY, 88]
PNG_EFFORT = [cv2.IMWRITE_PNG_COMPRESSION, 2]
V = TypeVar("V")


class BoundedCache(Generic[V]):
    """The values used last, as many as fit into `limit_bytes`, none older than `kept_s`. Thread-safe."""

    def __init__(self, limit_bytes: int, size_of: Callable[[V], int], kept_s: float = KEPT_S) -> None:
        self._limit_bytes = limit_bytes
        self._size_of = size_of
        self._kept_s = kept_s
        self._entries: OrderedDict[str, tuple[float, V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> V | None:
        with self._lock:
            self._drop_old()
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][1]

    def put(self, key: str, value: V) -> None:
        with self._lock:
            self._entries[key] = (time.monotonic(), value)
            self._entries.move_to_end(key)
            while self.size_bytes > self._limit_bytes and len(self._entries) > 1:
                self._entries.popitem(last=False)

    def drop_old(self) -> None:
        with self._lock:
            self._drop_old()

    def _drop_old(self) -> None:
        oldest_s = time.monotonic() - self._kept_s
        for key in [key for key, (put_s, _) in self._entries.items() if put_s < oldest_s]:
            del self._entries[key]

    @property
    def size_bytes(self) -> int:
        return sum(self._size_of(value) for _, value in self._entries.values())


@dataclass(frozen=True)
class PhotoDepth:
    """What the network saw in one photo of this size. texture_jpeg: the photo, smaller, for its model."""

    depth_map: DepthMap
    display_range: DisplayRange
    width_px: int
    height_px: int
    texture_jpeg: bytes

    @property
    def nbytes(self) -> int:
        return self.depth_map.nbytes + len(self.texture_jpeg)


@dataclass(frozen=True)
class Answer:
    """key: what the picture is asked for by. is_cached: it was there already."""

    key: str
    width_px: int
    height_px: int
    is_cached: bool


@dataclass(frozen=True)
class _Picture:
    png: bytes
    depth: PhotoDepth
    width_px: int
    height_px: int

    @property
    def nbytes(self) -> int:
        return len(self.png) + self.depth.nbytes


class Photos:
    """All visitors' photos. Their keys need a secret of this run: who has a photo cannot compute its key."""

    def __init__(self, predictor: SharedPredictor) -> None:
        self._predictor = predictor
        self._secret = secrets.token_bytes(32)
        self._pictures: BoundedCache[_Picture] = BoundedCache(PICTURE_CACHE_BYTES, lambda it: it.nbytes)
        self._depths: BoundedCache[PhotoDepth] = BoundedCache(DEPTH_CACHE_BYTES, lambda it: it.nbytes)

    def answer(self, content: bytes, look: Look) -> Answer:
        """Draws the photo, or finds it. Raises Refusal for what is no photo or too much of one."""
        if len(content) > PHOTO_BYTES:
            raise too_large("The photo", PHOTO_BYTES)
        content_key = hashlib.sha256(content).hexdigest()
        key = hmac.new(self._secret, f"{content_key} {look}".encode(), "sha256").hexdigest()
        found = self._pictures.get(key)
        picture = found or self._draw(content, content_key, look)
        if found is None:
            self._pictures.put(key, picture)
        return Answer(key, picture.width_px, picture.height_px, found is not None)

    def _draw(self, content: bytes, content_key: str, look: Look) -> _Picture:
        try:
            photo_bgr = decode_photo(content, "The photo", formats=PHOTO_FORMATS, most_pixels=PHOTO_PIXELS)
        except UserError as error:
            raise Refusal(f"{error.message} {error.hint}") from None
        depth = self._depths.get(content_key) or self._infer(photo_bgr)
        self._depths.put(content_key, depth)
        drawn_bgr = render(photo_bgr, depth.depth_map, depth.display_range, look)
        return _Picture(_png(drawn_bgr), depth, drawn_bgr.shape[1], drawn_bgr.shape[0])

    def _infer(self, photo_bgr: FrameBGR) -> PhotoDepth:
        stream = DepthStream(self._predictor)
        depth_map = stream.push(photo_bgr, 0.0)
        height_px, width_px = photo_bgr.shape[:2]
        return PhotoDepth(depth_map, stream.display_range, width_px, height_px, _texture(photo_bgr))

    def picture_png(self, key: str) -> bytes:
        return self._picture(key).png

    def depth16_png(self, key: str) -> bytes:
        """The photo's inverse depth at its own size, 0 (farthest) to 65535 (nearest), uint16."""
        depth = self._picture(key).depth
        return _png(depth16(depth))

    def model_glb(self, key: str) -> bytes:
        """The photo as a 3D model. Raises Refusal where it is no longer kept."""
        depth = self._picture(key).depth
        aspect = depth.width_px / depth.height_px
        return model_glb(depth.texture_jpeg, aspect, depth.depth_map, depth.display_range)

    def _picture(self, key: str) -> _Picture:
        picture = self._pictures.get(key)
        if picture is None:
            raise Refusal("This picture is no longer kept; give the photo again.", 404)
        return picture

    def drop_old(self) -> None:
        self._pictures.drop_old()
        self._depths.drop_old()


def depth16(depth: PhotoDepth) -> np.ndarray[Any, np.dtype[np.uint16]]:
    size_px = (depth.width_px, depth.height_px)
    enlarged = cv2.resize(depth.depth_map, size_px, interpolation=cv2.INTER_LINEAR)
    far, near = float(enlarged.min()), float(enlarged.max())
    return ((enlarged - far) * (65535 / max(near - far, 1e-6))).round().astype(np.uint16)


def _texture(photo_bgr: FrameBGR) -> bytes:
    scale = min(1.0, TEXTURE_PX / max(photo_bgr.shape[:2]))
    height_px, width_px = (max(round(length * scale), 1) for length in photo_bgr.shape[:2])
    texture_bgr = cv2.resize(photo_bgr, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", texture_bgr, TEXTURE_QUALITY)[1].tobytes()


def _png(picture: NDArray[Any]) -> bytes:
    """Raises Refusal where PNG cannot hold it, as side by side with a very wide photo."""
    encoded_ok, png = cv2.imencode(".png", picture, PNG_EFFORT)
    if not encoded_ok:
        raise Refusal("The picture is too wide for a PNG; choose another view or a smaller photo.")
    return png.tobytes()
