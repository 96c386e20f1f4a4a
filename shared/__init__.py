"""What every part of the viewer agrees on: the two array types, the names of views, and the user's errors.

Imports no sibling and nothing heavier than numpy, so that `--help` can import it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FrameBGR: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8 in OpenCV's channel order: blue, green, red."""

DepthMap: TypeAlias = NDArray[np.float32]
"""(h, w) float32, finite: relative inverse depth. Larger is nearer; it has no unit and no fixed zero."""

DisplayRange: TypeAlias = tuple[float, float]
"""(far, near): the inverse depths that are shown as the darkest and the brightest colour."""

View = Literal["depth", "overlay", "side-by-side", "focus", "relief"]
Colormap = Literal["inferno", "magma", "turbo", "viridis", "gray"]
Point: TypeAlias = tuple[float, float]
"""(x, y) in a picture, each from 0 (left, top) to 1."""

RawForm = Literal["png16", "npz", "ffv1"]
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]

SMALLEST_FRAME_PX = 16
DEFAULT_STEADY = 0.5
GAMMA_BOUNDS = (0.25, 4.0)
YAW_DEG, PITCH_DEG, ZOOM_BOUNDS = 25.0, 20.0, (0.5, 3.0)
"""How far a surface may be turned either way, before too much of it shows that no camera saw; how large."""


@dataclass(frozen=True)
class Turn:
    """From where the view `relief` sees its surface: degrees to the right and from above; how much larger."""

    yaw_deg: float = 12.0
    pitch_deg: float = 5.0
    zoom: float = 1.0


@dataclass(frozen=True)
class Look:
    """How depth is shown.

    alpha: the heat map's share in the overlay, 0 (photo) to 1 (heat map). gamma: contrast of the heat map;
    above 1 it tells more of what is near apart, below 1 of what is far. focus: where what is to be sharp in
    the view `focus` lies; None is the nearest large thing. turn: of the view `relief`.
    """

    view: View = "depth"
    colormap: Colormap = "inferno"
    alpha: float = 0.5
    gamma: float = 1.0
    focus: Point | None = None
    turn: Turn = Turn()


@dataclass(frozen=True)
class Encoding:
    """x264's quality, 0 (lossless) to 51, and how long it may search for it."""

    crf: int = 20
    preset: Preset = "veryfast"


LIVE_ENCODING = Encoding(preset="ultrafast")
"""Of recordings: their encoder shares the cores with the network while somebody watches."""


@dataclass(frozen=True)
class NetworkChoice:
    """Which network runs and on what, as the user asked; `shared.predictor` makes a predictor of it.

    weights: 'auto', 'official', 'bundled' or a path; None: what DEPTH_WEIGHTS says, else auto.
    precision: 'auto' (the fastest that is proved right here), 'f32' or 'bf16'.
    size: longer side of the network's input in pixels, a multiple of 32.
    """

    weights: str | None = None
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    size: int = 256


class UserError(Exception):
    """Something the user can put right.

    message: what went wrong, in one sentence that names the file or the option.
    hint: what to do about it, in one sentence.
    exit_code: 2 for wrong use or unusable input, 1 for a failure on the way.
    """

    def __init__(self, message: str, hint: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


def halved_sizes(frame_px: tuple[int, int], least_px: tuple[int, int]) -> list[tuple[int, int]]:
    """(width, height) of a frame each time it is halved, for as long as it stays as large as `least_px`."""
    sizes_px = []
    width_px, height_px = frame_px
    while width_px >= 2 * least_px[0] and height_px >= 2 * least_px[1]:
        width_px, height_px = width_px // 2, height_px // 2
        sizes_px.append((width_px, height_px))
    return sizes_px


def check_frame_bgr(frame: object, *, name: str = "frame") -> FrameBGR:
    """Returns `frame` itself if it is a FrameBGR of at least 16x16 pixels, else raises ValueError."""
    if not isinstance(frame, np.ndarray):
        raise ValueError(f"{name}: expected a numpy array, got {type(frame).__name__}")
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"{name}: expected (H, W, 3) uint8 BGR, got {frame.shape} {frame.dtype}")
    if min(frame.shape[:2]) < SMALLEST_FRAME_PX:
        height_px, width_px = frame.shape[:2]
        raise ValueError(f"{name}: expected at least 16x16 pixels, got {width_px}x{height_px}")
    return frame
