"""From frames to steady depth: flow, alignment, the displayed range, and the stream that joins them."""

from shared.motion.steady import Keyframe, Steadier, carry, carry_to
from shared.motion.stream import MOST_UNEXPLAINED, DepthStream, Predictor

__all__ = ["MOST_UNEXPLAINED", "DepthStream", "Keyframe", "Predictor", "Steadier", "carry", "carry_to"]
