"""What goes wrong around a live run: one sentence, the right exit code, no hang, whole files only."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from live.__main__ import main
from live.capture import cameras
from live.quiet import OPTIONS_VARIABLE
from live.stats import Stats
from shared import FrameBGR, UserError
from shared.media import VideoReader, playable_frames, probe
from tests.conftest import REPOSITORY
from tests.live.window.test_window import shows_overlay
from tests.support.live_session import (
    Server,
    Session,
    StartSession,
    camera,
    display,
    free_port,
    is_written,
    no_thread_is_left,
    screen,
    start,
    wait_for,
    write_mjpeg,
)

__all__ = ["camera", "display", "no_thread_is_left", "start"]


def lines_of(error_text: str) -> list[str]:
    return error_text.strip().splitlines()


def ends_with(session: Session, exit_code: int, sentence: str, hint: str) -> None:
    code, error_text = session.end()
    assert code == exit_code, error_text
    said, advice = lines_of(error_text)
    assert sentence in said
    assert hint in advice


def test_no_display(start: StartSession, camera: Server) -> None:
    session = start(camera.url, window=False)
    ends_with(session, 2, "no display", "--no-window --record")


def test_a_display_that_does_not_answer(camera: Server, tmp_path: Path) -> None:
    session = Session(tmp_path / "run", ":87", [camera.url])
    ends_with(session, 2, ":87 does not answer", "--web")


def test_a_display_that_goes_away_ends_the_recording_well(camera: Server, tmp_path: Path) -> None:
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    with screen() as (name, server):
        session = Session(tmp_path / "run", name, [camera.url, "--record", "out.mp4", "--stats", "s.json"])
        try:
            wait_for(lambda: is_written(session.folder), session)
            server.kill()
            ends_with(session, 1, f"The display {name} went away.", "--no-window")
        finally:
            session.kill()
    assert probe(session.folder / "out.mp4").duration_s > 0.9
    assert (session.folder / "s.json").exists()


def test_a_window_that_the_display_cuts_off(start: StartSession, camera: Server) -> None:
    session = start(camera.url, "--record", "out.mp4")
    wait_for(lambda: is_written(session.folder), session)
    session.xdotool("windowkill", session.window())
    ends_with(session, 1, "has cut the window off.", "--no-window")
    assert probe(session.folder / "out.mp4").duration_s > 0.9


def test_headless_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real headless wheel raises the very same error from the same call."""
    import cv2

    from live.window import viewer
    from shared import UserError

    def not_implemented(*_: object) -> None:
        raise cv2.error("The function is not implemented. Rebuild the library with ... support")

    monkeypatch.setattr(viewer, "require_display", lambda: None)
    monkeypatch.setattr(cv2, "namedWindow", not_implemented)
    with pytest.raises(UserError, match="built without windows") as caught:
        viewer.Window("title", (640, 360))
    assert "--web" in caught.value.hint


def test_a_camera_that_is_not_there(start: StartSession) -> None:
    session = start("77", "--no-window", "--duration", "5", window=False)
    ends_with(session, 2, "There is no camera 77.", "--demo")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /dev")
def test_why_a_camera_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "video0").touch()
    (tmp_path / "video2").touch()
    assert "Cameras here: 0 (" in cameras.why_not(1, tmp_path).message
    assert "another program" in cameras.why_not(0, tmp_path).message
    assert "Cameras here: 2 (" in cameras.why_not(0, tmp_path).message
    monkeypatch.setattr(cameras.os, "access", lambda *_: False)
    refused = cameras.why_not(0, tmp_path)
    assert "no permission" in refused.message
    assert "group 'video'" in refused.hint
    assert refused.exit_code == 2


def test_a_stream_that_refuses(start: StartSession) -> None:
    session = start(f"http://127.0.0.1:{free_port()}/", "--no-window", "--duration", "5", window=False)
    ends_with(session, 2, "could not be opened", "Check the address")


