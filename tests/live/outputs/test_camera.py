"""The virtual camera at pyvirtualcam's interface: a stand-in for the driver, which cannot be loaded here.

The stand-in is registered as pyvirtualcam's own backends are, so that all of pyvirtualcam's checks run; what
a real driver makes of the frames is not tried.
"""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

pyvirtualcam = pytest.importorskip("pyvirtualcam")

from live.outputs import camera as camera_module  # noqa: E402
from live.outputs.camera import VirtualCamera  # noqa: E402
from live.picture import Picture, paint  # noqa: E402
from shared import Look, UserError  # noqa: E402
from tests.support.live_session import Server, StartSession, camera, no_thread_is_left, start  # noqa: E402
from tests.support.streaming import eventually  # noqa: E402

__all__ = ["camera", "no_thread_is_left", "start"]


class StandIn:
    """As pyvirtualcam.camera.Backend describes one."""

    made: list[StandIn]

    def __init__(
        self, *, width: int, height: int, fps: float, fourcc: int, device: str | None, **_: Any
    ) -> None:
        self.opened_as = (width, height, fps, fourcc)
        self.sent: list[np.ndarray] = []
        self.is_closed = False
        self.fails_at = -1
        StandIn.made.append(self)

    def send(self, frame: np.ndarray) -> None:
        assert not self.is_closed
        assert frame.ndim == 1
        assert frame.flags.c_contiguous
        if len(self.sent) == self.fails_at:
            raise RuntimeError("the device has gone")
        self.sent.append(frame.copy())

    def close(self) -> None:
        self.is_closed = True

    def device(self) -> str:
        return "/dev/video9"

    def native_fourcc(self) -> None:
        return None


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    from pyvirtualcam import camera as theirs

    StandIn.made = []
    monkeypatch.setattr(theirs, "BACKENDS", {})
    pyvirtualcam.register_backend("stand-in", StandIn)
    return StandIn


def picture(width_px: int, height_px: int, blue: int = 10) -> Picture:
    frame_bgr = np.zeros((height_px, width_px, 3), np.uint8)
    frame_bgr[:] = (blue, 20, 200)
    depth_map = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (32, 1))
    return Picture(frame_bgr, depth_map, (0.0, 1.0), Look("overlay"))


def test_the_view_is_sent_as_bgr_at_the_first_ones_size(driver: type[StandIn]) -> None:
    output = VirtualCamera(Fraction(25))
    output.start()
    output.offer(picture(321, 181))
    eventually(lambda: driver.made and driver.made[0].sent)
    other = replace(picture(640, 200, blue=90), look=Look("side-by-side"))
    output.offer(other)
    eventually(lambda: len(driver.made[0].sent) == 2)
    output.stop()
    output.join()
    output.worker.check()
    device = driver.made[0]
    assert device.opened_as == (320, 180, 25.0, pyvirtualcam.camera.encode_fourcc("24BG"))
    for sent, shown in zip(device.sent, (picture(321, 181), other), strict=True):
        assert np.array_equal(sent.reshape(180, 320, 3), paint(shown, (320, 180)))
    assert device.is_closed


def test_a_device_that_goes_is_told(driver: type[StandIn]) -> None:
    output = VirtualCamera(Fraction(30))
    output.start()
    output.offer(picture(64, 48))
    eventually(lambda: driver.made and driver.made[0].sent)
    driver.made[0].fails_at = 1
    output.offer(picture(64, 48))
    output.join()
    with pytest.raises(UserError, match="takes no more pictures: the device has gone") as caught:
        output.worker.check()
    assert caught.value.exit_code == 1
    assert driver.made[0].is_closed


@pytest.mark.parametrize(("platform", "driver_name"), [("linux", "v4l2loopback"), ("win32", "OBS")])
def test_a_missing_driver_is_named(
    monkeypatch: pytest.MonkeyPatch, driver: type[StandIn], platform: str, driver_name: str
) -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("No virtual camera device\nfound.")

    monkeypatch.setattr(camera_module.sys, "platform", platform)
    pyvirtualcam.register_backend("stand-in", refuse)
    output = VirtualCamera(Fraction(30))
    output.start()
    output.offer(picture(64, 48))
    output.join()
    with pytest.raises(UserError) as caught:
        output.worker.check()
    assert driver_name in caught.value.message
    assert caught.value.message.endswith("No virtual camera device found.")


def test_without_the_driver_depth_live_says_so_in_one_sentence(start: StartSession, camera: Server) -> None:
    """With pyvirtualcam's own backend, on a machine without v4l2loopback."""
    from pathlib import Path

    if any("loopback" in it.read_text() for it in Path("/sys/class/video4linux").glob("*/name")):
        pytest.skip("v4l2loopback is loaded here")
    started_s = time.monotonic()
    session = start(camera.url, "--no-window", "--virtual-camera", window=False)
    code, error_text = session.end()
    assert code == 2
    said, hint = error_text.strip().splitlines()
    assert "v4l2loopback" in said
    assert hint.endswith(".")
    assert time.monotonic() - started_s < 60


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="not installed") as caught:
        VirtualCamera(Fraction(30))
    assert "[camera]" in caught.value.hint
