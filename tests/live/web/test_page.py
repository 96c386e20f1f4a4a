"""The page in real headless Chromium: photos, clips, failures, labels, small screens, what it asks for."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from shared import Colormap, View
from tests.conftest import REPOSITORY
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
    server,
    show_tab,
    status_of,
)

TABS = ("Photo", "Clip", "Camera")


__all__ = ["browser", "kept_page", "open_page", "server"]


def photo_bgr(width_px: int = 900, height_px: int = 600) -> np.ndarray:
    """Something to see: a bright disc on a dark ramp."""
    picture = np.repeat(np.linspace(20, 120, height_px).astype(np.uint8)[:, None, None], width_px, 1)
    picture = cv2.merge([picture[:, :, 0]] * 3)
    return cv2.circle(picture, (width_px // 2, height_px // 2), height_px // 4, (60, 160, 240), -1)


def photo_file(path: Path, **size: int) -> Path:
    cv2.imwrite(str(path), photo_bgr(**size))
    return path


def shown_png(page: Any, server: WebServer) -> np.ndarray:
    path = page.locator("#dv-photo [data-picture]").get_attribute("src")
    return decode(server.get(path)[1])


def decode(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def test_an_example_is_near_bright_and_far_dark(open_page: Callable[..., Any], server: WebServer) -> None:
    page = open_page()
    page.get_by_role("button", name="Example photo 1").click()
    status_of(page, "photo", "made in|from the cache")
    picture_bgr = shown_png(page, server)
    brightness = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY)
    desk, far_wall = brightness[320:400, 240:360], brightness[20:90, 150:370]
    assert desk.mean() > far_wall.mean() + 20
    shown = page.locator("#dv-photo [data-picture]").evaluate("it => [it.naturalWidth, it.naturalHeight]")
    assert shown == [picture_bgr.shape[1], picture_bgr.shape[0]]


def test_scripts_that_come_late_bring_the_page_to_life(
    open_page: Callable[..., Any], browser: Browser, tmp_path: Path
) -> None:
    """On a busy machine Gradio draws the page before the script is there."""
    page = browser.new_page()

    def answer_late(route: Any) -> None:
        page.wait_for_timeout(3000)
        route.continue_()

    page.route("**/depth_viewer.js", answer_late)
    open_page("Photo", page)
    give(page, "photo", photo_file(tmp_path / "photo.png"))
    status_of(page, "photo", "900x600 .* (made|cache)")
    page.context.close()


def test_the_same_photo_again_comes_from_the_cache(
    open_page: Callable[..., Any], tmp_path: Path, record_property: Callable[..., None]
) -> None:
    path = photo_file(tmp_path / "photo.png", width_px=1920, height_px=1080)
    page = open_page()

    def answer_ms(pattern: str) -> float:
        give(page, "photo", path)
        assert "1920x1080" in status_of(page, "photo", pattern)
        return float(page.locator("[data-answer-ms]").get_attribute("data-answer-ms"))

    record_property("first_ms", answer_ms("made in"))
    record_property("cached_ms", answer_ms("from the cache"))


def test_a_photo_in_every_look_and_its_downloads(
    open_page: Callable[..., Any], server: WebServer, tmp_path: Path
) -> None:
    page = open_page()
    give(page, "photo", photo_file(tmp_path / "photo.png"))
    status_of(page, "photo", "900x600 .* (made|cache)")
    heat_bgr = shown_png(page, server)
    page.get_by_role("radio", name="Side by side").check()
    status_of(page, "photo", "1800x600")
    both_bgr = decode(download(page, "Download the picture", tmp_path / "both.png").read_bytes())
    assert np.array_equal(both_bgr[:, :900], photo_bgr())
    assert np.array_equal(both_bgr[:, 900:], heat_bgr)
    depth = decode(download(page, "Download the depth", tmp_path / "depth16.png").read_bytes())
    assert (depth.dtype, depth.shape, depth.min(), depth.max()) == (np.uint16, (600, 900), 0, 65535)
    page.get_by_role("radio", name="gray").check()
    page.get_by_role("radio", name="Heat map").check()
    status_of(page, "photo", "900x600")
    gray = shown_png(page, server)
    assert np.array_equal(gray[:, :, 0], gray[:, :, 2])


def test_a_photo_becomes_a_model_to_turn_and_to_download(
    open_page: Callable[..., Any], tmp_path: Path
) -> None:
    page = open_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.get_by_role("button", name="Example photo 1").click()
    status_of(page, "photo", "made in|from the cache")
    page.get_by_role("button", name="Turn it as a model").click()
    canvas = page.locator("#dv-photo [data-model]")
    canvas.wait_for(state="visible")

    def drawn() -> np.ndarray:
        shot = decode(canvas.screenshot(path=tmp_path / f"model-{canvas.get_attribute('data-side')}.png"))
        return shot[:, :, :3].astype(int)

    first = drawn()
    assert first.std() > 20  # something is to be seen
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert canvas.get_attribute("data-side") == "0.350"
    assert np.abs(drawn() - first).mean() > 3
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 200, steps=4)
    page.mouse.up()
    assert float(canvas.get_attribute("data-side")) < 0.2
    content = download(page, "Download the model", tmp_path / "model.glb").read_bytes()
    assert content[:4] == b"glTF"
    page.get_by_role("button", name="Back to the picture").click()
    assert page.locator("#dv-photo [data-picture]").is_visible()
    assert faults == []


def test_contrast_and_a_click_for_the_focus(
    open_page: Callable[..., Any], server: WebServer, tmp_path: Path
) -> None:
    page = open_page()
    give(page, "photo", photo_file(tmp_path / "photo.png"))
    status_of(page, "photo", "900x600")
    plain = shown_png(page, server).astype(int)

    def asked_by(act: Callable[[], object], wanted: str) -> np.ndarray:
        """The picture that comes when the page asks with this in its query."""
        before = page.locator("#dv-photo [data-picture]").get_attribute("src")
        with page.expect_response(lambda it: "depth/photos?" in it.url and wanted in it.url) as answered:
            act()
        assert answered.value.ok
        page.locator(f"#dv-photo [data-picture]:not([src='{before}'])").wait_for()
        return shown_png(page, server).astype(int)

    contrast = page.get_by_role("spinbutton", name="Contrast").first
    darker = asked_by(lambda: (contrast.fill("3"), contrast.press("Tab")), "gamma=3")
    assert darker.mean() < plain.mean() - 5
    nearest = asked_by(lambda: page.get_by_role("radio", name="Focus").check(), "view=focus")
    picture = page.locator("#dv-photo [data-picture]")
    box = picture.bounding_box()
    at = {"x": box["width"] * 0.25, "y": box["height"] * 0.02}
    assert np.abs(asked_by(lambda: picture.click(position=at), "focus=0.") - nearest).max() > 5
    asked_by(lambda: page.get_by_role("radio", name="Heat map").check(), "view=depth")


def test_a_turned_photo_comes_back_upright(open_page: Callable[..., Any], tmp_path: Path) -> None:
    from PIL import Image

    turned = Image.new("RGB", (320, 200), "gray")
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned.save(tmp_path / "turned.jpg", exif=exif)
    page = open_page()
    give(page, "photo", tmp_path / "turned.jpg")
    status_of(page, "photo", "200x320")


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
        status_of(page, "photo", f"{width_px}x64 pixels")


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


def test_an_unusable_photo_is_a_sentence(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page()
    good = photo_file(tmp_path / "photo.png")
    for name, content in unusable_photos().items():
        (tmp_path / name).write_bytes(content)
        give(page, "photo", tmp_path / name)
        message = error_of(page, "photo")
        assert SENTENCE.match(message)
        assert "/" not in message
        assert ("megapixels" in message) == (name in ("hundred.png", "bomb.png"))
        give(page, "photo", good)  # and the page goes on
        status_of(page, "photo", "900x600")


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


@pytest.mark.parametrize(
    "path",
    [
        "depth/photos?view=sideways",
        "depth/photos?alpha=nan",
        "depth/photos?gamma=0",
        "depth/photos?focus=0.5",
        "depth/photos?focus=0.5,nan",
        "depth/photos?focus=0.5,1.5",
        "depth/photos?focus=0,0,0",
        "depth/clips?every=31",
        "depth/cameras/unknown",
    ],
)
def test_a_wrong_question_is_a_sentence(server: WebServer, path: str) -> None:
    status, body = server.post(path, b"x")
    assert status in (400, 404)
    assert SENTENCE.match(json.loads(body)["message"])


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


SEEN = """[...document.querySelectorAll(
    'button, input, select, textarea, video, img, canvas, a[href], [tabindex="0"]')]
    .filter(it => it.checkVisibility({visibilityProperty: true}))"""
UNLABELLED = (
    SEEN
    + """.filter(it => it.tagName === 'IMG' ? !it.hasAttribute('alt')
        : !(it.labels?.[0]?.textContent.trim() || it.ariaLabel || it.getAttribute('aria-labelledby')
            || it.textContent.trim() || it.title))
    .map(it => it.outerHTML)"""
)
OUT_OF_SIGHT = (
    SEEN
    + """.filter(it => it.getBoundingClientRect().left < 0 || it.getBoundingClientRect().right > 400)
    .map(it => it.outerHTML)"""
)


def test_every_control_has_a_label(open_page: Callable[..., Any]) -> None:
    page = open_page()
    for tab in TABS:
        show_tab(page, tab)
        assert page.evaluate(UNLABELLED) == []
        assert page.get_by_role("radio").count() == len(get_args(View)) + len(get_args(Colormap))


def test_it_fits_a_screen_of_400_pixels(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.set_viewport_size({"width": 400, "height": 800})
    try:
        for tab in TABS:
            show_tab(page, tab)
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            assert page.evaluate(OUT_OF_SIGHT) == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


def test_the_keyboard_reaches_the_file_button_and_tabs(open_page: Callable[..., Any]) -> None:
    page = open_page()
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
    assert any("Choose a photo" in name for name in names)
    assert any("Photo" in name for name in names)
