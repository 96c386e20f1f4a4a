"""The newest frame and the newest keyframe, brought together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2

from live.controls import Controls
from live.following import Followed
from live.frame import Frame
from live.picture import Picture
from shared import DepthMap, Point
from shared.motion import IDENTITY, Affine, Anchor, Keyframe, carry

NO_RANGE = (0.0, 1.0)


@dataclass(frozen=True)
class Moment:
    """A picture as it is shown, and what it is of.

    number: of the frame, counted from 0 at the source; it rises, and what was not shown is left out.
    time_s: when the frame was there, on the clock of `shared.handoff.now_s`. depth_age_s: how much earlier
    the frame was there from which the network's depth is carried to this one: 0 for this very frame, None
    without depth.
    """

    picture: Picture
    number: int
    time_s: float
    depth_age_s: float | None
    is_mirrored: bool


class Scene:
    """What is on the screen. Depth is carried to the frame once, however often the frame is drawn."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.keyframe: Keyframe | None = None
        self._carried: DepthMap | None = None
        self._anchor: Anchor | None = None
        self._clicked: Point | None = None
        self._followed: Followed | None = None

    def set_frame(self, frame: Frame) -> None:
        self.frame = frame
        self._carried = None
        if self._followed is not None:
            self._followed.follow(frame)

    def set_keyframe(self, keyframe: Keyframe) -> None:
        self.keyframe = keyframe
        self._carried = None
        if self._anchor is not None:
            self._anchor.follow(keyframe)

    def hold_scale(self, wanted: bool) -> None:
        """From now on, as something is measured by it. Needs a keyframe."""
        if not wanted:
            self._anchor = None
        elif self._anchor is None:
            assert self.keyframe is not None
            self._anchor = Anchor(self.keyframe)

    def _origin(self) -> Affine:
        if self._anchor is not None:
            return self._anchor.scale
        return IDENTITY if self.keyframe is None else self.keyframe.origin

    def moment(self, controls: Controls) -> Moment:
        """The scene as the controls want it shown. Needs a frame."""
        assert self.frame is not None
        return Moment(
            self.picture(controls),
            self.frame.index,
            self.frame.time_s,
            depth_age_s=None if self.keyframe is None else self.frame.time_s - self.keyframe.time_s,
            is_mirrored=controls.is_mirrored,
        )

    def picture(self, controls: Controls) -> Picture:
        """Its picture alone."""
        assert self.frame is not None
        frame_bgr = self.frame.frame_bgr
        if self.keyframe is not None and self._carried is None:
            self._carried = carry(self.keyframe, frame_bgr)
        depth_map = self._carried
        focus = self._focus(self.frame, controls.look.focus)
        if controls.is_mirrored:
            focus = None if focus is None else (1 - focus[0], focus[1])
            frame_bgr = cv2.flip(frame_bgr, 1)
            depth_map = None if depth_map is None else cv2.flip(depth_map, 1)
        return Picture(
            frame_bgr,
            depth_map,
            NO_RANGE if self.keyframe is None else self.keyframe.display_range,
            replace(controls.look, focus=focus),
            self._origin(),
        )

    def _focus(self, frame: Frame, clicked: Point | None) -> Point | None:
        """Where the thing that was clicked is now; None once it is lost. Each click is a new object."""
        if clicked is not self._clicked:
            self._clicked = clicked
            self._followed = None if clicked is None else Followed(clicked, frame)
        return None if self._followed is None else self._followed.point
