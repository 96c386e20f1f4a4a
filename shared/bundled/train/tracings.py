"""Depth of panoramas, traced by hand: what stands where on the ground, and from it how far each pixel is.

A tracing is tracings/NAME.json for the panorama NAME.webp: parts with an outline each, painted one over the
other. What none of them covers is level ground below the horizon, and above it the ceiling, or sky where
there is none. Where a thing stands on the ground says how far away it is (Hoiem et al., "Geometric context
from a single image", 2005): with the eye `eye_m` metres above level ground, what is seen at an angle a below
the horizon lies eye_m / tan(a) away. `show_tracing` draws it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 1024, 512
"""Of the panorama that outlines are drawn on: x from 0 on the left, once round; y from 0, straight up."""
FOLDER = Path(__file__).parent / "tracings"
STEP = 0.12  # of the logarithm of distance: one thing ends before another
UNSURE_PX = 2  # a hand is no more exact than that: nothing is known so near to a step
FLATTEST_RAD = np.radians(0.2)  # so near to the horizon the ground says nothing about distance
HORIZON_M = 400.0

Places = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Part:
    """Something in a panorama. All places are (x, y) in pixels of WIDTH_PX x HEIGHT_PX, all lengths metres.

    kind:
      upright  stands on `base`, places where it meets what it stands on: one, and all of it is as far away;
               or several from left to right, and it is the walls between them. `distance_m` instead of a
               base: as far away along the ground everywhere. It ends where it meets the ground, or the
               ceiling, however far the outline goes
      level    is flat, `height_m` above the ground: a table's top, a ceiling
      plane    passes through `points` (x, y, straight distance from the eye), three or more: a slope
      sky      has no distance
      unknown  is not learnt from
    height_m of what is upright: how high above the ground its base lies.
    """

    kind: str
    outline: Places
    name: str = ""
    base: Places = ()
    points: Places = ()
    distance_m: float | None = None
    height_m: float = 0.0

    def inverse_distance(self, rays: NDArray[np.float64], eye_m: float) -> NDArray[np.float64]:
        """(n,) 1/m along rays (n, 3) of length 1; x right, y down, z ahead; 0 where there is none."""
        if self.kind == "level":
            return _of_level(rays, eye_m - self.height_m)
        if self.kind == "plane":
            places = np.array(self.points, float)
            normal, *_ = np.linalg.lstsq(rays_through(places[:, :2]), 1 / places[:, 2], rcond=None)
            return np.maximum(rays @ normal, 0.0)
        if self.kind == "upright":
            across = np.hypot(rays[..., 0], rays[..., 2])
            return across * self._inverse_across(np.arctan2(rays[..., 0], rays[..., 2]), eye_m)
        return np.zeros(len(rays))

    def _inverse_across(self, azimuth_rad: NDArray[np.float64], eye_m: float) -> NDArray[np.float64]:
        """1/m along the ground, by azimuth: of the wall on the nearest two places of the base."""
        if self.distance_m is not None:
            return np.full_like(azimuth_rad, 1 / self.distance_m)
        feet = rays_through(np.array(self.base, float))
        inverse = (feet[:, 1] / np.hypot(feet[:, 0], feet[:, 2])).clip(np.tan(FLATTEST_RAD))
        inverse /= eye_m - self.height_m
        if len(feet) == 1:
            return np.full_like(azimuth_rad, inverse[0])
        # A straight wall's inverse distance is a cos + b sin of the azimuth.
        foot_rad = np.unwrap(np.arctan2(feet[:, 0], feet[:, 2]))
        middle_rad = (foot_rad[0] + foot_rad[-1]) / 2
        turned = (azimuth_rad - middle_rad + np.pi) % (2 * np.pi) - np.pi + middle_rad
        turned = turned.clip(foot_rad[0], foot_rad[-1])
        first = (np.searchsorted(foot_rad, turned) - 1).clip(0, len(feet) - 2)
        left, right = foot_rad[first], foot_rad[first + 1]
        width = np.maximum(np.sin(right - left), 1e-6)
        walls = inverse[first] * np.sin(right - turned) + inverse[first + 1] * np.sin(turned - left)
        return np.asarray(walls / width)


@dataclass(frozen=True)
class Tracing:
    """A panorama's parts, the far ones before what hides them.

    ceiling_m: above the ground, if there is one. ground_is_known: where no part is.
    """

    eye_m: float
    ceiling_m: float | None
    ground_is_known: bool
    parts: tuple[Part, ...]

    def inverse_distance(self, height_px: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(h, 2 h) 1/m along each pixel's ray, sky 0, and where it is known: away from outlines that step."""
        shape = height_px, 2 * height_px
        x, y = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
        enlarged = height_px / HEIGHT_PX
        rays = rays_through(np.stack([x, y], axis=-1) / enlarged)
        inverse = _of_level(rays, self.eye_m)
        if self.ceiling_m is not None:
            inverse = np.maximum(inverse, _of_level(rays, self.eye_m - self.ceiling_m))
        open_space = inverse.copy()
        known = np.full(shape, self.ground_is_known) | (rays[..., 1] < 0)
        for part in self.parts:
            covered = _covered(part.outline, shape, enlarged)
            through = rays[covered]
            of_part = part.inverse_distance(through, self.eye_m)
            if part.kind == "upright":
                standing_on = _of_level(through, self.eye_m - part.height_m)
                of_part = np.maximum(of_part, np.maximum(open_space[covered], standing_on))
            inverse[covered] = of_part
            known[covered] = part.kind != "unknown"
        return inverse.astype(np.float32), known & ~_near_steps(inverse, round(UNSURE_PX * enlarged))


