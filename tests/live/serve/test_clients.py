"""Real programs read what --serve gives: ffmpeg, OpenCV, Chromium and a WebSocket client in Python."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from live.serve.message import ALIGNMENT_BYTES, depth_message
from shared import DepthMap
from shared.render import heatmap, nearness
from tests.live.window.test_window import shows_overlay
from tests.support.live_session import (
    Server,
    Session,
    StartSession,
    camera,
    display,
    free_port,
    no_thread_is_left,
    start,
    wait_for,
)
from tests.support.streaming import eventually, moment, needs_serve, streaming, subscribe
from tests.support.web_server import QUIET_CHROMIUM, chromium

__all__ = ["camera", "display", "no_thread_is_left", "start"]

pytestmark = needs_serve


def decoded(message: bytes) -> tuple[dict[str, Any], DepthMap]:
    """As the README has it."""
    length = int.from_bytes(message[:4], "little")
    header = json.loads(message[4 : 4 + length])
    codes = np.frombuffer(message, "<u2", offset=4 + length).reshape(header["height"], header["width"])
    return header, (header["offset"] + header["scale"] * codes).astype(np.float32)


def listens(port: int, session: Session) -> str:
    """Waits until the session serves; the server's address."""
    from urllib.request import urlopen

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/depth.png", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    wait_for(answers, session)
    return f"127.0.0.1:{port}"


@pytest.fixture
def served(start: StartSession, camera: Server) -> tuple[Session, str]:
    port = free_port()
    session = start(camera.url, "--no-window", "--serve", str(port), "--stats", "stats.json", window=False)
    return session, listens(port, session)


def end(session: Session) -> dict[str, Any]:
    """Ends it as a user would; what --stats wrote."""
    session.process.send_signal(signal.SIGINT)
    code, error_text = session.end()
    assert (code, error_text) == (130, "depth-live: interrupted.\n")
    return json.loads((session.folder / "stats.json").read_text())


