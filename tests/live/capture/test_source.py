"""Sources and recordings without a window: pace, reconnection, hand-offs, lengths."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from live.capture.opening import Capture
from live.capture.source import FileSource, LiveSource, SourceState
from live.config import SourceSpec, parse_source
from live.frame import Frame
from live.outputs.recorder import Recordings
from live.picture import Picture
from live.stats import RateMeter
from live.worker import Worker
from shared import FrameBGR, Look, UserError, View
from shared.handoff import Closed, LatestSlot, now_s
from shared.media import VideoReader, VideoWriter, playable_frames, probe
from tests.support.live_session import no_thread_is_left, wait_for

__all__ = ["no_thread_is_left"]


class ScriptedCapture(Capture):
    """Delivers so many frames, each filled with its number, then is cut."""

    def __init__(self, frames: int) -> None:
        self._left = frames
        self.is_file = self.is_closed = False

    def read(self) -> FrameBGR | None:
        time.sleep(0.001)
        self._left -= 1
        return np.full((16, 16, 3), self._left % 256, np.uint8) if self._left >= 0 else None

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def run() -> Iterator[Callable[[Callable[[threading.Event], None]], Worker]]:
    workers: list[Worker] = []

    def start(work: Callable[[threading.Event], None]) -> Worker:
        workers.append(Worker("test", work))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()
        worker.join()


def test_a_cut_camera_is_opened_again(run: Callable[..., Worker]) -> None:
    script: list[Capture | UserError] = [
        ScriptedCapture(3),
        UserError("gone.", "wait."),
        ScriptedCapture(100_000),
    ]
    states: list[SourceState] = []

    def open_capture() -> Capture:
        states.append(source.state)
        step = script[len(states) - 1]
        if isinstance(step, UserError):
            raise step
        return step

    slots: list[LatestSlot[Frame]] = [LatestSlot(), LatestSlot()]
    source = LiveSource(open_capture, slots, RateMeter())
    worker = run(source.run)
    wait_for(lambda: source.rate.count > 5)
    assert states == [SourceState.OPENING, SourceState.RECONNECTING, SourceState.RECONNECTING]
    assert source.state is SourceState.RUNNING
    worker.stop()
    worker.join()
    worker.check()
    newest = [slot.get() for slot in slots]
    assert newest[0] is not None
    assert newest[0] is newest[1]
    assert newest[0].index == source.rate.count - 1
    assert all(step.is_closed for step in script if isinstance(step, ScriptedCapture))


def test_a_camera_that_never_opens_ends_both_consumers(run: Callable[..., Worker]) -> None:
    def open_capture() -> Capture:
        raise UserError("No camera.", "Plug it in.")

    slots: list[LatestSlot[Frame]] = [LatestSlot(), LatestSlot()]
    worker = run(LiveSource(open_capture, slots, RateMeter()).run)
    for slot in slots:
        with pytest.raises(UserError, match="No camera"):
            slot.get(timeout_s=10)
    worker.join()
    with pytest.raises(UserError, match="No camera"):
        worker.check()


def make_file_source(
    clip: Path, slot: LatestSlot[Frame], *, loop: bool
) -> tuple[FileSource, threading.Event]:
    may_go_on = threading.Event()
    source = FileSource(lambda: VideoReader(clip), [slot], RateMeter(), loop=loop, may_go_on=may_go_on)
    return source, may_go_on


def indices_until_closed(slot: LatestSlot[Frame]) -> Iterator[int]:
    while True:
        try:
            frame = slot.get(timeout_s=20)
        except Closed:
            return
        assert frame is not None
        yield frame.index


def test_a_file_plays_at_its_own_speed(run: Callable[..., Worker], make_clip: Callable[..., Path]) -> None:
    clip = make_clip("pace.mp4", video="testsrc2=size=64x48:rate=20:duration=1.5")
    slot: LatestSlot[Frame] = LatestSlot()
    source, may_go_on = make_file_source(clip, slot, loop=False)
    run(source.run)
    first = slot.get(timeout_s=20)
    assert first is not None
    assert slot.get(timeout_s=0.5) is None  # it waits for the network
    began_s = now_s()
    may_go_on.set()
    indices = [first.index, *indices_until_closed(slot)]
    assert indices == sorted(indices)
    assert indices[-1] == 29
    assert now_s() - began_s > 1.3


def test_a_looped_file_starts_again(run: Callable[..., Worker], make_clip: Callable[..., Path]) -> None:
    clip = make_clip("loop.mp4", video="testsrc2=size=64x48:rate=25:duration=0.2")
    slot: LatestSlot[Frame] = LatestSlot()
    source, may_go_on = make_file_source(clip, slot, loop=True)
    may_go_on.set()
    run(source.run)
    wait_for(lambda: source.rate.count > 12)


def test_a_rotated_file_stands_upright(
    run: Callable[..., Worker], make_clip: Callable[..., Path], ffmpeg: str, tmp_path: Path
) -> None:
    import subprocess

    flat = make_clip("flat.mp4", video="testsrc2=size=64x48:rate=25:duration=0.4")
    turned = tmp_path / "turned.mp4"
    command = [ffmpeg, "-v", "error", "-display_rotation", "90", "-i", str(flat), "-c", "copy", str(turned)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    slot: LatestSlot[Frame] = LatestSlot()
    source, _ = make_file_source(turned, slot, loop=False)
    run(source.run)
    frame = slot.get(timeout_s=20)
    assert frame is not None
    assert frame.frame_bgr.shape == (64, 48, 3)


def picture(level: int, view: View) -> Picture:
    depth_map = np.full((24, 32), level / 255, np.float32)
    return Picture(np.full((48, 64, 3), level, np.uint8), depth_map, (0.0, 1.0), Look(view, colormap="gray"))


def test_a_recording_lasts_as_long_as_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures come in bursts, with a gap, and with another view in between."""
    clock_s = [100.0]
    monkeypatch.setattr("live.outputs.recorder.now_s", lambda: clock_s[0])
    levels: list[float] = []
    write = VideoWriter.write

    def noted(writer: VideoWriter, frame_bgr: FrameBGR) -> None:
        write(writer, frame_bgr)
        levels.append(frame_bgr[24].mean())

    monkeypatch.setattr(VideoWriter, "write", noted)
    recordings = Recordings(Fraction(30))
    path = tmp_path / "clock.mp4"
    recordings.start(path, picture(0, "depth"), comment="test")
    wait_for(lambda: len(levels) == 1)
    for level in range(60):
        recordings.offer(picture(level, "depth"))
    clock_s[0] += 1.0
    wait_for(lambda: len(levels) == 31)
    recordings.offer(picture(200, "side-by-side"))
    clock_s[0] += 0.5
    wait_for(lambda: len(levels) == 46)
    assert not path.exists()
    assert recordings.stop() == path
    recordings.close()
    recordings.check()
    assert levels[1:31] == [59] * 30  # the gap holds the last picture
    info = probe(path)
    assert (info.width_px, info.height_px, info.frame_rate) == (64, 48, 30)
    with VideoReader(path) as reader:
        frames = [frame_bgr for frame_bgr, _ in reader]
    assert len(frames) == 46
    assert frames[-1][0].mean() < 10  # fitted into the first one's size
    assert abs(frames[-1][24].mean() - 200) < 8


