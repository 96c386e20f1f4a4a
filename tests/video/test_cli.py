"""The depth-video command: its sentences, its exit codes, many inputs at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import video.batch
from shared import DepthMap, FrameBGR
from tests.conftest import REPOSITORY, BrightnessPredictor
from tests.support.video_files import facts, ffmpeg
from video.__main__ import main

MakeClip = Callable[..., Path]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with a fake network."""
    monkeypatch.setattr(video.batch, "load_predictor", lambda *_: BrightnessPredictor(64))
    return lambda *arguments: main([*map(str, arguments), "--quiet"])


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_output_lies_beside_the_input(
    command: Callable[..., int], make_clip: MakeClip, tmp_path: Path
) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(make_clip("plain.mp4").read_bytes())
    assert command(source) == 0
    assert files_in(tmp_path) == ["clip-depth.mp4", "clip.mp4"]
    found = facts(tmp_path / "clip-depth.mp4")
    assert found.frames == 50
    assert "depth-viewer" in found.dump


def text_file(folder: Path) -> list[str]:
    (folder / "text.mp4").write_text("no video " * 100, "utf-8")
    return [str(folder / "text.mp4")]


def sound_file(folder: Path) -> list[str]:
    ffmpeg("-v", "error", "-f", "lavfi", "-i", "sine=d=1", folder / "sound.m4a")
    return [str(folder / "sound.m4a")]


def bad_photo(folder: Path) -> list[str]:
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    return [str(folder / "photo.jpg")]


def sound_with_a_cover(folder: Path) -> list[str]:
    photo(folder / "cover.png")
    inputs = ("-f", "lavfi", "-i", "sine=d=1", "-i", folder / "cover.png", "-map", "0", "-map", "1")
    ffmpeg("-v", "error", *inputs, "-c:v", "copy", "-disposition:v", "attached_pic", folder / "cover.m4a")
    return [str(folder / "cover.m4a")]


