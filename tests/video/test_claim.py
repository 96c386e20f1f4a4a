"""Two runs on one output, and what a run that was killed left beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import UserError
from tests.conftest import BrightnessPredictor
from video.claim import claimed
from video.convert import ConvertSettings, convert

MakeClip = Callable[..., Path]


def test_the_second_run_on_one_output_is_told(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with claimed(output):
        with pytest.raises(UserError, match="Another run is writing"), claimed(output):
            pass
        with claimed(tmp_path / "other.mp4"):
            pass
    with claimed(output):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_clip_and_a_photo_of_one_name_are_two_outputs(tmp_path: Path) -> None:
    """clip.mp4 and clip.jpg in one folder, converted side by side."""
    with claimed(tmp_path / "clip-depth.mp4"), claimed(tmp_path / "clip-depth.png"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there the file is removed after it is let go")
def test_who_lets_go_does_not_remove_the_next_runs_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run takes the output at the very moment at which this one lets it go."""
    output, close = tmp_path / "out.mp4", os.close
    next_run = claimed(output)

    def close_and_be_overtaken(file: int) -> None:
        monkeypatch.undo()
        close(file)
        next_run.__enter__()

    with claimed(output):
        monkeypatch.setattr("video.claim.os.close", close_and_be_overtaken)
    with pytest.raises(UserError, match="Another run is writing"), claimed(output):
        pass
    next_run.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_what_a_killed_run_left_is_cleared_by_the_next(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("long.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=320x180:rate=25:duration=20")
    output = tmp_path / "out.mp4"
    code = (
        "import sys, time; from pathlib import Path; from tests.conftest import BrightnessPredictor\n"
        "from video.convert import ConvertSettings, convert\n"
        "class Slow(BrightnessPredictor):\n"
        "    def predict(self, frame_bgr):\n"
        "        time.sleep(0.05)\n"
        "        return super().predict(frame_bgr)\n"
        "convert(Path(sys.argv[1]), Path(sys.argv[2]), ConvertSettings(every=1), predictor=Slow())"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, str(clip), str(output)])
    while not list(tmp_path.glob(".out.*.part.mp4")):
        assert killed.poll() is None
        time.sleep(0.05)
    stranger = tmp_path / ".out.notours.part.mp4"
    stranger.write_bytes(b"x")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    convert(clip, output, ConvertSettings(duration_s=0.4, overwrite=True), predictor=BrightnessPredictor())
    assert sorted(path.name for path in tmp_path.iterdir()) == [stranger.name, "out.mp4"]
