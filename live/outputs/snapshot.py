"""Snapshots: the moment as PNG files, written on a thread so that the window does not wait for them."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from functools import partial
from pathlib import Path

import cv2

from live.picture import Picture
from live.worker import Worker
from shared import FrameBGR, UserError
from shared.media import CodeRange, encode_png, write_whole
from shared.render import heatmap, nearness

logger = logging.getLogger(__name__)


class Snapshots:
    """Takes snapshots into a folder; one that cannot be written is reported and does not end the program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers: list[Worker] = []
        self._outcomes: deque[str] = deque()

    def take(self, picture: Picture) -> None:
        worker = Worker("snapshot", partial(self._write, picture, time_stem()))
        self._workers.append(worker)
        worker.start()

    def _write(self, picture: Picture, stem: str, _stop: threading.Event) -> None:
        try:
            paths = write_snapshot(picture, self._folder, stem)
        except UserError as error:
            logger.warning("%s", error.message)
            self._outcomes.append(error.message)
        else:
            self._outcomes.append(f"saved {paths[0].name} and {len(paths) - 1} more")

    def next_outcome(self) -> str | None:
        """What to tell the user, once for each snapshot."""
        return self._outcomes.popleft() if self._outcomes else None

    def close(self) -> None:
        for worker in self._workers:
            worker.join()
            worker.check()


def time_stem() -> str:
    """A file name's stem that says when: depth-20260131-235959-123."""
    seconds = time.time()
    return time.strftime("depth-%Y%m%d-%H%M%S", time.localtime(seconds)) + f"-{int(seconds % 1 * 1000):03}"


def write_snapshot(picture: Picture, folder: Path, stem: str) -> list[Path]:
    """STEM-photo.png, and with depth STEM-heatmap.png and STEM-depth16.png, all of the photo's size.

    The 16-bit depth is the inverse depth from its smallest (0) to its largest value (65535); offset and
    scale stand in its text fields, as in `depth-video --raw png16`.
    Raises UserError when they cannot be written.
    """
    height_px, width_px = picture.frame_bgr.shape[:2]
    images = {"photo": _png(picture.frame_bgr)}
    if picture.depth_map is not None:
        near_u8 = nearness(picture.depth_map, picture.display_range, picture.look.gamma)
        images["heatmap"] = _png(heatmap(near_u8, (width_px, height_px), picture.look.colormap))
        enlarged = cv2.resize(picture.depth_map, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
        images["depth16"] = encode_png(enlarged, CodeRange.of(enlarged), time.time())
    return [_write(folder / f"{stem}-{name}.png", data) for name, data in images.items()]


def _png(image_bgr: FrameBGR) -> bytes:
    return cv2.imencode(".png", image_bgr)[1].tobytes()


def _write(path: Path, data: bytes) -> Path:
    try:
        write_whole(path, data)
    except OSError as error:
        raise UserError(
            f"{path} could not be written: {error.strerror}.",
            "Start it from a folder that can be written and has room.",
            exit_code=1,
        ) from None
    return path
