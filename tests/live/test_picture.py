"""Painting at any size, the texts over it, and the figures of a run: pure functions and small objects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from live.config import LiveConfig, SourceSpec
from live.controls import Controls
from live.frame import Frame
from live.outputs.snapshot import write_snapshot
from live.picture import Picture, depth_at, fit, paint, percent_near, place_at
from live.scene import Scene
from live.stats import Stats
from live.window import hud
from shared import Look, UserError, View
from shared.motion.steady import Keyframe, Steadier
from tests.support.steadying import accept


def ramp_picture(**changes: object) -> Picture:
    """160x90, red; depth grows from left to right."""
    frame_bgr = np.zeros((90, 160, 3), np.uint8)
    frame_bgr[:] = (10, 20, 200)
    depth_map = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1))
    picture = Picture(frame_bgr, depth_map, (0.0, 1.0), Look("depth", "gray"))
    return replace(picture, look=replace(picture.look, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content_px", "canvas_px", "rect"),
    [
        ((160, 90), (160, 90), (0, 0, 160, 90)),
        ((160, 90), (320, 180), (0, 0, 320, 180)),
        ((160, 90), (160, 190), (0, 50, 160, 90)),
        ((90, 160), (190, 160), (50, 0, 90, 160)),
        ((4000, 10), (64, 48), (0, 23, 64, 1)),
    ],
)
def test_fit(content_px: tuple[int, int], canvas_px: tuple[int, int], rect: tuple[int, ...]) -> None:
    assert fit(content_px, canvas_px) == rect


@pytest.mark.parametrize("view", get_args(View))
@pytest.mark.parametrize("canvas_px", [(160, 90), (321, 181), (64, 200), (900, 64)])
@pytest.mark.parametrize("has_depth", [True, False])
def test_paint_fills_the_canvas_and_leaves_the_frame_alone(
    view: str, canvas_px: tuple[int, int], has_depth: bool
) -> None:
    picture = ramp_picture(view=view)
    picture = picture if has_depth else replace(picture, depth_map=None)
    before = picture.frame_bgr.copy()
    canvas = paint(picture, canvas_px)
    assert canvas.shape == (canvas_px[1], canvas_px[0], 3)
    canvas[:] = 77
    assert np.array_equal(picture.frame_bgr, before)


def test_paint_letterboxes() -> None:
    canvas = paint(ramp_picture(view="overlay"), (160, 190))
    assert not canvas[:50].any()
    assert not canvas[140:].any()
    assert canvas[50:140].any(axis=2).all()


def test_nearness_under_the_pointer() -> None:
    def percent(picture: Picture, canvas_px: tuple[int, int], point_px: tuple[int, int]) -> int:
        place = place_at(picture, canvas_px, point_px)
        assert place is not None
        depth = depth_at(picture, place)
        assert depth is not None
        return percent_near(depth, picture.display_range)

    picture = ramp_picture()
    assert percent(picture, (320, 180), (0, 90)) <= 1
    assert percent(picture, (320, 180), (319, 90)) >= 99
    assert percent(picture, (320, 180), (160, 90)) in (50, 51)
    assert percent_near(-5.0, (0.0, 1.0)) == 0
    assert percent_near(5.0, (0.0, 1.0)) == 100
    assert depth_at(replace(picture, depth_map=None), (0.5, 0.5)) is None


def test_the_place_under_the_pointer() -> None:
    both = ramp_picture(view="side-by-side")
    assert place_at(both, (640, 180), (160, 45)) == place_at(both, (640, 180), (480, 45)) == (0.5, 0.25)
    assert place_at(ramp_picture(), (320, 280), (160, 20)) is None


@pytest.mark.parametrize("canvas_px", [(64, 48), (320, 180), (1280, 720), (1920, 1080)])
def test_texts_stay_inside_any_canvas(canvas_px: tuple[int, int]) -> None:
    canvas = np.full((canvas_px[1], canvas_px[0], 3), 200, np.uint8)
    for corner in ("top-left", "top-right", "center", "bottom"):
        hud.draw_texts(canvas, ["a long line of text that says a lot " * 3, "short"], corner=corner)
    hud.draw_legend(canvas, Look(colormap="turbo", gamma=2.0))
    hud.draw_pointer(canvas, (canvas_px[0] - 1, canvas_px[1] - 1), "100 %  about 2.3 m")
    hud.draw_recording(canvas, 61)
    hud.draw_help(canvas)
    assert (canvas != 200).any()


def test_text_grows_with_the_window_and_stays_legible() -> None:
    assert hud.text_scale((320, 180)) < hud.text_scale((1280, 720)) < hud.text_scale((1920, 1080))
    assert hud.text_scale((64, 48)) >= 0.3


def test_the_legend_runs_from_far_to_near() -> None:
    def bar(gamma: float) -> np.ndarray:
        box = hud.legend_box("gray", gamma, 0.6, 200)
        return box[box.shape[0] // 2, :, 0].astype(int)[hud.text_box(("far",), 0.6).shape[1] :][:200]

    for gamma in (0.25, 1.0, 4.0):
        assert (np.diff(bar(gamma)) >= 0).all()
        assert bar(gamma)[0] < 60
        assert bar(gamma)[-1] > 250
    assert bar(0.25)[100] > bar(1.0)[100] + 50
    assert bar(1.0)[100] > bar(4.0)[100] + 50


def test_mirroring_turns_photo_and_depth() -> None:
    scene = Scene()
    picture = ramp_picture()
    frame_bgr = picture.frame_bgr.copy()
    frame_bgr[:, :80] = 0
    gray_u8 = np.zeros((32, 64), np.uint8)
    assert picture.depth_map is not None
    scene.set_frame(Frame(frame_bgr, 0.0, 0))
    scene.set_keyframe(Keyframe(gray_u8, picture.depth_map, 0.0, (0.0, 1.0)))
    controls = Controls(LiveConfig(SourceSpec("camera", 0, "camera 0"), mirror=True))
    shown = scene.picture(controls)
    assert shown.frame_bgr[45, 0].any()
    assert not shown.frame_bgr[45, -1].any()
    assert shown.depth_map is not None
    assert shown.depth_map[0, 0] > shown.depth_map[0, -1]


def test_a_moment_says_how_old_the_depth_is_that_was_carried_to_it() -> None:
    scene, controls = Scene(), Controls(LiveConfig(SourceSpec("camera", 0, "camera 0")))
    picture = ramp_picture()
    assert picture.depth_map is not None
    scene.set_frame(Frame(picture.frame_bgr, 5.0, 0))
    assert scene.moment(controls).depth_age_s is None
    scene.set_keyframe(Keyframe(np.zeros((32, 64), np.uint8), picture.depth_map, 5.0, (0.0, 1.0)))
    assert scene.moment(controls).depth_age_s == 0
    scene.set_frame(Frame(picture.frame_bgr, 5.25, 1))
    assert scene.moment(controls).depth_age_s == 0.25


def test_a_snapshot_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_snapshot(ramp_picture(), tmp_path / "nowhere", "stem")
    paths = write_snapshot(replace(ramp_picture(), depth_map=None), tmp_path, "stem")
    assert [path.name for path in paths] == ["stem-photo.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["stem-photo.png"]


def test_stats_have_the_agreed_form(tmp_path: Path) -> None:
    stats = Stats()
    for number in range(11):
        stats.captured.tick(number / 10)
        if number != 5:
            stats.add_drawn(number / 10 + 0.01, frame_time_s=number / 10, depth_time_s=number / 10 - 0.09)
    stats.add_inference(0.05, 0.5)
    stats.write(tmp_path / "stats.json", 1.01)
    spread = {"p50": 100.0, "p95": 100.0, "max": 100.0}
    assert json.loads((tmp_path / "stats.json").read_text()) == {
        "seconds": 1.0,
        "captured": 11,
        "shown": 10,
        "inferred": 1,
        "dropped": 1,
        "draw_interval_ms": {"p50": 100.0, "p95": 160.0, "max": 200.0},
        "depth_age_ms": spread,
        "inference_ms": {"p50": 50.0, "p95": 50.0, "max": 50.0},
        "readers": {"view": {"came": 0, "most_at_once": 0}, "depth": {"came": 0, "most_at_once": 0}},
    }
    assert stats.captured.per_s(1.0) == pytest.approx(10)
    assert stats.captured.per_s(9.0) == 0
    assert Stats().as_dict(5.0)["depth_age_ms"] == {"p50": None, "p95": None, "max": None}


def test_a_source_may_come_back_in_another_size() -> None:
    """As after a reconnection: the keyframe is of the old size until the network has seen the new one."""
    rng = np.random.default_rng(0)
    steadier = Steadier()
    scene = Scene()
    controls = Controls(LiveConfig(SourceSpec("camera", 0, "camera 0")))
    for number, (size, network) in enumerate((((90, 160), (144, 256)), ((240, 240), (256, 256)))):
        frame_bgr = rng.integers(0, 255, (*size, 3), np.uint8)
        scene.set_frame(Frame(frame_bgr, float(number), number))
        if scene.keyframe is not None:
            assert paint(scene.picture(controls), (320, 180)).shape == (180, 320, 3)
        prediction = rng.random(network, np.float32)
        scene.set_keyframe(accept(steadier, frame_bgr, prediction, float(number)))
        assert paint(scene.picture(controls), (320, 180)).shape == (180, 320, 3)
