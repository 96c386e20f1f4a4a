"""How OpenCV is set up before it is imported: it reads all of this from the environment."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

READ_TIMEOUT_S = 3.0

# The newest picture matters more than every picture: no long look at the stream first. `fflags nobuffer` is
# not among these: it throws away the first group of pictures, which of a short file is all there is.
FFMPEG_OPTIONS = {
    "rtsp_transport": "tcp",
    "flags": "low_delay",
    "analyzeduration": "1000000",
    "overrun_nonfatal": "1",
    # A stream is pictures, never a playlist or a manifest, and cannot make us open a file of this machine.
    "format_whitelist": "rtsp,rtp,mpjpeg,mjpeg,mpegts,flv,mov,mp4,matroska,webm,avi,ogg,asf",
    "protocol_whitelist": "rtsp,rtp,udp,tcp,tls,http,https,httpproxy,crypto,rtmp,rtmps,rtmpt,srt",
}
OPTIONS = "|".join(f"{name};{value}" for name, value in FFMPEG_OPTIONS.items())
OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_TURN = threading.Lock()


def quiet_opencv() -> None:
    """Keeps OpenCV's, FFmpeg's and Qt's own remarks off stderr; call it before the first import of cv2.

    What fails is said by this program, once. The user's own settings of these variables stand.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(int(READ_TIMEOUT_S)))


def open_only_streams() -> None:
    """Sets FFMPEG_OPTIONS for the whole process: for a command, before the first import of cv2.

    Some systems show OpenCV only the environment that there was when it was loaded.
    """
    os.environ.setdefault(OPTIONS_VARIABLE, OPTIONS)


@contextmanager
def stream_options() -> Iterator[None]:
    """FFMPEG_OPTIONS for what is opened inside, where none are set; in other people's programs OpenCV opens
    files, too, so afterwards they are gone again.
    """
    with _TURN:
        if OPTIONS_VARIABLE in os.environ:
            yield
            return
        os.environ[OPTIONS_VARIABLE] = OPTIONS
        try:
            yield
        finally:
            del os.environ[OPTIONS_VARIABLE]
