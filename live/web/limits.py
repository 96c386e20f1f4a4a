"""How much a visitor may ask for, and how the page words a refusal."""

from __future__ import annotations

PHOTO_BYTES = 64 << 20
PHOTO_PIXELS = 50_000_000
PICTURE_CACHE_BYTES = 128 << 20
DEPTH_CACHE_BYTES = 16 << 20
CLIP_BYTES = 512 << 20
CLIP_PIXELS = 4096 * 2304
CLIPS_WAITING = 8
FRAME_BYTES = 4 << 20
FRAME_PIXELS = 1920 * 1080
CAMERAS = 32
CAMERA_IDLE_S = 60.0
STALLED_S = 20.0
GRACE_S = 10.0
SLOWEST_BYTES_PER_S = 16 << 10
"""What an upload must bring on average once GRACE_S are over."""
BODIES_BYTES = 256 << 20
PHOTOS_AT_ONCE, PHOTOS_WAITING = 2, 8
FRAMES_AT_ONCE, FRAMES_WAITING = 2, 64
CLIP_FRAMES = 20_000
CLIPS_KEPT_BYTES = 2 << 30
CLIPS_OPEN = 64
UPLOADS_PER_CLIENT = 5
KEPT_S = 3600.0
"""After this a visitor's files, and pictures in the cache, are deleted."""


class Refusal(Exception):
    """What the page tells the visitor, in a sentence that names nothing of the server. status: HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def too_large(what: str, limit_bytes: int) -> Refusal:
    return Refusal(f"{what} is larger than {limit_bytes >> 20} MB, which is the most this page takes.", 413)
