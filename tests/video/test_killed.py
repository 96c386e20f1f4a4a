"""A conversion that is killed at any of its file operations: nothing is lost, nothing is left over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared import Encoding, UserError
from tests.conftest import REPOSITORY, BrightnessPredictor
from tests.support.video_files import facts, pictures_rgb
from video import journal
from video.convert import ConvertSettings, convert

MakeClip = Callable[..., Path]
STRIDE = os.environ.get("KILLING_STRIDE", "9")  # 1 dies at every operation; some minutes
FRAMES = 60
SETTINGS = ConvertSettings(every=3, encoding=Encoding(0))
MP4 = "\0\0\0 f"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and finds processes in /proc")


@pytest.fixture(scope="module")
def clip(make_clip: MakeClip) -> Path:
    return make_clip(
        "killed.mp4",
        *("-pix_fmt", "yuv420p"),
        video="testsrc2=size=96x64:rate=25:duration=2.4",
        audio="sine=duration=2.4",
    )


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole") / "x.mp4"
    convert(clip, output, SETTINGS, predictor=BrightnessPredictor(64))
    return output


def reports(scenario: str, clip: Path, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killing", scenario, str(clip), str(folder), STRIDE],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert not found[-1]["was_killed"], "the last one came to its end"
    assert len(found) > 2
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "scenario", ["fresh", "stopped", "resumed", "recovered", "overwriting", "anew", "raw"]
)
def test_dying_at_any_file_operation(
    scenario: str, clip: Path, whole: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = reports(scenario, clip, tmp_path)
    record_property("points", len(found))
    expected = pictures_rgb(whole)
    for told in found:
        folder = tmp_path / str(told["at"])
        assert told["code"] == 0, told
        assert told["after"] == (["x.mp4", "x.npz"] if scenario == "raw" else ["x.mp4"]), told
        was_whole = told["output"] == MP4
        if scenario != "raw" and not was_whole:
            assert told["written"] == FRAMES - told["kept"], told
        if scenario == "overwriting" and not was_whole:
            assert told["output"] == "anoth", told
        output = folder / "x.mp4"
        assert facts(output).audio_hashes == facts(whole).audio_hashes
        assert np.array_equal(pictures_rgb(output), expected), told  # lossless: to the bit


def test_a_killed_run_is_offered_and_its_state_is_used(clip: Path, tmp_path: Path) -> None:
    """Without --resume nothing of it is overwritten; with it, the network is not asked again."""
    found = next(told for told in reversed(reports("fresh", clip, tmp_path)) if told["kept"] == FRAMES)
    whole = convert(clip, tmp_path / "whole.mp4", SETTINGS, predictor=BrightnessPredictor(64))
    assert found["inferred"] < whole.inferred // 2


@pytest.mark.timeout(600)
def test_what_was_killed_is_not_overwritten_unasked(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "x.mp4"
    left = leave_a_killed_run(clip, output, monkeypatch)
    with pytest.raises(UserError, match=r"x.partial.mp4 is kept of a conversion") as caught:
        convert(clip, output, SETTINGS, predictor=BrightnessPredictor(64))
    assert "--resume" in caught.value.hint
    assert facts(tmp_path / "x.partial.mp4").frames == left
    convert(clip, output, replace(SETTINGS, overwrite=True), predictor=BrightnessPredictor(64))
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


def test_a_damaged_or_planted_journal_is_a_sentence(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "x.mp4"
    leave_a_killed_run(clip, output, monkeypatch)
    (path,) = journal.journals_of(output)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="is damaged") as caught:
        convert(clip, output, replace(SETTINGS, resume=True), predictor=BrightnessPredictor(64))
    assert "--overwrite" in caught.value.hint
    convert(clip, output, replace(SETTINGS, overwrite=True), predictor=BrightnessPredictor(64))
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


def leave_a_killed_run(clip: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """What a run leaves that is killed before it joins; how many frames its piece holds."""

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("video.convert.VideoWriter.close", die)
        patched.setattr("video.convert.VideoWriter.abort", lambda writer: writer._ffmpeg.finish())
        with pytest.raises(Killed):
            convert(clip, output, SETTINGS, predictor=BrightnessPredictor(64))
    (piece,) = output.parent.glob(".x.*.part.mp4")
    return facts(piece).frames
