"""Opening a camera: what is asked of the driver, and what is said when it fails. The driver is a fake."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from live.__main__ import build_parser, to_config
from live.capture import cameras
from live.capture.opening import open_capture
from live.config import LiveConfig, SourceSpec
from live.quiet import open_only_streams, quiet_opencv
from shared import UserError

CONFIG = LiveConfig(SourceSpec("camera", 0, "camera 0"))


class FakeDriver:
    """Stands in for cv2.VideoCapture of a camera."""

    delivers = True
    opened: list[FakeDriver]

    def __init__(self, index: int, backend: int) -> None:
        self.index, self.backend = index, backend
        self.settings: dict[int, float] = {}
        self.is_released = False
        FakeDriver.opened.append(self)

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def set(self, setting: int, value: float) -> bool:
        self.settings[setting] = value
        return False  # as a driver that cannot

    def grab(self) -> bool:
        return FakeDriver.delivers

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (True, np.zeros((48, 64, 3), np.uint8)) if FakeDriver.delivers else (False, None)

    def release(self) -> None:
        self.is_released = True


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> type[FakeDriver]:
    FakeDriver.opened = []
    monkeypatch.setattr(FakeDriver, "delivers", True)
    monkeypatch.setattr(cv2, "VideoCapture", FakeDriver)
    return FakeDriver


def test_what_is_asked_of_the_driver(driver: type[FakeDriver]) -> None:
    capture = open_capture(replace(CONFIG, width_px=1280, height_px=720, fps=30.0))
    frame_bgr = capture.read()
    assert frame_bgr is not None
    assert frame_bgr.shape == (48, 64, 3)
    (opened,) = driver.opened
    assert opened.backend == cameras.backend()
    assert opened.settings == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FPS: 30.0,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    capture.close()
    assert opened.is_released


def test_a_small_picture_is_not_asked_to_be_compressed(driver: type[FakeDriver]) -> None:
    open_capture(CONFIG)
    assert driver.opened[0].settings == {cv2.CAP_PROP_BUFFERSIZE: 1}


def test_a_camera_that_opens_but_delivers_nothing(
    driver: type[FakeDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "delivers", False)
    with pytest.raises(UserError) as caught:
        open_capture(CONFIG)
    assert "amera 0" in caught.value.message
    assert caught.value.exit_code == 2
    assert driver.opened[0].is_released


def test_a_try_to_reconnect_opens_no_other_camera(
    driver: type[FakeDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows and macOS have no names to list: there each camera would be opened at every try."""
    monkeypatch.setattr(driver, "delivers", False)
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(UserError, match="does not open"):
        open_capture(CONFIG, explains=False)
    assert len(driver.opened) == 1


def test_the_listing_names_what_opens(driver: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "existing", lambda: {0: "Integrated", 2: "USB"})
    assert cameras.listing() == ["0: Integrated, 64x48", "2: USB, 64x48"]
    monkeypatch.setattr(driver, "delivers", False)
    with pytest.raises(UserError, match="No camera opens; there is Integrated, USB"):
        cameras.listing()


@pytest.mark.parametrize(
    ("arguments", "is_mirrored"),
    [([], True), (["--no-mirror"], False), (["rtsp://host/x"], False), (["rtsp://host/x", "--mirror"], True)],
)
def test_cameras_are_mirrored_unless_told(arguments: list[str], is_mirrored: bool) -> None:
    assert to_config(build_parser().parse_args(arguments)).mirror is is_mirrored


def test_the_users_own_settings_of_opencv_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;udp")
    for name in ("OPENCV_FFMPEG_LOGLEVEL", "QT_LOGGING_RULES", "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"):
        monkeypatch.setenv(name, "")  # so that what is set below is undone
        monkeypatch.delenv(name)
    quiet_opencv()
    open_only_streams()
    import os

    assert os.environ["OPENCV_LOG_LEVEL"] == "DEBUG"
    assert os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] == "rtsp_transport;udp"
    assert os.environ["OPENCV_FFMPEG_LOGLEVEL"] == "-8"
