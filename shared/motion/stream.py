"""Frames in order in, a depth map for every frame out, inferring every Nth.

Between two inferred frames the depth is carried along the optical flow: from the one before (`push`, and
`process` without lookahead), or from both sides (`process` with lookahead, for files).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DEFAULT_STEADY, DepthMap, DisplayRange, FrameBGR
from shared.motion.steady import Carried, Keyframe, Steadier, carry_to, carry_to_gray

Timed = tuple[FrameBGR, float]

# Less would tear what comes in; docs/measurements.md has what it costs in inferences.
MOST_UNEXPLAINED = 0.12
LEAST_WEIGHT = np.float32(1e-3)
TRUST_AREA_PX = (9, 9)


class Predictor(Protocol):
    def predict(self, frame_bgr: FrameBGR) -> DepthMap: ...


@dataclass
class _Held:
    """A frame that waits for the next keyframe, with what the one before says of it."""

    frame_bgr: FrameBGR
    time_s: float
    carried: Carried


class DepthStream:
    """Depth for every frame of one stream.

    predictor: anything with predict(frame_bgr) -> (h, w), finite. every: infer each Nth frame; at once at a
    cut, a change of size, or where the last inferred frame does not explain MOST_UNEXPLAINED of the picture:
    somebody came in, or a thing is too fast for the flow and would be torn. steady: 0 hands predictions
    through unchanged, 1 is steadiest. lookahead: `process` may hold back up to N frames to carry depth from
    both sides. fixed_range: shown throughout.

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
        self.every = every
        self.inferred = 0
        self.at_keyframe = False
        self._predictor = predictor
        self._lookahead = lookahead
        self._steadier = Steadier(steady, fixed_range=fixed_range)
        self._fixed_range = fixed_range
        self._keyframe: Keyframe | None = None
        self._since_keyframe = 0
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
        carried, is_enough = self._carry(frame_bgr)
        if carried is None or not is_enough:
            return self._hand_out(self._infer(frame_bgr, time_s, carried))
        assert self._keyframe is not None
        self.at_keyframe = False
        self._display_range = self._keyframe.display_range
        return carried.depth_map

    def process(self, frames: Iterable[Timed]) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
        """(frame, time) pairs -> (frame, time, depth map): the same frames, order and count."""
        held: list[_Held] = []
        for frame_bgr, time_s in frames:
            if not self._lookahead:
                yield frame_bgr, time_s, self.push(frame_bgr, time_s)
                continue
            carried, is_enough = self._carry(frame_bgr)
            if carried is not None and is_enough:
                held.append(_Held(frame_bgr, time_s, carried))
                continue
            before = self._keyframe
            after = self._infer(frame_bgr, time_s, carried)
            yield from self._release(held, before, after)
            held = []
            yield frame_bgr, time_s, self._hand_out(after)
        yield from self._release(held, self._keyframe, None)

    def _carry(self, frame_bgr: FrameBGR) -> tuple[Carried | None, bool]:
        """What the last keyframe says of this frame, if it is asked, and whether that will do."""
        same_shape = frame_bgr.shape == self._frame_shape
        self._frame_shape = frame_bgr.shape
        self._since_keyframe += 1
        if self._keyframe is None or not same_shape or self._since_keyframe >= self.every:
            return None, False
        carried = carry_to(self._keyframe, frame_bgr)
        return carried, carried.unexplained <= MOST_UNEXPLAINED

    def _infer(self, frame_bgr: FrameBGR, time_s: float, carried: Carried | None) -> Keyframe:
        prediction = self._predictor.predict(frame_bgr)
        self.inferred += 1
        self._since_keyframe = 0
        self._keyframe = self._steadier.accept(frame_bgr, prediction, time_s, carried)
        return self._keyframe

    def _hand_out(self, keyframe: Keyframe) -> DepthMap:
        self.at_keyframe = True
        self._display_range = keyframe.display_range
        return keyframe.depth_map.copy()  # the stream goes on with its own

    def _release(
        self, held: list[_Held], before: Keyframe | None, after: Keyframe | None
    ) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
        for waiting in held:
            assert before is not None
            self.at_keyframe = False
            if after is None or after.is_cut:
                self._display_range = before.display_range
                yield waiting.frame_bgr, waiting.time_s, waiting.carried.depth_map
            else:
                depth_map, between = _between(waiting, before, after)
                self._display_range = self._fixed_range or between
                yield waiting.frame_bgr, waiting.time_s, depth_map

    def state(self) -> dict[str, NDArray[Any]]:
        """For numpy.savez; see the class for when to take it."""
        return self._steadier.state() | {"frame_shape": np.array(self._frame_shape)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state` that may have been stored by numpy.savez."""
        self._keyframe = self._steadier.restore(state)
        self._frame_shape = tuple(state["frame_shape"].tolist())
        self._since_keyframe = 0


def _between(held: _Held, before: Keyframe, after: Keyframe) -> tuple[DepthMap, DisplayRange]:
    """Depth carried from both sides, blended by time and trust, in the later keyframe's scale.

    Trust frays from pixel to pixel; blended by its mean over a neighbourhood, what moves stays in one piece.
    """
    later = carry_to_gray(after, held.carried.gray_u8)
    passed = (held.time_s - before.time_s) / max(after.time_s - before.time_s, 1e-6)
    passed = min(max(passed, 0.0), 1.0)
    weight_before = cv2.blur(held.carried.motion.trust**2, TRUST_AREA_PX) + LEAST_WEIGHT
    weight_before *= np.float32(1 - passed)
    weight_after = (cv2.blur(later.motion.trust**2, TRUST_AREA_PX) + LEAST_WEIGHT) * np.float32(passed)
    share = weight_after / (weight_before + weight_after)
    earlier_map = after.regauge(held.carried.depth_map)
    depth_map = earlier_map + share * (later.depth_map - earlier_map)
    ends = zip(before.display_range, after.display_range, strict=True)
    far, near = ((1 - passed) * after.regauge(a) + passed * b for a, b in ends)
    return depth_map, (far, near)
