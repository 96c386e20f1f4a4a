"""The page in real headless Chromium: photos, clips, failures, labels, small screens, what it asks for."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.web_server import Browser, WebServer, running_browser, running_server, skip_without_browser

TABS = ("Photo", "Clip", "Camera")
SENTENCE = re.compile(r"^[A-Z].*\.$")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    skip_without_browser()
    with running_server(tmp_path_factory.mktemp("page")) as started:
        yield started


@pytest.fixture(scope="module")
def browser(server: WebServer) -> Iterator[Browser]:
    with running_browser(server) as started:
        yield started


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Any]]:
    """open_page("Clip") -> a new visitor's page; all are closed at the end of the test."""
    opened = []

    def open_one(tab: str = "Photo", **options: Any) -> Any:
        opened.append(browser.open(tab, **options))
        return opened[-1]

    yield open_one
    for page in opened:
        page.context.close()


@pytest.fixture(scope="module")
def long_clip(make_clip: Callable[..., Path]) -> Path:
    """Long enough to be in the middle of it for a while."""
    return make_clip("long.mp4", "-preset", "ultrafast", video="testsrc2=size=640x360:rate=30:duration=90")


def photo_bgr(width_px: int = 900, height_px: int = 600) -> np.ndarray:
    """Something to see: a bright disc on a dark ramp."""
    picture = np.repeat(np.linspace(20, 120, height_px).astype(np.uint8)[:, None, None], width_px, 1)
    picture = cv2.merge([picture[:, :, 0]] * 3)
    return cv2.circle(picture, (width_px // 2, height_px // 2), height_px // 4, (60, 160, 240), -1)


def photo_file(path: Path, **size: int) -> Path:
    cv2.imwrite(str(path), photo_bgr(**size))
    return path


def give(page: Any, kind: str, path: Path) -> None:
    page.locator(f"#dv-{kind} [data-file]").set_input_files(str(path))


def status_of(page: Any, kind: str, pattern: str, timeout_ms: int = 20_000) -> str:
    """The status line, once it matches."""
    page.wait_for_function(
        "([kind, pattern]) => new RegExp(pattern).test("
        "document.querySelector(`#dv-${kind} [data-status]`)?.textContent)",
        arg=[kind, pattern],
        timeout=timeout_ms,
    )
    return page.locator(f"#dv-{kind} [data-status]").text_content()


def error_of(page: Any, kind: str) -> str:
    page.locator(f"#dv-{kind} [data-status].dv-error").wait_for()
    return page.locator(f"#dv-{kind} [data-status]").text_content()


def shown_png(page: Any, server: WebServer) -> np.ndarray:
    path = page.locator("#dv-photo [data-picture]").get_attribute("src")
    return decode(server.get(path)[1])


def decode(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def download(page: Any, button: str, path: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=button).click()
    started.value.save_as(path)
    return path


def test_an_example_is_near_bright_and_far_dark(open_page: Callable[..., Any], server: WebServer) -> None:
    page = open_page()
    page.get_by_role("button", name="Example photo 1").click()
    status_of(page, "photo", "made in|from the cache")
    picture_bgr = shown_png(page, server)
    brightness = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY).astype(float)
    third = len(brightness) // 3
    assert brightness[-third:].mean() > brightness[:third].mean() + 20  # the floor before the far wall
    shown = page.locator("#dv-photo [data-picture]").evaluate("it => [it.naturalWidth, it.naturalHeight]")
    assert shown == [picture_bgr.shape[1], picture_bgr.shape[0]]


def test_the_same_photo_again_comes_from_the_cache(
    open_page: Callable[..., Any], tmp_path: Path, record_property: Callable[..., None]
) -> None:
    path = photo_file(tmp_path / "photo.png", width_px=1920, height_px=1080)
    page = open_page()

    def answer_ms(pattern: str) -> float:
        give(page, "photo", path)
        assert "1920 × 1080" in status_of(page, "photo", pattern)
        return float(
            page.locator("#dv-photo").evaluate(
                "it => it.querySelector('[data-answer-ms]')?.dataset.answerMs ?? it.dataset.answerMs"
            )
        )

    record_property("first_ms", answer_ms("made in"))
    record_property("cached_ms", answer_ms("from the cache"))


def test_a_photo_in_every_look_and_its_downloads(
    open_page: Callable[..., Any], server: WebServer, tmp_path: Path
) -> None:
    page = open_page()
    give(page, "photo", photo_file(tmp_path / "photo.png"))
    status_of(page, "photo", "900 × 600 .* (made|cache)")
    heat_bgr = shown_png(page, server)
    page.get_by_role("radio", name="Side by side").check()
    status_of(page, "photo", "1800 × 600")
    both_bgr = decode(download(page, "Download the picture", tmp_path / "both.png").read_bytes())
    assert np.array_equal(both_bgr[:, :900], photo_bgr())
    assert np.array_equal(both_bgr[:, 900:], heat_bgr)
    depth = decode(download(page, "Download the depth", tmp_path / "depth16.png").read_bytes())
    assert (depth.dtype, depth.shape, depth.min(), depth.max()) == (np.uint16, (600, 900), 0, 65535)
    page.get_by_role("radio", name="gray").check()
    page.get_by_role("radio", name="Heat map").check()
    status_of(page, "photo", "900 × 600")
    gray = shown_png(page, server)
    assert np.array_equal(gray[:, :, 0], gray[:, :, 2])


def test_a_turned_photo_comes_back_upright(open_page: Callable[..., Any], tmp_path: Path) -> None:
    from PIL import Image

    turned = Image.new("RGB", (320, 200), "gray")
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned.save(tmp_path / "turned.jpg", exif=exif)
    page = open_page()
    give(page, "photo", tmp_path / "turned.jpg")
    status_of(page, "photo", "200 × 320")


def test_drop_and_paste(open_page: Callable[..., Any]) -> None:
    script = """([kind, width]) => new Promise(done => {
        const canvas = Object.assign(document.createElement('canvas'), {width, height: 64});
        canvas.getContext('2d').fillRect(0, 0, 9, 9);
        canvas.toBlob(blob => {
            const data = new DataTransfer();
            data.items.add(new File([blob], 'photo.png', {type: 'image/png'}));
            const where = kind === 'drop' ? document.querySelector('#dv-photo [data-drop]') : document.body;
            where.dispatchEvent(kind === 'drop'
                ? new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})
                : new ClipboardEvent('paste', {clipboardData: data, bubbles: true}));
            done();
        });
    })"""
    page = open_page()
    for kind, width_px in (("drop", 96), ("paste", 128)):
        page.evaluate(script, [kind, width_px])
        status_of(page, "photo", f"{width_px} × 64 pixels")


def test_a_clip_is_converted_shown_and_downloaded(
    open_page: Callable[..., Any], reference_folder: Path, ffmpeg: str, tmp_path: Path
) -> None:
    cut = tmp_path / "bottles.mp4"
    source = reference_folder / "clips" / "bottle-detection.mp4"
    subprocess.run([ffmpeg, "-v", "error", "-i", source, "-t", "3", "-c", "copy", cut], check=True)
    page = open_page("Clip")
    give(page, "clip", cut)
    frames = {int(re.findall(r"\d+", status_of(page, "clip", r"frame \d+ of"))[0])}
    while "Done" not in (status := status_of(page, "clip", r"frame \d+ of|Done")):
        frames.add(int(re.findall(r"\d+", status)[0]))
        page.wait_for_timeout(50)
    assert len(frames) >= 2, "the progress was not seen to move"
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
    open_page: Callable[..., Any], server: WebServer, long_clip: Path
) -> None:
    first, second = open_page("Clip"), open_page("Clip")
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
        assert page.locator("#dv-clip [data-file]").is_enabled()


def test_a_tab_closed_in_the_middle_leaves_nothing(
    open_page: Callable[..., Any], server: WebServer, long_clip: Path
) -> None:
    kept = set(server.files())
    page = open_page("Clip")
    give(page, "clip", long_clip)
    status_of(page, "clip", r"frame \d+ of")
    assert set(server.files()) > kept
    page.close()
    page = open_page("Clip")
    give(page, "clip", long_clip)
    status_of(page, "clip", r"frame \d+ of")  # the place is free: the other conversion has ended
    page.get_by_role("button", name="Cancel").click()
    status_of(page, "clip", "Cancelled")
    for _ in range(100):
        if set(server.files()) <= kept:
            break
        page.wait_for_timeout(100)
    assert set(server.files()) <= kept


def png_of(width_px: int, height_px: int, data: bytes) -> bytes:
    """A PNG by hand: 8-bit grey, with `data` as its compressed pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def unusable_photos() -> dict[str, bytes]:
    whole = cv2.imencode(".png", photo_bgr())[1].tobytes()
    zeros = zlib.compressobj(9)
    hundred_megapixels = b"".join(zeros.compress(bytes(10_001 * 100)) for _ in range(100)) + zeros.flush()
    return {
        "text.jpg": b"This is not a photo at all.\n" * 40,
        "truncated.png": whole[: len(whole) // 2],
        "hundred.png": png_of(10_000, 10_000, hundred_megapixels),
        "bomb.png": png_of(60_000, 60_000, zlib.compress(bytes(1000))),
        "empty.jpg": b"",
        "tiny.png": cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes(),
    }


@pytest.mark.parametrize("name", list(unusable_photos()))
def test_an_unusable_photo_is_a_sentence(open_page: Callable[..., Any], tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(unusable_photos()[name])
    page = open_page()
    give(page, "photo", tmp_path / name)
    message = error_of(page, "photo")
    assert SENTENCE.match(message)
    assert str(tmp_path) not in message
    if name in ("hundred.png", "bomb.png"):
        assert "megapixels" in message
    give(page, "photo", photo_file(tmp_path / "photo.png"))  # and the page goes on
    status_of(page, "photo", "900 × 600")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("zero.mp4", b"", "The clip is empty."),
        ("text.mp4", b"not a video\n" * 99, "The clip cannot be read as a video"),
        ("damaged.mkv", b"\x1aE\xdf\xa3" + bytes(range(256)) * 20, "The clip"),
    ],
)
def test_an_unusable_clip_is_a_sentence(
    open_page: Callable[..., Any], server: WebServer, tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    page = open_page("Clip")
    give(page, "clip", tmp_path / name)
    message = error_of(page, "clip")
    assert message.startswith(expected)
    assert SENTENCE.match(message)
    assert "/" not in message


def test_ten_uploads_at_once(server: WebServer, tmp_path: Path) -> None:
    """Photos of each kind, all at the same time: an answer for every one, and the server goes on."""
    good = cv2.imencode(".jpg", photo_bgr(2000, 1500))[1].tobytes()
    bodies = [good + bytes([index]) for index in range(5)] + list(unusable_photos().values())[:5]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda body: server.post("depth/photos", body), bodies))
    assert [status for status, _ in answers[:5]] == [200] * 5
    for status, body in answers[5:]:
        assert status in (400, 413)
        assert SENTENCE.match(json.loads(body)["message"])
    assert server.get("")[0] == 200


def test_too_many_clips_are_told_to_come_back(server: WebServer, long_clip: Path) -> None:
    content = long_clip.read_bytes()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: server.post("depth/clips?name=long.mp4", content), range(10)))
    refused = [json.loads(body)["message"] for status, body in answers if status == 503]
    assert refused
    assert all(SENTENCE.match(message) for message in refused)
    for status, body in answers:
        if status == 200:
            server.post(f"depth/clips/{json.loads(body)['key']}/cancel")


@pytest.mark.parametrize(
    "path",
    ["depth/photos?view=sideways", "depth/photos?alpha=nan", "depth/clips?every=0", "depth/cameras/unknown"],
)
def test_a_wrong_question_is_a_sentence(server: WebServer, path: str) -> None:
    status, body = server.post(path, b"x")
    assert status in (400, 404)
    assert SENTENCE.match(json.loads(body)["message"])


def test_another_sites_page_may_not_use_the_server(server: WebServer) -> None:
    assert server.post("depth/cameras", headers={"Origin": "http://example.com"})[0] == 403
    assert server.post("depth/cameras", headers={"Origin": server.url})[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/upload", "upload", "openapi.json", "docs", "gradio_api/file=/etc/hostname",
        "depth/assets/..%2fweb.py", "depth/assets/web.py", "depth/examples/9",
    ],
)  # fmt: skip
def test_doors_that_are_not_used_are_closed(server: WebServer, path: str) -> None:
    status, body, _ = server.get(path)
    assert status in (404, 405)
    assert b"import" not in body


def test_the_page_tells_nothing_about_the_server(server: WebServer) -> None:
    import gradio

    secrets = (str(REPOSITORY), str(server.temporary), "site-packages", "Traceback", gradio.__version__)
    for path in ("", "config", "depth/photos/x/picture.png", "nothing", "theme.css", "gradio_api/info"):
        _, body, headers = server.get(path)
        assert "server" not in headers
        for secret in secrets:
            assert secret not in body.decode(), (path, secret)


def test_the_bundled_model_is_named(open_page: Callable[..., Any]) -> None:
    heading = open_page().locator("#dv-heading").text_content()
    assert "bundled demo model" in heading
    assert "--weights official" in heading


UNLABELLED = """() => [...document.querySelectorAll('button, input, select, textarea, video, img, a[href], [tabindex="0"]')]
    .filter(it => it.checkVisibility({visibilityProperty: true}))
    .filter(it => it.tagName === 'IMG' ? !it.hasAttribute('alt') : !(it.labels?.length && it.labels[0].textContent.trim()
        || it.ariaLabel || it.getAttribute('aria-labelledby') || it.textContent.trim() || it.title))
    .map(it => it.outerHTML)"""


@pytest.mark.parametrize("tab", TABS)
def test_every_control_has_a_label(open_page: Callable[..., Any], tab: str) -> None:
    page = open_page(tab)
    assert page.evaluate(UNLABELLED) == []
    assert page.locator(":visible:is(input, button)").count() >= 8


@pytest.mark.parametrize("tab", TABS)
def test_it_fits_a_screen_of_400_pixels(open_page: Callable[..., Any], tab: str) -> None:
    page = open_page(tab, viewport={"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for control in page.get_by_role("button").all() + page.get_by_role("radio").all():
        box = control.bounding_box()
        assert box is not None
        assert 0 <= box["x"]
        assert box["x"] + box["width"] <= 400


def test_the_keyboard_reaches_the_file_button_and_tabs(open_page: Callable[..., Any]) -> None:
    page = open_page()
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
    assert any("Choose a photo" in name for name in names)
    assert any("Photo" in name for name in names)
