"""What the command line asks for, as checked values; knows no parser and imports nothing heavy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from live.listening import is_loopback
from shared import DEFAULT_STEADY, Look, NetworkChoice, UserError

Known = tuple[float, float]
"""(depth or nearness, metres) of one thing."""

PROG = "depth-live"
SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "tcp", "rtp", "rtmp", "srt")


@dataclass(frozen=True)
class SourceSpec:
    """Where the frames come from.

    kind: 'camera' (target is its index), 'file' (its path) or 'stream' (its URL).
    name: what the user reads; a password in a URL is not in it.
    """

    kind: Literal["camera", "file", "stream"]
    target: int | Path | str
    name: str


@dataclass(frozen=True)
class Serving:
    """Where the view and its depth are served, and to whom.

    token: None asks for none; where other machines could come in, that must be wished for with without_token.
    allowed_hosts: further names under which it may be asked for, as behind a proxy.
    """

    host: str
    port: int
    token: str | None = None
    without_token: bool = False
    allowed_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.token is None and not self.without_token and not is_loopback(self.host):
            raise UserError(
                f"--serve {self.host}:{self.port} shows the camera to other machines, and it has no token.",
                "Set one in DEPTH_TOKEN or with --token, or say --no-token.",
            )


@dataclass(frozen=True)
class LiveConfig:
    """One run of the live window.

    every: infer each Nth frame; 1 is as often as the machine can. steady: 0 (each frame by itself) to 1.
    metres: two (nearness in per cent at the first depth, distance), by which distances are told.
    """

    source: SourceSpec
    look: Look = Look("overlay")
    every: int = 1
    steady: float = DEFAULT_STEADY
    metres: tuple[Known, Known] | None = None
    network: NetworkChoice = NetworkChoice()
    mirror: bool = False
    width_px: int | None = None
    height_px: int | None = None
    fps: float | None = None
    loop: bool = False
    record: Path | None = None
    raw: Path | None = None
    virtual_camera: bool = False
    serving: Serving | None = None
    window: bool = True
    duration_s: float | None = None
    stats: Path | None = None
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        goes_elsewhere = self.virtual_camera or any(
            it is not None for it in (self.record, self.raw, self.serving, self.stats, self.duration_s)
        )
        if not self.window and not goes_elsewhere:
            raise UserError(
                "--no-window alone shows nothing and would never end.",
                "Add --record FILE.mp4, --raw FILE.mkv, --serve PORT, --stats FILE.json or --duration S.",
            )
        if self.metres is not None and not is_plausible(*self.metres):
            raise UserError(
                "--metres needs two things of which the nearer has clearly the higher nearness.",
                "Read both off beside the pointer, as --metres 85:0.6,20:3.5.",
            )
        _check_new(self.record, "--record", ".mp4", "the recording is an MP4")
        _check_new(self.raw, "--raw", ".mkv", "raw depth is recorded as an MKV")
        _check_folder(self.stats, "--stats")
        if self.loop and self.source.kind != "file":
            raise UserError("--loop needs a video file.", "Leave it out for a camera or a stream.")


def _check_new(path: Path | None, option: str, suffix: str, sentence: str) -> None:
    """Raises UserError for a file that a recording cannot become."""
    if path is None:
        return
    if path.suffix.lower() != suffix:
        raise UserError(f"{option} {path}: {sentence}.", f"Give a name ending in {suffix}.")
    if path.exists():
        raise UserError(f"{option} {path} already exists.", "Give another name, or remove it.")
    _check_folder(path, option)


def _check_folder(path: Path | None, option: str) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise UserError(f"{option} {path}: there is no such folder.", "Create the folder first.")


def is_plausible(first: Known, second: Known) -> bool:
    """Whether what is nearer in metres is nearer in depth, too."""
    (near, near_m), (far, far_m) = sorted((first, second), key=lambda known: known[1])
    return near > far and far_m > 1.02 * near_m > 0


def parse_source(text: str) -> SourceSpec:
    """'0' or '/dev/video0', 'rtsp://...', or the path of a file.

    Raises UserError for an unknown kind of URL and for a file that is not there.
    """
    camera = re.fullmatch(r"(?:/dev/video)?(\d{1,3})", text)
    if camera:
        return SourceSpec("camera", int(camera[1]), f"camera {camera[1]}")
    if "://" in text:
        return _parse_url(text)
    path = Path(text)
    if not path.is_file():
        raise UserError(
            f"{text}: there is no such file.", "Give a camera's number, a video file or a URL (rtsp://...)."
        )
    return SourceSpec("file", path, path.name)


def _parse_url(text: str) -> SourceSpec:
    parts = urlsplit(text)
    if parts.scheme.lower() not in SCHEMES or not parts.netloc:
        raise UserError(f"{text}: not a stream that can be opened.", f"Known kinds: {', '.join(SCHEMES)}.")
    host = parts.netloc.rpartition("@")[2]
    return SourceSpec("stream", text, f"{parts.scheme}://{host}{parts.path}")
