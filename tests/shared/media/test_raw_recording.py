"""Raw depth recorded as it comes: uneven times, a range that is left, a writer that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shared import UserError
from shared.media import RawDepthRecording, partial_of, read_raw_depth
from tests.conftest import REPOSITORY


def frames(count: int, *, growth: float = 1.0) -> list[tuple[np.ndarray, float]]:
    """Noise at uneven times: 0, then 10 to 80 ms apart."""
    rng = np.random.default_rng(5)
    maps = [(rng.random((24, 40), np.float32) * 300 - 20) * growth**index for index in range(count)]
    times_s = np.concatenate([[0.0], np.cumsum(rng.uniform(0.01, 0.08, count - 1))])
    return list(zip(maps, times_s.tolist(), strict=True))


def record(path: Path, written: list[tuple[np.ndarray, float]]) -> list[Path]:
    recording = RawDepthRecording(path)
    for depth_map, time_s in written:
        recording.write(depth_map, time_s)
    recording.close()
    return recording.files


def half_a_step(first: np.ndarray) -> float:
    """Five spans of the first frame, doubled twice, in 65535 steps."""
    return float(first.max() - first.min()) * 20 / 65535 / 2


def test_values_and_times_come_back(tmp_path: Path) -> None:
    written = frames(90)
    assert record(tmp_path / "depth.mkv", written) == [tmp_path / "depth.mkv"]
    back = list(read_raw_depth(tmp_path / "depth.mkv"))
    assert len(back) == 90
    allowed = half_a_step(written[0][0]) * 1.001
    for (depth_map, time_s), (expected, expected_s) in zip(back, written, strict=True):
        assert np.abs(depth_map - expected).max() <= allowed
        assert abs(time_s - expected_s) <= 0.00051
    assert [path.name for path in tmp_path.iterdir()] == ["depth.mkv"]


def test_a_range_that_is_left_and_another_size_go_on_in_another_file(tmp_path: Path) -> None:
    written = frames(30, growth=1.3)
    written += [(np.ones((16, 16), np.float32) * 7, written[-1][1] + 1.0)]
    (tmp_path / "depth-2.mkv").write_text("precious")
    files = record(tmp_path / "depth.mkv", written)
    assert [path.name for path in files[:2]] == ["depth.mkv", "depth-3.mkv"]
    assert len(files) >= 3
    back = [pair for path in files for pair in read_raw_depth(path)]
    assert len(back) == 31
    for (depth_map, time_s), (expected, expected_s) in zip(back, written, strict=True):
        assert depth_map.shape == expected.shape
        assert np.abs(depth_map - expected).max() <= max(np.abs(expected).max() * 20 / 65535, 1e-5)
        assert abs(time_s - expected_s) <= 0.00051
    assert (tmp_path / "depth-2.mkv").read_text() == "precious"


def test_two_frames_in_one_millisecond_stay_two(tmp_path: Path) -> None:
    map_ = frames(1)[0][0]
    record(tmp_path / "depth.mkv", [(map_, time_s) for time_s in (0.0, 0.0001, 0.0002, 0.0003, 0.05)])
    times_s = [time_s for _, time_s in read_raw_depth(tmp_path / "depth.mkv")]
    assert times_s == pytest.approx([0.0, 0.001, 0.002, 0.003, 0.05])


def test_nothing_stays_where_nothing_came(tmp_path: Path) -> None:
    assert record(tmp_path / "depth.mkv", []) == []
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_recording_is_not_overwritten(tmp_path: Path) -> None:
    partial_of(tmp_path / "depth.mkv").write_text("precious")
    with pytest.raises(UserError, match="not ended"):
        RawDepthRecording(tmp_path / "depth.mkv")
    assert partial_of(tmp_path / "depth.mkv").read_text() == "precious"


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
@pytest.mark.parametrize("also_ffmpeg", [False, True], ids=["the program", "the program and its ffmpeg"])
def test_it_plays_up_to_where_it_was_killed(tmp_path: Path, also_ffmpeg: bool, ffmpeg: str) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from shared.media import RawDepthRecording\n"
        "from tests.shared.media.test_raw_recording import frames\n"
        f"recording = RawDepthRecording(Path({str(tmp_path / 'depth.mkv')!r}))\n"
        "for number, (depth_map, time_s) in enumerate(frames(400)):\n"
        "    recording.write(depth_map, time_s)\n"
        "    time.sleep(0.005)\n"
        "    if number == 150:\n"
        "        print(recording._sink._ffmpeg.pid, flush=True)\n"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    encoder = int(program.stdout.readline())
    if also_ffmpeg:
        os.kill(encoder, signal.SIGKILL)
    program.kill()
    program.communicate()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{encoder}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    partial = partial_of(tmp_path / "depth.mkv")
    back = list(read_raw_depth(partial))
    assert len(back) >= (100 if also_ffmpeg else 150)
    allowed = half_a_step(frames(1)[0][0]) * 1.001
    for (depth_map, time_s), (expected, expected_s) in zip(back, frames(400), strict=False):
        assert np.abs(depth_map - expected).max() <= allowed
        assert abs(time_s - expected_s) <= 0.00051
    played = subprocess.run(
        [ffmpeg, "-v", "quiet", "-i", str(partial), "-f", "null", "-"], check=False, timeout=60
    )
    assert played.returncode == 0
