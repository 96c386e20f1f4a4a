"""Which inverse depths are shown as dark and bright: robust percentiles that follow slowly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, DisplayRange
from shared.motion.align import IDENTITY, Affine

PERCENTILES = (1.0, 99.0)
FOLLOW_S = 1.5
REMEMBERED = 3
LEAST_SPAN = 0.2  # of what there is to show; a range that is narrower than that tells nothing
SAMPLES = 3000


class RangeFollower:
    """Follows the percentiles of the depth maps, the same at any frame rate.

    What it follows is the median of the last three measurements, so that one outlier frame changes nothing.
    """

    def __init__(self, fixed: DisplayRange | None = None) -> None:
        self.locked = False
        self._fixed = fixed
        self.shown: DisplayRange = (0.0, 1.0)
        self._measured: list[DisplayRange] = []

    def restart(self, depth_map: DepthMap, regauge: Affine = IDENTITY) -> DisplayRange:
        """Forgets the past, as after a cut; a locked range stays, taken to the new scale by regauge."""
        first = not self._measured
        self._measured = [measure(depth_map)]
        if first or not self.locked:
            self.shown = self._measured[0]
        else:
            self.shown = (regauge(self.shown[0]), regauge(self.shown[1]))
        return self._fixed or self.shown

    def follow(self, depth_map: DepthMap, step_s: float, regauge: Affine = IDENTITY) -> DisplayRange:
        """regauge: the change of the depth maps' scale since the last call."""
        past = [(regauge(far), regauge(near)) for far, near in self._measured]
        self._measured = [*past, measure(depth_map)][-REMEMBERED:]
        far, near = regauge(self.shown[0]), regauge(self.shown[1])
        if not self.locked:
            aim_far, aim_near = self._aim()
            tells_nothing = near - far < LEAST_SPAN * (aim_near - aim_far)  # as after a black beginning
            follow = 1.0 if tells_nothing else 1.0 - math.exp(-step_s / FOLLOW_S)
            far, near = far + follow * (aim_far - far), near + follow * (aim_near - near)
        self.shown = (far, near)
        return self._fixed or self.shown

    def _aim(self) -> DisplayRange:
        """The median of the last three; of two, the earlier, since one of them may be the outlier."""
        if len(self._measured) < REMEMBERED:
            return self._measured[0]
        fars, nears = zip(*self._measured, strict=True)
        return sorted(fars)[1], sorted(nears)[1]

    def state(self) -> NDArray[Any]:
        """(1 + n, 2): locked twice, the shown range, the remembered measurements."""
        return np.array([(self.locked, self.locked), self.shown, *self._measured], np.float64)

    def restore(self, state: NDArray[Any]) -> None:
        locked, shown, *measured = state.tolist()
        self.locked, self.shown = bool(locked[0]), (shown[0], shown[1])
        self._measured = [(far, near) for far, near in measured]


def measure(depth_map: DepthMap) -> DisplayRange:
    """(far, near): percentiles of a subsample."""
    step = max(1, int((depth_map.size / SAMPLES) ** 0.5))
    far, near = np.percentile(depth_map[::step, ::step], PERCENTILES)
    return float(far), float(near)
