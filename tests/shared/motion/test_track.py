"""Who is inferred, said by the pictures alone; and the flow asked for once for each frame."""

from __future__ import annotations

from collections import Counter

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
