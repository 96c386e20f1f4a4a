"""The view `relief`: the picture as a surface that is turned, near things standing out of it.

Every pixel of the photo is moved along its own ray by its depth, so that without a turn the photo is seen as
it is. The turned view is found the other way round: for each pixel of the screen, its ray is followed through
levels of depth, from near to far, to where it meets the surface (relief mapping: Policarpo, Oliveira and
Comba, I3D 2005), at the depth map's size; the photo's own pixels are then fetched once. What was hidden
behind something in front is filled from the background beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import FrameBGR, Point, Turn

Field = NDArray[np.float32]

HALF = np.float32(0.5)

HEIGHT = 0.28  # from the farthest to the nearest, of the picture's width
DISTANCE = 1.6  # of the eye, likewise
LEVELS = 22
SHELL = 2.5  # levels: a ray that comes out deeper than this below the surface has passed behind an edge
HIDDEN = 0.08  # of the width: so far beside an edge may what it hides come into sight
STEP = 0.15  # of the displayed range: what stands out by more than this has a background behind it
SLOPE_PX = np.ones((9, 9), np.uint8)  # how wide the slope of an edge is, in pixels of the finer map
GROWTH_PX = np.ones((9, 9), np.uint8)  # by how much a thing may be larger than the network says, likewise
RIM_PX = np.ones((5, 5), np.uint8)  # in which a thing's colours still show beside its edge
RIM = 2  # pixels: so far beside a hole begins what fills it
LEVEL = 0.05  # of the displayed range: what rises by less is one background


@dataclass(frozen=True)
class _Seen:
    """Where in the photo what a ray meets lies, in pixels of the depth map; at which height, likewise; and
    which rays meet nothing."""

    x_px: Field
    y_px: Field
    height_px: Field
    is_hole: NDArray[np.bool_]


def relief(frame_bgr: FrameBGR, near: Field, turn: Turn) -> FrameBGR:
    """The frame as a turned surface; black where it ends. near: (h, w) float32, 0 to 1, of any size."""
    rows, columns = near.shape
    width_px, height_px = frame_bgr.shape[1], frame_bgr.shape[0]
    small_bgr = cv2.resize(frame_bgr, (columns, rows), interpolation=cv2.INTER_AREA)
    finer = stepped(near)
    ground = _ground(cv2.resize(finer, (columns, rows), interpolation=cv2.INTER_AREA))
    u, v = np.meshgrid(*(np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2) for n in (columns, rows)))
    seen = _met(finer, ground, turn, u, v)
    x, y = (
        cv2.resize(
            (at + np.float32(0.5)) * np.float32(whole / small) - np.float32(0.5), (width_px, height_px)
        )
        for at, whole, small in ((seen.x_px, width_px, columns), (seen.y_px, height_px, rows))
    )
    turned_bgr = cv2.remap(frame_bgr, x, y, cv2.INTER_LINEAR)
    filling_bgr = cv2.remap(small_bgr, *_beside(seen), cv2.INTER_LINEAR)
    holes = cv2.resize(seen.is_hole.astype(np.float32), (width_px, height_px))
    return cv2.blendLinear(
        cv2.resize(filling_bgr, (width_px, height_px)), turned_bgr, holes, np.float32(1) - holes
    )


def source_of(near: Field, turn: Turn, place: Point) -> Point | None:
    """The place of the photo that is seen at `place` of the turned view; None beside the surface."""
    rows, columns = near.shape
    u = np.full((1, 1), place[0] * columns - columns / 2, np.float32)
    v = np.full((1, 1), place[1] * rows - rows / 2, np.float32)
    seen = _met(stepped(near), cv2.erode(near, _reach(columns)), turn, u, v)
    x, y = (float(seen.x_px[0, 0]) + 0.5) / columns, (float(seen.y_px[0, 0]) + 0.5) / rows
    return (x, y) if 0 <= x < 1 and 0 <= y < 1 else None


def stepped(near: Field) -> Field:
    """At twice the size, with steps where networks draw slopes between two things.

    Each pixel takes the nearer of both ends (Kramer and Bruckner's iteration, 1975), once things have grown a
    little: of their rim, nothing is to stay on the background.
    """
    finer = cv2.dilate(cv2.resize(near, (2 * near.shape[1], 2 * near.shape[0])), GROWTH_PX)
    low, high = cv2.erode(finer, SLOPE_PX), cv2.dilate(finer, SLOPE_PX)
    end = np.where(finer - low < high - finer, low, high)
    return cv2.medianBlur(np.where(high - low > np.float32(STEP), end, finer), 5)


def _reach(columns: int) -> NDArray[np.uint8]:
    return np.ones((2 * round(HIDDEN * columns) + 1,) * 2, np.uint8)


def _ground(near: Field) -> Field:
    """Nearness of what lies behind: that of the places round that hide nothing."""
    reach = _reach(near.shape[1])
    hides_u8 = (near - cv2.erode(near, reach) > np.float32(STEP)).astype(np.uint8)
    hides_u8 = cv2.dilate(hides_u8, RIM_PX)
    weights = np.where(hides_u8, np.float32(1e-4), np.float32(1))
    total = cv2.blur(weights, reach.shape)
    return np.where(hides_u8, cv2.blur(near * weights, reach.shape) / total, near)


def _beside(seen: _Seen) -> tuple[Field, Field]:
    """Where in the photo (x, y) what is seen lies, or what fills a hole: what is beside it along the row, on
    the farther side, as in a mirror; where something nearer is mirrored, only the hole's rim. What is beside
    the photo stays there."""
    is_hole, columns = seen.is_hole, seen.is_hole.shape[1]
    place = np.broadcast_to(np.arange(columns), is_hole.shape)
    left = np.maximum.accumulate(np.where(is_hole, -1, place), axis=1)
    right = np.minimum.accumulate(np.where(is_hole, columns, place)[:, ::-1], axis=1)[:, ::-1]
    bordered = cv2.copyMakeBorder(seen.height_px, 0, 0, 1, 1, cv2.BORDER_CONSTANT, value=np.inf)
    is_left = _along(bordered, left + 1) < _along(bordered, right + 1)
    rim = np.clip(np.where(is_left, left - RIM, right + RIM), 0, columns - 1)
    mirrored = np.clip(2 * rim - place, 0, columns - 1)
    rises_px = _along(seen.height_px, mirrored) - _along(seen.height_px, rim)
    is_free = (rises_px < np.float32(LEVEL * HEIGHT * columns)) & ~_along(is_hole, mirrored)
    is_filled = is_hole & (seen.x_px >= 0) & (seen.x_px < columns)
    source = np.where(is_filled, np.where(is_free, mirrored, rim), place)
    return _along(seen.x_px, source), _along(seen.y_px, source)


def _along(rows: NDArray[np.generic], columns: NDArray[np.int64]) -> NDArray[Any]:
    """Of each row the values at these columns."""
    return np.take_along_axis(rows, columns, axis=1)


def _met(finer: Field, ground: Field, turn: Turn, u: Field, v: Field) -> _Seen:
    """finer: nearness at twice the depth map's size. u, v: the rays' places on the screen, in pixels of the
    depth map from its middle."""
    rows, columns = ground.shape
    height, step = np.float32(HEIGHT * columns), np.float32(HEIGHT * columns / LEVELS)
    rays = _Rays(turn, u, v, DISTANCE * columns, ((columns - 1) / 2, (rows - 1) / 2))
    heights = (finer - np.float32(0.5)) * height
    met, is_met, above = np.zeros_like(u), np.zeros(u.shape, bool), np.full(u.shape, step)
    for level in np.linspace(0.5, -0.5, LEVELS + 1, dtype=np.float32) * height:
        x, y = rays.at(level)
        # The nearest height, since between both sides of an edge there is none.
        below = cv2.remap(
            heights, 2 * x + HALF, 2 * y + HALF, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )
        below -= level
        meets = ~is_met & (below >= 0) & (below < np.float32(SHELL) * step)
        met = np.where(meets, level + step * below / (below + above + np.float32(1e-6)), met)
        is_met |= meets
        above = np.clip(-below, 0, step)
    floor = cv2.remap(ground, *rays.at(-height / 2), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    met = np.where(is_met, met, (floor - np.float32(0.5)) * height)
    return _Seen(*rays.at(met), met, ~is_met)


class _Rays:
    """From the eye through places of the screen. middle_px: of the depth map."""

    def __init__(
        self, turn: Turn, u: Field, v: Field, distance: float, middle_px: tuple[float, float]
    ) -> None:
        yaw, pitch = radians(turn.yaw_deg), radians(turn.pitch_deg)
        # The eye goes round the surface: first up and down, then sideways.
        rotation = np.array(
            [
                [cos(yaw), sin(yaw) * sin(pitch), sin(yaw) * cos(pitch)],
                [0.0, cos(pitch), -sin(pitch)],
                [-sin(yaw), cos(yaw) * sin(pitch), cos(yaw) * cos(pitch)],
            ],
            np.float32,
        )
        scale, self._distance = np.float32(1 / turn.zoom), np.float32(distance)
        eye = rotation[:, 2] * self._distance
        towards = [row[0] * scale * u + row[1] * scale * v - row[2] * self._distance for row in rotation]
        self._slopes = towards[0] / towards[2], towards[1] / towards[2]
        self._starts = [eye[axis] - eye[2] * slope for axis, slope in enumerate(self._slopes)]
        self._middle_px = np.float32(middle_px[0]), np.float32(middle_px[1])

    def at(self, level: Field | np.float32) -> tuple[Field, Field]:
        """Where in the photo they are at a height: each of its pixels stands on a ray to the unturned eye."""
        widening = self._distance / (self._distance - level)
        x, y = (
            (start + level * slope) * widening + middle
            for start, slope, middle in zip(self._starts, self._slopes, self._middle_px, strict=True)
        )
        return x, y
