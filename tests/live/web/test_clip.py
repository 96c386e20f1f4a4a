"""The clip tab in real headless Chromium: conversion, queue, cancel, failures, and nothing left behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import pytest

from shared.bundled.demo import demo_clip
from tests.support.web_server import (
    SENTENCE,
    Browser,
    WebServer,
    browser,
    download,
    error_of,
    give,
    kept_page,
    open_page,
    running_server,
    server,
    skip_without_browser,
    status_of,
)

__all__ = ["browser", "kept_page", "open_page", "server"]


@pytest.fixture(scope="module")
def long_clip(make_clip: Callable[..., Path]) -> Path:
    """Long enough to be in the middle of it for a while."""
    return make_clip("long.mp4", "-preset", "ultrafast", video="testsrc2=size=640x360:rate=30:duration=90")


RECORD_STATUS = """() => {
    window.toldByStatus = [];
    const line = document.querySelector('#dv-clip [data-status]');
    new MutationObserver(() => window.toldByStatus.push(line.textContent)).observe(line, {childList: true});
}"""


def test_a_clip_is_converted_shown_and_downloaded(
    open_page: Callable[..., Any], ffmpeg: str, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mp4"
    source = demo_clip()
    subprocess.run([ffmpeg, "-v", "error", "-i", source, "-t", "3", "-c", "copy", cut], check=True)
    page = open_page("Clip")
    page.get_by_role("spinbutton", name="Infer each Nth frame").fill("1")  # long enough to be watched
    page.evaluate(RECORD_STATUS)
    give(page, "clip", cut)
    status_of(page, "clip", "Done")
    frames = re.findall(r"frame (\d+) of", "\n".join(page.evaluate("window.toldByStatus")))
    assert len(set(frames)) >= 2, "the progress was not seen to move"
    video = page.locator("#dv-clip [data-result]")
    page.wait_for_function("document.querySelector('#dv-clip [data-result]').readyState >= 2")
    original = cv2.VideoCapture(str(cut))
    width_px, height_px, duration_s = video.evaluate("it => [it.videoWidth, it.videoHeight, it.duration]")
    assert (width_px, height_px) == (
        original.get(cv2.CAP_PROP_FRAME_WIDTH),
        original.get(cv2.CAP_PROP_FRAME_HEIGHT),
    )
    assert duration_s == pytest.approx(3, abs=0.2)
    video.evaluate("it => { it.muted = true; return it.play(); }")
    page.wait_for_function("document.querySelector('#dv-clip [data-result]').currentTime > 0.3")
    saved = download(page, "Download the clip", tmp_path / "depth.mp4")
    told = subprocess.run([ffmpeg, "-i", saved], capture_output=True, text=True, check=False).stderr
    assert "Video: h264" in told


def test_one_conversion_at_a_time_and_cancel(
    open_page: Callable[..., Any], browser: Browser, long_clip: Path
) -> None:
    first, second = open_page("Clip"), open_page("Clip", browser.new_page())
    give(first, "clip", long_clip)
    status_of(first, "clip", r"frame \d+ of 2700, about")
    give(second, "clip", long_clip)
    status_of(second, "clip", "In the queue: one clip is before yours")
    first.get_by_role("button", name="Cancel").click()
    assert status_of(first, "clip", "Cancelled") == "Cancelled."
    status_of(second, "clip", r"frame \d+ of")
    second.get_by_role("button", name="Cancel").click()
    status_of(second, "clip", "Cancelled")
    for page in (first, second):
        page.locator("#dv-clip [data-file]:enabled").wait_for(state="attached")
    second.context.close()


def test_a_tab_closed_in_the_middle_leaves_nothing(
    open_page: Callable[..., Any], browser: Browser, server: WebServer, long_clip: Path
) -> None:
    kept = server.files()
    page = open_page("Clip", browser.new_page())
    give(page, "clip", long_clip)
    status_of(page, "clip", r"frame \d+ of")
    assert set(server.files()) > set(kept)
    page.context.close()
    page = open_page("Clip")
    give(page, "clip", long_clip)
    status_of(page, "clip", r"frame \d+ of")  # the place is free: the other conversion has ended
    page.get_by_role("button", name="Cancel").click()
    status_of(page, "clip", "Cancelled")
    assert server.wait_until_gone(kept) == set()


UNUSABLE = {
    "zero.mp4": (b"", "The clip is empty."),
    "text.mp4": (b"not a video\n" * 99, "The clip cannot be read as a video"),
    "damaged.mkv": (b"\x1aE\xdf\xa3" + bytes(range(256)) * 20, "The clip cannot be read as a video"),
}


def test_an_unusable_clip_is_a_sentence(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page("Clip")
    for name, (content, expected) in UNUSABLE.items():
        (tmp_path / name).write_bytes(content)
        give(page, "clip", tmp_path / name)
        message = error_of(page, "clip")
        assert message.startswith(expected)
        assert SENTENCE.match(message)
        assert "/" not in message
        page.locator("#dv-clip [data-file]:enabled").wait_for(state="attached")


def test_clips_that_are_only_opened_take_no_place(server: WebServer, make_clip: Callable[..., Path]) -> None:
    for _ in range(30):
        assert server.post("depth/clips?name=never.mp4")[0] == 200
    content = make_clip("after.mp4", "-pix_fmt", "yuv420p").read_bytes()
    key = json.loads(server.post("depth/clips?name=after.mp4")[1])["key"]
    assert server.post(f"depth/clips/{key}/upload", content)[0] == 200
    assert server.post(f"depth/clips/{key}/cancel")[0] == 200


def test_ten_clips_at_once(server: WebServer, make_clip: Callable[..., Path]) -> None:
    """All are taken in while one is converted; nobody watches them, so nothing of them stays."""
    kept = server.files()
    content = make_clip("short.mp4", video="testsrc2=size=320x180:rate=30:duration=10").read_bytes()

    def upload(_: int) -> int:
        status, body = server.post("depth/clips?name=short.mp4")
        return (
            status
            if status == 503
            else server.post(f"depth/clips/{json.loads(body)['key']}/upload", content)[0]
        )

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(upload, range(10))) <= {200, 503}
    assert server.get("")[0] == 200
    assert server.wait_until_gone(kept) == set()  # what an earlier test left may go meanwhile


def test_ctrl_c_in_the_middle_of_a_clip_says_nothing_of_it(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    """running_server itself holds that no traceback comes and that nothing is left on the disk."""
    skip_without_browser()
    clip = make_clip("minutes.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=640x360:rate=30:duration=60")
    with running_server(tmp_path) as server:
        key = json.loads(server.post("depth/clips?name=minutes.mp4&every=1")[1])["key"]
        assert server.post(f"depth/clips/{key}/upload", clip.read_bytes())[0] == 200
        with urllib.request.urlopen(f"{server.url}/depth/clips/{key}/status") as events:
            while b'"running"' not in events.readline():
                pass
            server.process.send_signal(signal.SIGINT)
            server.process.wait(60)
    assert server.process.returncode == 130
