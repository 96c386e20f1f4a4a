"""How far a candidate's depth may be from float32's. Importing this module is cheap."""

from __future__ import annotations

import numpy as np

from shared import DepthMap

MOST_DIFFERENCE = 0.005
"""On average over a picture, as a share of the range between its 2nd and its 98th percentile."""
LEAST_CORRELATION = 0.999
SHOWN_PERCENT = (2.0, 98.0)


def compare(answer: DepthMap, reference: DepthMap) -> tuple[float, float]:
    """(mean difference as a share of the reference's range, correlation), aligned by scale and shift.

    Depth is relative: what differs by a scale and a shift is the same. Raises ValueError for another shape.
    """
    if answer.shape != reference.shape:
        raise ValueError(f"the answer is {answer.shape}, float32's is {reference.shape}")
    got, wanted = answer.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    got_mean, wanted_mean = got.mean(), wanted.mean()
    got, wanted = got - got_mean, wanted - wanted_mean
    variance, wanted_variance = got @ got, wanted @ wanted
    if variance == 0 or wanted_variance == 0:
        return (0.0, 1.0) if variance == wanted_variance else (float("inf"), 0.0)
    far, near = np.percentile(wanted, SHOWN_PERCENT)
    aligned = got * (got @ wanted / variance)
    correlation = got @ wanted / np.sqrt(variance * wanted_variance)
    return float(np.abs(aligned - wanted).mean() / max(near - far, 1e-12)), float(correlation)


def fault_of(difference: float, correlation: float) -> str:
    """'' where both are as they must be."""
    is_right = difference <= MOST_DIFFERENCE and correlation >= LEAST_CORRELATION
    return "" if is_right else "too far from float32"
