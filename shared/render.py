"""Depth to pictures: pure functions, BGR in and out.

Depth is normalised and quantised at network size and enlarged once, as bytes.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import Colormap, DepthMap, DisplayRange, FrameBGR, Look, View
from shared.focus import focus_nearness, focused
from shared.relief import relief

_CV2_COLORMAPS = {
    "inferno": cv2.COLORMAP_INFERNO,
    "magma": cv2.COLORMAP_MAGMA,
    "turbo": cv2.COLORMAP_TURBO,
    "viridis": cv2.COLORMAP_VIRIDIS,
}


def nearness_share(depth_map: DepthMap, display_range: DisplayRange) -> NDArray[np.float32]:
    """(h, w) inverse depth -> (h, w) float32: 0 at or beyond `far`, 1 at or before `near`."""
    far, near = display_range
    return np.clip((depth_map - np.float32(far)) / np.float32(max(near - far, 1e-6)), 0, 1)


def nearness(depth_map: DepthMap, display_range: DisplayRange, gamma: float = 1.0) -> NDArray[np.uint8]:
    """(h, w) inverse depth -> (h, w) uint8, 0 to 255: the share to the power of gamma.

    Before it is quantised, so that the stretched part of the range has no steps.
    """
    share = nearness_share(depth_map, display_range)
    return cv2.convertScaleAbs(share if gamma == 1 else cv2.pow(share, gamma), alpha=255)


def heatmap(nearness_u8: NDArray[np.uint8], size_px: tuple[int, int], colormap: Colormap) -> FrameBGR:
    """(h, w) uint8 nearness -> (H, W, 3) BGR heat map of size_px = (width, height); near is bright."""
    enlarged = cv2.resize(nearness_u8, size_px, interpolation=cv2.INTER_LINEAR)
    if colormap == "gray":
        return cv2.cvtColor(enlarged, cv2.COLOR_GRAY2BGR)
    return cv2.applyColorMap(enlarged, _CV2_COLORMAPS[colormap])


def heatmap_i420(
    nearness_u8: NDArray[np.uint8], size_px: tuple[int, int], colormap: Colormap
) -> NDArray[np.uint8]:
    """The heat map as an encoder takes it: (H * 3/2, W) uint8, planes Y, U, V (I420), BT.709, limited range.

    A third of the cost of colouring in BGR and converting that. size_px: even.
    """
    width_px, height_px = size_px
    picture = np.empty((height_px * 3 // 2, width_px), np.uint8)
    chroma = picture[height_px:].reshape(2, height_px // 2, width_px // 2)
    luma_codes, *chroma_codes = _codes_709(colormap)
    enlarged = cv2.resize(nearness_u8, size_px, interpolation=cv2.INTER_LINEAR)
    cv2.LUT(enlarged, luma_codes, picture[:height_px])
    halved = cv2.resize(nearness_u8, (width_px // 2, height_px // 2), interpolation=cv2.INTER_LINEAR)
    for plane, codes in zip(chroma, chroma_codes, strict=True):
        cv2.LUT(halved, codes, plane)
    return picture


@cache
def _codes_709(colormap: Colormap) -> NDArray[np.uint8]:
    """(3, 256) uint8: the colour map's Y, Cb and Cr codes. Source: ITU-R BT.709, 3.2 to 3.4."""
    ramp = np.arange(256, dtype=np.uint8)[None]
    blue, green, red = np.moveaxis(heatmap(ramp, (256, 1), colormap)[0] / 255.0, 1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    codes = [16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748]
    return np.rint(codes).astype(np.uint8)


def view_size(width_px: int, height_px: int, view: View) -> tuple[int, int]:
    """(width, height) in pixels of the picture that `render` makes of a frame of this size."""
    return (2 * width_px, height_px) if view == "side-by-side" else (width_px, height_px)


def render(frame_bgr: FrameBGR, depth_map: DepthMap, display_range: DisplayRange, look: Look) -> FrameBGR:
    """The frame and its depth as one picture, of `view_size`."""
    if look.view == "focus":
        near = nearness_share(depth_map, display_range)
        return focused(frame_bgr, near, focus_nearness(near, look.focus))
    if look.view == "relief":
        return relief(frame_bgr, nearness_share(depth_map, display_range), look.turn)
    height_px, width_px = frame_bgr.shape[:2]
    heat_bgr = heatmap(nearness(depth_map, display_range, look.gamma), (width_px, height_px), look.colormap)
    if look.view == "depth":
        return heat_bgr
    if look.view == "overlay":
        return cv2.addWeighted(heat_bgr, look.alpha, frame_bgr, 1.0 - look.alpha, 0.0)
    return cv2.hconcat([frame_bgr, heat_bgr])
