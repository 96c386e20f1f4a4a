"""The project's own example clip and photos: rendered once, kept in the cache folder; cheap to import."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from shared.cache import cache_folder

logger = logging.getLogger(__name__)

WIDTH_PX, HEIGHT_PX = 640, 360
FRAME_RATE = Fraction(24)
FRAMES = 144
CLIP_SEED = 3
PHOTO_SEEDS = (1, 2)
EDITION = 1
"""Part of the files' names: raise it when the scenes change, and the cache is rendered anew."""

Progress = Callable[[int, int], None]


def demo_clip(*, progress: Progress | None = None) -> Path:
    """The demo clip, 640x360, 24 frames a second, 6 s: a camera moves round a room. Rendered once.

    progress(done, all) is called after each frame. Raises OSError when the cache folder cannot be written to.
    """
    path = _folder() / f"demo-{EDITION}.mp4"
    if not path.is_file():
        logger.info("Rendering the demo clip to %s (once).", path)
        _render_clip_to(path, progress)
    return path


def example_photos() -> list[Path]:
    """Two rendered photos, 640x480 JPEG, for the page's examples. Rendered at the first call."""
    paths = [_folder() / f"example-{EDITION}-{seed}.jpg" for seed in PHOTO_SEEDS]
    for path, seed in zip(paths, PHOTO_SEEDS, strict=True):
        if not path.is_file():
            _render_photo_to(path, seed)
    return paths


def _folder() -> Path:
    folder = cache_folder() / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _render_clip_to(path: Path, progress: Progress | None) -> None:
    from shared.bundled.scenes import render_clip
    from shared.media import VideoWriter

    with VideoWriter(path, WIDTH_PX, HEIGHT_PX, FRAME_RATE, comment="rendered by depth-viewer") as writer:
        for number, (frame_bgr, _) in enumerate(render_clip(CLIP_SEED, FRAMES, WIDTH_PX, HEIGHT_PX), start=1):
            writer.write(frame_bgr)
            if progress is not None:
                progress(number, FRAMES)


def _render_photo_to(path: Path, seed: int) -> None:
    import cv2

    from shared.bundled.scenes import render_clip

    frame_bgr, _ = next(render_clip(seed, 1, 640, 480))
    unfinished = path.with_name(f"{path.stem}.{os.getpid()}.jpg")
    cv2.imwrite(str(unfinished), frame_bgr)
    os.replace(unfinished, path)
