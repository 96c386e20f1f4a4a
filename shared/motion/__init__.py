"""From frames to steady depth: flow, alignment, the displayed range, and the stream that joins them."""

from shared.motion.steady import Keyframe, Steadier, carry
from shared.motion.stream import DepthStream, Foreseen, Predictor
from shared.motion.track import Timed, Tracker

__all__ = [
    "DepthStream",
    "Foreseen",
    "Keyframe",
    "Predictor",
    "Steadier",
    "Timed",
    "Tracker",
    "carry",
]
