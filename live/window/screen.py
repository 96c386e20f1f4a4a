"""Puts the picture and what is written over it into the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from live.controls import Controls
from live.picture import Picture, nearness_at, paint, place_at
from live.window import hud
from live.window.viewer import Window
from shared import FrameBGR, Point

NOTICE_S = 3.0
TITLE = "depth-live"


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
        self.window = Window(TITLE, first.size_px)
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
            self._draw_pointer(canvas_bgr, picture, canvas_px)
        if controls.shows_help:
            hud.draw_help(canvas_bgr)
        if readings.recording_s is not None:
            hud.draw_recording(canvas_bgr, readings.recording_s)
        said = [
            text for text in (readings.state, self._notice if now_s < self._notice_until_s else "") if text
        ]
        if said:
            hud.draw_texts(canvas_bgr, said, corner="bottom")
        self.window.draw(canvas_bgr)

    def take_clicks(self) -> list[Point]:
        """The places of the picture that were clicked since the last call."""
        places = [place_at(*self._shown, point_px) for point_px in self.window.take_clicks()]
        return [place for place in places if place is not None]

    def _draw_pointer(self, canvas_bgr: FrameBGR, picture: Picture, canvas_px: tuple[int, int]) -> None:
        point_px = self.window.pointer_px
        percent = None if point_px is None else nearness_at(picture, canvas_px, point_px)
        if point_px is not None and percent is not None:
            hud.draw_pointer(canvas_bgr, point_px, percent)


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