def pipe(folder: Path) -> list[str]:
    """Nobody writes into it: who opened it would wait for ever."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(folder / "pipe.mp4")
    return [str(folder / "pipe.mp4")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (sound_with_a_cover, "holds no video"),
        (pipe, "no ordinary file"),
        (lambda folder: [photo(folder / f"{'n' * 230}.png")], "too long"),
        (lambda folder: ["http://127.0.0.1/x.mp4"], "is no file"),
        (lambda folder: [str(folder / "absent.mp4")], "does not exist"),
        (text_file, "cannot be read as a video"),
        (sound_file, "no video"),
        (bad_photo, "cannot be read as a photo"),
        (lambda folder: [str(folder)], "holds no video and no photo"),
        (lambda folder: [], "No input"),
        (lambda folder: ["x.mp4", "--every", "0"], "--every"),
        (lambda folder: ["x.mp4", "--crf", "99"], "--crf"),
        (lambda folder: ["x.mp4", "--start", "-3"], "--start"),
        (lambda folder: ["x.mp4", "--colormap", "mauve"], "--colormap"),
        (lambda folder: ["x.mp4", "--max-height", "17"], "--max-height"),
        (lambda folder: ["x.mp4", "y.mp4", "-o", "z.mp4"], "several inputs"),
        (lambda folder: ["x.mp4", "--demo"], "--demo"),
        (lambda folder: ["x.mp4", "--raw", "npz", "--resume"], "exclude"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_one_hint(
    command: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: Callable[[Path], list[str]],
    words: str,
) -> None:
    given = arguments(tmp_path)
    before = files_in(tmp_path)
    assert command(*given) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 2, captured.err
    assert words in lines[0]
    assert lines[0].startswith("depth-video: ")
    assert captured.out == ""
    assert files_in(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no such permissions")
def test_a_folder_without_write_permission(
    command: Callable[..., int], make_clip: MakeClip, locked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(make_clip("permission.mp4"), "-o", locked_folder / "x.mp4") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert "cannot be written to" in lines[0]


def test_a_name_with_a_leading_dash(
    command: Callable[..., int],
    make_clip: MakeClip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-x.mp4").write_bytes(make_clip("plain.mp4").read_bytes())
    assert command("-x.mp4") == 2
    assert "give it as ./-x.mp4." in capsys.readouterr().err
    assert command("./-x.mp4") == 0
    assert files_in(tmp_path) == ["-x-depth.mp4", "-x.mp4"]


def photo(path: Path) -> str:
    ramp = np.tile(np.linspace(0, 255, 320, dtype=np.uint8), (180, 1))
    path.write_bytes(cv2.imencode(path.suffix, cv2.merge([ramp] * 3))[1].tobytes())
    return str(path)


def test_a_photo_gives_a_heat_map(command: Callable[..., int], tmp_path: Path) -> None:
    photo(tmp_path / "ramp.jpg")
    assert command(tmp_path / "ramp.jpg") == 0
    heat_bgr = cv2.imdecode(np.fromfile(tmp_path / "ramp-depth.png", np.uint8), cv2.IMREAD_COLOR)
    assert heat_bgr is not None
    assert heat_bgr.shape == (180, 320, 3)
    assert heat_bgr[90, 310].sum() > heat_bgr[90, 10].sum() + 200
    assert command(tmp_path / "ramp.jpg") == 2


def mixed_folder(folder: Path, clip: bytes) -> None:
    """Twelve files, three of them broken."""
    for name in ["a.mp4", "b.mp4", "c d.mp4", "ü.mp4", "e.mov", "e.mp4"]:
        (folder / name).write_bytes(clip)
    for name in ["f.jpg", "g.png", "h.webp"]:
        photo(folder / name)
    (folder / "x-text.mp4").write_text("no video", "utf-8")
    (folder / "y-cut.mp4").write_bytes(clip[: len(clip) // 3])  # its index stood at the end
    (folder / "z-broken.jpg").write_bytes(b"\xff\xd8\xff")


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_folder_of_twelve_with_three_broken(
    command: Callable[..., int],
    make_clip: MakeClip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    jobs: int,
) -> None:
    folder, outputs = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    mixed_folder(
        folder, make_clip("short.mp4", video="testsrc2=size=160x90:rate=25:duration=0.5").read_bytes()
    )
    assert command(folder, "--output-dir", outputs, "--jobs", jobs) == 1
    assert files_in(outputs) == [
        *("a-depth.mp4", "b-depth.mp4", "c d-depth.mp4", "e.mov-depth.mp4", "e.mp4-depth.mp4"),
        *("f-depth.png", "g-depth.png", "h-depth.png", "ü-depth.mp4"),
    ]
    table = capsys.readouterr().out
    assert "9 done, 3 failed" in table
    for name in ["x-text.mp4", "y-cut.mp4", "z-broken.jpg"]:
        assert table.count(str(folder / name)) == 1  # its sentence
    assert command(folder, "--output-dir", outputs, "--skip-existing") == 1
    assert "3 failed, 9 skipped" in capsys.readouterr().out


def test_folders_in_folders_and_our_own_outputs(
    command: Callable[..., int], make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip("short.mp4", video="testsrc2=size=160x90:rate=25:duration=0.5").read_bytes()
    for name in ["a.mp4", "b/c.mp4", "a-depth.mp4", ".hidden.mp4"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(clip)
    assert command(tmp_path, "--recursive", "--overwrite") == 0
    assert files_in(tmp_path / "b") == ["c-depth.mp4", "c.mp4"]
    assert facts(tmp_path / "a-depth.mp4").frames == 13
    assert not list(tmp_path.rglob("*-depth-depth*"))


class BreakingPredictor(BrightnessPredictor):
    """Breaks as no code foresees, on upright frames only."""

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        if frame_bgr.shape[0] > frame_bgr.shape[1]:
            raise ZeroDivisionError("made up")
        return super().predict(frame_bgr)


def test_an_unforeseen_fault_does_not_stop_the_other_files(
    make_clip: MakeClip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(video.batch, "load_predictor", lambda *_: BreakingPredictor(64))
    upright = make_clip("upright.mp4", video="testsrc2=size=90x160:rate=25:duration=0.5")
    inputs = [str(upright), str(make_clip("wide.mp4"))]
    assert main([*inputs, "--output-dir", str(tmp_path), "--quiet"]) == 1
    table = capsys.readouterr().out
    assert "ZeroDivisionError: made up" in table
    assert "1 done, 1 failed" in table
    assert files_in(tmp_path) == ["wide-depth.mp4"]
    assert main([inputs[0], "-o", str(tmp_path / "x.mp4"), "--quiet"]) == 1
    assert "unforeseen went wrong: ZeroDivisionError" in capsys.readouterr().err


def test_warnings_do_not_fail(
    command: Callable[..., int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = tmp_path / "cut.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8")
    ffmpeg("-v", "error", *source, "-c:v", "libx264", "-movflags", "+faststart", clip)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    assert command(clip, "-o", tmp_path / "x.mp4") == 0
    assert "ends early" in caplog.text


def test_the_whole_command_with_the_bundled_model(make_clip: MakeClip, tmp_path: Path) -> None:
    """One run of the real thing: a process, the network, a progress bar, a tag that names the weights."""
    source = make_clip(
        "real.mp4", "-c:a", "aac", video="testsrc2=size=320x180:rate=25:duration=1", audio="sine=d=1"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "video",
            source,
            "-o",
            tmp_path / "x.mp4",
            "--weights",
            "bundled",
            "--size",
            "128",
        ],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "25/25" in done.stderr
    assert "Traceback" not in done.stderr
    found = facts(tmp_path / "x.mp4")
    assert found.frames == 25
    assert "bundled" in found.dump


def test_a_reader_of_stderr_that_goes_away_does_not_hang_the_conversion(
    make_clip: MakeClip, tmp_path: Path
) -> None:
    """As in `depth-video clip.mp4 2>&1 | head`: the bar has nobody to write to."""
    source = make_clip("unread.mp4", video="testsrc2=size=320x180:rate=25:duration=8")
    command = [sys.executable, "-m", "video", source, "-o", tmp_path / "x.mp4", "--weights", "bundled"]
    with subprocess.Popen(
        [*command, "--size", "128", "--every", "1"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=REPOSITORY,
    ) as process:
        assert process.stderr is not None
        process.stderr.read(1)
        process.stderr.close()
        try:
            assert process.wait(timeout=120) == 0
        finally:
            process.kill()
    assert facts(tmp_path / "x.mp4").frames == 200
