"""The view as a camera for calls and for OBS, through pyvirtualcam and the system's driver."""

from __future__ import annotations

import importlib.util
import sys
import threading
from contextlib import closing
from fractions import Fraction
from typing import TYPE_CHECKING

from live.picture import Picture, paint
from live.worker import Worker
from shared import UserError
from shared.handoff import LatestSlot

if TYPE_CHECKING:
    import pyvirtualcam

WAIT_S = 0.2
DRIVERS = {
    "linux": (
        "the kernel module v4l2loopback",
        "Install v4l2loopback-dkms and load it: sudo modprobe v4l2loopback exclusive_caps=1.",
    ),
    "darwin": ("OBS's virtual camera", "Install OBS, start its virtual camera once and end it again."),
    "win32": ("OBS's virtual camera", "Install OBS; its virtual camera comes with it."),
}


class VirtualCamera:
    """Shows each picture at the size of the first; later ones are fitted into it.

    frame_rate: what programs are told. Raises UserError without the extra; a driver that is missing ends
    `worker` with one.
    """

    def __init__(self, frame_rate: Fraction) -> None:
        if importlib.util.find_spec("pyvirtualcam") is None:
            raise UserError(
                "--virtual-camera needs pyvirtualcam, which is not installed.",
                'Install it: pip install "depth-viewer[camera]", or in a clone: pip install -e ".[camera]"',
            )
        self._frame_rate = frame_rate
        self._pictures: LatestSlot[Picture] = LatestSlot()
        self.worker = Worker("virtual camera", self._run)

    def start(self) -> None:
        self.worker.start()

    def offer(self, picture: Picture) -> None:
        """Never waits."""
        self._pictures.put(picture)

    def stop(self) -> None:
        self.worker.stop()

    def join(self) -> None:
        self.worker.join()

    def _run(self, stop: threading.Event) -> None:
        picture = self._next(stop)
        if picture is None:
            return
        width_px, height_px = (
            length_px // 2 * 2 for length_px in picture.size_px
        )  # drivers halve the colour
        with closing(open_camera(width_px, height_px, float(self._frame_rate))) as camera:
            while picture is not None:
                try:
                    camera.send(paint(picture, (width_px, height_px)))
                except RuntimeError as error:
                    raise UserError(
                        f"The virtual camera {camera.device} takes no more pictures: {error}.",
                        "Leave out --virtual-camera, or load its driver again.",
                        exit_code=1,
                    ) from None
                picture = self._next(stop)

    def _next(self, stop: threading.Event) -> Picture | None:
        """None at the end."""
        while not stop.is_set():
            picture = self._pictures.get(WAIT_S)
            if picture is not None:
                return picture
        return None


def open_camera(width_px: int, height_px: int, fps: float) -> pyvirtualcam.Camera:
    """Raises UserError where there is no driver, or no free camera of it."""
    import pyvirtualcam

    try:
        return pyvirtualcam.Camera(width_px, height_px, fps, fmt=pyvirtualcam.PixelFormat.BGR)
    except RuntimeError as error:
        driver, hint = DRIVERS.get(sys.platform, DRIVERS["linux"])
        reason = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"--virtual-camera needs {driver}, which gives no camera: {reason}.", hint) from None
