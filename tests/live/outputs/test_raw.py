"""depth-live --raw: what was shown comes back, with the times at which the camera gave it."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from live.__main__ import main
from live.outputs.raw import RawRecorder
from shared.media import partial_of, read_raw_depth
from tests.support.live_session import Server, StartSession, camera, no_thread_is_left, start, wait_for
from tests.support.streaming import moment

__all__ = ["camera", "no_thread_is_left", "start"]


def test_each_shown_frame_once_with_its_time(tmp_path: Path) -> None:
    # Each twice, as the window draws, and at uneven times.
    frames = [
        replace(moment(number), time_s=100 + number * 0.0333 + number % 3 * 0.004) for number in range(40)
    ]
    shown = [frames[number // 2] for number in range(80)]
    recorder = RawRecorder(tmp_path / "depth.mkv", Fraction(30))
    recorder.start()
    recorder.offer(moment(99, with_depth=False))
    for it in shown:
        recorder.offer(it)
        time.sleep(0.002)
    recorder.stop()
    recorder.join()
    recorder.worker.check()
    # Its depth grows by a span each frame, and so leaves the first file's range.
    files = sorted(tmp_path.iterdir(), key=lambda path: (len(path.name), path.name))
    assert [path.name for path in files[:2]] == ["depth.mkv", "depth-2.mkv"]
    back = [pair for path in files for pair in read_raw_depth(path)]
    assert len(back) == 40
    for (depth_map, time_s), it in zip(back, shown[::2], strict=True):
        assert it.picture.depth_map is not None
        assert np.abs(depth_map - it.picture.depth_map).max() <= 1.001 * 20 / 65535 / 2 + 2e-6
        assert abs(time_s - (it.time_s - shown[0].time_s)) <= 0.00051


def test_live(start: StartSession, camera: Server) -> None:
    session = start(
        camera.url, "--no-window", "--raw", "depth.mkv", "--stats", "s.json", "--duration", "6", window=False
    )
    assert session.end() == (0, "")
    back = list(read_raw_depth(session.folder / "depth.mkv"))
    stats = json.loads((session.folder / "s.json").read_text())
    assert len(back) == stats["shown"]
    times_s = [time_s for _, time_s in back]
    assert times_s[0] == 0
    assert times_s == sorted(set(times_s))
    assert {depth_map.shape for depth_map, _ in back} == {(128, 256)}
    assert back[-1][0][60, 200] > back[-1][0][60, 40]  # the test card: bright on the right


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_killed_it_keeps_what_was_recorded(start: StartSession, camera: Server) -> None:
    session = start(camera.url, "--no-window", "--raw", "depth.mkv", window=False)
    partial = partial_of(session.folder / "depth.mkv")
    wait_for(lambda: partial.exists() and partial.stat().st_size > 20_000, session)
    time.sleep(2.0)
    session.process.send_signal(signal.SIGKILL)
    session.process.communicate()
    time.sleep(1.0)
    assert len(list(read_raw_depth(partial))) > 20
    assert not (session.folder / "depth.mkv").exists()


def test_a_full_disk_keeps_what_was_recorded(start: StartSession, tmp_path: Path) -> None:
    """A limit on file sizes stands in for the full disk."""
    from tests.support.live_session import write_mjpeg

    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 255, (180, 320, 3), np.uint8) for _ in range(10)]
    camera = Server(write_mjpeg(tmp_path / "noise.mjpeg", noise)).start()
    session = start(camera.url, "--no-window", "--raw", "depth.mkv", fake="full", window=False)
    code, error_text = session.end()
    camera.kill()
    assert code == 1, error_text
    said, hint = error_text.strip().splitlines()
    assert "depth.mkv cannot be written" in said
    assert "depth.partial.mkv" in hint


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("x.mp4", "raw depth is recorded as an MKV"),
        ("kept.mkv", "already exists"),
        ("no/x.mkv", "no such folder"),
    ],
)
def test_wrong_names(name: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kept.mkv").write_text("precious")
    assert main(["0", "--raw", str(tmp_path / name)]) == 2
    assert sentence in capsys.readouterr().err
    assert (tmp_path / "kept.mkv").read_text() == "precious"
