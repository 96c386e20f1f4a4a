"""Which cameras there are, and why one does not open. Importing this loads OpenCV."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2

from shared import UserError

MOST_PROBED = 6  # on Windows and macOS cameras have no names to list, only numbers to try
DEVICES = Path("/dev")
DEVICE_NAMES = Path("/sys/class/video4linux")


def backend() -> int:
    """The platform's own way to a camera; naming it keeps OpenCV from trying a dozen others first."""
    return {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION}.get(sys.platform, cv2.CAP_ANY)


def existing(devices: Path = DEVICES) -> dict[int, str]:
    """Index and name of every camera that the system knows, whether or not it can be opened."""
    if sys.platform == "linux":
        indices = [path.name.removeprefix("video") for path in devices.glob("video*")]
        return {
            index: _device_name(index) for index in sorted(int(text) for text in indices if text.isdigit())
        }
    return {index: f"camera {index}" for index in range(MOST_PROBED) if opened_size(index) is not None}


def _device_name(index: int) -> str:
    try:
        return (DEVICE_NAMES / f"video{index}" / "name").read_text("utf-8").strip()
    except OSError:
        return f"/dev/video{index}"


def opened_size(index: int) -> tuple[int, int] | None:
    """(width, height) in pixels of a picture that the camera delivers; None when it delivers none."""
    capture = cv2.VideoCapture(index, backend())
    try:
        ok, frame_bgr = capture.read()
        return (frame_bgr.shape[1], frame_bgr.shape[0]) if ok else None
    finally:
        capture.release()


def listing() -> list[str]:
    """One line for each camera that opens. Raises UserError when none does."""
    sizes = {index: (name, opened_size(index)) for index, name in existing().items()}
    lines = [f"{index}: {name}, {size[0]}x{size[1]}" for index, (name, size) in sizes.items() if size]
    if not lines:
        found = f"; there is {', '.join(name for name, _ in sizes.values())}" if sizes else ""
        raise UserError(f"No camera opens{found}.", "Plug one in, or give a video file or a URL.")
    return lines


def why_not(index: int, devices: Path = DEVICES) -> UserError:
    """What to tell the user about a camera that did not open or delivers no picture."""
    known = existing(devices)
    others = ", ".join(f"{number} ({name})" for number, name in known.items() if number != index)
    elsewhere = f"Cameras here: {others}." if others else "There is no other camera here."
    device = devices / f"video{index}"
    if index not in known:
        return UserError(
            f"There is no camera {index}. {elsewhere}",
            "Plug it in, or give another camera's number, a video file, a URL or --demo.",
        )
    if sys.platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
        return UserError(
            f"Camera {index}: no permission to open {device}. {elsewhere}",
            "Add yourself to the group 'video' (sudo usermod -aG video $USER) and log in again.",
        )
    return UserError(
        f"Camera {index} is there but delivers no picture; another program is probably using it. {elsewhere}",
        "Close the other program, and check that this one is allowed to use the camera.",
    )
