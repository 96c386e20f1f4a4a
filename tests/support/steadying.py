"""What tests of steadying share: pictures straight to a Steadier, and predictors of the frames' own size."""

from __future__ import annotations

from shared import DepthMap, FrameBGR
from shared.motion.flow import motion_between, small_gray
from shared.motion.steady import Keyframe, Steadier
from shared.motion.track import Tracked


def accept(steadier: Steadier, frame_bgr: FrameBGR, prediction: DepthMap, time_s: float) -> Keyframe:
    height_px, width_px = prediction.shape
    gray_u8, last = small_gray(frame_bgr, width_px, height_px), steadier.last
    is_alike = last is not None and last.gray_u8.shape == gray_u8.shape
    motion = motion_between(gray_u8, last.gray_u8) if last is not None and is_alike else None
    return steadier.accept(Tracked(frame_bgr, time_s, gray_u8, motion, is_keyframe=True), prediction)


class SameSize:
    """Of predictors whose maps are as large as the frames."""

    def map_size_px(self, frame_bgr: FrameBGR) -> tuple[int, int]:
        return frame_bgr.shape[1], frame_bgr.shape[0]
