"""Opens a camera or a stream and reads frames from it. Importing this loads OpenCV."""

from __future__ import annotations

import cv2

from live.capture import cameras
from live.config import LiveConfig
from live.quiet import READ_TIMEOUT_S, stream_options
from shared import FrameBGR, UserError

OPEN_TIMEOUT_S = 4.0
YUYV_WIDTH_PX = 640  # wider than this, USB cameras are slow unless they compress


class Capture:
    """A camera or a stream. read() gives None once it has ended or been cut.

    is_file: a whole file, which a server gives as fast as it is taken.
    """

    def __init__(self, capture: cv2.VideoCapture, *, is_file: bool = False) -> None:
        self._capture = capture
        self.is_file = is_file

    def read(self) -> FrameBGR | None:
        ok, frame_bgr = self._capture.read()
        return frame_bgr if ok else None

    def time_s(self) -> float:
        """When the frame that was read last is shown, in the source's own time."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def close(self) -> None:
        self._capture.release()


def open_capture(config: LiveConfig, *, explains: bool = True) -> Capture:
    """Opens the configured camera or stream. Raises UserError within 5 s when that fails.

    explains: the error names the other cameras. Where cameras have no names, that opens each of them, which
    is no thing to do at every try to reconnect.
    """
    target = config.source.target
    if isinstance(target, int):
        return _open_camera(target, config, explains=explains)
    return _open_stream(str(target), config.source.name)


def _open_camera(index: int, config: LiveConfig, *, explains: bool) -> Capture:
    capture = cv2.VideoCapture(index, cameras.backend())
    if config.width_px is not None and config.width_px > YUYV_WIDTH_PX:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    for setting, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, config.width_px),
        (cv2.CAP_PROP_FRAME_HEIGHT, config.height_px),
        (cv2.CAP_PROP_FPS, config.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        if value is not None:
            capture.set(setting, value)  # a driver that cannot, keeps what it has
    # A busy camera often opens and only fails to deliver.
    if not capture.isOpened() or not capture.grab():
        capture.release()
        if explains:
            raise cameras.why_not(index)
        raise UserError(f"Camera {index} does not open.", "Plug it in again.")
    return Capture(capture)


def _open_stream(url: str, name: str) -> Capture:
    timeouts_ms = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        int(OPEN_TIMEOUT_S * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        int(READ_TIMEOUT_S * 1000),
    ]
    with stream_options():
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts_ms)
    if not capture.isOpened():
        raise UserError(
            f"{name} could not be opened as a video stream.",
            "Check the address, that its server is running, and the password if it needs one.",
        )
    # Only a container with an index knows how many frames it holds.
    is_file = url.lower().startswith("http") and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
    return Capture(capture, is_file=is_file)