def test_a_stream_that_accepts_and_says_nothing(start: StartSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://user:secret@127.0.0.1:{silent.getsockname()[1]}/cam"
        session = start(url, "--no-window", "--duration", "5", window=False)
        code, error_text = session.end()
    assert code == 2
    assert "could not be opened" in error_text
    assert "secret" not in error_text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.mp4"], "missing.mp4: there is no such file."),
        (["ftp://somewhere/x"], "not a stream"),
        (["0", "--no-window"], "--no-window alone"),
        (["0", "--demo"], "--demo brings its own source."),
        (["0", "--record", "x.avi"], "the recording is an MP4"),
        (["0", "--record", "nowhere/x.mp4"], "there is no such folder"),
        (["0", "--stats", "nowhere/x.json"], "there is no such folder"),
        (["0", "--web"], "--web takes no source"),
        (["0", "--loop"], "--loop needs a video file"),
        (["0", "--every", "0"], "--every"),
        (["0", "--port", "70000"], "--port"),
        (["0", "--duration", "-1"], "--duration"),
    ],
)
def test_wrong_use(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said, hint = lines_of(capsys.readouterr().err)
    assert sentence in said
    assert hint.endswith(".")


def test_a_recording_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kept.mp4"
    path.write_text("precious")
    assert main(["0", "--record", str(path)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert path.read_text() == "precious"


def test_a_file_that_is_no_video(start: StartSession, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a video\n" * 100)
    session = start(str(path), "--no-window", "--duration", "5", window=False)
    ends_with(session, 2, "notes.mp4", "")


def test_an_engine_that_raises(start: StartSession, camera: Server) -> None:
    session = start(camera.url, "--record", "out.mp4", fake="raises")
    ends_with(session, 1, "The fake engine broke.", "Nothing to do.")
    assert probe(session.folder / "out.mp4").duration_s > 0


@pytest.mark.parametrize("arguments", [("--record", "out.mp4"), ("--raw", "out.mkv")])
def test_a_folder_that_cannot_be_written_to_is_told_at_once(
    arguments: tuple[str, str],
    locked_folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the first depth, before the network is loaded."""
    option, name = arguments
    monkeypatch.setenv(OPTIONS_VARIABLE, "")  # else the command sets it for the whole process of the tests
    assert main(["--demo", "--no-window", option, str(locked_folder / name)]) == 2
    said, hint = lines_of(capsys.readouterr().err)
    assert f"{locked_folder} cannot be written to" in said
    assert "another folder" in hint


def test_stats_that_cannot_be_written(start: StartSession, camera: Server, locked_folder: Path) -> None:
    stats = str(locked_folder / "s.json")
    session = start(camera.url, "--no-window", "--duration", "1", "--stats", stats, window=False)
    ends_with(session, 1, "s.json cannot be written", "another place")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no /dev")
def test_stats_into_what_is_no_file(tmp_path: Path) -> None:
    """/dev/stdout is written to, not replaced; a full device is a sentence."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    Stats().write(pipe, 0.0)
    assert json.loads(os.read(reader, 10_000))["shown"] == 0
    os.close(reader)
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no /dev/full")
    with pytest.raises(UserError, match="No space left"):
        Stats().write(Path("/dev/full"), 0.0)
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finalises_the_recording(start: StartSession, camera: Server, number: int) -> None:
    session = start(camera.url, "--no-window", "--record", "out.mp4", "--stats", "stats.json", window=False)
    wait_for(lambda: is_written(session.folder), session)
    session.process.send_signal(number)
    code, error_text = session.end()
    assert (code, lines_of(error_text)) == (130, ["depth-live: interrupted."])
    with VideoReader(session.folder / "out.mp4") as reader:
        assert sum(1 for _ in reader) > 10
    assert sorted(path.name for path in session.folder.iterdir()) == [
        "controls.json",
        "out.mp4",
        "stats.json",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_recording_is_there_to_be_seen(start: StartSession, camera: Server) -> None:
    """Under a name without a dot before it; the next run of the same command says so and replaces nothing."""
    session = start(camera.url, "--no-window", "--record", "out.mp4", window=False)
    wait_for(lambda: is_written(session.folder), session)
    session.process.send_signal(signal.SIGKILL)
    session.process.communicate()
    kept = (session.folder / "out.partial.mp4").read_bytes()
    with VideoReader(session.folder / "out.partial.mp4") as reader:
        assert sum(1 for _ in reader) > 10
    again = Session(session.folder, None, [camera.url, "--no-window", "--record", "out.mp4"])
    ends_with(again, 2, "out.partial.mp4 is there already: a recording that was not ended.", "move it away")
    assert (session.folder / "out.partial.mp4").read_bytes().startswith(kept)  # ffmpeg may still end it
    assert [path.name for path in session.folder.glob("*out*")] == ["out.partial.mp4"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows knows no SIGHUP")
@pytest.mark.parametrize("is_nohup", [True, False], ids=["nohup", "a terminal that closes"])
def test_a_closed_terminal(start: StartSession, camera: Server, is_nohup: bool) -> None:
    """Under nohup it goes on until another signal comes; else it ends in good order."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_nohup else signal.SIG_DFL)
    try:
        session = start(camera.url, "--no-window", "--record", "out.mp4", window=False)
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for(lambda: is_written(session.folder), session)
    session.process.send_signal(signal.SIGHUP)
    if is_nohup:
        partial = session.folder / "out.partial.mp4"
        frames = playable_frames(partial)
        wait_for(
            lambda: playable_frames(partial) > frames + 60, session
        )  # what comes after its end would not
        session.process.send_signal(signal.SIGTERM)
    code, error_text = session.end()
    assert (code, lines_of(error_text)) == (130, ["depth-live: interrupted."])
    assert probe(session.folder / "out.mp4").duration_s > 0.9


def test_the_duration_counts_from_the_start(start: StartSession, camera: Server) -> None:
    """Not from the first drawn picture, which here never comes."""
    record = ["--record", "out.mp4"]
    session = start(camera.url, "--no-window", "--duration", "2", *record, fake="never", window=False)
    ends_with(session, 1, "out.mp4 was not written", "--duration")


def test_a_full_disk_while_recording(start: StartSession, tmp_path: Path) -> None:
    """A limit on file sizes stands in for the full disk: ffmpeg's write fails in the same way."""
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 255, (180, 320, 3), np.uint8) for _ in range(10)]
    camera = Server(write_mjpeg(tmp_path / "noise.mjpeg", noise)).start()
    session = start(camera.url, "--record", "out.mp4", fake="full")
    code, error_text = session.end()
    camera.kill()
    assert code == 1, error_text
    said, hint = lines_of(error_text)
    assert "out.mp4" in said
    assert "room" in hint
    assert not (session.folder / "out.mp4").exists()
    assert not list(session.folder.glob(".out*"))
    assert (session.folder / "out.partial.mp4").exists() == ("out.partial.mp4" in hint)


def test_a_stream_cut_and_restored(start: StartSession, camera: Server) -> None:
    started_s = time.monotonic()
    session = start(camera.url, "--record", "out.mp4")
    session.wait_for_shot(shows_overlay)
    camera.kill()
    cut_s = time.monotonic()
    session.key("i")  # only the word about the connection is left on the picture
    calm = session.wait_for_shot(says_something)
    session.key("d")  # the window lives
    session.wait_for_shot(lambda shot: bool(abs(shot[400, 300].astype(int) - calm[400, 300]).max() > 20))
    session.key("o")
    camera.start()
    session.wait_for_shot(lambda shot: shows_overlay(shot) and not says_something(shot))
    restored_s = time.monotonic()
    session.key("q")
    assert session.end() == (0, f"WARNING: {camera.url} is cut; it is opened again.\n")
    with VideoReader(session.folder / "out.mp4") as reader:
        recorded_s = sum(1 for _ in reader) / 30
    assert restored_s - cut_s < recorded_s < time.monotonic() - started_s  # it went on while nothing came
    assert abs(probe(session.folder / "out.mp4").duration_s - recorded_s) < 0.1


def says_something(shot: FrameBGR) -> bool:
    """Whether there is white text low in the middle, where the window speaks of its source."""
    return bool((shot[550:600, 560:720].min(axis=2) > 240).any() and shot[550:600, 600:640].min() < 30)


def test_a_stream_that_stalls_ends_when_told(start: StartSession, camera: Server) -> None:
    session = start(camera.url)
    session.wait_for_shot(shows_overlay)
    session.key("i")
    camera.stall()
    session.wait_for_shot(says_something)
    session.key("q")
    assert session.end() == (0, "")


def is_listening(url: str) -> bool:
    """Whether somebody takes connections there, told without connecting; elsewhere than on Linux, True."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        return True
    port = f"{int(url.rpartition(':')[2]):04X}"
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port}") and row[3] == "0A" for row in rows)


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_mpeg_ts(start: StartSession, ffmpeg: str, kind: str) -> None:
    url = f"{kind}://127.0.0.1:{free_port()}"
    video = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-c:v", "libx264"]
    encoder = ["-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-f", "mpegts"]
    target = url if kind == "udp" else f"{url}?listen=1"
    sender = subprocess.Popen([ffmpeg, "-v", "quiet", *video, *encoder, target], stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: kind == "udp" or is_listening(url))
        session = start(url, "--no-window", "--duration", "4", "--stats", "stats.json", window=False)
        assert session.end() == (0, "")
    finally:
        sender.kill()
        sender.wait()
    stats = json.loads((session.folder / "stats.json").read_text())
    assert stats["shown"] > 10
    assert stats["inferred"] > 3


def test_noise_instead_of_a_stream(start: StartSession) -> None:
    """Packets as MPEG-TS has them, with nothing in them."""
    rng, over = np.random.default_rng(1), threading.Event()
    port = free_port()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not over.wait(0.002):
                packets = rng.integers(0, 256, (7, 188), np.uint8)
                packets[:, 0] = 0x47
                with suppress(ConnectionRefusedError):  # nobody listens yet, or any more
                    sender.sendto(packets.tobytes(), ("127.0.0.1", port))

    sending = threading.Thread(target=send)
    sending.start()
    session = start(f"udp://127.0.0.1:{port}", "--no-window", "--record", "out.mp4", window=False)
    try:
        ends_with(session, 2, "could not be opened as a video stream", "Check the address")
    finally:
        over.set()
        sending.join()
    assert not list(session.folder.glob("*out*"))


def test_the_end_of_a_file_and_loop(
    start: StartSession,
    make_clip,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    clip = make_clip("short.mp4", video="testsrc2=size=320x180:rate=25:duration=1")
    once = start(str(clip), "--no-window", "--record", "once.mp4", window=False)
    assert once.end() == (0, "")
    info = probe(once.folder / "once.mp4")
    assert (info.width_px, info.height_px, info.frame_rate) == (320, 180, 25)
    assert info.duration_s > 0.7
    looped = start(str(clip), "--loop", "--no-window", "--record", "l.mp4", "--duration", "3", window=False)
    assert looped.end() == (0, "")
    assert 1.2 < probe(looped.folder / "l.mp4").duration_s < 4  # more than the clip has


def test_list_cameras_where_there_is_none() -> None:
    if cameras.existing():
        pytest.skip("there is a camera here")
    done = subprocess.run(
        [sys.executable, "-m", "live", "--list-cameras"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert lines_of(done.stderr)[0] == "depth-live: No camera opens."
