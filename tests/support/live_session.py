"""Runs depth-live as a user does: a real window on a virtual display, real key presses, a real server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from shared import FrameBGR
from shared.media import playable_frames
from tests.conftest import REPOSITORY

HANG_S = 60.0
DISPLAY_PX = (1600, 1000)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fails a test of this project's own threads when one outlives it."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left, f"threads left: {left}"


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A virtual display with a window manager; its name, such as ':101'."""
    for program in ("Xvfb", "openbox", "xdotool", "import"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    with virtual_display() as name:
        yield name


@contextmanager
def virtual_display() -> Iterator[str]:
    """A screen with a window manager that is up: without one Qt may never paint its window."""
    with screen() as (name, _), tempfile.TemporaryDirectory() as home:
        at_home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), home)
        manager = start_window_manager({**os.environ, **at_home, "DISPLAY": name})
        yield name
        manager.terminate()
        manager.wait(HANG_S)


@contextmanager
def screen() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A display's name and its server."""
    reader, writer = os.pipe()
    size = f"{DISPLAY_PX[0]}x{DISPLAY_PX[1]}x24"
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", size, "-noreset"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        name = f":{pipe.readline().strip()}"
    yield name, server
    server.terminate()
    server.wait(HANG_S)


def start_window_manager(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A server that has only just started now and then refuses its first client; then openbox ends."""
    deadline = time.monotonic() + HANG_S
    manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
    asked = ["xdotool", "get_num_desktops"]
    while subprocess.run(asked, env=environment, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "openbox does not start"
        if manager.poll() is not None:
            manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
        time.sleep(0.05)
    return manager


def is_written(folder: Path) -> bool:
    """Whether the recording that runs there holds pictures: a second of them comes at a time."""
    return any(playable_frames(piece) > 10 for piece in folder.glob("*.partial.mp4"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The MJPEG camera on loopback; may be killed and started again on the same port."""

    def __init__(self, clip: Path, *, fps: float = 30.0) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._command = [
            sys.executable,
            str(REPOSITORY / "tests" / "support" / "mjpeg_server.py"),
            str(clip),
            str(self.port),
            str(fps),
        ]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Server:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def stall(self) -> None:
        """The connection stays, but nothing comes any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


def write_mjpeg(path: Path, frames: list[FrameBGR]) -> Path:
    path.write_bytes(b"".join(cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames))
    return path


def colour_card(number: int = 0, size_px: tuple[int, int] = (640, 360)) -> FrameBGR:
    """Blue and dark on the left, blue-white and bright on the right; a square at the bottom that wanders."""
    width_px, height_px = size_px
    card = np.zeros((height_px, width_px, 3), np.uint8)
    card[:, :] = (120, 30, 30)
    card[:, width_px // 2 :] = (255, 200, 200)
    left = number * 17 % (width_px - 40)
    card[height_px - 100 : height_px - 60, left : left + 40] = (0, 255, 0)
    return card


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Server]:
    server = Server(
        write_mjpeg(tmp_path / "card.mjpeg", [colour_card(number) for number in range(30)])
    ).start()
    yield server
    server.kill()


class Session:
    """One running depth-live with a fake network, in a folder of its own."""

    def __init__(
        self, folder: Path, display: str | None, arguments: list[str], *, fake: str = "bright"
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self._environment = {
            name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}
        }
        self._environment |= {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        if display is not None:
            self._environment["DISPLAY"] = display
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.live_driver", fake, *arguments],
            cwd=folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def xdotool(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def window(self) -> str:
        """Waits until the window is there; its number."""
        wait_for(lambda: self.xdotool("search", "--onlyvisible", "--name", "^depth-live$") != "", self)
        window = self.xdotool("search", "--onlyvisible", "--name", "^depth-live$").split()[0]
        self.xdotool("windowfocus", "--sync", window)
        return window

    def key(self, name: str, *, action: str = "key") -> None:
        """Presses a key and waits until the window has answered: OpenCV keeps only one between two looks."""
        answered = self._answered("keys")
        self.xdotool(action, name)
        wait_for(lambda: self._answered("keys") > answered or self.process.poll() is not None)

    def click(self, x_px: int, y_px: int) -> None:
        """Clicks into the window and waits until it has answered."""
        answered = self._answered("clicks")
        at = (str(x_px), str(y_px))
        self.xdotool("mousemove", "--window", self.window(), *at, "click", "1")
        wait_for(lambda: self._answered("clicks") > answered, self)

    def _answered(self, name: str) -> int:
        path = self.folder / name
        return path.stat().st_size if path.exists() else 0

    def shot(self, *, of: str | None = None) -> FrameBGR:
        """The window's (or of='root' the whole display's) pixels as they are now."""
        path = self.folder / "shot.png"
        command = ["import", "-window", of or self.window(), str(path)]
        subprocess.run(command, env=self._environment, check=True, timeout=HANG_S)
        return cv2.imread(str(path))

    def wait_for_shot(self, is_right: Callable[[FrameBGR], bool], *, of: str | None = None) -> FrameBGR:
        """The first screenshot that is as wanted."""
        last: list[FrameBGR] = []

        def looks_right() -> bool:
            last[:] = [self.shot(of=of)]
            return bool(is_right(last[0]))

        try:
            wait_for(looks_right, self)
        except AssertionError:
            cv2.imwrite(str(self.folder / "wrong.png"), last[0])
            raise
        return last[0]

    def end(self) -> tuple[int, str]:
        """Waits for the end: exit code and stderr."""
        _, error_text = self.process.communicate(timeout=HANG_S)
        assert "threads left" not in error_text
        assert "Traceback" not in error_text
        return self.process.returncode, error_text

    def controls(self) -> dict[str, object]:
        """The state of the window at its end."""
        return json.loads((self.folder / "controls.json").read_text())

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


StartSession = Callable[..., Session]


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartSession]:
    """start(*arguments, window=True, **of_session) -> Session; whatever still runs at the end is killed."""
    sessions: list[Session] = []

    def begin(*arguments: str, window: bool = True, **of_session: Any) -> Session:
        name = request.getfixturevalue("display") if window else None
        session = Session(tmp_path / f"run{len(sessions)}", name, list(arguments), **of_session)
        sessions.append(session)
        return session

    yield begin
    for session in sessions:
        session.kill()


def wait_for(condition: Callable[[], bool], session: Session | None = None) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():
        if session is not None and session.process.poll() is not None:
            raise AssertionError(f"it ended: {session.process.communicate()}")
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
