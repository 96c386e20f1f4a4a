"""Fake networks that do more than answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared import DepthMap, FrameBGR
from tests.conftest import BrightnessPredictor


class CallingPredictor(BrightnessPredictor):
    """Does something at its nth frame, none for 0, and is a little slow, as a network is."""

    def __init__(self, at: int, action: Callable[[], object]) -> None:
        super().__init__(64)
        self.seen = 0
        self.at = at
        self.action = action

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        self.seen += 1
        time.sleep(0.005)
        if self.seen == self.at:
            self.action()
        return super().predict(frame_bgr)
