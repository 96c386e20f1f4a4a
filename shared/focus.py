"""The view `focus`: what is not about as near as the thing in focus is blurred, more the further off it is.

Two things keep the edge of a person clean. Where depth ends is taken to where the picture ends, by a guided
filter (He, Sun and Tang, *Guided Image Filtering*, TPAMI 2013; the fast form of He and Sun, 2015). And what
is in focus gives no colour to what is blurred beside it: every blur is divided by the blur of its weights.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import FrameBGR, Point

Field = NDArray[np.float32]

FARTHEST_OFF = 0.55  # of the displayed range: what is further off the focus than this is all the same
SHARP, BLURRED = 0.25, 0.85  # of that: what is nearer to the focus is as it is, what is further fully blurred
LARGE_THING = 93.0  # percentile of nearness that is of the nearest large thing: what is beyond may be small
WORK_WIDTH_PX = 320  # blurs are worked out at this width, where a kernel costs a sixteenth
GUIDE_REACH_PX = 6  # so far off, at that width, may the network see an edge
LEAST_CONTRAST = 3e-4  # variance of the picture's brightness, 0 to 1, that is an edge and no noise
LIGHT_BLUR, STRONG_BLUR = 1 / 120, 1 / 40  # Gaussian sigma, of the width
LEAST_WEIGHT = 1e-3  # where all is sharp, its own colours stand in
POINT_REACH = 1  # pixels of the depth map round a point that say how near it is


def focus_nearness(near: Field, point: Point | None) -> float:
    """How near the thing in focus is, 0 to 1.

    near: (h, w) float32, 0 to 1. point: where it lies; None: the nearest large thing.
    Both follow the depth without leaps, so that what is in focus does not jump from frame to frame.
    """
    if point is None:
        return float(np.percentile(near, LARGE_THING))
    rows, columns = near.shape
    column, row = min(int(point[0] * columns), columns - 1), min(int(point[1] * rows), rows - 1)
    around = near[
        max(row - POINT_REACH, 0) : row + POINT_REACH + 1,
        max(column - POINT_REACH, 0) : column + POINT_REACH + 1,
    ]
    return float(np.median(around))


def focused(frame_bgr: FrameBGR, near: Field, focus: float) -> FrameBGR:
    """The frame with what is not at `focus` blurred. near: (h, w) float32, 0 to 1, of any size."""
    size_px = frame_bgr.shape[1], frame_bgr.shape[0]
    halved_bgr = cv2.resize(frame_bgr, _scaled(size_px, 0.5), interpolation=cv2.INTER_AREA)
    small_px = _scaled(size_px, min(WORK_WIDTH_PX / size_px[0], 1))
    small_bgr = cv2.resize(halved_bgr, small_px, interpolation=cv2.INTER_AREA)
    off = np.minimum(np.abs(cv2.resize(near, small_px) - np.float32(focus)) / np.float32(FARTHEST_OFF), 1)
    amount = _amount(_along_edges(off, small_bgr, halved_bgr))
    small_amount = cv2.resize(amount, small_px, interpolation=cv2.INTER_AREA)
    blurred_bgr = cv2.resize(_blurred(small_bgr, small_amount), size_px)
    share = cv2.resize(np.minimum(amount * np.float32(2), np.float32(1)), size_px)
    return cv2.blendLinear(blurred_bgr, frame_bgr, share, np.float32(1) - share)


def _scaled(size_px: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(round(size_px[0] * scale), 1), max(round(size_px[1] * scale), 1)


def _amount(off: Field) -> Field:
    """How much each pixel is blurred, 0 to 1, in a smooth step (3t^2 - 2t^3).

    After the filter, since that leaves a slope on both sides of an edge, of which little is left here.
    """
    step = np.clip((off - np.float32(SHARP)) * np.float32(1 / (BLURRED - SHARP)), 0, 1)
    return step * step * (3 - 2 * step)


def _along_edges(off: Field, small_bgr: FrameBGR, guide_bgr: FrameBGR) -> Field:
    """`off`, of small_bgr's size, at guide_bgr's, with its steps where the colours have theirs.

    In each neighbourhood it is a linear function of the colours: equation 14 of the paper.
    """
    guide, reach_px = small_bgr * np.float32(1 / 255), (2 * GUIDE_REACH_PX + 1,) * 2
    mean_guide, mean_off = cv2.blur(guide, reach_px), cv2.blur(off, reach_px)
    covariance = cv2.blur(guide * off[..., None], reach_px) - mean_guide * mean_off[..., None]
    slope = _solved(_covariances(guide, mean_guide, reach_px), covariance)
    base = mean_off - (slope * mean_guide).sum(axis=2)
    wanted_px = guide_bgr.shape[1], guide_bgr.shape[0]
    slope, base = (cv2.resize(cv2.blur(it, reach_px), wanted_px) for it in (slope, base))
    products = cv2.multiply(guide_bgr, slope, scale=1 / 255, dtype=cv2.CV_32F)
    fine = cv2.transform(products, np.ones((1, 3), np.float32)) + base
    return np.clip(fine, 0, 1, out=fine)


def _covariances(guide: Field, mean: Field, reach_px: tuple[int, int]) -> list[Field]:
    """Of blue, green and red in each neighbourhood: (0,0), (0,1), (0,2), (1,1), (1,2), (2,2)."""
    channels, means = cv2.split(guide), cv2.split(mean)
    return [
        cv2.blur(channels[i] * channels[j], reach_px) - means[i] * means[j] + LEAST_CONTRAST * (i == j)
        for i in range(3)
        for j in range(i, 3)
    ]


def _solved(matrix: list[Field], right: Field) -> Field:
    """Symmetric 3x3 systems, one for each pixel, by Cramer's rule."""
    xx, xy, xz, yy, yz, zz = matrix
    adjugate = [yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy]
    determinant = xx * adjugate[0] + xy * adjugate[1] + xz * adjugate[2]
    middle, last, corner = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    b, g, r = cv2.split(right)
    first, second, third = adjugate
    columns = [first * b + second * g + third * r, second * b + middle * g + last * r]
    columns.append(third * b + last * g + corner * r)
    return cv2.merge(columns) / determinant[..., None]


def _blurred(small_bgr: FrameBGR, amount: Field) -> FrameBGR:
    """Lightly blurred up to half of `amount`, from there on ever more; of colours that are out of focus."""
    height_px, width_px = amount.shape
    weights = cv2.merge([amount * amount * amount + np.float32(LEAST_WEIGHT)] * 3)
    weighted = cv2.multiply(small_bgr, weights, dtype=cv2.CV_32F)
    light = _weighted_blur(weighted, weights, LIGHT_BLUR)
    halved_px = (max(width_px // 2, 1), max(height_px // 2, 1))
    half_weighted, half_weights = (
        cv2.resize(it, halved_px, interpolation=cv2.INTER_AREA) for it in (weighted, weights)
    )
    strong = cv2.resize(_weighted_blur(half_weighted, half_weights, STRONG_BLUR), (width_px, height_px))
    share = np.clip(2 * amount - 1, 0, 1)
    return cv2.blendLinear(strong, light, share, 1 - share)


def _weighted_blur(weighted: Field, weights: Field, sigma: float) -> FrameBGR:
    sigma_px = sigma * weights.shape[1]
    summed, total = (cv2.GaussianBlur(it, (0, 0), sigma_px) for it in (weighted, weights))
    return cv2.divide(summed, total, dtype=cv2.CV_8U)
