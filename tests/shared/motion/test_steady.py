"""What steadying is worth: less flicker, no ghosts, the same at any frame rate, and nothing that freezes."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from shared import DepthMap, FrameBGR
from shared.motion.align import Affine, fit_affine
from shared.motion.display_range import RangeFollower
from shared.motion.flow import motion_between, small_gray
from shared.motion.steady import Steadier, carry
from shared.motion.stream import DepthStream
from tests.shared.motion.test_stream import BOX_BGR, WALL_BGR, Jittering, Scene, shown
from tests.support.steadying import SameSize, accept

STILL_BGR: FrameBGR = np.ascontiguousarray(WALL_BGR[:, :256])
OTHER_BGR: FrameBGR = np.ascontiguousarray(255 - WALL_BGR[::-1, 144:400])
RAMP: DepthMap = np.tile(np.linspace(0, 1, 160, dtype=np.float32)[:, None], (1, 256))
EXPOSED = np.ones((160, 256), np.float32)


def steadied(
    maps: list[DepthMap], *, fps: float = 25, steady: float = 0.5, frame_bgr: FrameBGR = STILL_BGR
) -> list[DepthMap]:
    """The depth maps of a still picture whose predictions are `maps`."""
    steadier = Steadier(steady)
    return [accept(steadier, frame_bgr, m, i / fps).depth_map for i, m in enumerate(maps)]


def with_patch(value: float, *, base: DepthMap = RAMP) -> DepthMap:
    """`base` with a patch raised by `value`."""
    changed = base.copy()
    changed[40:70, 100:140] += np.float32(value)
    return changed


def flicker(maps: list[DepthMap]) -> float:
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(maps[10:])]))


def test_noise_is_averaged_the_more_the_steadier() -> None:
    rng = np.random.default_rng(1)
    noisy = [
        RAMP + cv2.GaussianBlur(rng.normal(0, 0.3, RAMP.shape).astype("f4"), (0, 0), 8) for _ in range(40)
    ]
    raw, little, default, most = (flicker(steadied(noisy, steady=s)) for s in (0, 0.05, 0.5, 1))
    assert raw == pytest.approx(flicker(noisy))
    assert default < 0.25 * raw
    assert most < 0.7 * default < 0.7 * little < raw


def test_nothing_is_left_behind_a_moving_thing() -> None:
    scene = Scene(30, speed_px=4)
    for (_, _, depth_map), exact in zip(DepthStream(scene).process(scene.frames), scene.exact, strict=True):
        wall = cv2.dilate((exact > 3).astype(np.uint8), np.ones((9, 9))) == 0
        thing = cv2.erode((exact > 3).astype(np.uint8), np.ones((9, 9))) == 1
        assert np.abs(depth_map - exact)[wall].max() < 0.5
        assert np.abs(depth_map - exact)[wall].mean() < 0.003
        assert np.abs(depth_map - exact)[thing].mean() < 0.15


def test_an_outlier_where_nothing_changed_is_cut_off() -> None:
    maps = [RAMP] * 20 + [with_patch(2.0)] + [RAMP] * 10
    after = steadied(maps)
    assert np.abs(after[20] - RAMP).max() < 0.3
    assert np.abs(after[-1] - RAMP).max() < 0.1


def test_a_small_change_is_followed_in_seconds_not_in_frames() -> None:
    """After a second as much of it is left at 10 as at 50 frames a second."""
    left = []
    for fps in (10, 50):
        maps = [RAMP] * 5 + [with_patch(0.01)] * (fps + 1)
        left.append(float((with_patch(0.01) - steadied(maps, fps=fps)[-1])[50:60, 110:130].mean()))
    assert 0.003 < left[0] < 0.007
    assert left[0] == pytest.approx(left[1], rel=0.1)


def test_what_moves_is_averaged_for_less_time() -> None:
    """A camera that pans by 4 pixels a frame; a small change of what it predicts, 0.4 s later."""
    left = []
    for speed_px in (0, 4):
        steadier = Steadier()
        for index in range(16):
            frame_bgr = np.ascontiguousarray(WALL_BGR[:, speed_px * index : speed_px * index + 256])
            keyframe = accept(steadier, frame_bgr, with_patch(0.01) if index >= 6 else RAMP, index / 25)
        left.append(float((with_patch(0.01) - keyframe.depth_map)[50:60, 110:130].mean()) / 0.01)
    assert left[0] > 0.7
    assert left[1] < 0.68


def test_what_flow_cannot_explain_is_not_averaged() -> None:
    """A screen on the wall shows another picture in every frame."""
    rng = np.random.default_rng(6)
    base = RAMP.copy()
    base[10:100, 60:180] = 0.3
    steadier = Steadier()
    for index in range(8):
        frame_bgr = STILL_BGR.copy()
        static = rng.integers(0, 256, (18, 24, 3), np.uint8)
        frame_bgr[20:92, 72:168] = cv2.resize(static, (96, 72), interpolation=cv2.INTER_NEAREST)
        prediction = with_patch(0.01, base=base) if index == 7 else base
        keyframe = accept(steadier, frame_bgr, prediction, index / 25)
    left = (prediction - keyframe.depth_map)[50:60, 110:130].mean() / 0.01
    assert left < 0.4


def test_a_scene_that_is_read_anew_is_followed_within_a_second() -> None:
    """Held on to in a still picture, four fifths of the old reading would be left."""
    other = np.ascontiguousarray(RAMP[::-1])
    after = steadied([RAMP] * 20 + [other] * 25)
    assert np.abs(after[-1] - other).mean() < 0.2 * np.abs(RAMP - other).mean()


@pytest.mark.parametrize("noise_levels", [0, 2])
def test_a_stream_that_starts_flat_comes_to_life(noise_levels: int) -> None:
    """As a camera does that begins with black frames."""
    rng = np.random.default_rng(3)
    steadier = Steadier()
    for index in range(30):
        noise = rng.normal(0, noise_levels, STILL_BGR.shape)
        frame_bgr = np.clip(STILL_BGR + noise, 0, 255).astype(np.uint8)
        keyframe = accept(steadier, frame_bgr, RAMP if index >= 5 else 0 * RAMP, index / 25)
    far, near = keyframe.display_range
    assert np.ptp(keyframe.depth_map) > 0.9
    assert 0.8 < near - far < 1.1


def test_the_scale_returns_to_the_predictions_own() -> None:
    """A network that reads the scene 1.3 times as deep from now on: seen by nobody, forgotten in seconds."""
    left = []
    for fps in (5, 25):
        steadier = Steadier()
        values = []
        for index in range(1 + 6 * fps):
            keyframe = accept(steadier, STILL_BGR, RAMP * np.float32(1.3 if index else 1), index / fps)
            far, near = keyframe.display_range
            values.append((keyframe.depth_map - far) / (near - far))
            if index == fps:
                left.append(1.3 - float(np.ptp(keyframe.depth_map)))
        assert max(np.abs(v - values[0]).max() for v in values) < 0.01
        assert np.ptp(keyframe.depth_map) == pytest.approx(1.3, rel=0.01)
    assert 0.05 < left[0] < 0.2
    assert left[0] == pytest.approx(left[1], rel=0.05)


def test_a_flat_prediction_takes_the_last_good_scale() -> None:
    steadier = Steadier()
    accept(steadier, STILL_BGR, RAMP, 0.0)
    accept(steadier, STILL_BGR, 0.5 * RAMP, 0.001)
    flat = accept(steadier, STILL_BGR, np.full_like(RAMP, 0.25), 0.002)
    # Halved predictions stand for twice their value: 0.25 for 0.5, towards which each pixel begins to go.
    innovation = flat.depth_map - RAMP
    assert innovation[60, 128] > 0 > innovation[100, 128]


def test_the_range_moves_in_seconds_not_in_frames() -> None:
    shown_after_s = []
    for fps in (5, 25, 60):
        follower = RangeFollower()
        follower.restart(RAMP)
        nears = [follower.follow(1.5 * RAMP, 1 / fps)[1] for _ in range(round(1.5 * fps) + 2)]
        assert max(np.diff(nears)) < 0.5 / fps
        shown_after_s.append(nears[-1])
    assert shown_after_s[0] == pytest.approx(shown_after_s[2], rel=0.03)
    assert 1.25 < shown_after_s[1] < 1.4


def test_a_locked_range_survives_a_cut_in_the_new_scale() -> None:
    steadier = Steadier()
    for index in range(
        3
    ):  # read 1.5 times as deep from the second frame on; the stream keeps the first scale
        accept(steadier, STILL_BGR, RAMP * np.float32(1.5 if index else 1), index / 1000)
        steadier.lock_range(True)
    keyframe = accept(steadier, OTHER_BGR, 3 * RAMP, 0.1)
    assert keyframe.is_cut
    far, near = keyframe.display_range
    assert near == pytest.approx(1.5 * 0.99, rel=0.03)
    assert far == pytest.approx(1.5 * 0.01, abs=0.03)


def picture(seed: int) -> FrameBGR:
    """Something with light and dark areas, as photos have."""
    rng = np.random.default_rng(seed)
    areas = cv2.resize(
        rng.integers(20, 236, (5, 8, 3), np.uint8), (256, 160), interpolation=cv2.INTER_NEAREST
    )
    return cv2.addWeighted(areas, 0.8, np.ascontiguousarray(WALL_BGR[:, 100:356]), 0.2, 0)


@pytest.mark.parametrize("light", [1.0, 0.5, 0.25, 0.125])
def test_a_cut_is_one_in_any_light_and_motion_is_none(light: float) -> None:
    def small(frame_bgr: FrameBGR) -> np.ndarray:
        return small_gray((frame_bgr * light).astype(np.uint8), 256, 160)

    pictures = [small(picture(seed)) for seed in range(4)]
    for i, first in enumerate(pictures):
        for j, second in enumerate(pictures):
            assert motion_between(first, second).is_cut == (i != j), (i, j)
        shifted = np.roll(first, 6, axis=1)
        assert not motion_between(shifted, first).is_cut
    scene = Scene(5, speed_px=5)
    assert not motion_between(small(scene.frames[-1][0]), small(scene.frames[0][0])).is_cut


def test_from_one_plain_picture_to_another_is_a_cut() -> None:
    dark, bright = (np.full((160, 256), level, np.uint8) for level in (40, 200))
    assert motion_between(bright, dark).is_cut
    assert not motion_between(bright, bright).is_cut


def test_noise_in_the_dark_is_no_cut() -> None:
    rng = np.random.default_rng(4)
    dark = [rng.normal(8, 4, STILL_BGR.shape).clip(0, 255).astype(np.uint8) for _ in range(2)]
    first, second = (small_gray(frame_bgr, 128, 80) for frame_bgr in dark)
    assert not motion_between(first, second).is_cut


def test_noise_on_both_sides_does_not_shrink_the_scale() -> None:
    """Least squares would: 40 % of noise make 0.86 of it."""
    rng = np.random.default_rng(5)
    noise = [cv2.GaussianBlur(rng.normal(0, 1, RAMP.shape).astype("f4"), (0, 0), 6) for _ in range(2)]
    one, other = (RAMP + n * np.float32(0.4 * RAMP.std() / n.std()) for n in noise)
    fitted = fit_affine(one, other, EXPOSED)
    assert fitted is None or fitted.scale == pytest.approx(1, abs=0.05)
    weak_noise = [RAMP + n * np.float32(0.1 * RAMP.std() / n.std()) for n in noise]
    fitted = fit_affine(2 * weak_noise[0] + 3, weak_noise[1], EXPOSED)
    assert fitted is not None
    assert fitted == pytest.approx((0.5, -1.5), abs=0.02)


WAVES = np.broadcast_to(np.sin(np.arange(256, dtype=np.float32) / 8), RAMP.shape)


@pytest.mark.parametrize("target", [RAMP[::-1], RAMP + np.float32(0.3) * WAVES], ids=["upside down", "waves"])
def test_of_maps_that_read_the_scene_differently_the_ranges_are_made_one(target: DepthMap) -> None:
    for prediction in (RAMP, 3 * RAMP + 7):
        fitted = fit_affine(prediction, target, EXPOSED)
        assert fitted is not None
        ends = np.percentile(fitted(prediction), (1, 99))
        assert ends == pytest.approx(np.percentile(target, (1, 99)), abs=0.04)


def test_a_fifth_of_outliers_leaves_the_line_where_it_is() -> None:
    fitted = fit_affine(2 * with_patch(0) + 1, RAMP, EXPOSED)
    spiky = 2 * RAMP + 1
    spiky[:80, :100] += 6
    assert fit_affine(spiky, RAMP, EXPOSED) == pytest.approx(fitted, abs=0.01)


def test_degenerate_maps_have_no_fit() -> None:
    assert fit_affine(np.zeros_like(RAMP), RAMP, EXPOSED) is None
    assert fit_affine(RAMP, np.zeros_like(RAMP), EXPOSED) is None
    assert fit_affine(RAMP, RAMP, 0.1 * EXPOSED) is None
    assert fit_affine(RAMP, 2 * RAMP + 1, EXPOSED) == pytest.approx(Affine(2, 1), abs=1e-3)


@pytest.mark.parametrize("every", [1, 3])
def test_a_jittering_prediction_with_lookahead(every: int) -> None:
    scene = Scene(31, speed_px=1.0)
    streams = [DepthStream(each, every, lookahead=True) for each in (scene, Jittering(scene))]
    clean, jittered = (shown(stream, scene.frames) for stream in streams)
    assert max(np.abs(a - b).mean() for a, b in zip(clean, jittered, strict=True)) < 0.02


@pytest.mark.parametrize("every", [1, 3])
def test_a_fixed_range_is_shown_throughout(every: int) -> None:
    scene = Scene(13)
    stream = DepthStream(Jittering(scene), every, lookahead=True, fixed_range=(0.0, 7.0))
    assert {stream.display_range for _ in stream.process(scene.frames)} == {(0.0, 7.0)}


def test_between_two_keyframes_depth_changes_evenly() -> None:
    maps = iter([RAMP, RAMP, with_patch(0.4)])
    frames = [(STILL_BGR, i / 25) for i in range(9)]
    stream = DepthStream(_InTurn(maps), 4, 0, lookahead=True)
    patch = [float(d[50:60, 110:130].mean() - RAMP[50:60].mean()) for _, _, d in stream.process(frames)]
    assert patch[4:] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.01)


def test_what_appears_between_two_keyframes_is_taken_from_the_side_that_saw_it() -> None:
    with_box = STILL_BGR.copy()
    with_box[50:110, 100:160] = BOX_BGR
    raised = RAMP.copy()
    raised[50:110, 100:160] = 4
    frames = [(STILL_BGR, 0.0), (STILL_BGR, 0.04), (with_box, 0.08), (with_box, 0.12), (with_box, 0.16)]
    stream = DepthStream(_InTurn(iter([RAMP, raised])), 4, 0, lookahead=True)
    depth_maps = [depth_map for _, _, depth_map in stream.process(frames)]
    assert stream.inferred == 2
    inside = (slice(60, 100), slice(110, 150))
    for depth_map, exact in zip(depth_maps, [RAMP, RAMP, raised, raised, raised], strict=True):
        assert np.abs(depth_map - exact)[inside].mean() < 0.1


def test_between_two_keyframes_of_another_scale_the_picture_is_the_same() -> None:
    maps = [RAMP, *[np.float32(1.5) * RAMP] * 9]
    stream = DepthStream(_InTurn(iter(maps)), 2, lookahead=True)
    values = shown(stream, [(STILL_BGR, i / 4) for i in range(9)])
    for before, after in pairwise(values):
        assert np.abs(after - before).max() < 0.01


def test_a_slope_that_moves_has_no_steps_and_an_edge_no_slope() -> None:
    """The nearest value would repeat itself in a picture that grows; an average would blur the edge."""
    larger = cv2.warpAffine(STILL_BGR, np.float32([[1.1, 0, -12.3], [0, 1.1, -8]]), (256, 160))
    depth = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (160, 1))
    depth[:, 128:] += 3
    keyframe = accept(Steadier(0), STILL_BGR, depth, 0.0)
    moved = carry(keyframe, larger)[20:-20]
    slope = np.diff(moved[:, 30:110], axis=1) * 255
    assert (slope == 0).mean() < 0.01
    assert ((moved > 0.7) & (moved < 3.3)).mean() < 0.001


@pytest.mark.parametrize("steady", [-0.1, 1.1, float("nan")])
def test_steady_goes_from_0_to_1(steady: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Steadier(steady)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_is_refused_and_leaves_no_trace(bad: float) -> None:
    steadier, untouched = Steadier(), Steadier()
    for each in (steadier, untouched):
        accept(each, STILL_BGR, RAMP, 0.0)
    broken = RAMP.copy()
    broken[3, 4] = bad
    with pytest.raises(ValueError, match="finite"):
        accept(steadier, STILL_BGR, broken, 0.04)
    after, expected = (accept(each, STILL_BGR, with_patch(0.1), 0.08) for each in (steadier, untouched))
    assert (after.depth_map == expected.depth_map).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.uint8])
def test_predictions_of_another_type(dtype: type) -> None:
    maps = [(200 * RAMP).astype(dtype)] * 3
    stream = DepthStream(_InTurn(iter(maps)), 1)
    for index in range(3):
        assert stream.push(STILL_BGR, index / 25).dtype == np.float32


@pytest.mark.parametrize("every", [1, 3])
def test_who_writes_to_a_depth_map_does_not_change_the_next(every: int) -> None:
    scene = Scene(5)
    untouched = [depth_map for _, _, depth_map in DepthStream(scene, every).process(scene.frames)]
    for (_, _, depth_map), expected in zip(
        DepthStream(scene, every).process(scene.frames), untouched, strict=True
    ):
        assert (depth_map == expected).all()
        depth_map[:] = 0


def test_a_small_picture_leaves_the_flow_of_the_next_alone() -> None:
    scene = Scene(2, speed_px=3)
    large = [small_gray(frame_bgr, 256, 160) for frame_bgr, _ in scene.frames]
    small = [small_gray(frame_bgr, 32, 32) for frame_bgr, _ in scene.frames]
    before = motion_between(large[1], large[0])
    motion_between(small[1], small[0])
    after = motion_between(large[1], large[0])
    assert np.abs(before.source_xy - after.source_xy).max() < 0.01
    assert np.abs(before.trust - after.trust).max() < 0.01


class _InTurn(SameSize):
    """Hands out maps one after the other, whatever the picture."""

    def __init__(self, maps: object) -> None:
        self._maps = maps

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        return next(self._maps)  # type: ignore[call-overload]
