"""Frames and their depth become the pictures that a writer takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, DisplayRange, FrameBGR, Look
from shared.media import PixelFormat
from shared.render import heatmap_i420, nearness, render, view_size


class Drawing:
    """How frames of one size are drawn.

    size_px: (width, height) of the pictures; a heat map alone is drawn at an even size. pixel_format: theirs.
    """

    def __init__(self, look: Look, width_px: int, height_px: int) -> None:
        self._look = look
        is_heatmap = look.view == "depth"
        self.pixel_format: PixelFormat = "yuv420p" if is_heatmap else "bgr24"
        width_px, height_px = view_size(width_px, height_px, look.view)
        self.size_px = (
            (width_px + width_px % 2, height_px + height_px % 2) if is_heatmap else (width_px, height_px)
        )

    def picture(
        self, frame_bgr: FrameBGR, depth_map: DepthMap, display_range: DisplayRange
    ) -> NDArray[np.uint8]:
        """What the writer takes: I420 of a heat map alone, else BGR."""
        if self._look.view == "depth":
            near_u8 = nearness(depth_map, display_range, self._look.gamma)
            return heatmap_i420(near_u8, self.size_px, self._look.colormap)
        return render(frame_bgr, depth_map, display_range, self._look)
