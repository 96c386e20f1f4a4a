"""What is written over the picture: information, legend, help, notices. Texts are kept as small images,
because most of them stay the same for many frames, and mixed in by bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from live.window.keys import key_table
from shared import Colormap, FrameBGR, Look
from shared.render import heatmap, nearness

FONT = cv2.FONT_HERSHEY_SIMPLEX
WHITE_BGR, RED_BGR = (255, 255, 255), (40, 40, 230)
SEEN_THROUGH = 0.35  # of the picture behind a text
REFERENCE_HEIGHT_PX = 720


def text_scale(canvas_px: tuple[int, int]) -> float:
    """OpenCV's font scale for a canvas of (width, height): text grows with the window, and stays legible."""
    width_px, height_px = canvas_px
    relative = min(height_px / REFERENCE_HEIGHT_PX, width_px / (16 / 9 * REFERENCE_HEIGHT_PX))
    return min(max(round(0.6 * relative, 2), 0.33), 2.0)


def draw_texts(canvas_bgr: FrameBGR, lines: Sequence[str], *, corner: str) -> None:
    """Lines in a darkened box. corner: 'top-left', 'top-right', 'center' or 'bottom'."""
    scale = text_scale(_size(canvas_bgr))
    _mix(canvas_bgr, text_box(tuple(lines), scale), corner)


def draw_legend(canvas_bgr: FrameBGR, look: Look) -> None:
    """far [colours] near, at the lower left, and the contrast where it is not the plain one."""
    canvas_px = _size(canvas_bgr)
    box = legend_box(look.colormap, look.gamma, text_scale(canvas_px), canvas_px[0] // 5)
    _mix(canvas_bgr, box, "bottom-left")


def draw_pointer(canvas_bgr: FrameBGR, point_px: tuple[int, int], text: str) -> None:
    """What is told beside the mouse pointer, always inside the canvas."""
    box = text_box((text,), text_scale(_size(canvas_bgr)))
    gap_px = box.shape[0] // 2
    _mix_at(canvas_bgr, box, point_px[0] + gap_px, point_px[1] + gap_px)


def draw_recording(canvas_bgr: FrameBGR, elapsed_s: float) -> None:
    """A red dot and the recording's length at the upper right."""
    minutes, seconds = divmod(int(elapsed_s), 60)
    box = text_box((f"{minutes:02}:{seconds:02}",), text_scale(_size(canvas_bgr)))
    height_px = box.shape[0]
    box = cv2.copyMakeBorder(box, 0, 0, height_px * 2 // 3, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    left, top = _mix(canvas_bgr, box, "top-right")
    center_px = (left + height_px // 2, top + height_px // 2)
    cv2.circle(canvas_bgr, center_px, max(height_px // 4, 2), RED_BGR, cv2.FILLED, cv2.LINE_AA)


def draw_help(canvas_bgr: FrameBGR) -> None:
    """All keys; smaller than other texts where they would not fit."""
    width_px, height_px = _size(canvas_bgr)
    scale = text_scale((width_px, height_px))
    box_height_px, box_width_px = help_box(scale).shape[:2]
    too_large = max(box_height_px / height_px, box_width_px / width_px)
    _mix(canvas_bgr, help_box(round(scale / max(too_large, 1.0), 2)), "center")


@lru_cache(maxsize=32)
def text_box(lines: tuple[str, ...], scale: float) -> FrameBGR:
    """(h, w, 3): white text on black, the smallest box that holds it."""
    width_px = max(cv2.getTextSize(line, FONT, scale, 1)[0][0] for line in lines)
    line_px, margin_px = _line_height(scale), round(12 * scale)
    box_bgr = np.zeros((line_px * len(lines) + margin_px, width_px + 2 * margin_px, 3), np.uint8)
    for number, line in enumerate(lines):
        baseline_px = margin_px // 2 + round(line_px * (number + 0.75))
        cv2.putText(box_bgr, line, (margin_px, baseline_px), FONT, scale, WHITE_BGR, 1, cv2.LINE_AA)
    return box_bgr


@lru_cache(maxsize=4)
def legend_box(colormap: Colormap, gamma: float, scale: float, width_px: int) -> FrameBGR:
    """The bar runs evenly from far to near, in the colours that gamma gives."""
    near_text = "near" if gamma == 1 else f"near   contrast {gamma:.2f}"
    far, near = text_box(("far",), scale), text_box((near_text,), scale)
    height_px = far.shape[0]
    ramp = np.tile(np.linspace(0, 1, 256, dtype=np.float32), (2, 1))
    bar = heatmap(nearness(ramp, (0.0, 1.0), gamma), (max(width_px, 16), height_px // 2), colormap)
    edge_px = (height_px - bar.shape[0]) // 2
    bar = cv2.copyMakeBorder(
        bar, edge_px, height_px - bar.shape[0] - edge_px, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    return cv2.hconcat([far, bar, near])


@lru_cache(maxsize=2)
def help_box(scale: float) -> FrameBGR:
    """Two columns from the key table."""
    rows = key_table().rows
    names = text_box(tuple(row.name for row in rows), scale)
    return cv2.hconcat([names, text_box(tuple(row.help for row in rows), scale)])


def _line_height(scale: float) -> int:
    return max(round(cv2.getTextSize("Ay", FONT, scale, 1)[0][1] * 1.7), 1)


def _size(canvas_bgr: FrameBGR) -> tuple[int, int]:
    return canvas_bgr.shape[1], canvas_bgr.shape[0]


def _mix(canvas_bgr: FrameBGR, box_bgr: FrameBGR, corner: str) -> tuple[int, int]:
    """Mixes a box into the canvas and says where its (left, top) came to lie."""
    (width_px, height_px), (box_height_px, box_width_px) = _size(canvas_bgr), box_bgr.shape[:2]
    margin_px = height_px // 60
    middle_px = (width_px - box_width_px) // 2
    left, top = {
        "top-left": (margin_px, margin_px),
        "top-right": (width_px - box_width_px - margin_px, margin_px),
        "center": (middle_px, (height_px - box_height_px) // 2),
        "bottom": (middle_px, round(height_px * 0.8) - box_height_px // 2),
        "bottom-left": (margin_px, height_px - box_height_px - margin_px),
    }[corner]
    return _mix_at(canvas_bgr, box_bgr, left, top)


def _mix_at(canvas_bgr: FrameBGR, box_bgr: FrameBGR, left: int, top: int) -> tuple[int, int]:
    """Pushed inside where it would stick out; cut where it is larger than the canvas."""
    width_px, height_px = _size(canvas_bgr)
    box_bgr = box_bgr[:height_px, :width_px]
    box_height_px, box_width_px = box_bgr.shape[:2]
    left = min(max(left, 0), width_px - box_width_px)
    top = min(max(top, 0), height_px - box_height_px)
    behind_bgr = canvas_bgr[top : top + box_height_px, left : left + box_width_px]
    cv2.addWeighted(behind_bgr, SEEN_THROUGH, box_bgr, 1.0, 0.0, dst=behind_bgr)
    return left, top
