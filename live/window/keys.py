"""Every key of the window, once: what it does, the help overlay's line and the README's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from live.controls import Controls

TAB, ESCAPE = 9, 27
# GTK reports the keypad by its X11 keysym; Qt, Windows and macOS report the character.
KEYPAD_ADD, KEYPAD_SUBTRACT = 0xFFAB, 0xFFAD
SHIFT_KEYS = (0xFFE1, 0xFFE2)
SHIFT_HOLDS_S = 0.7


@dataclass(frozen=True)
class Key:
    """codes: what cv2.pollKey may report for it. name: as printed. help: what it does, for the user."""

    codes: tuple[int, ...]
    name: str
    help: str
    action: Callable[[Controls], None]


class KeyTable:
    """Raises ValueError when two rows claim the same key."""

    def __init__(self, rows: Iterable[Key]) -> None:
        self.rows = tuple(rows)
        self._by_code: dict[int, Key] = {}
        self._shifted_s = float("-inf")
        for row in self.rows:
            for code in row.codes:
                if code in self._by_code:
                    taken_by = self._by_code[code].name
                    raise ValueError(f"key {row.name!r} ({code:#x}) is already taken by {taken_by!r}")
                self._by_code[code] = row

    def press(self, code: int, controls: Controls, now_s: float) -> None:
        """Does what the key's row says. code: as cv2.pollKey reports it, -1 for none."""
        if code != -1 and controls.take(code & 0xFFFF):
            controls.has_changed = True
            return
        row = self._by_code.get(self._with_shift(code, now_s))
        if row is not None:
            row.action(controls)
            controls.has_changed = True

    def _with_shift(self, code: int, now_s: float) -> int:
        """OpenCV's Qt windows report `C` as Shift, then `c`; the others as `C` at once."""
        if code == -1:
            return code
        code &= 0xFFFF  # GTK adds the state of NumLock and the like above these bits
        if code in SHIFT_KEYS:
            self._shifted_s = now_s
        elif now_s - self._shifted_s < SHIFT_HOLDS_S and code - 32 in self._by_code and 97 <= code <= 122:
            self._shifted_s = now_s
            return code - 32
        return code


def key_table() -> KeyTable:
    return KeyTable(
        (
            _key("o", "overlay: depth over the picture", lambda c: c.show("overlay")),
            _key("s", "side by side", lambda c: c.show("side-by-side")),
            _key("d", "depth alone", lambda c: c.show("depth")),
            _key("b", "focus: blur what is not as near; click what is to be sharp", lambda c: c.focus()),
            _key("3", "relief: drag turns it, + and - zoom, and so does the wheel", lambda c: c.relief()),
            Key((TAB,), "Tab", "next view", lambda c: c.next_view()),
            _key("c", "next colour map", lambda c: c.step_colormap(1)),
            _key("C", "previous colour map", lambda c: c.step_colormap(-1)),
            Key(
                (ord("+"), ord("="), KEYPAD_ADD),
                "+",
                "more depth in the overlay, a larger relief",
                lambda c: c.step(1),
            ),
            Key(
                (ord("-"), KEYPAD_SUBTRACT),
                "-",
                "less depth in the overlay, a smaller relief",
                lambda c: c.step(-1),
            ),
            _key(",", "more contrast of what is far", lambda c: c.step_gamma(-1)),
            _key(".", "more contrast of what is near", lambda c: c.step_gamma(1)),
            _key("[", "skip fewer frames", lambda c: c.step_every(-1)),
            _key("]", "skip more frames", lambda c: c.step_every(1)),
            _key("l", "lock the depth range, or let it follow", lambda c: c.toggle_lock()),
            _key("k", "tell distances: click two things, type how far they are", lambda c: c.measure()),
            _key("m", "mirror", lambda c: c.toggle("is_mirrored")),
            Key((ord(" "),), "Space", "freeze the picture, or go on", lambda c: c.toggle("is_frozen")),
            _key("p", "snapshot: photo, heat map and 16-bit depth as PNG", lambda c: c.ask("snapshot")),
            _key("r", "start or end a recording (MP4)", lambda c: c.ask("record")),
            _key("i", "information on or off", lambda c: c.toggle("shows_hud")),
            _key("h", "this help on or off", lambda c: c.toggle("shows_help")),
            _key("f", "full screen on or off", lambda c: c.toggle("is_full_screen")),
            Key((ord("q"), ESCAPE), "q, Esc", "quit (so does the window's X)", lambda c: c.quit()),
        )
    )


def _key(name: str, help_text: str, action: Callable[[Controls], None]) -> Key:
    return Key((ord(name),), name, help_text, action)


def markdown_table() -> str:
    """The table as the README shows it, without a final line break."""
    rows = [f"| `{row.name}` | {row.help} |" for row in key_table().rows]
    return "\n".join(("| Key | What it does |", "|---|---|", *rows))
