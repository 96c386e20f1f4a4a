"""Puts the picture and what is written over it into the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from live.config import PROG
from live.controls import Controls
from live.metres import metres_text
from live.picture import Picture, depth_at, paint, percent_near, place_at
from live.window import hud
from live.window.viewer import Window
from shared import FrameBGR, Point
from shared.motion import Affine

NOTICE_S = 3.0


@dataclass(frozen=True)
class Readings:
    """What the HUD reports. depth_age_s: None before the first result. state: said large, '' for nothing."""

    source: str
    source_px: tuple[int, int]
    source_fps: float
    depth_fps: float
    depth_age_s: float | None
    network: Sequence[str]
    state: str
    recording_s: float | None


class Screen:
    """The window with its overlay; belongs to the main thread."""

    def __init__(self, first: Picture) -> None:
        self.window = Window(PROG, first.size_px)
        self._notice, self._notice_until_s = "", 0.0
        self._shown = first, first.size_px

    def show_notice(self, text: str, now_s: float) -> None:
        self._notice, self._notice_until_s = text, now_s + NOTICE_S

    def draw(self, picture: Picture, readings: Readings, controls: Controls, now_s: float) -> None:
        self.window.set_full_screen(controls.is_full_screen)
        canvas_px = self.window.canvas_size()
        canvas_bgr = paint(picture, canvas_px)
        self._shown = picture, canvas_px
        if controls.shows_hud:
            hud.draw_texts(canvas_bgr, hud_lines(readings, controls), corner="top-left")
            hud.draw_legend(canvas_bgr, controls.look)
            self._draw_pointer(canvas_bgr, picture, controls.metres)
        if controls.shows_help:
            hud.draw_help(canvas_bgr)
        if readings.recording_s is not None:
            hud.draw_recording(canvas_bgr, readings.recording_s)
        notice = self._notice if now_s < self._notice_until_s else ""
        asked = "" if controls.measuring is None else controls.measuring.prompt
        if said := [text for text in (readings.state, notice, asked) if text]:
            hud.draw_texts(canvas_bgr, said, corner="bottom")
        self.window.draw(canvas_bgr)

    def take_clicks(self) -> list[tuple[Point, float | None]]:
        """What was clicked since the last call: the place, and its depth at the scale of the beginning."""
        picture, canvas_px = self._shown
        places = [place_at(picture, canvas_px, point_px) for point_px in self.window.take_clicks()]
        clicked = [(place, depth_at(picture, place)) for place in places if place is not None]
        return [(place, None if depth is None else picture.origin(depth)) for place, depth in clicked]

    def take_drag(self) -> tuple[float, float, float]:
        """Since the last call: how far the mouse dragged right and down, of the window; wheel notches."""
        (right_px, down_px), wheel = self.window.take_drag()
        width_px, height_px = self._shown[1]
        return right_px / width_px, down_px / height_px, wheel

    def _draw_pointer(self, canvas_bgr: FrameBGR, picture: Picture, metres: Affine | None) -> None:
        point_px = self.window.pointer_px
        place = None if point_px is None else place_at(picture, _size(canvas_bgr), point_px)
        depth = None if place is None else depth_at(picture, place)
        if point_px is None or depth is None:
            return
        text = f"{percent_near(depth, picture.display_range)} %"
        if metres is not None:
            text += f"  {metres_text(metres, picture.origin(depth))}"
        hud.draw_pointer(canvas_bgr, point_px, text)


def _size(canvas_bgr: FrameBGR) -> tuple[int, int]:
    return canvas_bgr.shape[1], canvas_bgr.shape[0]


def hud_lines(readings: Readings, controls: Controls) -> list[str]:
    width_px, height_px = readings.source_px
    age = "-" if readings.depth_age_s is None else f"{readings.depth_age_s * 1000:.0f} ms"
    view = f"overlay {controls.look.alpha:.0%}" if controls.look.view == "overlay" else controls.look.view
    every = "auto" if controls.every == 1 else str(controls.every)
    marks = [
        mark
        for mark, is_on in (
            ("mirrored", controls.is_mirrored),
            ("range locked", controls.is_range_locked),
            ("metres", controls.metres is not None),
            ("frozen", controls.is_frozen),
        )
        if is_on
    ]
    return [
        f"{readings.source}  {width_px}x{height_px}  {readings.source_fps:.1f} fps",
        f"depth {readings.depth_fps:.1f} fps, age {age}",
        *readings.network,
        "  ".join([view, controls.look.colormap, f"every {every}", *marks]),
        "h: help",
    ]
