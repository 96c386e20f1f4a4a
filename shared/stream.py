"""Frames in order in, a depth map for every frame out, inferring every Nth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from shared import DepthMap, DisplayRange, FrameBGR
from shared.steady import DEFAULT_STEADY, Keyframe, Steadier, carry


class Predictor(Protocol):
    def predict(self, frame_bgr: FrameBGR) -> DepthMap: ...


class DepthStream:
    def __init__(
        self,
        predictor: Predictor,
        every: int = 1,
        steady: float = DEFAULT_STEADY,
        lookahead: bool = False,
        *,
        fixed_range: DisplayRange | None = None,
    ) -> None:
        self.every = every
        self.inferred = 0
        self._predictor = predictor
        self._steadier = Steadier(steady, fixed_range=fixed_range)
        self._keyframe: Keyframe | None = None
        self._since_keyframe = 0

    @property
    def display_range(self) -> DisplayRange:
        assert self._keyframe is not None
        return self._keyframe.display_range

    def push(self, frame_bgr: FrameBGR, time_s: float) -> DepthMap:
        if self._keyframe is not None and self._since_keyframe + 1 < self.every:
            self._since_keyframe += 1
            return carry(self._keyframe, frame_bgr)
        prediction = self._predictor.predict(frame_bgr)
        self.inferred += 1
        self._since_keyframe = 0
        self._keyframe = self._steadier.accept(frame_bgr, prediction, time_s)
        return self._keyframe.depth_map

    def process(self, frames: Iterable[tuple[FrameBGR, float]]) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
        for frame_bgr, time_s in frames:
            yield frame_bgr, time_s, self.push(frame_bgr, time_s)
