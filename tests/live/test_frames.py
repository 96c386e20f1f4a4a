"""live.frames: the newest frame with its depth in Python; nothing stays when the loop is left."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

import live
from live.config import LiveConfig, parse_source
from live.feed import newest_frames
from shared import NetworkChoice, UserError
from tests.conftest import REPOSITORY, BrightnessPredictor
from tests.support.live_session import Server, camera, no_thread_is_left

__all__ = ["camera", "no_thread_is_left"]


def bright_frames(source: str, **settings: bool):  # type: ignore[no-untyped-def]
    config = LiveConfig(parse_source(source), **settings)  # type: ignore[arg-type]
    return newest_frames(config, make_predictor=partial(BrightnessPredictor, 256))  # type: ignore[arg-type]


def test_a_cameras_frames_with_times_and_depth(camera: Server) -> None:
    got = []
    for frame_bgr, time_s, depth_map in bright_frames(camera.url):
        got.append((frame_bgr, time_s, depth_map))
        frame_bgr[:] = 0  # a copy: the network goes on with its own
        if len(got) == 20:
            break
    times_s = [time_s for _, time_s, _ in got]
    assert times_s == sorted(set(times_s))
    assert abs(time.perf_counter() - times_s[-1]) < 30
    for frame_bgr, _, depth_map in got:
        assert (frame_bgr.shape, frame_bgr.dtype) == ((360, 640, 3), np.uint8)
        assert (depth_map.shape, depth_map.dtype) == ((128, 256), np.float32)
        assert depth_map[40, 200] > depth_map[40, 40] + 50


def test_the_programs_own_opencv_opens_files_all_the_same(
    camera: Server, make_clip: Callable[..., Path]
) -> None:
    """Of a stream only pictures are taken, never a file of this machine; that is said of the stream alone."""
    clip = make_clip("own.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=320x180:rate=25:duration=1")
    for _ in live.frames(camera.url, network=NetworkChoice("bundled", size=64)):
        assert cv2.VideoCapture(str(clip)).read()[0]
        break
    assert cv2.VideoCapture(str(clip)).read()[0]


def test_a_slow_loop_gets_the_newest(camera: Server) -> None:
    taken_s = []
    for _, time_s, _ in bright_frames(camera.url):
        taken_s.append(time_s)
        time.sleep(0.3)
        if len(taken_s) == 4:
            break
    assert taken_s[-1] - taken_s[0] > 0.5  # of a queue's it would be a tenth


def test_a_file_ends(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("frames.mp4", video="testsrc2=size=320x180:rate=25:duration=1")
    count = sum(1 for _ in bright_frames(str(clip)))
    assert 1 <= count <= 25


def test_with_the_built_in_model(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("frames.mp4", video="testsrc2=size=320x180:rate=25:duration=1")
    for frame_bgr, _, depth_map in live.frames(clip, network=NetworkChoice("bundled", size=64), loop=True):
        assert frame_bgr.shape == (180, 320, 3)
        assert depth_map.shape == (32, 64)
        assert np.isfinite(depth_map).all()
        break


def test_what_cannot_be_opened() -> None:
    with pytest.raises(UserError, match="there is no such file"):
        next(live.frames("nowhere.mp4"))
    with pytest.raises(UserError, match="no camera 77"):
        next(live.frames(77, network=NetworkChoice("bundled", size=64)))


def test_a_loop_left_in_the_middle_does_not_keep_the_program(make_clip: Callable[..., Path]) -> None:
    """The generator is still there when the program ends, and with it its threads."""
    clip = make_clip("frames.mp4", video="testsrc2=size=320x180:rate=25:duration=1")
    code = (
        "import live\n"
        "from shared import NetworkChoice\n"
        f"kept = live.frames({str(clip)!r}, network=NetworkChoice('bundled', size=64), loop=True)\n"
        "print(next(kept)[2].shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "(32, 64)\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_the_readmes_lines_run(camera: Server, capsys: pytest.CaptureFixture[str]) -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8").split("```python\nimport live\n")[1].split("```")[0]
    assert len(text.strip().splitlines()) + 1 <= 6
    code = "import live\n" + text.replace("live.frames(0)", "frames") + "    break\n"
    exec(compile(code, "README.md", "exec"), {"frames": bright_frames(camera.url)})
    assert "from the left" in capsys.readouterr().out
