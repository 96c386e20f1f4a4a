"""The reader's times, parts and complaints; the writer's promises. test_video_matrix has awkward files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from shared import Encoding, Preset, UserError
from shared.media import PixelFormat, Soundtrack, VideoReader, VideoWriter, probe, probing
from shared.media.ffmpeg import FFmpeg, file_url, run_ffmpeg
from shared.media.probing import snap
from tests.conftest import REPOSITORY
from tests.support.video_files import facts, ffmpeg, pictures_rgb, quarters, to_yuv

MakeClip = Callable[..., Path]
COUNTING = "color=s=64x48:r=25:d=8,format=gray,geq=lum='mod(N,200)+20'"


@pytest.fixture(scope="module")
def counting_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 frames, lossless; frame n is all of gray level n + 20."""
    path = tmp_path_factory.mktemp("counting") / "counting.mkv"
    ffmpeg("-v", "error", "-f", "lavfi", "-i", COUNTING, "-pix_fmt", "gray", "-c:v", "ffv1", "-g", "25", path)
    return path


def numbers(reader: VideoReader) -> list[int]:
    return [int(frame_bgr[24, 32, 0]) - 20 for frame_bgr, _ in reader]


def test_every_frame_comes_once_with_its_time(counting_clip: Path) -> None:
    with VideoReader(counting_clip) as reader:
        frames = [(int(frame_bgr[0, 0, 1]) - 20, time_s) for frame_bgr, time_s in reader]
    assert [number for number, _ in frames] == list(range(200))
    np.testing.assert_allclose([time_s for _, time_s in frames], np.arange(200) / 25, atol=1e-9)


@pytest.mark.parametrize(
    ("start_s", "duration_s", "expected"),
    [(0, 1, range(25)), (0.5, 0.2, range(12, 17)), (6.4, 1, range(160, 185)), (7.9, 5, range(198, 200))],
)
def test_a_part_is_exact_to_the_frame(
    counting_clip: Path, start_s: float, duration_s: float, expected: range
) -> None:
    with VideoReader(counting_clip, start_s, duration_s) as reader:
        assert numbers(reader) == list(expected)


@pytest.mark.parametrize("first_frame", [1, 100, 170, 199])
@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_going_on_at_a_frame_is_exact(
    counting_clip: Path, tmp_path: Path, first_frame: int, suffix: str
) -> None:
    """Where the container has an index the reader seeks, elsewhere it reads from the start."""
    clip = tmp_path / f"clip.{suffix}"
    ffmpeg("-v", "error", "-i", counting_clip, "-c", "copy", clip)
    with VideoReader(clip, first_frame=first_frame) as reader:
        assert numbers(reader) == list(range(first_frame, 200))


