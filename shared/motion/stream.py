"""Frames in order in, a depth map for every frame out, inferring every Nth.

Between two inferred frames the depth is carried along the optical flow: from the one before (`push`, and
`process` without lookahead), or from both sides (`process` with lookahead, for files).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DEFAULT_STEADY, DepthMap, DisplayRange, FrameBGR
from shared.motion.flow import Motion, motion_between
from shared.motion.steady import Keyframe, Steadier, carry_along
from shared.motion.track import Timed, Tracked, Tracker

LEAST_WEIGHT = np.float32(1e-3)
TRUST_AREA_PX = (9, 9)

Foreseen = tuple[Tracked, Callable[[], DepthMap] | None]
"""A frame, and what waits for its inference; None for one that is carried along."""


class Predictor(Protocol):
    def map_size_px(self, frame_bgr: FrameBGR) -> tuple[int, int]:
        """(width, height) of the map that `predict` will answer with."""
        ...

    def predict(self, frame_bgr: FrameBGR) -> DepthMap: ...


class DepthStream:
    """Depth for every frame of one stream.

    predictor: what answers with finite maps of map_size_px. every: infer each Nth frame, sooner where
    `tracker` finds it needed. steady: 0 hands predictions through unchanged, 1 is steadiest.
    lookahead: `process` may hold back up to N frames to carry depth from both sides. fixed_range: shown
    throughout.

    To go on elsewhere: take `state()` while `at_keyframe`, `restore` it in a stream made alike, and feed the
    frames after that one; the results are the same as if nothing had happened.
    """

    def __init__(
        self,
        predictor: Predictor,
        every: int = 1,
        steady: float = DEFAULT_STEADY,
        lookahead: bool = False,
        *,
        fixed_range: DisplayRange | None = None,
    ) -> None:
        self.tracker = Tracker(predictor.map_size_px, every)
        self.inferred = 0
        self.at_keyframe = False
        self._predictor = predictor
        self._lookahead = lookahead
        self._steadier = Steadier(steady, fixed_range=fixed_range)
        self._fixed_range = fixed_range
        self._frame_shape: tuple[int, ...] = ()
        self._display_range: DisplayRange = (0.0, 1.0)

    @property
    def display_range(self) -> DisplayRange:
        """(far, near) of the depth map that was handed out last."""
        return self._display_range

    def lock_range(self, locked: bool) -> None:
        self._steadier.lock_range(locked)

    def push(self, frame_bgr: FrameBGR, time_s: float) -> DepthMap:
        """The depth of this frame, from what came before it; (h, w) float32."""
        frame = self.tracker.track(frame_bgr, time_s)
        if frame.is_keyframe:
            return self._hand_out(self._accept(frame, self._predictor.predict(frame_bgr)))
        return self._carry(frame)

    def process(self, frames: Iterable[Timed]) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
        """(frame, time) pairs -> (frame, time, depth map): the same frames, order and count."""
        predict = self._predictor.predict
        tracked = self.tracker.follow(frames)
        return self.finish((it, partial(predict, it.frame_bgr) if it.is_keyframe else None) for it in tracked)

    def finish(self, frames: Iterable[Foreseen]) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
        """The same for frames that `tracker` has seen already and whose inferences may have been begun."""
        held: list[Tracked] = []
        for frame, inference in frames:
            if inference is None and self._lookahead:
                held.append(frame)
            elif inference is None:
                yield frame.frame_bgr, frame.time_s, self._carry(frame)
            else:
                before = self._steadier.last
                after = self._accept(frame, inference())
                yield from self._release(held, before, after)
                held = []
                yield frame.frame_bgr, frame.time_s, self._hand_out(after)
        for frame in held:
            yield frame.frame_bgr, frame.time_s, self._carry(frame)

    def _accept(self, frame: Tracked, prediction: DepthMap) -> Keyframe:
        self.inferred += 1
        self._frame_shape = frame.frame_bgr.shape
        return self._steadier.accept(frame, prediction)

    def _hand_out(self, keyframe: Keyframe) -> DepthMap:
        self.at_keyframe = True
        self._display_range = keyframe.display_range
        return keyframe.depth_map.copy()  # the stream goes on with its own

    def _carry(self, frame: Tracked) -> DepthMap:
        keyframe, motion = self._steadier.last, frame.motion
        assert keyframe is not None
        assert motion is not None
        self.at_keyframe = False
        self._display_range = keyframe.display_range
        return carry_along(motion, keyframe)

    def _release(
        self, held: list[Tracked], before: Keyframe | None, after: Keyframe
    ) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
        for frame in held:
            assert before is not None
            assert frame.motion is not None
            self.at_keyframe = False
            depth_map, display_range = carry_along(frame.motion, before), before.display_range
            if not after.is_cut:
                depth_map, between = _between(frame, frame.motion, depth_map, before, after)
                display_range = self._fixed_range or between
            self._display_range = display_range
            yield frame.frame_bgr, frame.time_s, depth_map

    def state(self) -> dict[str, NDArray[Any]]:
        """For numpy.savez; see the class for when to take it."""
        return self._steadier.state() | {"frame_shape": np.array(self._frame_shape)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state` that may have been stored by numpy.savez."""
        keyframe = self._steadier.restore(state)
        self._frame_shape = tuple(state["frame_shape"].tolist())
        self.tracker.restart(keyframe.gray_u8, self._frame_shape)


def _between(
    frame: Tracked, motion: Motion, earlier: DepthMap, before: Keyframe, after: Keyframe
) -> tuple[DepthMap, DisplayRange]:
    """Depth carried from both sides, blended by time and trust, in the later keyframe's scale.

    motion, earlier: to the keyframe before, and its depth here. Trust frays from pixel to pixel; blended by
    its mean over a neighbourhood, what moves stays in one piece.
    """
    motion_after = motion_between(frame.gray_u8, after.gray_u8)
    later = carry_along(motion_after, after)
    passed = (frame.time_s - before.time_s) / max(after.time_s - before.time_s, 1e-6)
    passed = min(max(passed, 0.0), 1.0)
    weight_before = cv2.blur(motion.trust**2, TRUST_AREA_PX) + LEAST_WEIGHT
    weight_before *= np.float32(1 - passed)
    weight_after = (cv2.blur(motion_after.trust**2, TRUST_AREA_PX) + LEAST_WEIGHT) * np.float32(passed)
    share = weight_after / (weight_before + weight_after)
    earlier_map = after.regauge(earlier)
    depth_map = earlier_map + share * (later - earlier_map)
    ends = zip(before.display_range, after.display_range, strict=True)
    far, near = ((1 - passed) * after.regauge(a) + passed * b for a, b in ends)
    return depth_map, (far, near)
