"""From frames to steady depth: flow, alignment, the displayed range, and the stream that joins them."""

from shared.motion.align import IDENTITY, Affine
from shared.motion.anchor import Anchor
from shared.motion.steady import Keyframe, Steadier, carry
from shared.motion.stream import DepthStream, Foreseen, Predictor
from shared.motion.track import Timed, Tracker, first_cut

__all__ = [
    "IDENTITY",
    "Affine",
    "Anchor",
    "DepthStream",
    "Foreseen",
    "Keyframe",
    "Predictor",
    "Steadier",
    "Timed",
    "Tracker",
    "carry",
    "first_cut",
]
