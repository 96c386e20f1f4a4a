"""The one predictor that all visitors share, one at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from shared import DepthMap, FrameBGR

if TYPE_CHECKING:
    from shared.predictor import DepthPredictor


class SharedPredictor:
    """A predictor under a lock: one engine, many threads."""

    def __init__(self, predictor: DepthPredictor) -> None:
        self._predictor = predictor
        self._lock = threading.Lock()
        self.weights = predictor.weights
        self.size = predictor.size

    def map_size_px(self, frame_bgr: FrameBGR) -> tuple[int, int]:
        return self._predictor.map_size_px(frame_bgr)

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        with self._lock:
            return self._predictor.predict(frame_bgr)

    @property
    def label(self) -> str:
        return self.weights.label if self.weights else "unknown"

    @property
    def is_bundled(self) -> bool:
        return self.weights is not None and self.weights.is_bundled
