"""A stopped conversion loses nothing: the part plays, and --resume ends as if it had not been stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import video.batch
from shared import Encoding, Look, UserError
from tests.conftest import REPOSITORY, BrightnessPredictor
from tests.support.predictors import CallingPredictor
from tests.support.video_files import FileFacts, facts, pictures_rgb
from video.__main__ import main
from video.convert import ConvertResult, ConvertSettings, convert

MakeClip = Callable[..., Path]
FRAMES = 500
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")

COMMAND = """
import signal, sys, time
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
import video.batch
from tests.conftest import BrightnessPredictor

class Slow(BrightnessPredictor):
    def predict(self, frame_bgr):
        time.sleep(0.01)
        return super().predict(frame_bgr)

video.batch.load_predictor = lambda *_: Slow(64)
from video.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def clip(make_clip: MakeClip) -> Path:
    """20 s with sound, whose brightness changes, so that the range that depth is shown in moves along."""
    return make_clip(
        "resume.mp4",
        *(
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-c:a",
            "aac",
            "-vf",
            "eq=brightness='0.2*sin(t)':eval=frame",
        ),
        video="testsrc2=size=320x180:rate=25:duration=20",
        audio="sine=frequency=300:duration=20",
    )


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted conversion."""
    output = tmp_path_factory.mktemp("whole") / "x.mp4"
    convert(clip, output, ConvertSettings(every=3, encoding=Encoding(8)), predictor=BrightnessPredictor(64))
    return output


def start(clip: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        COMMAND,
        str(clip),
        "-o",
        str(output),
        "--every",
        "3",
        "--crf",
        "8",
        *options,
    ]
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def stop_at(process: subprocess.Popen[str], folder: Path, delay_s: float, number: int) -> tuple[str, str]:
    """Signals the command's whole group, as a terminal does, some time after it began to write."""
    while not list(folder.glob(".*.part.mp4")) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(delay_s)
    os.killpg(process.pid, number)
    return process.communicate(timeout=60)


def check_same(found: FileFacts, expected: FileFacts, output: Path, whole: Path) -> None:
    assert (found.frames, found.frame_rate) == (expected.frames, expected.frame_rate) == (FRAMES, 25)
    assert abs(found.duration_s - expected.duration_s) <= 0.04
    assert found.audio_hashes == expected.audio_hashes
    difference = np.abs(pictures_rgb(output).astype(np.int16) - pictures_rgb(whole))
    assert difference.mean() <= 1.0


