"""Raw depth in three forms: what is written comes back to the quantisation step, with its times."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared import RawForm, UserError
from shared.media import read_raw_depth
from shared.media.raw_depth import RawDepthWriter, check_replaceable, raw_path
from tests.conftest import REPOSITORY

FORMS: list[RawForm] = ["png16", "npz", "ffv1"]
RATE = Fraction(30000, 1001)


def maps(count: int, *, growth: float = 1.0) -> list[np.ndarray]:
    noise = np.random.default_rng(3)
    return [(noise.random((24, 40), np.float32) * 300 + 50) * growth**index for index in range(count)]


def write(path: Path, form: RawForm, frames: list[np.ndarray]) -> Path:
    with RawDepthWriter(path, form, RATE) as writer:
        for index, depth_map in enumerate(frames):
            writer.write(depth_map, 2.0 + float(index / RATE))
    return path


def step_of(form: RawForm, frames: list[np.ndarray]) -> float:
    """The largest difference that the form allows."""
    largest = max(float(np.abs(depth_map).max()) for depth_map in frames)
    if form == "npz":
        return largest * 2**-11
    first_span = float(frames[0].max() - frames[0].min())
    return max(5 * first_span, 4 * largest) / 65535


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("growth", [1.0, 1.6], ids=["steady", "leaving the first range"])
def test_round_trip(tmp_path: Path, form: RawForm, growth: float) -> None:
    frames = maps(12, growth=growth)
    path = write(raw_path(tmp_path / "clip-depth.mp4", form), form, frames)
    back = list(read_raw_depth(path))
    assert len(back) == 12
    for (depth_map, time_s), (index, expected) in zip(back, enumerate(frames), strict=True):
        assert depth_map.dtype == np.float32
        assert np.abs(depth_map - expected).max() <= step_of(form, frames)
        assert abs(time_s - (2.0 + index / 29.97002997)) < 1e-6
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("form", FORMS)
def test_negative_constant_and_huge_values_are_kept(tmp_path: Path, form: RawForm) -> None:
    frames = [
        np.zeros((8, 8), np.float32),
        np.full((8, 8), -3.5, np.float32),
        np.full((8, 8), 1e5, np.float32),
    ]
    back = [
        depth_map for depth_map, _ in read_raw_depth(write(raw_path(tmp_path / "x.mp4", form), form, frames))
    ]
    for depth_map, expected in zip(back, frames, strict=True):
        assert np.abs(depth_map - expected).max() <= 4e5 / 65535 + 1e-3


def test_png_is_sixteen_bits_with_one_scale_for_all(tmp_path: Path) -> None:
    folder = write(tmp_path / "x-png16", "png16", maps(6, growth=1.8))
    texts = set()
    for path in sorted(folder.glob("*.png")):
        data = path.read_bytes()
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        assert stored.dtype == np.uint16
        texts.add(data[data.index(b"scale\0") : data.index(b"scale\0") + 20])
    assert len(texts) == 1


def test_an_abandoned_writing_leaves_nothing(tmp_path: Path) -> None:
    for form in FORMS:
        with pytest.raises(RuntimeError), RawDepthWriter(tmp_path / "x", form, RATE) as writer:  # noqa: PT012
            writer.write(maps(1)[0], 0.0)
            raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.npz", "x.mkv", "x.txt", "absent"])
def test_what_is_no_raw_depth_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "absent":
        path.write_bytes(b"nonsense" * 100)
    with pytest.raises(UserError, match="raw depth"):
        list(read_raw_depth(path))


@pytest.mark.skipif(sys.platform == "win32", reason="reads the peak memory from the resource module")
def test_ten_thousand_frames_need_little_memory(tmp_path: Path) -> None:
    """Peak growth of a process that writes and reads 10,000 frames of 256x144."""
    code = """
import json, resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from shared.media import RawDepthWriter, read_raw_depth
unit = 1024 if sys.platform == "linux" else 1 << 20
peak_mb = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
before = peak_mb()
ramp = np.tile(np.linspace(10, 300, 256, dtype=np.float32), (144, 1))
with RawDepthWriter(Path(sys.argv[1]), "ffv1", Fraction(25)) as writer:
    for index in range(10_000):
        writer.write(ramp + index % 50, index / 25)
count = sum(1 for _ in read_raw_depth(Path(sys.argv[1])))
print(json.dumps([count, peak_mb() - before, peak_mb()]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.mkv")],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    count, growth_mb, _ = json.loads(done.stdout)
    assert count == 10_000
    assert growth_mb < 60


def test_overwriting_takes_only_what_raw_wrote(tmp_path: Path) -> None:
    path = write(tmp_path / "x-png16", "png16", [np.ones((8, 8), np.float32)])
    write(path, "png16", [np.ones((8, 8), np.float32)] * 2)  # our own is replaced
    assert len(list(path.iterdir())) == 2
    (path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        check_replaceable(path)
    with pytest.raises(UserError, match="cannot be written"):
        write(path, "png16", [np.ones((8, 8), np.float32)])
    assert (path / "thesis.txt").read_text() == "years of work"
