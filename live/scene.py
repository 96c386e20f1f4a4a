"""The newest frame and the newest keyframe, brought together."""

from __future__ import annotations

import cv2

from live.controls import Controls
from live.frame import Frame
from live.picture import Picture
from shared import DepthMap
from shared.motion import Keyframe, carry

NO_RANGE = (0.0, 1.0)


class Scene:
    """What is on the screen. Depth is carried to the frame once, however often the frame is drawn."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.keyframe: Keyframe | None = None
        self._carried: DepthMap | None = None

    def set_frame(self, frame: Frame) -> None:
        self.frame = frame
        self._carried = None

    def set_keyframe(self, keyframe: Keyframe) -> None:
        self.keyframe = keyframe
        self._carried = None

    def picture(self, controls: Controls) -> Picture:
        """The scene as the controls want it shown. Needs a frame."""
        assert self.frame is not None
        frame_bgr = self.frame.frame_bgr
        if self.keyframe is not None and self._carried is None:
            self._carried = carry(self.keyframe, frame_bgr)
        depth_map = self._carried
        if controls.is_mirrored:
            frame_bgr = cv2.flip(frame_bgr, 1)
            depth_map = None if depth_map is None else cv2.flip(depth_map, 1)
        return Picture(
            frame_bgr,
            depth_map,
            NO_RANGE if self.keyframe is None else self.keyframe.display_range,
            controls.look,
        )
