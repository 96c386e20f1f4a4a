"""Frames in, a depth map for each out: order, count, cuts, sizes, state."""

from __future__ import annotations

import io
import tracemalloc
from itertools import pairwise

import cv2
import numpy as np
import pytest

from shared import DepthMap, FrameBGR
from shared.motion.steady import Steadier, carry
from shared.motion.stream import DepthStream
from tests.conftest import BrightnessPredictor
from tests.support.steadying import SameSize, accept

RNG = np.random.default_rng(5)
WALL_BGR = cv2.GaussianBlur(RNG.integers(0, 130, (160, 400, 3), np.uint8), (0, 0), 2)
BOX_BGR = cv2.GaussianBlur(RNG.integers(120, 256, (60, 60, 3), np.uint8), (0, 0), 1)


class Scene(SameSize):
    """A textured box before a textured wall, with the exact depth of every frame; also its own predictor."""

    def __init__(self, frames: int, speed_px: float = 2.0) -> None:
        self.frames: list[tuple[FrameBGR, float]] = []
        self.exact: list[DepthMap] = []
        for index in range(frames):
            left = int(20 + speed_px * index)
            frame_bgr = WALL_BGR[:, :256].copy()
            frame_bgr[50:110, left : left + 60] = BOX_BGR
            depth = np.full((160, 256), 1.0, np.float32) + np.linspace(0, 0.5, 160, dtype=np.float32)[:, None]
            depth[50:110, left : left + 60] = 4.0
            self.frames.append((frame_bgr, index / 25))
            self.exact.append(depth)

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        index = next(i for i, (known, _) in enumerate(self.frames) if known is frame_bgr)
        return self.exact[index]


class Jittering(SameSize):
    """Another predictor's maps, each with a scale and a shift of its own."""

    def __init__(self, inner: Scene, seed: int = 1) -> None:
        self._inner = inner
        self._rng = np.random.default_rng(seed)

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        exact = self._inner.predict(frame_bgr)
        scale, shift = self._rng.uniform(0.8, 1.25), self._rng.uniform(-0.1, 0.1) * np.ptp(exact)
        return exact * np.float32(scale) + np.float32(shift)


def shown(stream: DepthStream, frames: list[tuple[FrameBGR, float]]) -> list[DepthMap]:
    """The displayed values 0..1 of every frame."""
    values = []
    for _, _, depth_map in stream.process(frames):
        far, near = stream.display_range
        values.append(np.clip((depth_map - far) / (near - far), 0, 1))
    return values


def hold_error(scene: Scene, every: int) -> float:
    errors = [np.abs(scene.exact[i] - scene.exact[i - i % every]).mean() for i in range(len(scene.exact))]
    return float(np.mean(errors))


def carry_error(scene: Scene, every: int, *, lookahead: bool) -> float:
    stream = DepthStream(scene, every, 0, lookahead)
    pairs = zip(stream.process(scene.frames), scene.exact, strict=True)
    return float(np.mean([np.abs(depth_map - exact).mean() for (_, _, depth_map), exact in pairs]))


