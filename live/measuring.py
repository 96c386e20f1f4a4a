"""Calibrating by hand: click a thing and type how far it is, twice."""

from __future__ import annotations

from dataclasses import dataclass, field

from live.config import Known
from live.metres import FARTHEST_M, calibrated
from shared import UserError
from shared.motion import Affine

ENTER_CODES, BACKSPACE_CODES, ESCAPE = (10, 13, 0xFF0D, 0xFF8D), (8, 127, 0xFF08), 27
KEYPAD_DIGITS, KEYPAD_DECIMALS = range(0xFFB0, 0xFFBA), (0xFFAC, 0xFFAE)
MOST_CHARACTERS = 6


@dataclass
class Measuring:
    """What was clicked and typed so far. `result` is there after the second distance; `is_over` ends it.

    prompt: what the user is asked, or told at the end.
    """

    prompt: str = "click a thing whose distance you know (Esc: leave it)"
    result: Affine | None = None
    is_over: bool = False
    _known: list[Known] = field(default_factory=list)
    _depth: float | None = None
    _typed: str = ""

    def click(self, depth: float) -> None:
        """depth: of what was clicked, at the scale with which the stream began."""
        self._depth, self._typed = depth, ""
        self._ask()

    def take(self, code: int) -> bool:
        """Takes a key as cv2.pollKey reports it; False for one that is not meant for it."""
        if code == ESCAPE:
            self._end("not calibrated")
            return True
        character = _character(code)
        if self._depth is None or character is None:
            return False
        if character == "\n":
            self._enter(self._depth)
        else:
            kept = self._typed[:-1] if character == "\b" else self._typed + character
            self._typed = kept[:MOST_CHARACTERS]
            self._ask()
        return True

    def _ask(self) -> None:
        self.prompt = f"its distance in metres: {self._typed}_   (Enter)"

    def _enter(self, depth: float) -> None:
        try:
            metres = float(self._typed)
        except ValueError:
            metres = 0.0
        if not 0 < metres <= FARTHEST_M:
            self.prompt = f"type a distance up to {FARTHEST_M:.0f} m, as 1.5, then Enter"
            self._typed = ""
            return
        self._known.append((depth, metres))
        self._depth = None
        if len(self._known) < 2:
            self.prompt = "click a second thing, much nearer or farther"
            return
        try:
            self.result = calibrated(*self._known)
        except UserError as error:
            self._end(f"{error.message} {error.hint}")
        else:
            self._end("calibrated: point at something")

    def _end(self, told: str) -> None:
        self.prompt, self.is_over = told, True


def _character(code: int) -> str | None:
    """A digit, a point, '\\n' or '\\b'; None for any other key."""
    if code in ENTER_CODES:
        return "\n"
    if code in BACKSPACE_CODES:
        return "\b"
    if code in KEYPAD_DIGITS:
        return str(code - KEYPAD_DIGITS.start)
    if code in KEYPAD_DECIMALS or (code < 128 and chr(code) in ".,"):
        return "."
    return chr(code) if code < 128 and chr(code).isdigit() else None
