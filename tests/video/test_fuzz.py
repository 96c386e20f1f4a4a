"""Clips with random damage: each gives a file that plays to its end, or one sentence; no hang, no traceback.

DEPTH_FUZZ_CLIPS sets how many (300 for a release); the seeds are fixed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import video.batch
from tests.conftest import BrightnessPredictor
from tests.support.video_files import facts, ffmpeg
from video.__main__ import main

CLIPS = int(os.environ.get("DEPTH_FUZZ_CLIPS", "40"))
FORMS = {
    "plain.mp4": ("-c:v", "libx264", "-c:a", "aac"),
    "fast.mp4": ("-c:v", "libx264", "-c:a", "aac", "-movflags", "+faststart"),
    "clip.mkv": ("-c:v", "libx264", "-c:a", "libopus"),
    "clip.ts": ("-c:v", "libx264", "-c:a", "mp2"),
    "clip.avi": ("-c:v", "mjpeg", "-c:a", "pcm_s16le"),
    "clip.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
    "clip.mov": ("-c:v", "libx265", "-x265-params", "log-level=none", "-c:a", "aac"),
    "clip.gif": ("-an",),
}


@pytest.fixture(scope="module")
def whole_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    source = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=25:duration=1",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=1",
    )
    for name, options in FORMS.items():
        ffmpeg("-v", "error", *source, *options, folder / name)
    return [folder / name for name in FORMS]


def flip_bits(data: bytearray, noise: np.random.Generator) -> None:
    for position in noise.integers(0, len(data), int(noise.integers(1, 200))):
        data[position] ^= 1 << int(noise.integers(8))


def cut(data: bytearray, noise: np.random.Generator) -> None:
    del data[int(noise.integers(1, len(data))) :]


def swap_chunks(data: bytearray, noise: np.random.Generator) -> None:
    size = int(noise.integers(16, max(17, len(data) // 8)))
    first, second = sorted(int(start) for start in noise.integers(0, len(data) - size, 2))
    data[first : first + size], data[second : second + size] = (
        bytes(data[second : second + size]),
        bytes(data[first : first + size]),
    )


DAMAGES: list[Callable[[bytearray, np.random.Generator], None]] = [flip_bits, cut, swap_chunks]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(CLIPS))
def test_damage_gives_a_file_that_plays_or_a_sentence(
    seed: int,
    whole_clips: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(video.batch, "load_predictor", lambda *_: BrightnessPredictor(64))
    noise = np.random.default_rng(seed)
    original = whole_clips[seed % len(whole_clips)]
    data = bytearray(original.read_bytes())
    DAMAGES[seed // len(whole_clips) % len(DAMAGES)](data, noise)
    source = tmp_path / original.name
    source.write_bytes(data)
    output = tmp_path / "x.mp4"
    code = main([str(source), "-o", str(output), "--quiet"])
    complaint = capfd.readouterr().err
    assert code in {0, 1, 2}
    assert "Traceback" not in complaint
    assert "unforeseen" not in complaint
    assert not list(tmp_path.glob(".*"))
    assert output.exists() == (code == 0)
    if code == 0:
        assert facts(output).frames > 0
        ffmpeg("-v", "error", "-xerror", "-i", output, "-map", "0:v", "-f", "null", "-")
        ffmpeg("-v", "error", "-i", output, "-f", "null", "-")  # sound that is a little damaged stays so
    else:
        assert len([line for line in complaint.splitlines() if not line.startswith("WARNING")]) == 2
