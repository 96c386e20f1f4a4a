"""The browser's camera: each visitor has a depth stream of their own over the shared predictor.

The browser sends one frame and sends the newest one next when the answer is there, so a slow server lags by
one frame and nothing queues up.
"""

from __future__ import annotations

import io
import secrets
import threading
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from live.web.limits import CAMERA_IDLE_S, CAMERAS, FRAME_BYTES, FRAME_PIXELS, Refusal, too_large
from live.web.model import SharedPredictor
from shared import SMALLEST_FRAME_PX, FrameBGR, Look, UserError
from shared.handoff import now_s
from shared.media import check_scans
from shared.motion import DepthStream
from shared.render import render

JPEG_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]


@dataclass
class _Camera:
    stream: DepthStream
    used_s: float
    has_sent: bool = False
    busy: threading.Lock = field(default_factory=threading.Lock)


class Cameras:
    def __init__(self, predictor: SharedPredictor) -> None:
        self._predictor = predictor
        self._cameras: dict[str, _Camera] = {}
        self._lock = threading.Lock()

    def open(self) -> str:
        """A new visitor's key. Raises Refusal when all places are taken."""
        with self._lock:
            self._drop_idle()
            if len(self._cameras) >= CAMERAS:
                self._drop_unused()
            if len(self._cameras) >= CAMERAS:
                raise Refusal(f"{CAMERAS} cameras are on already; try again when one has ended.", 503)
            key = secrets.token_urlsafe(16)
            self._cameras[key] = _Camera(DepthStream(self._predictor), now_s())
            return key

    def answer(self, key: str, jpeg: bytes, look: Look) -> bytes:
        """One frame in, its depth picture out, both JPEG. Raises Refusal."""
        camera = self._camera(key)
        if not camera.busy.acquire(blocking=False):
            raise Refusal("The picture before this one is still being made.", 429)
        try:
            frame_bgr = decode_frame(jpeg)
            camera.has_sent = True
            depth_map = camera.stream.push(frame_bgr, now_s())
            drawn_bgr = render(frame_bgr, depth_map, camera.stream.display_range, look)
            return cv2.imencode(".jpg", drawn_bgr, JPEG_QUALITY)[1].tobytes()
        finally:
            camera.used_s = now_s()
            camera.busy.release()

    def close(self, key: str) -> None:
        with self._lock:
            self._cameras.pop(key, None)

    def drop_old(self) -> None:
        with self._lock:
            self._drop_idle()

    def __len__(self) -> int:
        return len(self._cameras)

    def _camera(self, key: str) -> _Camera:
        with self._lock:
            camera = self._cameras.get(key)
        if camera is None:
            raise Refusal("This camera has ended; switch it on again.", 404)
        return camera

    def _drop_unused(self) -> None:
        """The oldest place that was taken and never used: taking one costs nothing, sending pictures does."""
        for key, camera in self._cameras.items():
            if not camera.has_sent:
                del self._cameras[key]
                return

    def _drop_idle(self) -> None:
        since_s = now_s() - CAMERA_IDLE_S
        for key in [key for key, camera in self._cameras.items() if camera.used_s < since_s]:
            del self._cameras[key]


def decode_frame(jpeg: bytes) -> FrameBGR:
    """Raises Refusal. The size is read before any pixel is decoded."""
    if len(jpeg) > FRAME_BYTES:
        raise too_large("The camera's picture", FRAME_BYTES)
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            width_px, height_px = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise Refusal("The camera's picture cannot be read.") from None
    if width_px * height_px > FRAME_PIXELS or min(width_px, height_px) < SMALLEST_FRAME_PX:
        raise Refusal("The camera's picture must have 16x16 to 1920x1080 pixels.")
    try:
        check_scans(jpeg, "The camera's picture", width_px * height_px, FRAME_PIXELS)
    except UserError as error:
        raise Refusal(error.message) from None
    frame_bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if frame_bgr is None:
        raise Refusal("The camera's picture cannot be read.")
    return frame_bgr
