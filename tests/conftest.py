"""What several tests share: the reference folder, generated clips, a fake predictor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from shared import DepthMap, FrameBGR
from shared.predictor import network_size

REPOSITORY = Path(__file__).parents[1]


class BrightnessPredictor:
    """A fake network: bright is near. Fast, deterministic, and follows the picture."""

    def __init__(self, size: int = 256) -> None:
        self.size = size

    def map_size_px(self, frame_bgr: FrameBGR) -> tuple[int, int]:
        return network_size(frame_bgr.shape[1], frame_bgr.shape[0], self.size)

    def proving(self, *, wait_s: float | None = None) -> AbstractContextManager[None]:
        return nullcontext()

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        small = cv2.resize(frame_bgr, self.map_size_px(frame_bgr), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would every command that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def brightness_predictor() -> BrightnessPredictor:
    return BrightnessPredictor()


@pytest.fixture
def locked_folder(tmp_path: Path) -> Path:
    """A folder that cannot be written to, by root neither."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):  # root writes anywhere but in the kernel's own folders
        folder = Path("/sys")
        if not folder.is_dir():
            pytest.skip("this user may write to every folder")
    return folder


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """The folder of real clips, photos and golden numbers that lies beside the checkout."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip("the reference folder ../shared is absent")
    return folder


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    return imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="session")
def make_clip(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """make_clip("name.mp4", *output_options, video=LAVFI, audio=LAVFI) -> path of a clip that ffmpeg made."""
    folder = tmp_path_factory.mktemp("clips")

    def make(
        name: str,
        *output_options: str,
        video: str | None = "testsrc2=size=320x180:rate=25:duration=2",
        audio: str | None = None,
    ) -> Path:
        path = folder / name
        inputs = []
        for source in (video, audio):
            if source is not None:
                inputs += ["-f", "lavfi", "-i", source]
        command = [ffmpeg, "-y", "-v", "error", *inputs, *output_options, str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return path

    return make
