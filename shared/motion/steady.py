"""What happens between frames: depth is carried along the flow, aligned, averaged over time, and ranged.

A prediction is inverse depth up to a scale and a shift of its own. Every keyframe is therefore brought to the
scale of the stream, which leaks slowly towards the raw predictions' scale; the displayed range goes along
with the leak, so that it cannot be seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DEFAULT_STEADY, DepthMap, DisplayRange, FrameBGR
from shared.motion.align import IDENTITY, Affine, fit_affine
from shared.motion.display_range import RangeFollower
from shared.motion.flow import Gray, Motion, motion_between, small_gray
from shared.motion.track import Tracked

LEAK_S = 2.0  # at steady = 1
STILL_S = 3.0  # time constant of the temporal filter at steady = 1, where nothing moves
MOVING_S = 0.15  # the same, at most, where something does
MOVING_PX = 2.0
LARGEST_STEP = 0.25  # of the displayed range, for what is followed with trust
GATE_SCALE = 4  # the filter's strength is worked out on a picture this much smaller
REACH_UNTRUSTED = np.ones((5, 5), np.uint8)  # what the filter stays clear of, in pixels of that picture
REACH_MOVING = np.ones((9, 9), np.uint8)
USUAL_LEAPS = 2.0  # beyond as many times the median change, a step is an outlier
USUAL_CHANGES = 6.0  # beyond as many times the frame's median change, a change is real, not noise
LEAST_REAL_CHANGE = 0.02  # of the displayed range
REREAD_CHANGE = 0.05  # of the displayed range; where half the frame changes by more, the scene is read anew
SMOOTH_STEP = 0.01  # of the displayed range: what differs less from its neighbours is no edge
LONGEST_STEP_S = 1.0
SHORTEST_STEP_S = 1e-3


@dataclass(frozen=True)
class Keyframe:
    """An inferred frame.

    gray_u8: (h, w) at network size. depth_map: (h, w), steadied. display_range: its (far, near).
    is_cut: nothing before it belongs to it. regauge: takes depth of the keyframe before it to its scale.
    origin: takes its depth to the scale with which the stream began, which does not leak.
    """

    gray_u8: Gray
    depth_map: DepthMap
    time_s: float
    display_range: DisplayRange
    is_cut: bool = True
    regauge: Affine = IDENTITY
    origin: Affine = IDENTITY


class Steadier:
    """Makes a keyframe of every prediction. Not thread-safe; `carry` is.

    steady: 0 leaves the predictions as they are, 1 is steadiest: the time constants of the leak and of the
    filter grow with it. fixed_range: shown instead of the followed. last: the newest keyframe, if any.
    """

    def __init__(self, steady: float = DEFAULT_STEADY, *, fixed_range: DisplayRange | None = None) -> None:
        if not 0 <= steady <= 1:
            raise ValueError(f"steady goes from 0 to 1, not {steady}")
        self.steady = steady
        self._range = RangeFollower(fixed_range)
        self.last: Keyframe | None = None
        self._affine = IDENTITY
        self._origin = IDENTITY

    def accept(self, frame: Tracked, prediction: DepthMap) -> Keyframe:
        """A frame that the keyframe before it is known of, with its (h, w) prediction -> its keyframe.

        Raises ValueError for a prediction of another size than the frame was tracked at, and for one that is
        not finite, which would stay in all that follow.
        """
        prediction = np.asarray(prediction, np.float32)
        if prediction.shape != frame.gray_u8.shape:
            raise ValueError(f"the prediction is {prediction.shape}, announced was {frame.gray_u8.shape}")
        if not np.isfinite(prediction).all():
            raise ValueError("the prediction holds values that are not finite")
        if self.last is None or frame.motion is None or frame.motion.is_cut:
            self.last = self._start(frame, prediction)
        else:
            self.last = self._go_on(self.last, frame.motion, frame, prediction)
        return self.last

    def _start(self, frame: Tracked, prediction: DepthMap) -> Keyframe:
        display_range = self._range.restart(prediction, self._affine.inverse())
        self._origin = self._origin.after(self._affine)
        self._affine = IDENTITY
        return Keyframe(frame.gray_u8, prediction, frame.time_s, display_range, origin=self._origin)

    def _go_on(self, last: Keyframe, motion: Motion, frame: Tracked, prediction: DepthMap) -> Keyframe:
        step_s = min(max(frame.time_s - last.time_s, SHORTEST_STEP_S), LONGEST_STEP_S)
        depth_map, regauge = prediction, IDENTITY
        if self.steady > 0:
            carried = motion.fetch(last.depth_map)
            fitted = fit_affine(prediction, carried, motion.trust) or self._affine
            regauge = fitted.leak(1.0 - math.exp(-step_s / (LEAK_S * self.steady))).after(fitted.inverse())
            self._affine = regauge.after(fitted)
            self._origin = self._origin.after(regauge.inverse())
            depth_map = self._smooth(self._affine(prediction), regauge(carried), motion, step_s)
        display_range = self._range.follow(depth_map, step_s, regauge)
        return Keyframe(
            frame.gray_u8,
            depth_map,
            frame.time_s,
            display_range,
            is_cut=False,
            regauge=regauge,
            origin=self._origin,
        )

    def _smooth(self, depth_map: DepthMap, carried: DepthMap, motion: Motion, step_s: float) -> DepthMap:
        """Averages over time along trusted flow, by a recursive filter with a time constant for each pixel.

        Where the picture did not change, depth cannot leap: a step is cut off, so that an outlier is not
        averaged in. Where half of the frame leaps, it is no outlier.
        """
        far, near = self._range.shown
        span = near - far
        innovation = depth_map - carried
        change = cv2.blur(np.abs(_smaller(innovation)), (3, 3))
        usual_change = float(np.median(change))
        step = np.float32(max(LARGEST_STEP * span, USUAL_LEAPS * usual_change))
        trust = motion.trust * motion.trust
        innovation += trust * (np.clip(innovation, -step, step) - innovation)
        constant_s = self._time_constant_s(change, usual_change, motion, span)
        gain = np.float32(step_s) / (constant_s + np.float32(step_s))
        height_px, width_px = depth_map.shape
        innovation *= cv2.resize(gain, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
        return carried + innovation

    def _time_constant_s(
        self, change: NDArray[np.float32], usual_change: float, motion: Motion, span: float
    ) -> NDArray[np.float32]:
        """Seconds (h / GATE_SCALE, w / GATE_SCALE) float32; 0 takes the new prediction as it is.

        Long where nothing moves; short around what moves, where plain surfaces seem to stand still and the
        edge of trust frays anew in every frame, which would be seen as rags; short too where depth changes
        by far more than is usual in this frame: something really came, went or turned; and everywhere where
        half of the frame changes: the network reads the scene anew, and holding on to the old reading would
        be steady and wrong. change: |new - carried| at that size, and its median; span: near - far.
        """
        trust = cv2.erode(_smaller(motion.trust), REACH_UNTRUSTED)
        speed = cv2.dilate(_smaller(motion.speed_px), REACH_MOVING) / np.float32(MOVING_PX)
        unusual = change / np.float32(max(USUAL_CHANGES * usual_change, LEAST_REAL_CHANGE * span, 1e-9))
        stillness = 1 / (1 + speed * speed)
        still_s = STILL_S * self.steady / (1 + (usual_change / max(REREAD_CHANGE * span, 1e-9)) ** 2)
        moving_s = min(MOVING_S, still_s)
        constant_s = moving_s + (still_s - moving_s) * stillness
        return constant_s * trust * trust / (1 + unusual**4)

    def lock_range(self, locked: bool) -> None:
        """Holds the displayed range, or lets it follow again."""
        self._range.locked = locked

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next `accept` needs, for numpy.savez; taken after at least one."""
        last = self.last
        assert last is not None
        return {
            "gray_u8": last.gray_u8,
            "depth_map": last.depth_map,
            "time_s": np.array(last.time_s),
            "display_range": np.array(last.display_range),
            "is_cut": np.array(last.is_cut),
            "affine": np.array([*self._affine, *last.regauge]),
            "range": self._range.state(),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Keyframe:
        """Goes on from a `state`; returns its keyframe."""
        scale, shift, regauge_scale, regauge_shift = state["affine"].tolist()
        far, near = state["display_range"].tolist()
        self._affine = Affine(scale, shift)
        self._range.restore(state["range"])
        self.last = Keyframe(
            state["gray_u8"],
            state["depth_map"],
            float(state["time_s"]),
            (far, near),
            is_cut=bool(state["is_cut"]),
            regauge=Affine(regauge_scale, regauge_shift),
        )
        return self.last


def _smaller(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    height_px, width_px = picture.shape
    size_px = (max(width_px // GATE_SCALE, 1), max(height_px // GATE_SCALE, 1))
    return cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA)


def carry(keyframe: Keyframe, frame_bgr: FrameBGR) -> DepthMap:
    """The keyframe's depth where `frame_bgr` has it now; (h, w) float32. Thread-safe. Not to be written."""
    height_px, width_px = keyframe.gray_u8.shape
    gray_u8 = small_gray(frame_bgr, width_px, height_px)
    return carry_along(motion_between(gray_u8, keyframe.gray_u8), keyframe)


def carry_along(motion: Motion, keyframe: Keyframe) -> DepthMap:
    """The keyframe's depth moved to the frame from which `motion` leads to it; across a cut it is held."""
    if motion.is_cut:
        return keyframe.depth_map
    # The nearest value at depth edges, so that they stay sharp; between them the average, which has no steps.
    moved = motion.fetch(keyframe.depth_map, interpolation=cv2.INTER_NEAREST)
    averaged = motion.fetch(keyframe.depth_map)
    far, near = keyframe.display_range
    is_smooth = cv2.absdiff(averaged, moved) < np.float32(SMOOTH_STEP * (near - far))
    cv2.copyTo(averaged, is_smooth.view(np.uint8), moved)
    return moved
