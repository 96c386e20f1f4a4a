"""What happens between frames: flow, propagation, alignment, range, scene cut."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, DisplayRange, FrameBGR

DEFAULT_STEADY = 0.5


@dataclass(frozen=True)
class Keyframe:
    """An inferred frame: gray_u8 (h, w) at network size, its steadied depth map and its displayed range."""

    gray_u8: NDArray[np.uint8]
    depth_map: DepthMap
    time_s: float
    display_range: DisplayRange
    is_cut: bool = False


class Steadier:
    def __init__(self, steady: float = DEFAULT_STEADY, *, fixed_range: DisplayRange | None = None) -> None:
        self._fixed_range = fixed_range
        self._last_range: DisplayRange | None = None

    def lock_range(self, is_locked: bool) -> None:
        self._fixed_range = self._last_range if is_locked else None

    def accept(self, frame_bgr: FrameBGR, prediction: DepthMap, time_s: float) -> Keyframe:
        height_px, width_px = prediction.shape
        gray_u8 = cv2.cvtColor(cv2.resize(frame_bgr, (width_px, height_px)), cv2.COLOR_BGR2GRAY)
        far, near = np.percentile(prediction, (2, 98))
        self._last_range = self._fixed_range or (float(far), float(near))
        return Keyframe(gray_u8, prediction, time_s, self._last_range)


def carry(keyframe: Keyframe, frame_bgr: FrameBGR) -> DepthMap:
    return keyframe.depth_map
