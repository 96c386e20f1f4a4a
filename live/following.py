"""What was clicked is followed through the pictures: the depth in focus stays that of the same thing.

Source: pyramidal Lucas-Kanade (Bouguet, 2001), checked forward and backward, of a few points round the click.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from live.frame import Frame
from shared import FrameBGR, Point

FOLLOWED_S = 30.0
WIDTH_PX = 320
REACH_PX = (-8, -4, 0, 4, 8)
WINDOW_PX = (15, 15)
LEVELS = 3
DISAGREEMENT_PX = 0.7
LEAST_AGREEING = 5  # of 25 points; a plain wall gives fewer, and then it is taken to stand still


class Followed:
    """point: where it is now, in shares of the picture; None once it left the picture or the time is over."""

    def __init__(self, point: Point, frame: Frame) -> None:
        self.point: Point | None = point
        self._until_s = frame.time_s + FOLLOWED_S
        self._gray_u8 = _small_gray(frame.frame_bgr)

    def follow(self, frame: Frame) -> None:
        """To the next frame."""
        if self.point is None:
            return
        before_u8, self._gray_u8 = self._gray_u8, _small_gray(frame.frame_bgr)
        if frame.time_s > self._until_s or before_u8.shape != self._gray_u8.shape:
            self.point = None
            return
        height_px, width_px = before_u8.shape
        x_px, y_px = self.point[0] * width_px, self.point[1] * height_px
        step_px = _step(before_u8, self._gray_u8, x_px, y_px)
        x, y = (x_px + step_px[0]) / width_px, (y_px + step_px[1]) / height_px
        self.point = (x, y) if 0 <= x < 1 and 0 <= y < 1 else None


def _small_gray(frame_bgr: FrameBGR) -> NDArray[np.uint8]:
    height_px, width_px = frame_bgr.shape[:2]
    small_px = (WIDTH_PX, max(round(height_px * WIDTH_PX / width_px), 16))
    return cv2.cvtColor(cv2.resize(frame_bgr, small_px, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)


def _step(
    before_u8: NDArray[np.uint8], after_u8: NDArray[np.uint8], x_px: float, y_px: float
) -> tuple[float, float]:
    """How far the points round (x, y) went: the median of those that, followed back, are where they were."""
    grid = [(x_px + right, y_px + down) for down in REACH_PX for right in REACH_PX]
    points = np.array(grid, np.float32)[:, None]
    track = partial(cv2.calcOpticalFlowPyrLK, winSize=WINDOW_PX, maxLevel=LEVELS)
    there, found, _ = track(before_u8, after_u8, points, None)
    back, found_back, _ = track(after_u8, before_u8, there, None)
    is_found = (found & found_back).ravel().astype(bool)
    agrees = is_found & (np.abs(back - points).max(axis=(1, 2)) < DISAGREEMENT_PX)
    if agrees.sum() < LEAST_AGREEING:
        return 0.0, 0.0
    right, down = np.median((there - points)[agrees, 0], axis=0)
    return float(right), float(down)
