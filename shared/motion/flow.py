"""Optical flow at network size: where every pixel was in another frame, and whether that can be trusted.

Source: DIS optical flow (Kroeger et al., ECCV 2016) in OpenCV's ultrafast preset, with a forward-backward
check (Sundaram et al., ECCV 2010) and a photometric one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import FrameBGR

Gray = NDArray[np.uint8]
Field = NDArray[np.float32]

STANDS_STILL_PX = 0.3
DISAGREEMENT_PX = 1.0
DISAGREEMENT_SHARE = 0.1
PHOTOMETRIC_LEVELS = 24.0
DOUBTFUL_TRUST = 0.7
LEAST_TRUST = 0.5  # below it, what is carried to a pixel is as likely wrong as right
UNCHANGED_LEVELS = np.float32(4.0)
# Of trust and likeness together; docs/measurements.md has what cuts and motion come to.
CUT = 0.85
CUT_TRUST = 0.05  # alone: plain pictures are alike, whatever they show
NOISE_VARIANCE = 9.0  # in squared grey levels: pictures with no more than that are alike
SPREAD_QUANTILE = 0.999
SPREAD_STEP = 4  # in rows and columns: as many pixels are looked at
_per_thread = threading.local()


@dataclass(frozen=True)
class Motion:
    """From one frame back to an earlier or later one.

    source_xy: (h, w, 2) float32, where in the other frame each pixel of this one lies, in pixels.
    speed_px: (h, w) float32, how far that is. trust: (h, w) float32, 0 to 1.
    is_cut: flow explains hardly anything of it; the other frame shows something else.
    unexplained: share of this frame, 0 to 1, of which the other says nothing to be trusted; 1 at a cut.
    """

    source_xy: Field
    speed_px: Field
    trust: Field
    is_cut: bool
    unexplained: float

    @property
    def spread_px(self) -> float:
        """How far what moves most moves beside what most of the picture does; a thousandth may move more.

        A camera that pans spreads nothing, whatever its speed; a person who walks through its picture does.
        """
        away = self._flow[self._inside] - self._usual_flow
        return float(np.quantile(_length(away[::SPREAD_STEP, ::SPREAD_STEP]), SPREAD_QUANTILE))

    @property
    def unexplained_inside(self) -> float:
        """As `unexplained`, without the edges where a pan brings in what flow cannot know."""
        return 1.0 if self.is_cut else float((self.trust[self._inside] < LEAST_TRUST).mean())

    @cached_property
    def _flow(self) -> Field:
        return self.source_xy - _grid(*self.speed_px.shape)

    @cached_property
    def _usual_flow(self) -> Field:
        return np.median(self._flow[::SPREAD_STEP, ::SPREAD_STEP], axis=(0, 1))

    @cached_property
    def _inside(self) -> tuple[slice, slice]:
        """All but the rows and columns that a pan brought in, up to a quarter from each side."""
        sides_px = self.speed_px.shape
        margins_px = (
            min(ceil(abs(float(it))), side // 4)
            for it, side in zip(self._usual_flow[::-1], sides_px, strict=True)
        )
        rows, columns = (slice(it, side - it) for it, side in zip(margins_px, sides_px, strict=True))
        return rows, columns

    def fetch(self, picture: NDArray[Any], *, interpolation: int = cv2.INTER_LINEAR) -> NDArray[Any]:
        """The other frame's values, moved to where this frame has them."""
        return _fetch(picture, self.source_xy, interpolation)


