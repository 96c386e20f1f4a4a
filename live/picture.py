"""What is to be seen at one moment, painted at any size: for the window, the recording and the snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shared import DepthMap, DisplayRange, FrameBGR, Look, Point
from shared.motion import IDENTITY, Affine
from shared.relief import source_of
from shared.render import heatmap, nearness, nearness_share, render, view_size

Rect = tuple[int, int, int, int]
"""(left, top, width, height) in pixels."""


@dataclass(frozen=True)
class Picture:
    """A frame with its depth, which is None until the network has answered, and how to show them.

    origin: takes the depth to the scale with which the stream began.
    """

    frame_bgr: FrameBGR
    depth_map: DepthMap | None
    display_range: DisplayRange
    look: Look
    origin: Affine = IDENTITY

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) at which the frame's own pixels are kept."""
        height_px, width_px = self.frame_bgr.shape[:2]
        return view_size(width_px, height_px, self.look.view)


def fit(content_px: tuple[int, int], canvas_px: tuple[int, int]) -> Rect:
    """Where content lies in the middle of a canvas, as large as fits, its aspect kept."""
    scale = min(canvas_px[0] / content_px[0], canvas_px[1] / content_px[1])
    width_px = max(round(content_px[0] * scale), 2) // 2 * 2  # even: two halves side by side
    height_px = max(round(content_px[1] * scale), 1)
    width_px, height_px = min(width_px, canvas_px[0]), min(height_px, canvas_px[1])
    return (canvas_px[0] - width_px) // 2, (canvas_px[1] - height_px) // 2, width_px, height_px


def paint(picture: Picture, canvas_px: tuple[int, int]) -> FrameBGR:
    """A new (height, width, 3) canvas with the picture in its middle and black around it."""
    left, top, width_px, height_px = fit(picture.size_px, canvas_px)
    painted_bgr = _paint_whole(picture, width_px, height_px)
    if (width_px, height_px) == canvas_px:
        return painted_bgr
    canvas_bgr = np.zeros((canvas_px[1], canvas_px[0], 3), np.uint8)
    canvas_bgr[top : top + height_px, left : left + width_px] = painted_bgr
    return canvas_bgr


def _paint_whole(picture: Picture, width_px: int, height_px: int) -> FrameBGR:
    """Never the frame itself: what is drawn on it must not reach the other threads."""
    if picture.depth_map is None:
        return (
            cv2.resize(picture.frame_bgr, (width_px, height_px))
            if _differs(picture.frame_bgr, width_px, height_px)
            else picture.frame_bgr.copy()
        )
    if picture.look.view == "depth":
        near_u8 = nearness(picture.depth_map, picture.display_range, picture.look.gamma)
        return heatmap(near_u8, (width_px, height_px), picture.look.colormap)
    pane_px = width_px // 2 if picture.look.view == "side-by-side" else width_px
    frame_bgr = picture.frame_bgr
    if _differs(frame_bgr, pane_px, height_px):
        frame_bgr = cv2.resize(frame_bgr, (pane_px, height_px), interpolation=cv2.INTER_LINEAR)
    return render(frame_bgr, picture.depth_map, picture.display_range, picture.look)


def _differs(frame_bgr: FrameBGR, width_px: int, height_px: int) -> bool:
    return frame_bgr.shape[:2] != (height_px, width_px)


def place_at(picture: Picture, canvas_px: tuple[int, int], point_px: tuple[int, int]) -> Point | None:
    """The place of the frame under a point (x, y) of the canvas; None beside the picture."""
    left, top, width_px, height_px = fit(picture.size_px, canvas_px)
    x, y = (point_px[0] - left) / width_px, (point_px[1] - top) / height_px
    if not (0 <= x < 1 and 0 <= y < 1):
        return None
    if picture.look.view == "side-by-side":
        x = x * 2 % 1
    if picture.look.view == "relief" and picture.depth_map is not None:
        near = nearness_share(picture.depth_map, picture.display_range)
        return source_of(near, picture.look.turn, (x, y))
    return x, y


def depth_at(picture: Picture, place: Point) -> float | None:
    """Inverse depth at a place of the frame, of a few pixels the middle one; None without depth."""
    if picture.depth_map is None:
        return None
    rows, columns = picture.depth_map.shape
    row, column = int(place[1] * rows), int(place[0] * columns)
    around = picture.depth_map[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return float(np.median(around))


def percent_near(depth: float, display_range: DisplayRange) -> int:
    """0 at the far end of the range, 100 at the near one."""
    return round(100 * float(nearness_share(np.full((1, 1), depth, np.float32), display_range)[0, 0]))
