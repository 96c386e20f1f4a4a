"""Distances: two known ones make a scale, by option, by hand or from the cache; lock and network end it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from live.__main__ import build_parser, to_config
from live.config import LiveConfig, SourceSpec
from live.controls import Controls
from live.distances import Distances
from live.frame import Frame
from live.metres import calibrated, metres_text
from live.scene import Scene
from live.window.keys import key_table
from shared import UserError
from shared.motion import Keyframe

CAMERA = LiveConfig(SourceSpec("camera", 0, "camera 0"))
ENTER, ESCAPE, BACKSPACE = "\r", "\x1b", "\b"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path))
    return tmp_path


def network(name: str = "a", size: int = 256) -> Any:
    return SimpleNamespace(weights=SimpleNamespace(sha256=name), size=size)


def scene() -> Scene:
    """Depth from 0 (far) to 10 (near)."""
    shown = Scene()
    shown.set_frame(Frame(np.zeros((90, 160, 3), np.uint8), 0.0, 0))
    depth_map = np.tile(np.linspace(0, 10, 64, dtype=np.float32), (32, 1))
    shown.set_keyframe(Keyframe(np.zeros((32, 64), np.uint8), depth_map, 0.0, (0.0, 10.0)))
    return shown


def run(config: LiveConfig = CAMERA, predictor: Any = None) -> tuple[Controls, Distances, Scene]:
    controls, shown = Controls(config), scene()
    distances = Distances(config, controls)
    distances.update(shown, predictor or network())
    return controls, distances, shown


def press(controls: Controls, keys: str) -> None:
    table = key_table()
    for key in keys:
        table.press(ord(key), controls, now_s=0.0)


def test_two_distances_make_a_scale() -> None:
    metres = calibrated((10.0, 0.5), (0.0, 4.0))
    assert [metres_text(metres, depth) for depth in (10, 0, 5)] == [
        "about 0.50 m",
        "about 4.0 m",
        "about 0.89 m",
    ]
    assert metres_text(metres, -2.0) == "beyond 100 m"


@pytest.mark.parametrize(
    "known", [((1.0, 2.0), (5.0, 4.0)), ((1.0, 2.0), (1.0, 4.0)), ((5.0, 2.0), (1.0, 2.0))]
)
def test_what_makes_no_scale_is_said(known: Any) -> None:
    with pytest.raises(UserError, match="does not look nearer"):
        calibrated(*known)


def test_two_clicks_with_typed_distances() -> None:
    controls, _, _ = run()
    press(controls, "k")
    assert controls.measuring is not None
    controls.click((0.9, 0.5), 10.0)
    press(controls, f"9{BACKSPACE}0,5")
    assert "0.5_" in controls.measuring.prompt
    press(controls, ENTER)
    controls.click((0.1, 0.5), 0.0)
    press(controls, f"4{ENTER}")
    assert controls.measuring is None
    assert controls.metres == pytest.approx(calibrated((10.0, 0.5), (0.0, 4.0)))
    press(controls, "d")
    assert controls.look.view == "depth"


@pytest.mark.parametrize("typed", [f"{ENTER}", f"0{ENTER}", f"..{ENTER}", f"999{ENTER}"])
def test_what_is_no_distance_is_asked_again(typed: str) -> None:
    controls, _, _ = run()
    press(controls, "k")
    controls.click((0.9, 0.5), 10.0)
    press(controls, typed)
    assert controls.measuring is not None
    assert "type a distance" in controls.measuring.prompt


def test_escape_leaves_calibrating_and_not_the_window() -> None:
    controls, _, _ = run()
    press(controls, f"k{ESCAPE}")
    assert controls.measuring is None
    assert not controls.wants_to_quit
    assert controls.notices == ["not calibrated"]


def test_points_that_contradict_leave_the_old_calibration() -> None:
    controls, _, _ = run()
    controls.metres = old = calibrated((10.0, 0.5), (0.0, 4.0))
    press(controls, "k")
    for depth, typed in ((0.0, "1"), (10.0, "2")):
        controls.click((0.5, 0.5), depth)
        press(controls, typed + ENTER)
    assert controls.metres is old
    assert "does not look nearer" in controls.notices[0]


def test_it_is_kept_for_the_camera_and_the_network() -> None:
    controls, distances, shown = run()
    assert controls.metres is None
    controls.metres = calibrated((10.0, 0.5), (0.0, 4.0))
    distances.update(shown, network())
    assert run()[0].metres == controls.metres
    assert run(predictor=network("b"))[0].metres is None
    assert run(predictor=network(size=384))[0].metres is None
    assert run(replace(CAMERA, source=SourceSpec("camera", 1, "camera 1")))[0].metres is None


def test_the_lock_ends_it() -> None:
    controls, distances, shown = run()
    controls.metres = calibrated((10.0, 0.5), (0.0, 4.0))
    distances.update(shown, network())
    press(controls, "l")
    assert controls.is_range_locked
    assert controls.metres is None
    assert "calibrate again" in controls.notices[0]
    distances.update(shown, network())
    assert run()[0].metres is None


def test_no_password_of_a_camera_is_in_the_cache(cache: Path) -> None:
    url = "rtsp://me:secret@camera/stream"
    controls, distances, shown = run(LiveConfig(SourceSpec("stream", url, "rtsp://camera/stream")))
    controls.metres = calibrated((10.0, 0.5), (0.0, 4.0))
    distances.update(shown, network())
    kept = list((cache / "metres").iterdir())
    assert len(kept) == 1
    assert b"secret" not in kept[0].read_bytes()


def test_nothing_is_kept_of_a_file(cache: Path) -> None:
    controls, distances, shown = run(LiveConfig(SourceSpec("file", Path("clip.mp4"), "clip.mp4")))
    controls.metres = calibrated((10.0, 0.5), (0.0, 4.0))
    distances.update(shown, network())
    assert not (cache / "metres").exists()


def test_the_option_is_nearness_at_the_start() -> None:
    config = replace(CAMERA, metres=((100.0, 0.5), (0.0, 4.0)))
    assert run(config)[0].metres == pytest.approx(calibrated((10.0, 0.5), (0.0, 4.0)))


@pytest.mark.parametrize(
    "text", ["", "1", "50:1", "50:1,60", "101:1,2:3", "50:0,2:3", "nan:1,2:3", "1:2,3:4,5:6"]
)
def test_a_bad_option_is_named(text: str) -> None:
    with pytest.raises(UserError, match="--metres"):
        build_parser().parse_args(["--metres", text])


def test_an_option_that_contradicts_itself() -> None:
    with pytest.raises(UserError, match="--metres"):
        to_config(build_parser().parse_args(["--metres", "20:0.5,80:3"]))
