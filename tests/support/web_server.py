"""The page's server, started as a user starts it, and a headless Chromium that logs what it asks for."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import REPOSITORY

START_S = 240
PATIENCE_S = 120  # the machine may be busy; nothing is timed
SENTENCE = re.compile(r"^[A-Z].*\.$")
QUIET_CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def skip_without_browser() -> None:
    for module in ("gradio", "playwright"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if chromium() is None:
        pytest.skip("chromium is not installed")


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class WebServer:
    """temporary: the folder that the server takes for the system's temporary one."""

    url: str
    process: subprocess.Popen[str]
    temporary: Path
    log: Path

    def post(self, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """(status, body) of the answer, whatever the status is."""
        request = urllib.request.Request(f"{self.url}/{path}", data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        try:
            with urllib.request.urlopen(f"{self.url}/{path}", timeout=PATIENCE_S) as answer:
                return answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()}
        except urllib.error.HTTPError as error:
            return error.code, error.read(), {k.lower(): v for k, v in error.headers.items()}

    def files(self) -> list[Path]:
        """What visitors have left on the disk; os.walk does not mind a folder that vanishes meanwhile."""
        return sorted(Path(at, name) for at, _, names in os.walk(self.temporary) for name in names)

    def wait_until_gone(self, kept: list[Path]) -> set[Path]:
        """The files that are not among those kept: none, or what is still there in the end."""
        end_s = time.monotonic() + PATIENCE_S
        while (files := set(self.files()) - set(kept)) and time.monotonic() < end_s:
            time.sleep(0.1)
        return files


@contextmanager
def running_server(
    folder: Path, *options: str, environment: dict[str, str] | None = None, certificate: Path | None = None
) -> Iterator[WebServer]:
    """depth-live --web with the bundled model, until the block ends; it must then end by itself on Ctrl+C.

    certificate: what the server shows, where it is told to serve over TLS.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    port, log = free_port(), folder / "server.log"
    variables = os.environ | {"TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"} | (environment or {})
    variables.pop("DEPTH_DEBUG", None)
    command = [sys.executable, "-m", "live", "--web", "--port", str(port), "--weights", "bundled", *options]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY, env=variables
        )
        try:
            scheme = "https" if certificate else "http"
            server = WebServer(f"{scheme}://127.0.0.1:{port}", process, temporary, log)
            _wait_for_start(server)
            yield server
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
    assert "Traceback" not in log.read_text(), log.read_text()
    assert list(temporary.glob("depth-viewer-*")) == []


def _wait_for_start(server: WebServer) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s:
        if server.process.poll() is not None:
            break
        try:
            if "Ctrl+C" in server.log.read_text() and answers(server.url):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server did not start: {server.log.read_text()}")


def answers(url: str) -> bool:
    """Whether something takes connections there."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1):
        return True


@dataclass
class Browser:
    """outside: every request, of any page, that was not for the server."""

    chromium: Any
    server: WebServer
    outside: list[str]

    def new_page(self) -> Any:
        """A new visitor's page (its own context), empty yet."""
        page = self.chromium.new_context().new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("request", lambda request: self._note(request.url))
        return page

    def load(self, page: Any, tab: str = "Photo") -> Any:
        """The server's page, with this tab in front and its script in charge."""
        page.goto(self.server.url)
        page.locator("[data-ready=photo]").wait_for(state="attached")
        if tab != "Photo":
            show_tab(page, tab)
        return page

    def _note(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and not url.startswith(self.server.url):
            self.outside.append(url)


def show_tab(page: Any, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    page.locator(f"[data-ready={tab.lower()}]").wait_for(state="attached")
    page.locator(f"#dv-{tab.lower()} [data-status]").wait_for(state="visible")


@contextmanager
def running_browser(server: WebServer, *arguments: str) -> Iterator[Browser]:
    """Fails at the end if a page has asked for anything outside."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium(), args=[*QUIET_CHROMIUM, *arguments], timeout=PATIENCE_S * 1000
        )
        browser = Browser(launched, server, [])
        try:
            yield browser
        finally:
            launched.close()
    assert browser.outside == []


def give(page: Any, kind: str, path: Path) -> None:
    page.locator(f"#dv-{kind} [data-file]").set_input_files(str(path))


def status_of(page: Any, kind: str, pattern: str) -> str:
    """The status line, once it matches."""
    page.wait_for_function(
        "([kind, pattern]) => new RegExp(pattern).test("
        "document.querySelector(`#dv-${kind} [data-status]`)?.textContent)",
        arg=[kind, pattern],
    )
    return page.locator(f"#dv-{kind} [data-status]").text_content()


def error_of(page: Any, kind: str) -> str:
    page.locator(f"#dv-{kind} [data-status].dv-error").wait_for()
    return page.locator(f"#dv-{kind} [data-status]").text_content()


def download(page: Any, button: str, path: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=button).click()
    started.value.save_as(path)
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    skip_without_browser()
    with running_server(tmp_path_factory.mktemp("web")) as started:
        yield started


@pytest.fixture(scope="module")
def browser(server: WebServer) -> Iterator[Browser]:
    with running_browser(server) as started:
        yield started


@pytest.fixture(scope="module")
def kept_page(browser: Browser) -> Iterator[Any]:
    page = browser.new_page()
    yield page
    page.context.close()


@pytest.fixture
def open_page(browser: Browser, kept_page: Any) -> Iterator[Callable[..., Any]]:
    """open_page("Clip") loads the page anew; open_page("Clip", browser.new_page()) is another visitor's."""

    def open_one(tab: str = "Photo", page: Any = kept_page) -> Any:
        return browser.load(page, tab)

    yield open_one
    kept_page.goto("about:blank")
