"""Who is inferred, said by the pictures alone; and the flow asked for once for each frame."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from shared import DepthMap, FrameBGR
from shared.motion import DepthStream, Tracker, steady, track
from shared.motion.flow import Gray, Motion, motion_between
from tests.conftest import BrightnessPredictor
from tests.shared.motion.test_steady import OTHER_BGR, STILL_BGR
from tests.shared.motion.test_stream import Scene
from tests.support.steadying import accept


def keyframes(pictures: list[FrameBGR], every: int) -> list[int]:
    tracker = Tracker(BrightnessPredictor().map_size_px, every)
    tracked = tracker.follow((picture, index / 25) for index, picture in enumerate(pictures))
    return [index for index, frame in enumerate(tracked) if frame.is_keyframe]


def test_each_nth_frame_and_at_once_a_cut_and_a_change_of_size() -> None:
    smaller: FrameBGR = np.ascontiguousarray(OTHER_BGR[:, :200])
    pictures = [STILL_BGR] * 10 + [OTHER_BGR] * 6 + [smaller] * 3
    assert keyframes(pictures, 4) == [0, 4, 8, 10, 14, 16]
    assert keyframes(pictures, 1) == list(range(19))


def test_frames_that_nobody_saw_count() -> None:
    tracker = Tracker(BrightnessPredictor().map_size_px, every=6)
    tracker.track(STILL_BGR, 0.0)
    assert not tracker.track(STILL_BGR, 0.1, passed=5).is_keyframe
    assert tracker.track(STILL_BGR, 0.2, passed=1).is_keyframe


def moved(step_px: int, side_px: int | None) -> list[FrameBGR]:
    """Twelve pictures, 320x200: a textured square goes on by so much each time; None: all of it does."""
    rng = np.random.default_rng(4)
    wide_bgr = cv2.GaussianBlur(rng.integers(0, 256, (200, 640, 3), np.uint8), (0, 0), 3)
    wide_bgr = cv2.normalize(wide_bgr, wide_bgr, 0, 255, cv2.NORM_MINMAX)
    if side_px is None:
        return [np.ascontiguousarray(wide_bgr[:, step_px * it :][:, :320]) for it in range(12)]
    square_bgr = 255 - wide_bgr[:side_px, 320:][:, :side_px]
    pictures = []
    for number in range(12):
        picture_bgr = wide_bgr[:, :320].copy()
        left_px = 100 + step_px * number
        picture_bgr[80 : 80 + side_px, left_px : left_px + side_px] = square_bgr
        pictures.append(picture_bgr)
    return pictures


@pytest.mark.parametrize(
    ("step_px", "side_px", "longest"),
    [
        (0, 40, 6),
        (1, 40, 6),  # 0.8 pixels of the map a frame
        (2, 40, 3),
        (5, 40, 2),
        (5, 20, 3),  # too small and quick for the flow, which leaves it behind
        (5, None, 4),  # a camera that pans tears nothing apart
    ],
)
def test_what_moves_beside_the_rest_is_inferred_before_it_is_far(
    step_px: int, side_px: int | None, longest: int
) -> None:
    pictures = moved(step_px, side_px)
    assert max(np.diff([*keyframes(pictures, 6), len(pictures)])) == longest


@pytest.mark.parametrize("every", [1, 3])
def test_flow_is_asked_for_once(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[bytes] = Counter()

    def counted(gray: Gray, other: Gray) -> Motion:
        asked[gray.tobytes() + other.tobytes()] += 1
        return motion_between(gray, other)

    for module in (track, steady):
        monkeypatch.setattr(module, "motion_between", counted)
    frames = Scene(12).frames
    assert len(list(DepthStream(BrightnessPredictor(), every).process(frames))) == 12
    assert (len(asked), set(asked.values())) == (11, {1})


def test_a_map_of_another_size_than_announced_is_refused() -> None:
    class Lying(BrightnessPredictor):
        def predict(self, frame_bgr: FrameBGR) -> DepthMap:
            return super().predict(frame_bgr)[:64]

    with pytest.raises(ValueError, match=r"\(64, 256\), announced was \(160, 256\)"):
        DepthStream(Lying()).push(STILL_BGR, 0.0)


def test_a_steadier_keeps_its_newest_keyframe() -> None:
    steadier = steady.Steadier()
    depth_map = np.ones((160, 256), np.float32)
    assert accept(steadier, STILL_BGR, depth_map, 0.0) is steadier.last
