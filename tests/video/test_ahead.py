"""Beginning inferences ahead changes when the network runs, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing

import cv2
import numpy as np
import pytest

from shared import DepthMap, FrameBGR
from shared.motion import DepthStream, Foreseen, Timed, Tracker
from shared.predictor import DepthPredictor
from tests.conftest import BrightnessPredictor
from tests.support.networks import mean_network
from video.ahead import Ahead


def frames(count: int, *, cut_at: int | None = None) -> list[Timed]:
    """Soft noise that drifts; at the cut, other noise."""
    noise = np.random.default_rng(1).integers(0, 255, (2, 12, 60, 3), np.uint8)
    soft = [cv2.resize(one, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC) for one in noise]
    takes = [soft[int(cut_at is not None and index >= cut_at)] for index in range(count)]
    return [
        (np.ascontiguousarray(take[:96, 2 * index : 2 * index + 128]), index / 25)
        for index, take in enumerate(takes)
    ]


def through(clip: list[Timed], every: int, callers: int) -> tuple[list[DepthMap], int]:
    predictor = BrightnessPredictor(64)
    stream = DepthStream(predictor, every, lookahead=True)
    if not callers:
        return [depth_map for _, _, depth_map in stream.process(clip)], stream.inferred
    with closing(Ahead(predictor, stream.tracker, callers=callers)) as ahead:
        found = [depth_map for _, _, depth_map in stream.finish(all_ahead(ahead, clip))]
        return found, stream.inferred


def all_ahead(ahead: Ahead, clip: Iterable[Timed]) -> list[Foreseen]:
    """Begun as far ahead as can be: up to the end."""
    return list(ahead.begin(clip))


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("cut_at", [None, 16])
def test_the_depth_is_the_same(every: int, cut_at: int | None) -> None:
    clip = frames(40, cut_at=cut_at)
    alone, inferred = through(clip, every, callers=0)
    ahead, inferred_ahead = through(clip, every, callers=2)
    assert inferred_ahead == inferred == (40 if every == 1 else 14)
    for depth_map, expected in zip(ahead, alone, strict=True):
        np.testing.assert_array_equal(depth_map, expected)


def test_two_inferences_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=60)

    class Meeting(BrightnessPredictor):
        def predict(self, frame_bgr: FrameBGR) -> DepthMap:
            meeting.wait()  # alone it would wait for ever
            return super().predict(frame_bgr)

    predictor = Meeting(64)
    stream = DepthStream(predictor, 3, lookahead=True)
    with closing(Ahead(predictor, stream.tracker, callers=2)) as ahead:
        assert len(list(stream.finish(all_ahead(ahead, frames(10))))) == 10


@pytest.mark.parametrize("callers", [1, 2])
def test_a_fault_of_the_source_comes_after_the_frames_before_it(callers: int) -> None:
    def failing() -> Iterator[Timed]:
        yield from frames(7)
        raise OSError("made up")

    seen: list[object] = []
    predictor = BrightnessPredictor(64)
    stream = DepthStream(predictor, 2)
    with closing(Ahead(predictor, stream.tracker, callers=callers)) as ahead:
        handed_out = stream.finish(ahead.begin(failing()))
        with pytest.raises(OSError, match="made up"):
            seen.extend(handed_out)
    assert len(seen) == 7


def test_a_fault_of_the_network_comes_at_its_frame() -> None:
    class Failing(BrightnessPredictor):
        def predict(self, frame_bgr: FrameBGR) -> DepthMap:
            if (frame_bgr == clip[6][0]).all():
                raise ValueError("made up")
            return super().predict(frame_bgr)

    clip = frames(20)
    seen: list[object] = []
    before = threading.active_count()
    predictor = Failing(64)
    stream = DepthStream(predictor, 1)
    with closing(Ahead(predictor, stream.tracker, callers=2)) as ahead:
        handed_out = stream.finish(all_ahead(ahead, clip))
        with pytest.raises(ValueError, match="made up"):
            seen.extend(handed_out)
    assert len(seen) == 6
    assert threading.active_count() == before


def test_an_engine_answers_several_callers_at_once() -> None:
    from shared.network.engine_openvino import OpenVinoEngine

    predictor = DepthPredictor(OpenVinoEngine(mean_network()), size=64)
    clip = frames(12)
    expected = [predictor.predict(frame_bgr) for frame_bgr, _ in clip]
    predictor.share_among(2)
    assert predictor.callers == 2
    with closing(Ahead(predictor, Tracker(predictor.map_size_px), callers=2)) as ahead:
        found = [inference() for _, inference in all_ahead(ahead, clip) if inference is not None]
    assert len(found) == len(clip)
    for depth_map, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(depth_map, wanted)
