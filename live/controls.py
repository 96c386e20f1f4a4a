"""What the keys change. The window's thread writes; the depth thread reads `every` and `is_range_locked`."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import Literal, get_args

from live.config import LiveConfig
from live.measuring import Measuring
from shared import GAMMA_BOUNDS, PITCH_DEG, YAW_DEG, ZOOM_BOUNDS, Colormap, Point, Turn, View
from shared.motion import Affine

Request = Literal["snapshot", "record"]

ALPHA_STEP = 0.1
MOST_SKIPPED = 30
DRAG_DEG = 90.0  # for the whole window
NOTCH_ZOOM = 1.1


class Controls:
    """The state of the window. `has_changed` asks for a redraw, `requests` for work beside the drawing.

    metres: takes depth at the scale with which the stream began to 1 / metres, where that is known.
    notices: what the user is to be told.
    """

    def __init__(self, config: LiveConfig) -> None:
        self.look = config.look
        self.every = config.every
        self.is_mirrored = config.mirror
        self.is_range_locked = False
        self.is_frozen = False
        self.is_full_screen = False
        self.shows_hud = True
        self.shows_help = False
        self.wants_to_quit = False
        self.has_changed = True
        self.requests: list[Request] = []
        self.notices: list[str] = []
        self.metres: Affine | None = None
        self.measuring: Measuring | None = None

    def show(self, view: View) -> None:
        self.look = replace(self.look, view=view)

    def focus(self) -> None:
        """The view, on the nearest large thing: pressed again it lets go of what was clicked."""
        self.look = replace(self.look, view="focus", focus=None)

    def click(self, place: Point, depth: float | None) -> None:
        """place: in the picture as it is shown, mirrored or not. depth: there, as `metres` takes it."""
        if self.measuring is not None:
            if depth is not None:
                self.measuring.click(depth)
            self.has_changed = True
        elif self.look.view == "focus":
            x, y = place
            self.look = replace(self.look, focus=(1 - x if self.is_mirrored else x, y))
            self.has_changed = True

    def relief(self) -> None:
        """The view, turned as at first: pressed again it undoes what the mouse did."""
        self.look = replace(self.look, view="relief", turn=Turn())

    def drag(self, right: float, down: float, wheel: float) -> None:
        """The mouse, its button held, in shares of the window: what is near goes along. wheel: notches."""
        if self.look.view != "relief" or not (right or down or wheel):
            return
        before = self.look.turn
        turned = Turn(
            min(max(before.yaw_deg - DRAG_DEG * right, -YAW_DEG), YAW_DEG),
            min(max(before.pitch_deg + DRAG_DEG * down, -PITCH_DEG), PITCH_DEG),
            _zoomed(before.zoom, wheel),
        )
        self.look, self.has_changed = replace(self.look, turn=turned), True

    def measure(self) -> None:
        """Begins to calibrate."""
        self.measuring = Measuring()

    def take(self, code: int) -> bool:
        """A key while distances are typed; False where it means what it always does."""
        if self.measuring is None or not self.measuring.take(code):
            return False
        if self.measuring.is_over:
            self.metres = self.measuring.result or self.metres
            self.notices.append(self.measuring.prompt)
            self.measuring = None
        return True

    def toggle_lock(self) -> None:
        """A calibration belongs to the range that was shown."""
        self.toggle("is_range_locked")
        if self.metres is not None:
            self.metres = None
            self.notices.append("distances are no longer told: calibrate again with k")

    def next_view(self) -> None:
        views: tuple[View, ...] = get_args(View)
        self.show(views[(views.index(self.look.view) + 1) % len(views)])

    def step_colormap(self, step: int) -> None:
        maps: tuple[Colormap, ...] = get_args(Colormap)
        colormap = maps[(maps.index(self.look.colormap) + step) % len(maps)]
        self.look = replace(self.look, colormap=colormap)

    def step(self, steps: int) -> None:
        """More or less of the depth in the overlay; a larger or smaller relief."""
        if self.look.view == "relief":
            turn = self.look.turn
            self.look = replace(self.look, turn=replace(turn, zoom=_zoomed(turn.zoom, steps)))
        else:
            self._step_alpha(steps)

    def _step_alpha(self, steps: int) -> None:
        alpha = round(self.look.alpha + steps * ALPHA_STEP, 2)
        self.look = replace(self.look, alpha=min(max(alpha, 0.0), 1.0))

    def step_gamma(self, steps: int) -> None:
        """Four steps are an octave; wherever it came from, 1 is met again."""
        lowest, highest = GAMMA_BOUNDS
        gamma = 2.0 ** ((round(4 * log2(self.look.gamma)) + steps) / 4)
        self.look = replace(self.look, gamma=min(max(gamma, lowest), highest))

    def step_every(self, step: int) -> None:
        self.every = min(max(self.every + step, 1), MOST_SKIPPED)

    def toggle(self, name: str) -> None:
        """Turns one of the `is_...` and `shows_...` states over."""
        setattr(self, name, not getattr(self, name))

    def ask(self, request: Request) -> None:
        self.requests.append(request)

    def quit(self) -> None:
        self.wants_to_quit = True


def _zoomed(zoom: float, notches: float) -> float:
    smallest, largest = ZOOM_BOUNDS
    return min(max(zoom * NOTCH_ZOOM**notches, smallest), largest)
