"""Whole conversions through the library: what comes out, and what a fault leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from shared import DepthMap, Encoding, FrameBGR, Look, UserError, View
from shared.media import read_raw_depth
from tests.conftest import BrightnessPredictor
from tests.support.predictors import CallingPredictor
from tests.support.small_disk import small_disk as small_disk_at
from tests.support.video_files import audio_hash, facts, pictures_rgb
from video.convert import ConvertResult, ConvertSettings, convert

MakeClip = Callable[..., Path]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc")


def ffmpeg_children() -> list[int]:
    """Process ids of this process's ffmpeg children, zombies included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        if int(rest[1]) == os.getpid() and name.startswith("ffmpeg"):
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
    assert sys.platform != "linux" or ffmpeg_children() == []


@pytest.fixture(scope="session")
def long_clip(make_clip: MakeClip) -> Path:
    return make_clip(
        "long.mp4",
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"),
        video="testsrc2=size=320x180:rate=25:duration=24",
        audio="sine=frequency=300:duration=24",
    )


def run(source: Path, output: Path, **settings: object) -> ConvertResult:
    return convert(source, output, ConvertSettings(**settings), predictor=BrightnessPredictor(64))  # type: ignore[arg-type]


def test_the_real_clip_keeps_frames_rate_and_sound(reference_folder: Path, tmp_path: Path) -> None:
    source = reference_folder / "clips" / "car-detection.mp4"
    result = run(source, tmp_path / "x.mp4", look=Look("side-by-side"))
    found = facts(tmp_path / "x.mp4")
    assert (result.frames, found.frames, found.frame_rate) == (377, 377, Fraction(25, 2))
    assert (found.width_px, found.height_px) == (1536, 432)
    assert abs(found.duration_s - 30.16) <= 0.08
    assert "Video: h264 (" in found.dump
    assert "yuv420p(tv, bt709" in found.dump
    assert found.audio_hashes == (audio_hash(source),)


def test_a_generated_clip_keeps_frames_rate_and_sound(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip(
        "sound.mp4",
        "-c:a",
        "aac",
        video="testsrc2=size=320x180:rate=30000/1001:duration=3",
        audio="sine=duration=3",
    )
    progress: list[tuple[int, int | None]] = []
    result = convert(
        source,
        tmp_path / "x.mp4",
        ConvertSettings(Look("side-by-side")),
        predictor=BrightnessPredictor(64),
        progress=lambda done, total: progress.append((done, total)),
    )
    found = facts(tmp_path / "x.mp4")
    assert (found.frames, found.frame_rate) == (90, Fraction(30000, 1001))
    assert found.audio_hashes == (audio_hash(source),)
    assert progress == [(done, 90) for done in range(1, 91)]
    assert (result.is_partial, result.warnings) == (False, [])
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


@pytest.mark.parametrize(
    ("view", "width_px"), [("depth", 320), ("overlay", 320), ("side-by-side", 640), ("focus", 320)]
)
def test_views_show_what_they_say(make_clip: MakeClip, tmp_path: Path, view: View, width_px: int) -> None:
    """Left half dark, right half bright: the fake network calls the right half near."""
    halves = "color=c=0x202020:s=320x180:r=25:d=1,drawbox=x=160:w=160:h=180:c=0xe0e0e0:t=fill"
    run(make_clip("halves.mp4", video=halves), tmp_path / "x.mp4", look=Look(view), encoding=Encoding(10))
    picture = pictures_rgb(tmp_path / "x.mp4")[10].astype(int)
    assert picture.shape == (180, width_px, 3)
    depth = picture[:, -320:]  # in the view focus, the picture itself
    assert depth[90, 300].sum() > depth[90, 20].sum() + 200
    if view == "side-by-side":
        assert np.abs(picture[90, 300] - 0xE0).max() <= 3
        assert np.abs(picture[90, 20] - 0x20).max() <= 3


class ShapesPredictor(BrightnessPredictor):
    """Notes which sizes of frames it saw."""

    def __init__(self) -> None:
        super().__init__(64)
        self.shapes: set[tuple[int, ...]] = set()

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        self.shapes.add(frame_bgr.shape)
        return super().predict(frame_bgr)


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"look": Look("depth")}, (45, 80, 3)),
        ({"look": Look("depth"), "max_height_px": 120}, (60, 107, 3)),
        ({"look": Look("side-by-side")}, (180, 320, 3)),
        ({"look": Look("depth"), "raw": "npz"}, (45, 80, 3)),
    ],
)
def test_frames_that_nobody_sees_are_read_small(
    settings: dict[str, object], shape: tuple[int, ...], make_clip: MakeClip, tmp_path: Path
) -> None:
    source, predictor = make_clip("plain.mp4"), ShapesPredictor()
    convert(source, tmp_path / "x.mp4", ConvertSettings(**settings), predictor=predictor)  # type: ignore[arg-type]
    assert predictor.shapes == {shape}


