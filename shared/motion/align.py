"""Scale and shift between two maps of inverse depth, by robust least squares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap

SAMPLES = 2000
ROUNDS = 4
LEAST_TRUSTED = 0.05  # share of the pixels
LEAST_SPREAD = 1e-4  # of the prediction, relative to its size
MOST_MISSED = 0.04  # of the range, by half of the pixels; up to 0.02 while the scene is read alike
SCALE_BOUNDS = (0.1, 10.0)
TRIM = 6.0  # times what half of the pixels miss the line by: what lies further off is not of it

Samples = NDArray[np.float64]


class Affine(NamedTuple):
    """x -> scale * x + shift."""

    scale: float
    shift: float

    def __call__(self, x: Any) -> Any:
        """Applies to a number or to a float32 array, which stays float32."""
        if isinstance(x, np.ndarray):
            return x * np.float32(self.scale) + np.float32(self.shift)
        return self.scale * x + self.shift

    def after(self, first: Affine) -> Affine:
        """x -> self(first(x))."""
        return Affine(self.scale * first.scale, self.scale * first.shift + self.shift)

    def inverse(self) -> Affine:
        return Affine(1 / self.scale, -self.shift / self.scale)

    def leak(self, share: float) -> Affine:
        """Moved by `share` of the way towards the identity."""
        return Affine(self.scale ** (1 - share), self.shift * (1 - share))


IDENTITY = Affine(1.0, 0.0)


def fit_affine(prediction: DepthMap, target: DepthMap, trust: NDArray[np.float32]) -> Affine | None:
    """scale, shift with scale * prediction + shift ~ target, over trusted pixels; None if degenerate.

    All (h, w) float32. Least squares on about SAMPLES pixels, iteratively reweighted with Cauchy's weights
    (Holland and Welsch, 1977) from the line that makes the quartiles one; at last the reduced major axis of
    what lies near the line, whose scale is the ratio of the spreads: both maps are predictions and err alike,
    and least squares would take that for a smaller scale, in each frame anew.

    Where half of the pixels miss the line by MOST_MISSED, the two maps read the scene differently, and no
    scale and shift makes them one: then their ranges are made one.
    """
    step = max(1, round((prediction.size / SAMPLES) ** 0.5))
    p = prediction[::step, ::step].ravel().astype(np.float64)
    t = target[::step, ::step].ravel().astype(np.float64)
    base = trust[::step, ::step].ravel().astype(np.float64) ** 2
    if base.mean() < LEAST_TRUSTED:
        return None
    trusted = base > 0.1 * base.max()
    (p_low, p_high), (low, high) = (_quantiles(values, 0.25, 0.75) for values in (p, t))
    line = _bounded(high - low, p_high - p_low, p_low, low) or _weighted_fit(p, t, base)
    for _ in range(ROUNDS):
        residual = np.abs(line(p) - t)
        weights = base / (1 + (residual / (1.5 * np.median(residual[trusted]) + 1e-9)) ** 2)
        line = _weighted_fit(p, t, weights)
    residual = np.abs(line(p) - t)
    missed = np.median(residual[trusted])
    is_outlier = residual > TRIM * missed + 1e-6 * np.ptp(t)
    (p_far, p_near), (far, near) = (_quantiles(values[~is_outlier], 0.01, 0.99) for values in (p, t))
    if line.scale <= 0 or missed > MOST_MISSED * (near - far):
        return _bounded(near - far, p_near - p_far, p_far, far)
    return _major_axis(p, t, base * ~is_outlier)


def _quantiles(values: Samples, low: float, high: float) -> tuple[float, float]:
    """By the nearest rank: a sort of so few takes a quarter of numpy's percentile."""
    ordered, last = np.sort(values), len(values) - 1
    return float(ordered[round(low * last)]), float(ordered[round(high * last)])


def _weighted_fit(p: Samples, t: Samples, weights: Samples) -> Affine:
    """Least squares; a flat p has scale 0."""
    mean_p, mean_t, variance_p, _, covariance = _moments(p, t, weights)
    scale = covariance / max(variance_p, 1e-30)
    return Affine(scale, mean_t - scale * mean_p)


def _major_axis(p: Samples, t: Samples, weights: Samples) -> Affine | None:
    mean_p, mean_t, variance_p, variance_t, covariance = _moments(p, t, weights)
    if variance_p <= (LEAST_SPREAD * (abs(mean_p) + 1e-6)) ** 2 or covariance <= 0:
        return None
    return _bounded(variance_t**0.5, variance_p**0.5, mean_p, mean_t)


def _moments(p: Samples, t: Samples, weights: Samples) -> tuple[float, float, float, float, float]:
    total = weights.sum()
    mean_p, mean_t = (weights @ p) / total, (weights @ t) / total
    off_p, off_t = p - mean_p, t - mean_t
    second = [float(weights @ product) / total for product in (off_p * off_p, off_t * off_t, off_p * off_t)]
    return float(mean_p), float(mean_t), second[0], second[1], second[2]


def _bounded(spread_t: float, spread_p: float, p: float, t: float) -> Affine | None:
    """The line through (p, t) that takes the one spread to the other; None if its scale is no likely one."""
    scale = float(spread_t) / max(float(spread_p), 1e-12)
    return Affine(scale, float(t - scale * p)) if SCALE_BOUNDS[0] < scale < SCALE_BOUNDS[1] else None