@pytest.mark.parametrize(
    ("size_px", "map_px", "small_px"),
    [
        ((1280, 720), (256, 128), (320, 180)),
        ((640, 360), (256, 128), (320, 180)),
        ((320, 180), (256, 128), (320, 180)),  # half of it would be too small
        ((854, 481), (256, 160), (427, 240)),
        ((96, 960), (32, 256), (48, 480)),
    ],
)
def test_frames_for_a_network_are_small_and_alike(
    size_px: tuple[int, int],
    map_px: tuple[int, int],
    small_px: tuple[int, int],
    make_clip: MakeClip,
    tmp_path: Path,
) -> None:
    source = f"mandelbrot=size={size_px[0]}x{size_px[1]}:rate=10,trim=duration=0.3"
    clip = make_clip("for-network.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p", video=source)
    with VideoReader(clip) as reader, VideoReader(clip) as small:
        small.for_network(map_px)
        assert (small.width_px, small.height_px) == size_px, "of the picture"
        frames = list(zip(reader, small, strict=True))
    assert len(frames) == 3
    for (frame_bgr, time_s), (small_bgr, small_time_s) in frames:
        assert small_bgr.shape[1::-1] == small_px
        assert small_time_s == time_s
        expected = cv2.resize(frame_bgr, small_px, interpolation=cv2.INTER_AREA)
        assert np.abs(small_bgr.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("kept", ["limited", "full"])
def test_frames_for_a_network_have_the_pictures_colours(
    make_clip: MakeClip, tmp_path: Path, kept: str
) -> None:
    """Of H.264 as cameras write it, too, whose way through ffmpeg is another: flat patches of ten colours."""
    patches_bgr = np.random.default_rng(3).integers(0, 256, (2, 5, 3), np.uint8)
    frame_bgr = patches_bgr.repeat(240, axis=0).repeat(256, axis=1)
    with VideoWriter(tmp_path / "patches.mp4", 1280, 480, Fraction(10), encoding=Encoding(1)) as writer:
        writer.write(frame_bgr)
    clip = tmp_path / f"{kept}.mp4"
    pixels = "yuv420p" if kept == "limited" else "yuvj420p"
    ffmpeg(
        "-v",
        "error",
        "-i",
        tmp_path / "patches.mp4",
        "-vf",
        f"scale=out_range={kept}",
        "-pix_fmt",
        pixels,
        "-c:v",
        "libx264",
        "-crf",
        "1",
        clip,
    )
    with VideoReader(clip) as reader:
        reader.for_network((256, 96))
        small_bgr = next(iter(reader))[0]
    assert small_bgr.shape == (120, 320, 3)
    middles_bgr = small_bgr[30::60, 32::64].astype(int)
    assert np.abs(middles_bgr - patches_bgr).max() <= 5


def test_a_height_limit_keeps_the_aspect(make_clip: MakeClip) -> None:
    with VideoReader(make_clip("limit.mp4"), max_height_px=90) as reader:
        assert {frame_bgr.shape for frame_bgr, _ in reader} == {(90, 160, 3)}


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_stays_in_step(tmp_path: Path, suffix: str) -> None:
    """White from 8.0 s on, after frames were left out: it must come within 40 ms of that."""
    clip = tmp_path / f"variable.{suffix}"
    dropped = "select='not(eq(mod(n,7),3)+eq(mod(n,11),5)+between(n,100,130))'"
    ffmpeg(
        *("-v", "error", "-f", "lavfi", "-i", quarters(rate="30", duration_s=10, flash_s=8)),
        *("-vf", f"{to_yuv()},{dropped}", "-fps_mode", "vfr", "-c:v", "libx264", clip),
    )
    with VideoReader(clip) as reader:
        times_s = [time_s for frame_bgr, time_s in reader if frame_bgr[90, 160].min() > 240]
    assert abs(times_s[0] - 8.0) <= 0.04


@pytest.mark.parametrize(
    ("printed", "exact"),
    [
        (Fraction(19001, 634), Fraction(30000, 1001)),
        (Fraction(179, 6), Fraction(179, 6)),
        (Fraction(25, 2), None),
    ],
)
def test_rates_snap_only_to_what_they_are(printed: Fraction, exact: Fraction | None) -> None:
    assert snap(printed) == (exact or printed)


BROKEN: dict[str, bytes] = {
    "empty.mp4": b"",
    "text.mp4": b"this is no video\n" * 50,
    "notes.txt": b"hello\n" * 99,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_video_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    with pytest.raises(UserError, match=name) as caught:
        probe(path)
    assert caught.value.exit_code == 2


def test_missing_folder_sound_only_and_slivers_are_refused(tmp_path: Path) -> None:
    sound, sliver = tmp_path / "sound.m4a", tmp_path / "sliver.mkv"
    ffmpeg("-v", "error", "-f", "lavfi", "-i", "sine=d=1", sound)
    ffmpeg("-v", "error", "-f", "lavfi", "-i", "color=s=320x1:d=1,format=yuv444p", "-c:v", "ffv1", sliver)
    for path, words in [
        (tmp_path / "absent.mp4", "does not exist"),
        (tmp_path, "is a folder"),
        (sound, "no video"),
        (sliver, "only 320x1 pixels"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            probe(path)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["-dash.mp4", "a b'c\"d.mp4", "zwölf 人.mp4", "50%d.mp4", "a:b.mp4"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows forbids some of these names")
def test_any_name_is_read_and_written(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    source.write_bytes(make_clip("plain.mp4").read_bytes())
    output = tmp_path / f"out {name}"
    with VideoReader(source) as reader, VideoWriter(output, 320, 180, reader.info.frame_rate) as writer:
        for frame_bgr, _ in reader:
            writer.write(frame_bgr)
    assert facts(Path(f"file:{output}") if ":" in name else output).frames == 50


def test_damaged_packets_are_skipped_and_counted(tmp_path: Path) -> None:
    clip = tmp_path / "damaged.ts"
    ffmpeg(
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25:duration=4",
        "-c:v",
        "libx264",
        clip,
    )
    data = bytearray(clip.read_bytes())
    noise = np.random.default_rng(7)
    for position in noise.integers(len(data) // 3, len(data) * 2 // 3, 300):
        if position % 188 >= 100:  # pictures only: a damaged time would be another test's business
            data[position] ^= 0x55
    clip.write_bytes(data)
    with VideoReader(clip) as reader:
        frames = sum(1 for _ in reader)
    assert 90 <= frames <= 101  # the time grid fills what was lost, so that the sound stays in step
    assert any("damaged" in warning for warning in reader.warnings)


def test_a_file_that_ends_early_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    clip = tmp_path / "cut.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8")
    ffmpeg("-v", "error", *source, "-c:v", "libx264", "-movflags", "+faststart", clip)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with VideoReader(clip) as reader:
        frames = sum(1 for _ in reader)
    assert 50 < frames < 150
    assert any("ends early" in warning for warning in reader.warnings)


def test_a_start_beyond_the_end_is_a_sentence(make_clip: MakeClip) -> None:
    with (
        pytest.raises(UserError, match="no picture in that part"),
        VideoReader(make_clip("s.mp4"), 60) as reader,
    ):
        list(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_reader_is_an_error_and_not_an_end(make_clip: MakeClip) -> None:
    clip = make_clip("long.mp4", video="testsrc2=size=640x360:rate=25:duration=20")
    with VideoReader(clip) as reader, pytest.raises(UserError, match="stopped after") as caught:  # noqa: PT012
        for index, _ in enumerate(reader):
            if index == 3:
                assert reader._ffmpeg is not None
                os.kill(reader._ffmpeg.pid, signal.SIGKILL)
    assert caught.value.exit_code == 1


def test_a_reader_left_early_leaves_no_thread(make_clip: MakeClip) -> None:
    before = threading.active_count()
    with VideoReader(make_clip("left.mp4")) as reader:
        next(iter(reader))
    assert threading.active_count() == before


def test_a_reader_left_open_does_not_keep_the_program_from_ending(make_clip: MakeClip) -> None:
    clip = make_clip("long.mp4", video="testsrc2=size=640x360:rate=25:duration=20")
    code = (
        "import sys; from pathlib import Path; from shared.media import VideoReader\n"
        "frames = iter(VideoReader(Path(sys.argv[1])))\n"
        "next(frames)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(clip)], timeout=60, check=False).returncode == 0


def test_a_file_is_probed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[Sequence[str]] = []

    def counted(arguments: Sequence[str], **options: Any) -> tuple[int, str]:
        launched.append(arguments)
        return run_ffmpeg(arguments, **options)

    monkeypatch.setattr(probing, "run_ffmpeg", counted)
    clip = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4", str(clip))
    assert probe(clip).width_px == probe(clip).width_px == 64
    assert len(launched) == 1
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x48:rate=25:duration=0.4", "-y", str(clip))
    assert (probe(clip).width_px, len(launched)) == (96, 2)


def test_an_odd_size_is_padded_by_its_own_edge(tmp_path: Path) -> None:
    output = tmp_path / "odd.mp4"
    frame_bgr = np.full((33, 47, 3), (60, 120, 180), np.uint8)
    with VideoWriter(output, 47, 33, Fraction(25), encoding=Encoding(5)) as writer:
        for _ in range(5):
            writer.write(frame_bgr)
    picture = pictures_rgb(output)[2]
    assert picture.shape == (34, 48, 3)
    assert np.abs(picture.astype(int) - (180, 120, 60)).max() <= 6


def test_nothing_lies_under_the_name_until_it_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "clip.mp4"
    output.write_bytes(b"from before")
    frame_bgr = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(RuntimeError, match="stop"), VideoWriter(output, 64, 64, Fraction(25)) as writer:  # noqa: PT012
        writer.write(frame_bgr)
        assert output.read_bytes() == b"from before"
        raise RuntimeError("stop")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert output.read_bytes() == b"from before"


def test_the_output_starts_fast_and_names_its_maker(tmp_path: Path) -> None:
    output = tmp_path / "tagged.mp4"
    with VideoWriter(output, 64, 64, Fraction(30000, 1001), comment="made by a test") as writer:
        for _ in range(10):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    data = output.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")
    found = facts(output)
    assert "made by a test" in found.dump
    assert (found.frames, found.frame_rate) == (10, Fraction(30000, 1001))


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written to"):
        VideoWriter(tmp_path / "absent" / "x.mp4", 64, 64, Fraction(25))


def test_a_wrong_frame_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"expected \(64, 64, 3\)"),
        VideoWriter(tmp_path / "x.mp4", 64, 64, Fraction(25)) as writer,
    ):
        writer.write(np.zeros((32, 64, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_i420_goes_to_the_encoder_as_it_is(tmp_path: Path) -> None:
    output = tmp_path / "planes.mp4"
    picture = np.concatenate([np.full((32, 64), 120, np.uint8), np.full((16, 64), 128, np.uint8)])
    with VideoWriter(output, 64, 32, Fraction(25), pixel_format="yuv420p", encoding=Encoding(1)) as writer:
        for _ in range(3):
            writer.write(picture)
        with pytest.raises(ValueError, match=r"expected \(48, 64\)"):
            writer.write(np.zeros((32, 64, 3), np.uint8))
    assert "yuv420p(tv, bt709" in facts(output).dump
    assert np.abs(pictures_rgb(output)[1].astype(float) - (120 - 16) / 219 * 255).max() <= 1.5


@pytest.mark.parametrize(
    ("pixel_format", "preset", "searched"),
    [
        ("yuv420p", Encoding.preset, b"subme=0"),
        ("yuv420p", "faster", b"subme=4"),
        ("bgr24", "veryfast", b"subme=2"),
    ],
)
def test_only_heat_maps_in_the_default_preset_are_searched_less(
    tmp_path: Path, pixel_format: PixelFormat, preset: Preset, searched: bytes
) -> None:
    output = tmp_path / "x.mp4"
    shape = (48, 64) if pixel_format == "yuv420p" else (32, 64, 3)
    encoding = Encoding(preset=preset)
    with VideoWriter(output, 64, 32, Fraction(25), pixel_format=pixel_format, encoding=encoding) as writer:
        writer.write(np.full(shape, 120, np.uint8))
    assert searched in output.read_bytes()  # x264 notes in its stream what it was told


def test_a_child_that_computes_is_not_taken_for_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives no byte for longer than a stalled one may live, as while a decoder skips an hour."""
    monkeypatch.setattr("shared.media.ffmpeg.STALL_S", 1.5)
    source = "testsrc2=size=1920x1080:rate=25:duration=100,gblur=20"
    busy = FFmpeg(["-f", "lavfi", "-i", source, "-f", "null", "-"])
    started_s = time.monotonic()
    code = busy.finish()
    busy.close()
    assert (code, busy.stalled) == (0, False)
    if time.monotonic() - started_s < 4:
        pytest.skip("this machine is too fast for the test")


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.media.ffmpeg.STALL_S", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hangs = FFmpeg(["-i", f"tcp://127.0.0.1:{silent.getsockname()[1]}", "-f", "null", "-"])
        hangs.finish()
        hangs.close()
    assert hangs.stalled


SUSPENDED = """
import sys
import numpy as np
from shared.media import ffmpeg
ffmpeg.LOOK_EVERY_S, ffmpeg.STALL_S = 0.5, 5.0
size = ["-f", "rawvideo", "-pixel_format", "gray", "-video_size", "64x64"]
child = ffmpeg.FFmpeg([*size, "-i", sys.argv[1], *size[:2], "pipe:1"], pipe_out=True)
print("begun", flush=True)
print(child.read_into(memoryview(np.empty(64 * 64, np.uint8))), child.stalled)
child.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGSTOP")
def test_who_is_suspended_finds_its_child_alive() -> None:
    """Ctrl-Z, a while, fg: longer than a stalled child may live, but the child was never waited for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-c", SUSPENDED, address]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            connection, _ = server.accept()
            time.sleep(1.5)
            process.send_signal(signal.SIGSTOP)
            time.sleep(6)
            process.send_signal(signal.SIGCONT)
            with connection:
                connection.sendall(bytes(64 * 64))
            told, _ = process.communicate(timeout=60)
    assert told == "4096 False\n"


def test_a_short_cut_reads_only_its_own_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    class Noting(FFmpeg):
        def __init__(self, arguments: Sequence[str], **options: Any) -> None:
            asked.append(list(arguments))
            super().__init__(arguments, **options)

    clip = tmp_path / "long.mp4"
    picture, sound = "color=s=64x48:r=5:d=60", "sine=d=60"
    ffmpeg("-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, clip)
    monkeypatch.setattr("shared.media.mux.FFmpeg", Noting)
    track = Soundtrack.of(probe(clip))
    assert track is not None
    with VideoWriter(
        tmp_path / "cut.mp4", 64, 48, Fraction(5), audio_from=replace(track, start_s=30.0, duration_s=2.0)
    ) as writer:
        for _ in range(10):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    reading = [arguments for arguments in asked if file_url(clip) in arguments]
    assert len(reading) == 2  # a look whether it can be read, and the joining
    for arguments in reading:
        before = arguments[: arguments.index(file_url(clip))]
        assert before[before.index("-ss") + 1] == "30.000000"
        assert before[before.index("-t") + 1] == "2.000000"