def small_gray(frame_bgr: FrameBGR, width_px: int, height_px: int) -> Gray:
    """(H, W, 3) uint8 BGR -> (height_px, width_px) uint8, averaged over areas so that nothing aliases."""
    gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)  # first: one channel to average instead of three
    # Averaging 2x2 pixels is far quicker than averaging areas of odd fractions.
    while gray.shape[0] >= 2 * height_px and gray.shape[1] >= 2 * width_px:
        half_px = (gray.shape[1] // 2, gray.shape[0] // 2)
        gray = cv2.resize(gray, half_px, interpolation=cv2.INTER_AREA)
    return cv2.resize(gray, (width_px, height_px), interpolation=cv2.INTER_AREA)


def motion_between(gray: Gray, other: Gray) -> Motion:
    """Where the pixels of `gray` lie in `other`; both (h, w) uint8. Thread-safe."""
    fine, coarse = _finders(gray.shape)
    backward, forward = fine.calc(gray, other, None), coarse.calc(other, gray, None)
    trust, stays, is_cut = _judge(gray, other, backward, forward)
    size_px = gray.shape[1], gray.shape[0]
    stays = cv2.resize(stays, size_px, interpolation=cv2.INTER_NEAREST)
    speed_px = _length(backward)
    moves = (speed_px > STANDS_STILL_PX) & (stays == 0)
    grid = _grid(*gray.shape)
    source_xy = cv2.copyTo(backward + grid, moves.view(np.uint8), grid.copy())
    speed_px *= moves
    trust = cv2.resize(trust, size_px, interpolation=cv2.INTER_LINEAR)
    doubtful = cv2.countNonZero((trust < LEAST_TRUST).view(np.uint8))
    return Motion(source_xy, speed_px, trust, is_cut, unexplained=1.0 if is_cut else doubtful / trust.size)


def _judge(gray: Gray, other: Gray, backward: Field, forward: Field) -> tuple[Field, Gray, bool]:
    """Trust; 1 where a pixel had better stay where it is; whether it is a cut. At half size, for speed."""
    half_px = (gray.shape[1] + 1) // 2, (gray.shape[0] + 1) // 2
    gray, other = (cv2.resize(it, half_px, interpolation=cv2.INTER_AREA) for it in (gray, other))
    backward, forward = (
        0.5 * cv2.resize(it, half_px, interpolation=cv2.INTER_AREA) for it in (backward, forward)
    )
    source_xy = backward + _grid(*gray.shape)
    miss = backward + _fetch(forward, source_xy)
    miss_px = 2 * _length(miss)
    speed_px = 2 * _length(backward)
    moved = _fetch(other, source_xy)
    residual = cv2.blur(cv2.absdiff(gray, moved), (3, 3))
    trust = _soft(miss_px, DISAGREEMENT_PX + DISAGREEMENT_SHARE * speed_px)
    trust *= _soft(residual.astype(np.float32), np.float32(PHOTOMETRIC_LEVELS))
    trusted = float(trust.mean())
    is_cut = trusted < CUT_TRUST or trusted + _likeness(gray, moved) < CUT
    unmoved = cv2.blur(cv2.absdiff(gray, other), (3, 3))
    # A plain wall beside a passing person is dragged along by the flow: it stays where that looks as good.
    stays = (trust < DOUBTFUL_TRUST) & (unmoved <= residual)
    trust = np.maximum(trust, stays * _soft(unmoved.astype(np.float32), UNCHANGED_LEVELS))
    return trust, stays.view(np.uint8), is_cut


def _likeness(a: Gray, b: Gray) -> float:
    """Correlation of two (h, w) pictures, -1 to 1, at any brightness and contrast; 1 for two plain ones."""
    ones = [picture.astype(np.float32).ravel() - np.float32(cv2.mean(picture)[0]) for picture in (a, b)]
    covariance = float(ones[0] @ ones[1]) / a.size
    variances = [float(one @ one) / a.size for one in ones]
    return (covariance + NOISE_VARIANCE) / ((variances[0] * variances[1]) ** 0.5 + NOISE_VARIANCE)


def _fetch(picture: NDArray[Any], source_xy: Field, interpolation: int = cv2.INTER_LINEAR) -> NDArray[Any]:
    return cv2.remap(picture, source_xy, None, interpolation, borderMode=cv2.BORDER_REPLICATE)


def _length(field: Field) -> Field:
    """(h, w, 2) vectors -> (h, w). The same bits wherever the memory lies, unlike IPP's in cv2.magnitude."""
    x, y = field[..., 0], field[..., 1]
    squares = x * x
    squares += y * y
    return np.sqrt(squares, out=squares)


def _soft(value: Field, scale: Field | np.float32) -> Field:
    """1 where value is far below scale, 1/2 at scale, towards 0 above."""
    soft = value / scale
    soft *= soft  # in place: fresh arrays cost more than sums
    soft *= soft
    soft += 1.0
    return np.reciprocal(soft, out=soft)


def _finders(shape: tuple[int, int]) -> tuple[cv2.DISOpticalFlow, cv2.DISOpticalFlow]:
    """This thread's two flow finders for a size: a fine one to carry along, a coarse one to check it with.

    OpenCV's finders lower their own finest scale for a small picture and keep it low for the next.

    The ultrafast preset stops at a quarter of the resolution. Going on to half of it, with half the
    iterations, took the error of carried depth from 0.53 to 0.44 of held depth's; with patches 5 pixels
    apart instead of 4 it takes two thirds of the time and 0.01 more.
    """
    if getattr(_per_thread, "shape", None) != shape:
        fine, coarse = (cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST) for _ in range(2))
        fine.setFinestScale(1)
        fine.setGradientDescentIterations(6)
        fine.setPatchStride(5)
        _per_thread.shape, _per_thread.finders = shape, (fine, coarse)
    return _per_thread.finders


@lru_cache(maxsize=4)
def _grid(height_px: int, width_px: int) -> Field:
    """(h, w, 2) float32: each pixel's own x and y. Shared: not to be written to."""
    x, y = np.arange(width_px, dtype=np.float32), np.arange(height_px, dtype=np.float32)
    grid = np.stack(np.meshgrid(x, y), axis=2)
    grid.setflags(write=False)
    return grid
