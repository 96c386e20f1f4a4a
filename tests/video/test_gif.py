"""Animated GIFs of depth: read back with Pillow, beside the MP4 of the same clip."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

import video.batch
from shared import Encoding, Look, UserError, View
from shared.media import GifWriter, gif, pieces_of, read_raw_depth
from tests.conftest import REPOSITORY, BrightnessPredictor
from tests.support.predictors import CallingPredictor
from tests.support.video_files import facts, pictures_rgb
from video.__main__ import main
from video.convert import ConvertSettings, convert

MakeClip = Callable[..., Path]


def run(source: Path, output: Path, **settings: object) -> None:
    convert(source, output, ConvertSettings(**settings), predictor=BrightnessPredictor(64))  # type: ignore[arg-type]


def pictures_of(path: Path) -> tuple[list[NDArray[np.uint8]], list[int]]:
    """The GIF's pictures as RGB and how long each is shown, in hundredths of a second."""
    with Image.open(path) as image:
        frames = ImageSequence.Iterator(image)
        shown = [(np.array(frame.convert("RGB")), frame.info["duration"] // 10) for frame in frames]
    return [picture for picture, _ in shown], [duration_cs for _, duration_cs in shown]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("view", "off_by"), [("depth", 3), ("overlay", 8), ("side-by-side", 8)])
def test_the_pictures_are_those_of_the_mp4(
    view: View, off_by: float, make_clip: MakeClip, tmp_path: Path
) -> None:
    source = make_clip("gif.mp4", "-c:a", "aac", audio="sine=duration=2")
    part = {"start_s": 0.4, "duration_s": 1.2, "look": Look(view), "encoding": Encoding(0)}
    run(source, tmp_path / "x.gif", **part, raw="npz")
    run(source, tmp_path / "x.mp4", **part)
    pictures, durations_cs = pictures_of(tmp_path / "x.gif")
    expected = pictures_rgb(tmp_path / "x.mp4")
    assert len(pictures) == len(expected) == facts(tmp_path / "x.mp4").frames == 30
    assert durations_cs == [4] * 30
    for picture, other in zip(pictures, expected, strict=True):
        assert np.abs(picture.astype(float) - other).mean() <= off_by
    assert len(list(read_raw_depth(tmp_path / "x.npz"))) == 30
    assert names_in(tmp_path) == ["x.gif", "x.mp4", "x.npz"]


@pytest.mark.parametrize(
    ("rate", "frames", "most_pictures"), [("30000/1001", 60, 60), ("60", 120, 100), ("7", 14, 14)]
)
def test_the_time_stays_right(
    rate: str, frames: int, most_pictures: int, make_clip: MakeClip, tmp_path: Path
) -> None:
    name = f"rate-{rate.replace('/', '-')}.mp4"
    run(make_clip(name, video=f"testsrc2=size=160x90:rate={rate}:duration=2"), tmp_path / "x.gif")
    _, durations_cs = pictures_of(tmp_path / "x.gif")
    assert 0.9 * most_pictures < len(durations_cs) <= most_pictures, "equal ones become one"
    assert min(durations_cs) >= 2, "browsers show shorter ones as a tenth of a second"
    assert abs(sum(durations_cs) - 100 * frames / Fraction(rate)) <= 1


def test_odd_sizes_few_colours_and_what_does_not_change(tmp_path: Path) -> None:
    palette_bgr = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    for count, last in [(1, 0), (4, 0), (4, 9)]:
        with GifWriter(tmp_path / "x.gif", 47, 33, Fraction(25), palette_bgr=palette_bgr) as writer:
            for index in range(count):
                writer.write(np.full((33, 47), last if index == count - 1 else 0, np.uint8))
            writer.close()
        pictures, durations_cs = pictures_of(tmp_path / "x.gif")
        assert sum(durations_cs) == 4 * count
        assert (pictures[0].shape, pictures[-1].max()) == ((33, 47, 3), last)


def test_a_palette_holds_for_all_pictures(tmp_path: Path) -> None:
    """After a cut the colours are still near; and what stands still does not flicker."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 40, (64, 64, 3)).astype(np.uint8)
    second = np.full((64, 64, 3), (20, 40, 220), np.uint8)
    with GifWriter(tmp_path / "x.gif", 64, 64, Fraction(25)) as writer:
        for frame_bgr in (first, second, first):
            writer.write(frame_bgr)
        writer.close()
    pictures, _ = pictures_of(tmp_path / "x.gif")
    assert np.array_equal(pictures[0], pictures[2])
    with Image.open(tmp_path / "x.gif") as image:
        palette = np.reshape(image.getpalette(), (-1, 3))
    assert np.ptp(palette, axis=1).min() > 0, "Pillow 10 mixes up a palette that holds greys"
    assert np.abs(pictures[1].mean(axis=(0, 1)) - second[0, 0, ::-1]).max() <= 8


def test_too_long_is_a_sentence(make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif, "HELD_BYTES", 20 * 320 * 180)
    source = make_clip("plain.mp4")
    with pytest.raises(UserError, match=r"x.gif gets too long .* holds 20 pictures, 0.8 seconds") as caught:
        run(source, tmp_path / "x.gif")
    assert "--duration" in caught.value.hint
    assert names_in(tmp_path) == []
    run(source, tmp_path / "x.gif", duration_s=0.8)
    assert len(pictures_of(tmp_path / "x.gif")[0]) == 20


@pytest.mark.parametrize("option", ["--resume", "--cluster=local"])
def test_what_does_not_go_with_a_gif(
    option: str, make_clip: MakeClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(make_clip("plain.mp4")), "-o", str(tmp_path / "x.gif"), option]) == 2
    assert option.partition("=")[0] in capsys.readouterr().err
    assert names_in(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_leaves_nothing(
    make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predictor = CallingPredictor(5, lambda: os.kill(os.getpid(), signal.SIGINT))
    monkeypatch.setattr(video.batch, "load_predictor", lambda *_: predictor)
    source = make_clip("gif-long.mp4", video="testsrc2=size=320x180:rate=25:duration=8")
    assert main([str(source), "-o", str(tmp_path / "x.gif"), "--quiet"]) == 130
    assert "of a GIF that is not whole, nothing is kept" in capsys.readouterr().out
    assert names_in(tmp_path) == []


def test_a_fault_leaves_what_was_there(make_clip: MakeClip, tmp_path: Path) -> None:
    def fail() -> None:
        raise UserError("made up", "no hint", exit_code=1)

    output = tmp_path / "x.gif"
    output.write_bytes(b"another")
    with pytest.raises(UserError, match="made up"):
        convert(
            make_clip("plain.mp4"),
            output,
            ConvertSettings(overwrite=True),
            predictor=CallingPredictor(5, fail),
        )
    assert output.read_bytes() == b"another"
    assert names_in(tmp_path) == ["x.gif"]


def die(source: Path, output: Path) -> None:
    """In a process of its own: killed while the last picture is encoded."""
    encode = GifWriter._encode

    def killed(writer: GifWriter) -> None:
        encode(writer)
        os._exit(9)

    GifWriter._encode = killed  # type: ignore[method-assign]
    run(source, output)


def test_a_killed_run_leaves_no_half_gif(make_clip: MakeClip, tmp_path: Path) -> None:
    source, output = make_clip("plain.mp4"), tmp_path / "x.gif"
    code = "import sys, pathlib, tests.video.test_gif as it; it.die(*map(pathlib.Path, sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, source, output], cwd=REPOSITORY, check=False)
    assert done.returncode == 9
    assert not output.exists()
    assert len(pieces_of(output)) == 1
    run(source, output)
    assert names_in(tmp_path) == ["x.gif"]
