"""What was clicked stays in focus while it moves, and is let go of when it leaves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from live.config import LiveConfig, SourceSpec
from live.controls import Controls
from live.following import FOLLOWED_S, Followed
from live.frame import Frame
from live.scene import Scene

NOISE = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, (80, 80, 3), np.uint8), (0, 0), 1.5)


def frame(left: int, time_s: float = 0.0) -> Frame:
    """A patch with structure on grey, at (left, 120) of 640x360."""
    picture_bgr = np.full((360, 640, 3), 128, np.uint8)
    shown = NOISE[:, : max(640 - left, 0)]
    picture_bgr[120:200, left : left + 80] = shown
    return Frame(picture_bgr, time_s, 0)


def test_a_thing_that_moves_is_followed() -> None:
    followed = Followed((140 / 640, 160 / 360), frame(100))
    for left in range(104, 304, 4):
        followed.follow(frame(left))
    assert followed.point is not None
    assert followed.point[0] == pytest.approx(340 / 640, abs=0.02)
    assert followed.point[1] == pytest.approx(160 / 360, abs=0.02)


def test_a_plain_wall_stands_still() -> None:
    followed = Followed((0.1, 0.9), frame(300))
    for left in range(304, 340, 4):
        followed.follow(frame(left))
    assert followed.point == pytest.approx((0.1, 0.9))


def test_what_leaves_the_picture_or_is_clicked_long_ago_is_let_go() -> None:
    leaving = Followed((590 / 640, 160 / 360), frame(550))
    for left in range(554, 680, 4):
        leaving.follow(frame(min(left, 639)))
    old = Followed((0.1, 0.9), frame(300))
    old.follow(frame(300, FOLLOWED_S + 0.1))
    assert old.point is None


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_click_is_on_the_picture_as_it_is_shown(is_mirrored: bool) -> None:
    controls = Controls(LiveConfig(SourceSpec("camera", 0, "camera 0"), mirror=is_mirrored))
    scene = Scene()
    scene.set_frame(frame(100))
    controls.click((0.25, 0.4), 1.0)
    assert scene.picture(controls).look.focus is None  # the view is not focus
    controls.focus()
    controls.click((0.25, 0.4), 1.0)
    assert scene.picture(controls).look.focus == pytest.approx((0.25, 0.4))
    assert controls.look.focus == ((0.75, 0.4) if is_mirrored else (0.25, 0.4))
    controls.focus()
    assert scene.picture(controls).look.focus is None
