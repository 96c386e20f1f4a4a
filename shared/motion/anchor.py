"""Holds on to the scale of one moment, for what was calibrated then.

The stream's scale leaks towards the predictions', and what the leak did can be undone (`Keyframe.origin`);
but a chain of alignments, from keyframe to keyframe, drifts. So each keyframe is brought straight to the one
that is held on to, as long as the two show much of the same; docs/measurements.md has what that comes to.
"""

from __future__ import annotations

from shared.motion.align import Affine, fit_affine
from shared.motion.flow import motion_between
from shared.motion.steady import Keyframe

LEAST_SHARED = 0.35  # mean trust of the flow


class Anchor:
    """Of one keyframe. Not thread-safe."""

    def __init__(self, keyframe: Keyframe) -> None:
        self.scale = keyframe.origin
        self._origin = keyframe.origin
        self._hold(keyframe)

    def _hold(self, keyframe: Keyframe) -> None:
        self._gray_u8, self._depth_map = keyframe.gray_u8, self.scale(keyframe.depth_map)

    def follow(self, keyframe: Keyframe) -> None:
        """`scale` then takes this keyframe's depth to the scale with which the stream began.

        Where the two keyframes have too little in common, the chain goes on, and this one is held from there.
        """
        seen = self._seen(keyframe)
        self.scale = seen or self.scale.after(self._origin.inverse()).after(keyframe.origin)
        self._origin = keyframe.origin
        if seen is None:
            self._hold(keyframe)

    def _seen(self, keyframe: Keyframe) -> Affine | None:
        if keyframe.gray_u8.shape != self._gray_u8.shape:
            return None
        motion = motion_between(keyframe.gray_u8, self._gray_u8)
        if motion.is_cut or motion.trust.mean() < LEAST_SHARED:
            return None
        return fit_affine(keyframe.depth_map, motion.fetch(self._depth_map), motion.trust)
