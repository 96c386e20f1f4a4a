"""The camera tab in real Chromium, its fake camera fed from clips: speed, views, keys, two visitors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.web_server import WebServer, download, running_browser, server

# Where in the picture the page's canvas is read, as shares of its width and height.
LEFT, RIGHT = (0.25, 0.5), (0.75, 0.5)


__all__ = ["server"]


@pytest.fixture(scope="module")
def camera_file(make_clip: Callable[..., Path]) -> Callable[[str], list[str]]:
    """Chromium's arguments for a camera that sees this lavfi source."""

    def arguments(name: str, video: str) -> list[str]:
        path = make_clip(f"{name}.mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", video=video)
        return [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={path}",
        ]

    return arguments


def plain(color: str) -> str:
    return f"color=c={color}:size=640x480:rate=30:duration=1"


def switch_on(page: Any) -> None:
    page.get_by_role("button", name="Switch the camera on").click()
    wait_for_pictures(page, 3)


def wait_for_pictures(page: Any, more: int) -> None:
    """Until so many new pictures have been drawn."""
    seen = pictures(page)
    page.wait_for_function(
        "count => Number(document.querySelector('[data-pictures]')?.dataset.pictures ?? 0) >= count",
        arg=seen + more,
    )


def pictures(page: Any) -> int:
    return int(page.evaluate("Number(document.querySelector('[data-pictures]')?.dataset.pictures ?? 0)"))


def color_at(page: Any, place: tuple[float, float]) -> list[int]:
    """[red, green, blue] of the drawn picture."""
    return page.evaluate(
        """([x, y]) => {
            const canvas = document.querySelector('#dv-camera [data-canvas]');
            const pixel = canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1);
            return [...pixel.data].slice(0, 3);
        }""",
        list(place),
    )


def canvas_width(page: Any) -> int:
    return int(page.locator("#dv-camera [data-canvas]").evaluate("it => it.width"))


def test_pictures_come_and_tell_their_age(
    server: WebServer, camera_file: Callable[..., list[str]], record_property: Callable[..., None]
) -> None:
    moving = camera_file("moving", "testsrc2=size=640x480:rate=30:duration=3")
    with running_browser(server, *moving) as browser:
        page = browser.load(browser.new_page(), "Camera")
        switch_on(page)
        before, start_s = pictures(page), time.monotonic()
        wait_for_pictures(page, 20)
        record_property("pictures_per_s", (pictures(page) - before) / (time.monotonic() - start_s))
        numbers = page.locator("#dv-camera [data-numbers]").text_content()
        assert "pictures/s, depth" in numbers
        assert numbers.endswith("ms old")
        page.get_by_role("button", name="Switch the camera off").click()
        stopped = pictures(page)
        page.wait_for_timeout(500)
        assert pictures(page) - stopped <= 1


def test_views_switch_by_button_and_by_key(server: WebServer, camera_file: Callable[..., list[str]]) -> None:
    with running_browser(server, *camera_file("green", plain("green"))) as browser:
        page = browser.load(browser.new_page(), "Camera")
        switch_on(page)
        assert canvas_width(page) == 640
        page.get_by_role("radio", name="Side by side").check()
        wait_for_pictures(page, 3)
        assert canvas_width(page) == 1280
        live = page.locator("#dv-camera [data-live]")
        live.focus()
        for key, view, width in (("d", "depth", 640), ("s", "side-by-side", 1280), ("o", "overlay", 640)):
            page.keyboard.press(key)
            wait_for_pictures(page, 3)
            assert canvas_width(page) == width
            assert page.locator("#dv-camera-view input:checked").get_attribute("value") == view
        page.keyboard.press("c")
        assert page.locator("#dv-camera-colormap input:checked").get_attribute("value") == "magma"
        assert live.evaluate("it => it === document.activeElement")


def test_the_moment_becomes_a_model(
    server: WebServer, camera_file: Callable[..., list[str]], tmp_path: Path
) -> None:
    with running_browser(
        server, *camera_file("bars", "smptebars=size=640x480:rate=30:duration=1")
    ) as browser:
        page = browser.load(browser.new_page(), "Camera")
        turn = page.get_by_role("button", name="Turn this moment as a model")
        assert turn.is_disabled()
        switch_on(page)
        turn.click()
        canvas = page.locator("#dv-camera [data-model]")
        canvas.wait_for(state="visible")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('#dv-camera [data-model]').dataset.side === '0.250'")
        content = download(page, "Download the model", tmp_path / "model.glb").read_bytes()
        assert content[:4] == b"glTF"
        wait_for_pictures(page, 2)  # which goes on beside it
        page.get_by_role("button", name="Switch the camera off").click()
        assert turn.is_disabled()


def test_a_camera_that_was_hidden_for_long_goes_on(
    server: WebServer, camera_file: Callable[..., list[str]]
) -> None:
    """The server forgets a camera that was silent for a minute; here it is told to, to save the minute."""
    keys: list[str] = []
    with running_browser(server, *camera_file("blue", plain("blue"))) as browser:
        page = browser.new_page()
        page.on("request", lambda request: keys.extend(re.findall(r"cameras/([\w-]{20,})", request.url)))
        browser.load(page, "Camera")
        switch_on(page)
        page.get_by_role("tab", name="Photo").click()
        page.locator("#dv-camera [data-live]").wait_for(state="hidden")
        page.wait_for_timeout(500)  # what was under way has come
        forgotten, seen = keys[-1], pictures(page)
        assert server.post(f"depth/cameras/{forgotten}/close")[0] == 200
        page.get_by_role("tab", name="Camera").click()
        wait_for_pictures(page, 3)
        assert keys[-1] != forgotten
        assert pictures(page) > seen
        assert page.locator("#dv-camera [data-status].dv-error").count() == 0


def test_two_visitors_see_their_own_camera(server: WebServer, camera_file: Callable[..., list[str]]) -> None:
    """Each also keeps the view of its own: the photo's half of one is never the other's."""
    from playwright.sync_api import sync_playwright

    from tests.support.web_server import QUIET_CHROMIUM, Browser, chromium

    with sync_playwright() as playwright:
        pages = {}
        for color in ("red", "blue"):
            launched = playwright.chromium.launch(
                executable_path=chromium(), args=[*QUIET_CHROMIUM, *camera_file(color, plain(color))]
            )
            visitor = Browser(launched, server, [])
            pages[color] = page = visitor.load(visitor.new_page(), "Camera")
            page.get_by_role("radio", name="Side by side").check()
            switch_on(page)
        for _ in range(10):
            wait_for_pictures(pages["red"], 1)
            wait_for_pictures(pages["blue"], 1)
            red, _, no_blue = color_at(pages["red"], LEFT)
            no_red, _, blue = color_at(pages["blue"], LEFT)
            assert (red > 180, no_blue < 100) == (True, True)
            assert (blue > 180, no_red < 100) == (True, True)


def test_without_a_camera_the_page_says_so(server: WebServer) -> None:
    with running_browser(server) as browser:
        page = browser.load(browser.new_page(), "Camera")
        page.get_by_role("button", name="Switch the camera on").click()
        status = page.locator("#dv-camera [data-status].dv-error")
        status.wait_for()
        assert "camera" in status.text_content()
        assert page.get_by_role("button", name="Switch the camera on").is_visible()
