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

    All (h, w) float32. Iteratively reweighted least squares with Cauchy's weights (Holland and Welsch, 1977)
    on about SAMPLES pixels.
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
        width = 1.5 * np.median(residual[base > 0.1 * base.max()]) + 1e-9
        weights = base / (1 + (residual / width) ** 2)
    return affine


def _weighted_fit(
    p: NDArray[np.float64], t: NDArray[np.float64], weights: NDArray[np.float64]
) -> Affine | None:
    total = weights.sum()
    mean_p, mean_t = (weights @ p) / total, (weights @ t) / total
    variance = (weights @ (p - mean_p) ** 2) / total
    if variance <= (LEAST_SPREAD * (abs(mean_p) + 1e-6)) ** 2:
        return None
    scale = (weights @ ((p - mean_p) * (t - mean_t))) / total / variance
    if not SCALE_BOUNDS[0] < scale < SCALE_BOUNDS[1]:
        return None
    return Affine(float(scale), float(mean_t - scale * mean_p))