@posix_only
@pytest.mark.parametrize("seed", range(5))
def test_ctrl_c_at_any_moment_then_resume(clip: Path, whole: Path, tmp_path: Path, seed: int) -> None:
    output = tmp_path / "x.mp4"
    number = signal.SIGTERM if seed == 4 else signal.SIGINT
    delay_s = float(np.random.default_rng(seed).uniform(0.1, 1.0))
    process = start(clip, output, "--quiet")
    out, err = stop_at(process, tmp_path, delay_s, number)
    assert process.returncode == 130, err
    assert not output.exists()
    assert "Traceback" not in err
    partial = tmp_path / "x.partial.mp4"
    if partial.exists():
        kept = len(pictures_rgb(partial))
        assert 0 < kept < FRAMES
        assert f"{kept} frames are kept as {partial}" in out
    process = start(clip, output, "--resume", "--quiet")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    check_same(facts(output), facts(whole), output, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


def stopped_after(
    clip: Path, output: Path, inferred: int, **settings: object
) -> tuple[ConvertResult, CallingPredictor]:
    """A conversion that is cancelled when so many frames have been inferred."""
    cancel = threading.Event()
    predictor = CallingPredictor(inferred, cancel.set)
    wanted = ConvertSettings(**{"every": 3, "encoding": Encoding(8), **settings})  # type: ignore[arg-type]
    return convert(clip, output, wanted, predictor=predictor, cancel=cancel), predictor


def test_going_on_does_not_do_frames_again(clip: Path, whole: Path, tmp_path: Path) -> None:
    """Stopped three times; all runs together infer hardly more than one that is not stopped."""
    output = tmp_path / "x.mp4"
    inferred = 0
    for run in range(3):
        result, predictor = stopped_after(clip, output, 40, resume=run > 0)
        assert result.is_partial
        inferred += predictor.seen
    predictor = CallingPredictor(0, output.exists)
    result = convert(
        clip, output, ConvertSettings(every=3, encoding=Encoding(8), resume=True), predictor=predictor
    )
    inferred += predictor.seen
    assert result.frames == FRAMES
    at_once = convert(
        clip,
        tmp_path / "at-once.mp4",
        ConvertSettings(every=3, encoding=Encoding(8)),
        predictor=BrightnessPredictor(64),
    )
    assert inferred <= at_once.inferred + 3 * 14  # what lay in the pipes between the stages is lost
    check_same(facts(output), facts(whole), output, whole)


def test_resume_without_a_partial_begins_at_the_beginning(clip: Path, tmp_path: Path) -> None:
    settings = ConvertSettings(resume=True, duration_s=1.0)
    assert convert(clip, tmp_path / "x.mp4", settings, predictor=BrightnessPredictor(64)).frames == 25


def test_what_was_kept_is_not_overwritten_unasked(clip: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.mp4"
    kept, _ = stopped_after(clip, output, 40)
    with pytest.raises(UserError, match="is kept of a conversion") as caught:
        stopped_after(clip, output, 10)
    assert "--resume" in caught.value.hint
    assert facts(tmp_path / "x.partial.mp4").frames == kept.frames
    convert(clip, output, ConvertSettings(overwrite=True, duration_s=1), predictor=CallingPredictor(0, int))
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


@posix_only
@pytest.mark.parametrize("names", [("SIGINT", "SIGINT"), ("SIGHUP",)])
def test_an_impatient_ctrl_c_and_a_closed_terminal_keep_the_part(
    clip: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    process = start(clip, tmp_path / "x.mp4", "--quiet")
    while sum(piece.stat().st_size for piece in tmp_path.glob(".*.part.mp4")) < 50_000:
        assert process.poll() is None
        time.sleep(0.01)
    for name in names:
        os.killpg(process.pid, getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.partial.mp4", "x.partial.npz"]


def test_a_folder_goes_on_where_it_was_stopped(
    make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is finished is passed over; what is not yet there is made."""
    monkeypatch.setattr(video.batch, "load_predictor", lambda *_: BrightnessPredictor(64))
    source = make_clip("short.mp4", video="testsrc2=size=160x90:rate=25:duration=0.5").read_bytes()
    for name in ["a.mp4", "b.mp4"]:
        (tmp_path / name).write_bytes(source)
    assert main([str(tmp_path / "a.mp4"), "--quiet"]) == 0
    assert main([str(tmp_path), "--resume", "--quiet"]) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({"look": Look(colormap="gray")}, "--colormap"),
        ({"start_s": 1.0}, "--start"),
        ({"encoding": Encoding(30)}, "--crf"),
    ],
)
def test_another_setting_is_refused(
    clip: Path, tmp_path: Path, change: dict[str, object], option: str
) -> None:
    output = tmp_path / "x.mp4"
    stopped_after(clip, output, 30)
    with pytest.raises(UserError, match=f"another {option}\\.") as caught:
        stopped_after(clip, output, 30, resume=True, **change)
    assert caught.value.exit_code == 2
    assert (tmp_path / "x.partial.mp4").exists()


def test_another_source_and_a_damaged_state_are_refused(
    clip: Path, make_clip: MakeClip, tmp_path: Path
) -> None:
    output = tmp_path / "x.mp4"
    stopped_after(clip, output, 30)
    with pytest.raises(UserError, match="source"):
        stopped_after(make_clip("other.mp4"), output, 30, resume=True)
    state = tmp_path / "x.partial.npz"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        stopped_after(clip, output, 30, resume=True)


def test_a_late_picture_stays_late(make_clip: MakeClip, tmp_path: Path) -> None:
    """The sound begins 0.6 s before the picture; joined pieces keep that."""
    from tests.video.test_matrix import delayed

    source = delayed(tmp_path / "late.mp4", picture_s=0.6)
    output = tmp_path / "x.mp4"
    stopped_after(source, output, 8)
    convert(
        source,
        output,
        ConvertSettings(every=3, encoding=Encoding(8), resume=True),
        predictor=CallingPredictor(0, output.exists),
    )
    found = facts(output)
    assert found.frames == 50
    assert abs(found.first_picture_s - 0.6) < 0.02


def test_a_fault_while_joining_loses_nothing(
    make_clip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoded, not yet joined: kept, and the next run only joins."""
    clip = make_clip("joined.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=160x96:rate=25:duration=1")
    output = tmp_path / "out.mp4"

    def failing(*_: object, **__: object) -> list[str]:
        raise UserError("The joining failed.", "Try again.", exit_code=1)

    with monkeypatch.context() as patched:
        patched.setattr("shared.media.writer.join", failing)
        with pytest.raises(UserError, match="The joining failed") as caught:
            convert(clip, output, ConvertSettings(), predictor=BrightnessPredictor())
    assert "--resume goes on" in caught.value.hint
    assert facts(tmp_path / "out.partial.mp4").frames == 25
    done = convert(clip, output, ConvertSettings(resume=True), predictor=BrightnessPredictor())
    assert (done.is_partial, facts(output).frames) == (False, 25)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