def test_a_heat_map_of_small_frames_is_that_of_whole_ones(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("plain.mp4")
    for view in ("depth", "side-by-side"):
        run(source, tmp_path / f"{view}.mp4", look=Look(view), encoding=Encoding(0))
    small, whole = pictures_rgb(tmp_path / "depth.mp4"), pictures_rgb(tmp_path / "side-by-side.mp4")
    assert small.shape == whole[:, :, 320:].shape
    assert np.abs(small.astype(int) - whole[:, :, 320:]).mean() < 4


def test_contrast_is_in_the_file(make_clip: MakeClip, tmp_path: Path) -> None:
    """Thirds: far, half way, near. Half way is darker the more of what is near is told apart."""
    thirds = "color=c=0x202020:s=320x180:r=25:d=1,drawbox=x=108:w=106:h=180:c=0x808080:t=fill"
    source = make_clip("thirds.mp4", video=thirds + ",drawbox=x=214:w=106:h=180:c=0xe0e0e0:t=fill")
    middle = []
    for gamma in (1.0, 3.0):
        look = Look("depth", "gray", gamma=gamma)
        run(source, tmp_path / f"{gamma}.mp4", look=look, encoding=Encoding(10))
        middle.append(int(pictures_rgb(tmp_path / f"{gamma}.mp4")[10][90, 160, 0]))
    assert middle[0] == pytest.approx(128, abs=8)
    assert middle[1] == pytest.approx(32, abs=8)


def test_a_part_takes_its_own_sound(make_clip: MakeClip, tmp_path: Path) -> None:
    """The tone starts at 2 s; a part from 1 s on has it at 1 s, for as long as the part lasts."""
    source = make_clip(
        "tone.mp4",
        *("-af", "volume=0:enable='lt(t,2)'", "-c:a", "aac"),
        video="testsrc2=size=160x90:rate=25:duration=6",
        audio="sine=duration=6",
    )
    run(source, tmp_path / "x.mp4", start_s=1.0, duration_s=3.0)
    found = facts(tmp_path / "x.mp4")
    assert found.frames == 75
    assert abs(found.duration_s - 3.0) <= 0.06
    samples = decoded_sound(tmp_path / "x.mp4")
    first_s = int(np.argmax(np.abs(samples) > 1000)) / 8000
    assert abs(first_s - 1.0) <= 0.04


def decoded_sound(path: Path) -> np.ndarray:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", str(path)]
    command += ["-af", "aresample=8000:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "pipe:1"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16).astype(
        int
    )


@pytest.mark.parametrize("codec", ["pcm_s16le", "libvorbis"])
def test_sound_that_cannot_be_copied_becomes_aac(make_clip: MakeClip, tmp_path: Path, codec: str) -> None:
    run(make_clip(f"{codec}.mkv", "-c:a", codec, audio="sine=duration=2"), tmp_path / "x.mp4")
    assert "Audio: aac" in facts(tmp_path / "x.mp4").dump


def test_sound_is_left_out_when_asked(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "x.mp4", audio=False, duration_s=1)
    assert facts(tmp_path / "x.mp4").audio_hashes == ()


def test_outputs_that_must_not_be_written(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip("mine.mp4")
    existing = tmp_path / "there.mp4"
    existing.write_bytes(b"mine")
    for output, words in [
        (existing, "exists already"),
        (source, "is the input itself"),
        (tmp_path / "x.avi", "does not end in"),
        (tmp_path / "absent" / "x.mp4", "does not exist"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            run(source, output)
        assert caught.value.exit_code == 2
    with pytest.raises(UserError, match="is the input itself"):
        run(source, source, overwrite=True)
    assert existing.read_bytes() == b"mine"
    run(source, existing, overwrite=True)
    assert facts(existing).frames == 50


def test_a_failing_network_keeps_what_is_finished(long_clip: Path, tmp_path: Path) -> None:
    def fail() -> None:
        raise UserError("The network's output is not finite.", "Try --weights bundled.", exit_code=1)

    with pytest.raises(UserError, match="not finite") as caught:
        convert(
            long_clip, tmp_path / "x.mp4", ConvertSettings(every=1), predictor=CallingPredictor(100, fail)
        )
    assert "--resume" in caught.value.hint
    assert not (tmp_path / "x.mp4").exists()
    assert facts(tmp_path / "x.partial.mp4").frames == 99


@linux_only
@pytest.mark.parametrize("which", ["reader", "writer"])
def test_a_killed_ffmpeg_ends_the_conversion_with_a_sentence(
    long_clip: Path, tmp_path: Path, which: str
) -> None:
    def kill() -> None:
        for pid in ffmpeg_children():
            is_reader = b"libx264" not in Path(f"/proc/{pid}/cmdline").read_bytes()
            if is_reader == (which == "reader"):
                os.kill(pid, signal.SIGKILL)

    words = {"reader": "Reading .* stopped after", "writer": "Writing .* stopped after"}[which]
    with pytest.raises(UserError, match=words) as caught:
        convert(long_clip, tmp_path / "x.mp4", ConvertSettings(), predictor=CallingPredictor(100, kill))
    assert caught.value.exit_code == 1
    assert not (tmp_path / "x.mp4").exists()
    assert facts(tmp_path / "x.partial.mp4").frames > 10
    assert not list(tmp_path.glob(".*"))


def test_cancelling_keeps_a_playable_part_with_its_sound(long_clip: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    result = convert(
        long_clip,
        tmp_path / "x.mp4",
        ConvertSettings(),
        predictor=CallingPredictor(60, cancel.set),
        cancel=cancel,
    )
    assert result.is_partial
    assert result.output == tmp_path / "x.partial.mp4"
    found = facts(result.output)
    assert found.frames == result.frames > 40
    assert len(found.audio_hashes) == 1
    assert abs(found.duration_s - found.frames / 25) < 0.1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.partial.mp4", "x.partial.npz"]


def test_cancelling_before_the_first_frame_leaves_nothing(long_clip: Path, tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    predictor = BrightnessPredictor(64)
    result = convert(long_clip, tmp_path / "x.mp4", ConvertSettings(), predictor=predictor, cancel=cancel)
    assert (result.is_partial, result.output) == (True, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["png16", "npz", "ffv1"])
@pytest.mark.parametrize(("raw_size", "shape"), [("network", (32, 64)), ("source", (180, 320))])
def test_raw_depth_comes_with_the_picture(
    make_clip: MakeClip, tmp_path: Path, form: str, raw_size: str, shape: tuple[int, int]
) -> None:
    source = make_clip("raw.mp4")
    result = run(source, tmp_path / "x.mp4", raw=form, raw_size=raw_size, start_s=1.0, every=1, steady=0.0)
    assert result.raw is not None
    back = list(read_raw_depth(result.raw))
    assert len(back) == facts(tmp_path / "x.mp4").frames == 25
    assert {depth_map.shape for depth_map, _ in back} == {shape}
    np.testing.assert_allclose([time_s for _, time_s in back], 1.0 + np.arange(25) / 25, atol=1e-6)
    with pytest.raises(UserError, match="exists already"):
        run(source, tmp_path / "x.mp4", raw=form, overwrite=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk_at(tmp_path / "small", 20) as folder:
        yield folder


def test_a_full_disk_is_a_sentence_and_what_was_finished_is_kept(
    make_clip: MakeClip, tmp_path: Path, small_disk: Path
) -> None:
    noisy = "testsrc2=size=640x360:rate=25:duration=12,noise=alls=60:allf=t"
    source = make_clip("noisy.mp4", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "25", video=noisy)
    with pytest.raises(UserError, match="is full") as caught:
        run(source, small_disk / "x.mp4", look=Look("side-by-side"), encoding=Encoding(5))
    assert caught.value.exit_code == 1
    assert sorted(path.name for path in small_disk.iterdir()) == ["x.partial.mp4", "x.partial.npz"]
    assert facts(small_disk / "x.partial.mp4").frames > 5
    with pytest.raises(UserError, match="is full"):
        run(source, small_disk / "x.mp4", look=Look("side-by-side"), encoding=Encoding(5), resume=True)
    assert sorted(path.name for path in small_disk.iterdir()) == ["x.partial.mp4", "x.partial.npz"]
