"""What a source hands to everything that is live."""

from __future__ import annotations

from dataclasses import dataclass

from shared import FrameBGR


@dataclass(frozen=True)
class Frame:
    """A frame and the moment at which it was there, on the clock of `shared.handoff.now_s`."""

    frame_bgr: FrameBGR
    time_s: float
    index: int
