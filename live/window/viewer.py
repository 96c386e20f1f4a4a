"""The window itself: OpenCV's, on the main thread. Importing this loads OpenCV."""

from __future__ import annotations

import cv2

from live.window.display import NO_WINDOW_HINT, require_display
from shared import FrameBGR, UserError

LARGEST_PX = 1920 * 1080  # drawn; a larger window shows the same pixels enlarged
FIRST_BOX_PX = (1280, 720)
MOST_ENLARGED = 2.0
WHEEL_NOTCH = 120


class Window:
    """Opens at once. draw() and poll() belong to the thread that made it.

    Raises UserError where no window can be shown.
    """

    def __init__(self, title: str, content_px: tuple[int, int]) -> None:
        require_display()  # Qt would end the process
        self.pointer_px: tuple[int, int] | None = None
        self._clicks_px: list[tuple[int, int]] = []
        self._dragged_px, self._wheel = (0, 0), 0.0
        self._title = title
        self._zooms_itself = cv2.currentUIFramework().startswith("QT")  # Qt's windows enlarge what they show
        self._is_full_screen = False
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error:
            raise UserError("This OpenCV was built without windows.", NO_WINDOW_HINT) from None
        self._size_px = _first_size(content_px)
        cv2.resizeWindow(title, *self._size_px)
        cv2.setMouseCallback(title, self._on_mouse)

    def _on_mouse(self, event: int, x: int, y: int, flags: int, _data: object) -> None:
        before_px, self.pointer_px = self.pointer_px, (x, y)
        if event == cv2.EVENT_MOUSEMOVE and flags & cv2.EVENT_FLAG_LBUTTON and before_px is not None:
            right_px, down_px = self._dragged_px
            self._dragged_px = right_px + x - before_px[0], down_px + y - before_px[1]
        if event == cv2.EVENT_MOUSEWHEEL and not self._zooms_itself:
            self._wheel += (flags >> 16) / WHEEL_NOTCH  # cv::getMouseWheelDelta, which Python is not given
        if event == cv2.EVENT_LBUTTONDOWN:
            self._clicks_px.append((x, y))

    def take_clicks(self) -> list[tuple[int, int]]:
        """Where the left button was pressed since the last call."""
        clicks_px, self._clicks_px = self._clicks_px, []
        return clicks_px

    def take_drag(self) -> tuple[tuple[int, int], float]:
        """Since the last call: how far (right, down) the mouse went with its left button held; the wheel's
        notches, away from the user."""
        taken = self._dragged_px, self._wheel
        self._dragged_px, self._wheel = (0, 0), 0.0
        return taken

    @property
    def is_open(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # Qt, once its last window is gone
            return False

    def canvas_size(self) -> tuple[int, int]:
        """(width, height) in pixels to draw: the window's inside, reduced where it is very large."""
        _, _, width_px, height_px = cv2.getWindowImageRect(self._title)
        if width_px > 0 and height_px > 0:  # not so while it is minimised
            scale = min(1.0, (LARGEST_PX / (width_px * height_px)) ** 0.5)
            self._size_px = max(round(width_px * scale), 64), max(round(height_px * scale), 48)
        return self._size_px

    def draw(self, canvas_bgr: FrameBGR) -> None:
        cv2.imshow(self._title, canvas_bgr)

    def poll(self) -> int:
        """The key pressed since the last call, or -1; lets the window paint itself."""
        return cv2.pollKey()

    def set_full_screen(self, wanted: bool) -> None:
        if wanted != self._is_full_screen:
            state = cv2.WINDOW_FULLSCREEN if wanted else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, state)
            self._is_full_screen = wanted

    def close(self) -> None:
        if self.is_open:
            cv2.destroyWindow(self._title)
            cv2.pollKey()  # lets it vanish now, not when the threads have been joined


def _first_size(content_px: tuple[int, int]) -> tuple[int, int]:
    scale = min(FIRST_BOX_PX[0] / content_px[0], FIRST_BOX_PX[1] / content_px[1], MOST_ENLARGED)
    return max(round(content_px[0] * scale), 64), max(round(content_px[1] * scale), 48)
