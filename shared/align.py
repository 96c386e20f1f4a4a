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
LEAST_CORRELATION = 0.5
MOST_MISSED = 0.04  # of the range, by half of the pixels; up to 0.02 while the scene is read alike
SCALE_BOUNDS = (0.1, 10.0)


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

    None too where half of the pixels miss the line by MOST_MISSED: the two maps read the scene differently,
    and no scale and shift makes them one.

    All (h, w) float32. Iteratively reweighted with Cauchy's weights (Holland and Welsch, 1977) on about
    SAMPLES pixels. The line is the reduced major axis, whose scale is the ratio of the spreads: both maps are
    predictions and err alike, and least squares would take that for a smaller scale, in each frame anew.
    """
    step = max(1, round((prediction.size / SAMPLES) ** 0.5))
    p = prediction[::step, ::step].ravel().astype(np.float64)
    t = target[::step, ::step].ravel().astype(np.float64)
    base = trust[::step, ::step].ravel().astype(np.float64) ** 2
    if base.mean() < LEAST_TRUSTED:
        return None
    weights = base
    affine = None
    for _ in range(ROUNDS):
        affine = _weighted_fit(p, t, weights)
        if affine is None:
            return None
        residual = np.abs(affine(p) - t)
        missed = np.median(residual[base > 0.1 * base.max()])
        weights = base / (1 + (residual / (1.5 * missed + 1e-9)) ** 2)
    far, near = np.percentile(t, (1, 99))
    return affine if missed <= MOST_MISSED * (near - far) else None


def _weighted_fit(
    p: NDArray[np.float64], t: NDArray[np.float64], weights: NDArray[np.float64]
) -> Affine | None:
    total = weights.sum()
    mean_p, mean_t = (weights @ p) / total, (weights @ t) / total
    spread_p = ((weights @ (p - mean_p) ** 2) / total) ** 0.5
    spread_t = ((weights @ (t - mean_t) ** 2) / total) ** 0.5
    if spread_p <= LEAST_SPREAD * (abs(mean_p) + 1e-6):
        return None
    covariance = (weights @ ((p - mean_p) * (t - mean_t))) / total
    scale = spread_t / spread_p
    if covariance < LEAST_CORRELATION * spread_p * spread_t or not SCALE_BOUNDS[0] < scale < SCALE_BOUNDS[1]:
        return None
    return Affine(float(scale), float(mean_t - scale * mean_p))