@pytest.mark.parametrize("every", [3, 5, 8])
@pytest.mark.parametrize(("lookahead", "bound"), [(False, 0.45), (True, 0.3)])
def test_carried_depth_beats_held_depth(every: int, lookahead: bool, bound: float) -> None:
    scene = Scene(8 * every + 1)
    error = carry_error(scene, every, lookahead=lookahead)
    assert error <= bound * hold_error(scene, every)


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("lookahead", [False, True])
@pytest.mark.parametrize("count", [0, 1, 4, 11])
def test_same_frames_same_order_same_count(every: int, lookahead: bool, count: int) -> None:
    scene = Scene(11, speed_px=0.5)
    stream = DepthStream(scene, every, lookahead=lookahead)
    out = list(stream.process(scene.frames[:count]))
    assert [time_s for _, time_s, _ in out] == [time_s for _, time_s in scene.frames[:count]]
    assert all(a is b for (a, _, _), (b, _) in zip(out, scene.frames, strict=False))
    assert stream.inferred == -(-count // every)


def test_steady_0_hands_predictions_through_unchanged() -> None:
    scene = Scene(6)
    for (_, _, depth_map), exact in zip(
        DepthStream(scene, steady=0).process(scene.frames), scene.exact, strict=True
    ):
        assert (depth_map == exact).all()


@pytest.mark.parametrize("fps", [5, 25, 60])
def test_a_jittering_prediction_is_displayed_as_the_clean_one(fps: int) -> None:
    scene = Scene(40, speed_px=1.0)
    scene.frames = [(frame_bgr, index / fps) for index, (frame_bgr, _) in enumerate(scene.frames)]
    clean = shown(DepthStream(scene), scene.frames)
    jittered = shown(DepthStream(Jittering(scene)), scene.frames)
    errors = [np.abs(a - b).mean() for a, b in zip(clean, jittered, strict=True)]
    assert max(errors) < 0.02
    raw = shown(DepthStream(Jittering(scene), steady=0), scene.frames)
    assert max(np.abs(a - b).mean() for a, b in zip(clean, raw, strict=True)) > 0.04


def test_a_cut_is_shown_at_once() -> None:
    frames = [(WALL_BGR[:, :256], i / 25) for i in range(10)]
    frames += [(np.ascontiguousarray(255 - WALL_BGR[::-1, 144:400]), i / 25) for i in range(10, 20)]
    predictor = BrightnessPredictor()
    stream = DepthStream(predictor, every=5)
    for index, (frame_bgr, time_s) in enumerate(frames):
        depth_map = stream.push(frame_bgr, time_s)
        if index >= 11:
            after = predictor.predict(frame_bgr)
            before = predictor.predict(frames[0][0])
            assert np.abs(depth_map - after).mean() <= 0.1 * np.abs(before - after).mean()
            assert stream.display_range[0] > 100
    assert stream.inferred == 4


def test_who_comes_in_is_inferred_at_once() -> None:
    """A poster is pushed in from the left; of what it brings, no keyframe before says anything."""
    poster_bgr = np.ascontiguousarray(255 - WALL_BGR[::-1, 144:400])
    frames = []
    for index in range(8):
        frame_bgr = WALL_BGR[:, :256].copy()
        covered_px = 16 * index
        frame_bgr[:, :covered_px] = poster_bgr[:, 256 - covered_px :]
        frames.append((frame_bgr, index / 25))
    stream = DepthStream(BrightnessPredictor(), every=8)
    inferred = []
    for index, (frame_bgr, time_s) in enumerate(frames):
        stream.push(frame_bgr, time_s)
        if stream.at_keyframe:
            inferred.append(index)
    assert inferred == list(range(8))


def test_a_cut_between_keyframes_is_inferred_at_once_with_lookahead_too() -> None:
    frames = [(WALL_BGR[:, :256], i / 25) for i in range(7)]
    frames += [(np.ascontiguousarray(255 - WALL_BGR[::-1, 144:400]), i / 25) for i in range(7, 14)]
    stream = DepthStream(BrightnessPredictor(), 5, lookahead=True)
    means = [float(depth_map.mean()) for _, _, depth_map in stream.process(frames)]
    assert max(means[:7]) < 100 < min(means[7:])


def test_one_outlier_frame_leaves_the_range_alone() -> None:
    scene = Scene(30, speed_px=0)
    spiky = Scene(30, speed_px=0)
    spiky.exact[15] = spiky.exact[15].copy()
    spiky.exact[15][:60, :120] = 4.0 + 2 * 3.0
    ranges = []
    for each in (scene, spiky):
        stream = DepthStream(each)
        ranges.append([stream.display_range for _ in stream.process(each.frames)])
    change = np.abs(np.subtract(*ranges)).max(axis=1) / (4.0 - 1.0)
    assert change[:15].max() == 0
    assert change.max() < 0.02


@pytest.mark.parametrize("lookahead", [False, True])
@pytest.mark.parametrize("at_frame", [0, 9, 12])
def test_a_restored_stream_goes_on_as_if_nothing_had_happened(lookahead: bool, at_frame: int) -> None:
    scene = Scene(21, speed_px=1.0)
    whole, states = [], {}
    stream = DepthStream(Jittering(scene), 3, lookahead=lookahead)
    for index, (_, _, depth_map) in enumerate(stream.process(scene.frames)):
        whole.append((depth_map, stream.display_range))
        assert stream.at_keyframe == (index % 3 == 0)
        if stream.at_keyframe:
            stored = io.BytesIO()
            np.savez(stored, **stream.state())
            states[index] = stored
    jittering = Jittering(scene)
    for index in range(0, at_frame + 1, 3):
        jittering.predict(scene.frames[index][0])
    second = DepthStream(jittering, 3, lookahead=lookahead)
    states[at_frame].seek(0)
    second.restore(dict(np.load(states[at_frame])))
    rest = second.process(scene.frames[at_frame + 1 :])
    for (_, _, depth_map), (expected, display_range) in zip(rest, whole[at_frame + 1 :], strict=True):
        assert np.abs(depth_map - expected).max() < 1e-6
        assert second.display_range == pytest.approx(display_range, rel=1e-9)


@pytest.mark.parametrize("every", [1, 2])
def test_a_constant_picture_gives_a_constant_depth(every: int) -> None:
    frames = [(WALL_BGR[:, :256], i / 25) for i in range(12)]
    for before, after in pairwise(shown(DepthStream(BrightnessPredictor(), every), frames)):
        assert np.abs(after - before).max() < 1e-3


@pytest.mark.parametrize("kind", ["black", "white", "noise"])
@pytest.mark.parametrize("lookahead", [False, True])
def test_empty_pictures_stay_finite(kind: str, lookahead: bool) -> None:
    rng = np.random.default_rng(2)
    fills = {
        "black": lambda: np.zeros((120, 160, 3), np.uint8),
        "white": lambda: np.full((120, 160, 3), 255, np.uint8),
        "noise": lambda: rng.integers(0, 256, (120, 160, 3), np.uint8),
    }
    frames = [(fills[kind](), i / 25) for i in range(9)]
    stream = DepthStream(BrightnessPredictor(), 3, lookahead=lookahead)
    for _, _, depth_map in stream.process(frames):
        assert np.isfinite(depth_map).all()
        assert np.isfinite(stream.display_range).all()


@pytest.mark.parametrize("lookahead", [False, True])
def test_a_change_of_size_in_mid_stream(lookahead: bool) -> None:
    frames = [(WALL_BGR[:, :256], i / 25) for i in range(4)]
    frames += [(np.ascontiguousarray(WALL_BGR[:, :100]), i / 25) for i in range(4, 9)]
    stream = DepthStream(BrightnessPredictor(), 3, lookahead=lookahead)
    shapes = [depth_map.shape for _, _, depth_map in stream.process(frames)]
    assert shapes == [(160, 256)] * 4 + [(256, 160)] * 5


def test_time_may_stand_still_or_run_backwards() -> None:
    stream = DepthStream(BrightnessPredictor())
    for time_s in (1.0, 1.0, 0.5, 100.0):
        assert np.isfinite(stream.push(WALL_BGR[:, :256], time_s)).all()


def test_the_range_can_be_locked_and_fixed() -> None:
    scene = Scene(30)
    brighter = [np.float32(3) * exact for exact in scene.exact]
    steadier = Steadier(0)
    first = accept(steadier, scene.frames[0][0], scene.exact[0], 0.0).display_range
    steadier.lock_range(True)
    for (frame_bgr, time_s), depth_map in zip(scene.frames[1:], brighter[1:], strict=True):
        assert accept(steadier, frame_bgr, depth_map, time_s).display_range == first
    steadier.lock_range(False)
    assert accept(steadier, scene.frames[-1][0], brighter[-1], 3.0).display_range != first
    fixed = DepthStream(scene, fixed_range=(0.0, 7.0))
    assert all(fixed.display_range == (0.0, 7.0) for _ in fixed.process(scene.frames))


def test_carry_follows_a_moving_thing() -> None:
    scene = Scene(6, speed_px=3)
    keyframe = accept(Steadier(0), scene.frames[0][0], scene.exact[0], 0.0)
    carried = carry(keyframe, scene.frames[5][0])
    held = np.abs(scene.exact[0] - scene.exact[5]).mean()
    assert np.abs(carried - scene.exact[5]).mean() < 0.45 * held


@pytest.mark.parametrize("lookahead", [False, True])
def test_memory_does_not_grow_over_thousands_of_frames(lookahead: bool) -> None:
    pictures = [np.ascontiguousarray(WALL_BGR[:48, left : left + 64]) for left in range(0, 200, 2)]
    stream = DepthStream(Brightness64(), 3, lookahead=lookahead)
    endless = ((pictures[index % 100], index / 25) for index in range(2000))
    held_bytes = []
    tracemalloc.start()
    try:
        for index, _ in enumerate(stream.process(endless)):
            if index in (300, 1998):
                held_bytes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert (
        held_bytes[1] - held_bytes[0] < 64 * 48 * 4 * 16
    )  # two frames with their motion; a leak would hold hundreds


class Brightness64(SameSize):
    """Inverse depth as bright as the picture, at 64x48."""

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        return frame_bgr.mean(axis=2, dtype=np.float32)