def test_ffmpeg_and_opencv_read_the_view(served: tuple[Session, str], ffmpeg: str, tmp_path: Path) -> None:
    session, address = served
    url = f"http://{address}/view.mjpg"
    output = tmp_path / "view.mp4"
    command = [ffmpeg, "-v", "error", "-i", url, "-frames:v", "40", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    for source, count in ((str(output), 40), (url, 20)):
        capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
        for _ in range(count):
            is_there, view_bgr = capture.read()
            assert is_there
        assert view_bgr.shape == (360, 640, 3)
        assert shows_overlay(view_bgr)
        capture.release()
    readers = end(session)["readers"]
    assert readers["view"] == {"came": 2, "most_at_once": 1}


def test_pictures(served: tuple[Session, str]) -> None:
    from urllib.request import urlopen

    session, address = served
    pictures = {}
    for name in ("snapshot", "depth"):
        with urlopen(f"http://{address}/{name}.png", timeout=30) as answer:
            assert answer.headers["Content-Type"] == "image/png"
            pictures[name] = answer.read()
    view_bgr = cv2.imdecode(np.frombuffer(pictures["snapshot"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert shows_overlay(view_bgr)
    codes = cv2.imdecode(np.frombuffer(pictures["depth"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert codes.dtype == np.uint16
    assert codes[70, 200] > codes[70, 40]
    assert b"tEXtscale" in pictures["depth"]
    end(session)


def test_numbers_rise_and_a_slow_reader_gets_the_newest(served: tuple[Session, str]) -> None:
    session, address = served
    with subscribe(address) as quick:
        headers = [decoded(quick.recv(30))[0] for _ in range(60)]
        numbers = [header["frame"] for header in headers]
        assert numbers == sorted(set(numbers))
        times_s = [header["time_unix_s"] for header in headers]
        assert times_s == sorted(times_s)
        assert abs(time.time() - times_s[-1]) < 30
        assert {(header["width"], header["height"]) for header in headers} == {(256, 128)}
        ages_s = [header["inferred_age_s"] for header in headers]
        assert [header["inferred"] for header in headers] == [age_s == 0 for age_s in ages_s]
        # Sent at once, before its own inference is there: carried from a frame shortly before.
        assert 0 <= min(ages_s) <= sorted(ages_s)[30] < 2
        assert max(ages_s) > 0
    assert end(session)["readers"]["depth"] == {"came": 1, "most_at_once": 1}


def test_the_values_are_the_pictures_to_half_a_step() -> None:
    for with_number in (0, 3, 7):
        shown = moment(with_number)
        assert shown.picture.depth_map is not None
        message = depth_message(shown, shown.picture.depth_map)
        header, depth_map = decoded(message)
        assert np.abs(depth_map - shown.picture.depth_map).max() <= header["scale"] * 0.51 + 1e-6
        assert (header["frame"], header["inferred"], header["mirrored"]) == (
            with_number,
            with_number % 3 == 0,
            False,
        )
        assert header["inferred_age_s"] == pytest.approx(with_number % 3 / 30)
        assert (header["far"], header["near"]) == (with_number, with_number + 1)
        assert (4 + int.from_bytes(message[:4], "little")) % ALIGNMENT_BYTES == 0


def test_the_sockets_values_are_those_that_are_offered() -> None:
    """Each picture's depth carries its own number, so that none can be taken for another's."""
    with streaming() as stream, subscribe(f"127.0.0.1:{stream.port}") as reader:
        for _ in range(30):
            header, depth_map = decoded(reader.recv(30))
            expected = moment(header["frame"]).picture.depth_map
            assert expected is not None
            assert np.abs(depth_map - expected).max() <= header["scale"] * 0.51 + 1e-6


def test_nothing_is_encoded_while_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    from live.serve import broadcast

    encoded = {"view": 0}
    encode = broadcast.mjpeg_part

    def counting(view_bgr: Any) -> bytes:
        encoded["view"] += 1
        return encode(view_bgr)

    monkeypatch.setattr(broadcast, "mjpeg_part", counting)
    with streaming() as stream:
        offered = [stream.server.offer(moment(number)) for number in range(10)]
        assert len(offered) == 10
        eventually(lambda: stream.ask("/depth.png").startswith(b"HTTP/1.1 200"))
        assert encoded["view"] == 0
        readers = [stream.view() for _ in range(5)]
        eventually(lambda: encoded["view"] > 10)
        for connection in readers:
            connection.close()
        eventually(lambda: stream.stats.view_readers.now == 0)
        assert stream.stats.view_readers.most == 5


def test_one_encoding_serves_all_readers_and_none_waits_for_a_slow_one() -> None:
    """Each gets whole pictures in order, of which some may be left out, while one does not read at all."""
    with streaming() as stream:
        asleep = stream.view()
        counts: list[int] = []

        def read() -> None:
            with stream.view() as connection:
                data = b""
                while data.count(b"\xff\xd9\r\n--depthviewer") < 15:
                    data += connection.recv(1 << 16)
            lengths = [int(it) for it in re.findall(rb"Content-Length: (\d+)", data)]
            counts.append(len(lengths))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(counts) == 8
        asleep.close()


def test_the_page_shows_the_stream(served: tuple[Session, str], tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    if chromium() is None:
        pytest.skip("chromium is not installed")
    session, address = served
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=list(QUIET_CHROMIUM))
        page = browser.new_page(viewport={"width": 900, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"http://{address}/", wait_until="domcontentloaded")
        # Playwright's own waiting evaluates text inside the page, which the page forbids.
        wait_for(lambda: page.evaluate("document.querySelector('img').naturalWidth === 640"), session)
        page.screenshot(path=str(tmp_path / "page.png"))
        assert page.locator("dt").count() == 4
        assert complaints == []
        box = page.locator("img").bounding_box()
        browser.close()
    shot = cv2.imread(str(tmp_path / "page.png"))
    top, left = int(box["y"]), int(box["x"])
    assert shows_overlay(shot[top : top + int(box["height"]), left : left + int(box["width"])])
    end(session)


def test_the_window_quits_within_seconds_while_others_read(start: StartSession, camera: Server) -> None:
    port = free_port()
    session = start(camera.url, "--serve", str(port))
    address = listens(port, session)
    session.wait_for_shot(shows_overlay)
    with subscribe(address) as reader:
        reader.recv(30)
        session.key("q")
        assert session.end() == (0, "")
        assert len(list(reader)) < 100  # ends with the server


def test_a_reader_gets_what_the_window_shows(start: StartSession, camera: Server) -> None:
    """Frozen, so that both show one moment; a reader who comes then gets it, too."""
    port = free_port()
    session = start(camera.url, "--serve", str(port), "--view", "depth", "--mirror")
    address = listens(port, session)
    session.wait_for_shot(lambda shot: bool(shot.max() > 200))
    for key in ("i", "space"):
        session.key(key)
    time.sleep(1.0)
    shot = session.shot()
    with subscribe(address) as reader:
        header, depth_map = decoded(reader.recv(30))
    near_u8 = nearness(depth_map, (header["far"], header["near"]))
    expected = heatmap(near_u8, (shot.shape[1], shot.shape[0]), "inferno")
    assert np.abs(shot.astype(int) - expected).max() <= 12  # a step of nearness, where a code is rounded
    assert np.abs(shot.astype(int) - expected).mean() < 0.2
    assert header["mirrored"]
    session.key("q")
    assert session.end() == (0, "")


def test_a_port_that_is_taken(start: StartSession, camera: Server) -> None:
    session = start(camera.url, "--no-window", "--serve", str(camera.port), window=False)
    code, error_text = session.end()
    assert code == 2
    assert "--serve cannot listen" in error_text
