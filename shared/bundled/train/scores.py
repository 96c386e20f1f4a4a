"""How relative inverse depth is scored: the usual protocol for affine-invariant depth. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap

FURTHEST_MEASURED_M = 10.0
"""Of a photo's depth: what the protocol of affine-invariant depth indoors clips the prediction to."""
FURTHEST_RENDERED_M = 80.0
EDGE_REACH_PX = 8
LEVEL = 1.1  # the largest ratio of inverse depths on one side of a clean step


@dataclass(frozen=True)
class Scores:
    """rho: Spearman's rank correlation; d1: share of pixels within a factor 1.25; abs_rel: mean |z-g| / g."""

    rho: float
    d1: float
    abs_rel: float

    @classmethod
    def mean(cls, many: list[Scores]) -> Scores:
        return cls(*(float(np.mean([getattr(s, name) for s in many])) for name in ("rho", "d1", "abs_rel")))


def score(
    prediction: DepthMap,
    inverse_depth: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    furthest_m: float = FURTHEST_MEASURED_M,
) -> Scores:
    """(h, w) predicted inverse depth against measured inverse depth (H, W) in 1/m where `valid` (H, W).

    The prediction is enlarged, scale and shift are fitted by least squares, and the aligned inverse depth is
    clipped to that of `furthest_m` before it is inverted.
    """
    height_px, width_px = inverse_depth.shape
    enlarged = cv2.resize(prediction, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    p, g = enlarged[valid].astype(np.float64), inverse_depth[valid].astype(np.float64)
    design = np.stack([p, np.ones_like(p)], axis=1)
    (scale, shift), *_ = np.linalg.lstsq(design, g, rcond=None)
    z = 1.0 / np.maximum(scale * p + shift, 1 / furthest_m)
    ratio = np.maximum(z * g, 1.0 / (z * g))
    return Scores(spearman(p, g), float((ratio < 1.25).mean()), float((np.abs(z - 1 / g) * g).mean()))


def score_rendered(prediction: DepthMap, inverse_depth: NDArray[np.float32]) -> Scores:
    """Against exact inverse depth; the sky has no distance and, like all beyond 80 m, is left out.

    Clipped there too: at 10 m, as photos of rooms are, exact depth itself has a d1 of 0.58 on streets.
    """
    known = inverse_depth > 1 / FURTHEST_RENDERED_M
    return score(prediction, inverse_depth, known, furthest_m=FURTHEST_RENDERED_M)


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Rank correlation with mean ranks for ties; 0 where either is constant."""
    ra, rb = _mean_ranks(a), _mean_ranks(b)
    if ra.std() == 0 or rb.std() == 0:
        return 0.0
    return float(np.corrcoef(ra, rb)[0, 1])


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def edge_widths(prediction: DepthMap, inverse_depth: NDArray[np.float32]) -> list[float]:
    """Pixels from 10 to 90 % of the predicted step, at each of the scene's clean steps along its rows.

    A clean step: exact inverse depth (h, w) is almost level for EDGE_REACH_PX on both sides and differs by
    more than a third across. Steps that the prediction does not make at all (less than a fifth of what it
    makes of the whole range) are left out: they are missed, not soft.
    """
    reach, widths = EDGE_REACH_PX, []
    spread = float(np.quantile(prediction, 0.98) - np.quantile(prediction, 0.02))
    ratio = inverse_depth[:, 1:] / np.maximum(inverse_depth[:, :-1], 1e-6)
    for row, column in zip(*np.nonzero((ratio > 4 / 3) | (ratio < 3 / 4)), strict=True):
        if not reach <= column < inverse_depth.shape[1] - reach - 1:
            continue
        place = row, slice(column - reach + 1, column + 1 + reach)
        sides = np.split(inverse_depth[place], 2)
        if any(side.min() <= 0 or side.max() / side.min() > LEVEL for side in sides):
            continue
        profile = prediction[place].astype(np.float64)
        step = profile[-1] - profile[0]
        if abs(step) > 0.2 * spread and (step > 0) == (ratio[row, column] > 1):
            widths.append(_rise_px((profile - profile[0]) / step))
    return widths


def _rise_px(profile: NDArray[np.float64]) -> float:
    """From the last crossing of 0.1 to the first of 0.9 after it, between pixels."""
    start = int(np.flatnonzero(profile < 0.1)[-1])
    end = start + 1 + int(np.flatnonzero(profile[start + 1 :] >= 0.9)[0])
    first = start + (0.1 - profile[start]) / (profile[start + 1] - profile[start])
    last = end - 1 + (0.9 - profile[end - 1]) / (profile[end] - profile[end - 1])
    return float(max(last - first, 0.0))


def ramp(height_px: int, width_px: int) -> DepthMap:
    """'Lower in the picture is nearer': the baseline that a useful network beats."""
    return np.repeat(np.linspace(0, 1, height_px, dtype=np.float32)[:, None], width_px, axis=1)