def inverse_distance_of(name: str, *, height_px: int) -> NDArray[np.float32]:
    """(h, 2 h) 1/m along each pixel's ray in the panorama of that name, NaN where nobody has traced it."""
    tracing = tracing_of(name)
    if tracing is None:
        return np.full((height_px, 2 * height_px), np.nan, np.float32)
    inverse, known = tracing.inverse_distance(height_px)
    return np.where(known, inverse, np.float32(np.nan))


def tracing_of(name: str) -> Tracing | None:
    path = FOLDER / f"{name}.json"
    return read_tracing(path) if path.exists() else None


def rays_through(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) places in the panorama -> (..., 3) rays of length 1; x right, y down, z ahead."""
    azimuth_rad = (places[..., 0] / WIDTH_PX - 0.5) * 2 * np.pi
    down_rad = (places[..., 1] / HEIGHT_PX - 0.5) * np.pi
    across = np.cos(down_rad)
    return np.stack([across * np.sin(azimuth_rad), np.sin(down_rad), across * np.cos(azimuth_rad)], axis=-1)


def read_tracing(path: Path) -> Tracing:
    content = json.loads(path.read_text(encoding="utf-8"))
    return Tracing(
        content["eye_m"],
        content.get("ceiling_m"),
        content.get("ground_is_known", True),
        tuple(Part(**entry) for entry in content["parts"]),
    )


def _covered(outline: Places, shape: tuple[int, int], enlarged: float) -> NDArray[np.bool_]:
    """(h, w): inside the outline, which may go on past the picture's sides: it is round."""
    mask = np.zeros(shape, np.uint8)
    corners = np.array(outline, float)
    for turn_px in (-WIDTH_PX, 0, WIDTH_PX):
        places = ((corners + np.array([turn_px, 0])) * enlarged - 0.5).round().astype(np.int32)
        cv2.fillPoly(mask, [places], 1)
    return mask.astype(bool)


def _of_level(rays: NDArray[np.float64], below_m: float) -> NDArray[np.float64]:
    """1/m along rays to a level so far below the eye; above it where negative; 0 where they never meet."""
    return np.maximum(rays[..., 1] / below_m, 0.0)


def _near_steps(inverse: NDArray[np.float64], reach_px: int) -> NDArray[np.bool_]:
    logarithm = np.log(np.maximum(inverse, 1 / HORIZON_M))
    steps = np.zeros(inverse.shape, np.uint8)
    # Round the picture, so that its sides are no step; and never between the poles' rows.
    steps |= np.abs(logarithm - np.roll(logarithm, 1, axis=1)) > STEP
    steps[1:] |= np.abs(np.diff(logarithm, axis=0)) > STEP
    around = cv2.copyMakeBorder(steps, 0, 0, reach_px, reach_px, cv2.BORDER_WRAP)
    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    return cv2.dilate(around, kernel)[:, reach_px:-reach_px].astype(bool)