def test_a_recording_that_cannot_be_joined_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> list[str]:
        raise UserError("The joining failed.", "Try again.", exit_code=1)

    monkeypatch.setattr("shared.media.writer.join", failing)
    recordings = Recordings(Fraction(30))
    recordings.start(tmp_path / "x.mp4", picture(90, "depth"), comment="test")
    recordings.close()
    with pytest.raises(UserError, match="The joining failed") as caught:
        recordings.check()
    kept = tmp_path / "x.partial.mp4"
    assert str(kept) in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]
    assert playable_frames(kept) >= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", SourceSpec("camera", 0, "camera 0")),
        ("12", SourceSpec("camera", 12, "camera 12")),
        ("/dev/video3", SourceSpec("camera", 3, "camera 3")),
        (
            "rtsp://user:secret@host:554/cam?token=x",
            SourceSpec("stream", "rtsp://user:secret@host:554/cam?token=x", "rtsp://host:554/cam"),
        ),
        ("udp://127.0.0.1:5000", SourceSpec("stream", "udp://127.0.0.1:5000", "udp://127.0.0.1:5000")),
    ],
)
def test_what_a_source_text_means(text: str, expected: SourceSpec) -> None:
    assert parse_source(text) == expected


def test_a_file_named_like_a_number_needs_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert parse_source("0").kind == "camera"
    assert parse_source("./0").kind == "file"


def test_a_stream_that_opens_and_gives_nothing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("live.capture.source.NO_PICTURE_S", 0.3)
    slots: list[LatestSlot[Frame]] = [LatestSlot()]
    source = LiveSource(lambda: ScriptedCapture(0), slots, RateMeter(), name="rtsp://camera")
    with pytest.raises(UserError, match=r"rtsp://camera opened, but gave no picture"):
        source.run(threading.Event())


def test_a_file_on_a_server_plays_once_at_its_own_speed(make_clip: Callable[..., Path]) -> None:
    from live.capture.opening import open_capture
    from live.config import LiveConfig
    from tests.support.loopback import serving_folder

    clip = make_clip("served.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=160x96:rate=25:duration=1")
    frames: list[Frame] = []

    class Collecting(LatestSlot[Frame]):
        def put(self, value: Frame) -> None:
            frames.append(value)

    with serving_folder(clip.parent) as address:
        config = LiveConfig(SourceSpec("stream", f"{address}/{clip.name}", "served"))
        LiveSource(lambda: open_capture(config), [Collecting()], RateMeter()).run(threading.Event())
    assert len(frames) == 25
    assert frames[-1].time_s - frames[0].time_s > 0.9


@pytest.mark.parametrize("name", ["list.m3u8", "camera.mp4"])
def test_a_stream_that_is_a_playlist_is_refused(
    make_clip: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    """It would make us open what it names: other hosts, or files of this machine."""
    from live.capture.opening import open_capture
    from live.config import LiveConfig
    from tests.support.loopback import serving_folder

    clip = make_clip("private.ts", "-pix_fmt", "yuv420p")
    for target in (clip.as_uri(), "private.ts"):
        (tmp_path / name).write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n"
        )
        (tmp_path / "private.ts").write_bytes(clip.read_bytes())
        with serving_folder(tmp_path) as address, pytest.raises(UserError, match="could not be opened"):
            open_capture(LiveConfig(SourceSpec("stream", f"{address}/{name}", "stream")))
