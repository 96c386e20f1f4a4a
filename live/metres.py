"""Distances in metres: a scale and a shift of inverse depth, from two distances that the user knows.

1 / metres = scale * depth + shift, since the network's depth is inverse depth up to such a line. Of depth, it
is that at the scale with which the stream began (`shared.motion.Anchor`): the stream's own leaks towards each
prediction's, which would bend what was calibrated.
"""

from __future__ import annotations

from live.config import Known, is_plausible
from shared import UserError
from shared.motion import Affine, Keyframe

FARTHEST_M = 100.0


def calibrated(first: Known, second: Known) -> Affine:
    """depth -> 1 / metres through two (depth, metres). Raises UserError where they make no scale."""
    (near, near_m), (far, far_m) = sorted((first, second), key=lambda known: known[1])
    if not is_plausible(first, second):
        raise UserError(
            f"{near_m:g} m does not look nearer than {far_m:g} m here.",
            "Choose two things at clearly different distances.",
        )
    scale = (1 / near_m - 1 / far_m) / (near - far)
    return Affine(scale, 1 / near_m - scale * near)


def from_nearness(known: tuple[Known, Known], keyframe: Keyframe) -> Affine:
    """The same from two (nearness in per cent, metres) as the pointer tells them."""
    far, near = keyframe.display_range
    first, second = (
        (keyframe.origin(far + percent / 100 * (near - far)), metres) for percent, metres in known
    )
    return calibrated(first, second)


def metres_text(metres: Affine, depth: float) -> str:
    """What is told of a depth at the stream's first scale."""
    inverse_m = metres(depth)
    if inverse_m < 1 / FARTHEST_M:
        return f"beyond {FARTHEST_M:.0f} m"
    distance_m = 1 / inverse_m
    return f"about {distance_m:.2f} m" if distance_m < 1 else f"about {distance_m:.1f} m"
