"""The project's own example clip, carried by the package, and what whoever renders it must know."""

from fractions import Fraction
from importlib import resources
from pathlib import Path

from shared import UserError

WIDTH_PX, HEIGHT_PX = 640, 360
FRAME_RATE = Fraction(24)
FRAMES = 144
CLIP_SEED = 3


def demo_clip() -> Path:
    """The demo clip, H.264, 640x360, 24 frames a second, 6 s: a camera moves round a room of our scenes."""
    path = Path(str(resources.files("shared.bundled"))) / "demo.mp4"
    if not path.is_file():
        raise UserError("The demo clip is missing from this installation.", "Install the package again.")
    return path
