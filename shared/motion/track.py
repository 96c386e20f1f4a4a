"""Which frames are inferred: the pictures say it, before any depth is known.

So inferences can be begun before their turn comes; and the flow that decides is the flow along which depth is
carried and steadied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shared import FrameBGR
from shared.motion.flow import Gray, Motion, motion_between, small_gray

Timed = tuple[FrameBGR, float]

# What they cost in inferences and save in errors: docs/measurements.md.
MOST_UNEXPLAINED = 0.12  # a person who comes in, a camera that turns
MOST_UNEXPLAINED_INSIDE = 0.007  # a thing too fast for the flow, which would stay behind
FURTHEST_CARRIED_PX = 4.0  # of the map; beyond, what moves is torn from what stands still


@dataclass(frozen=True)
class Tracked:
    """A frame and what the pictures say of it.

    gray_u8: (h, w), at the size of its depth map. motion: from it back to the keyframe before it; None where
    there is none of this size. is_keyframe: it is to be inferred; the others are carried along from it.
    """

    frame_bgr: FrameBGR
    time_s: float
    gray_u8: Gray
    motion: Motion | None
    is_keyframe: bool


class Tracker:
    """Follows one stream of frames.

    every: each Nth frame is a keyframe; may be changed between two frames. At once is one at a cut, at a
    change of size, where the last keyframe does not explain enough of the picture, and where something moved
    by more than FURTHEST_CARRIED_PX.
    map_size_px: (width, height) of a frame's depth map. Not thread-safe.
    """

    def __init__(self, map_size_px: Callable[[FrameBGR], tuple[int, int]], every: int = 1) -> None:
        self.every = every
        self._map_size_px = map_size_px
        self._key_gray_u8: Gray | None = None
        self._frame_shape: tuple[int, ...] = ()
        self._since_keyframe = 0

    def track(self, frame_bgr: FrameBGR, time_s: float, *, passed: int = 1) -> Tracked:
        """The next frame; `passed` frames of its source have passed since the one before."""
        gray_u8 = small_gray(frame_bgr, *self._map_size_px(frame_bgr))
        self._since_keyframe += passed
        motion = None
        if self._key_gray_u8 is not None and self._key_gray_u8.shape == gray_u8.shape:
            motion = motion_between(gray_u8, self._key_gray_u8)
        is_keyframe = (
            motion is None
            or frame_bgr.shape != self._frame_shape
            or self._since_keyframe >= self.every
            or motion.unexplained > MOST_UNEXPLAINED
            or motion.unexplained_inside > MOST_UNEXPLAINED_INSIDE
            or motion.spread_px > FURTHEST_CARRIED_PX
        )
        if is_keyframe:
            self.restart(gray_u8, frame_bgr.shape)
        return Tracked(frame_bgr, time_s, gray_u8, motion, is_keyframe)

    def follow(self, frames: Iterable[Timed]) -> Iterator[Tracked]:
        for frame_bgr, time_s in frames:
            yield self.track(frame_bgr, time_s)

    def restart(self, key_gray_u8: Gray, frame_shape: tuple[int, ...]) -> None:
        """Goes on after this keyframe, of a frame of this shape."""
        self._key_gray_u8, self._frame_shape = key_gray_u8, frame_shape
        self._since_keyframe = 0


def first_cut(
    frames: Iterable[Timed], map_size_px: Callable[[FrameBGR], tuple[int, int]], *, every: int
) -> tuple[int | None, int]:
    """Where every stream that infers each `every`th frame starts anew, whatever it saw before these frames.

    Which keyframe such a stream compares a frame with is not known here, but it is one of the `every` before
    it: the frame must be a cut against all of them. Returns its index, or None, and the frames looked at.
    """
    past_u8: deque[Gray] = deque(maxlen=every)
    seen = 0
    for frame_bgr, _ in frames:
        gray_u8 = small_gray(frame_bgr, *map_size_px(frame_bgr))
        seen += 1
        if len(past_u8) == every and all(motion_between(gray_u8, it).is_cut for it in reversed(past_u8)):
            return seen - 1, seen
        past_u8.append(gray_u8)
    return None, seen
