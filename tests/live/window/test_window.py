"""The window under Xvfb: every key does what its row says, seen on pixels, in files or in the state."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared import FrameBGR
from shared.media import probe
from tests.support.live_session import (
    DISPLAY_PX,
    Server,
    Session,
    StartSession,
    camera,
    display,
    is_written,
    no_thread_is_left,
    start,
    wait_for,
)

__all__ = ["camera", "display", "no_thread_is_left", "start"]

DARK_BGR, BRIGHT_BGR = (120, 30, 30), (255, 200, 200)  # the test card's photo
INFERNO_FAR_BGR, INFERNO_NEAR_BGR = (4, 0, 0), (164, 255, 252)


def colour_at(shot: FrameBGR, x: float, y: float) -> np.ndarray:
    """Mean BGR of a small patch at relative coordinates, away from texts."""
    row, column = int(y * shot.shape[0]), int(x * shot.shape[1])
    return shot[row - 4 : row + 5, column - 4 : column + 5].reshape(-1, 3).mean(axis=0)


def is_colour(
    shot: FrameBGR, x: float, y: float, bgr: tuple[float, float, float], within: float = 14
) -> bool:
    return bool(np.abs(colour_at(shot, x, y) - bgr).max() < within)


def blend(photo_bgr: tuple[int, int, int], heat_bgr: tuple[int, int, int], alpha: float) -> tuple[float, ...]:
    return tuple((1 - alpha) * p + alpha * h for p, h in zip(photo_bgr, heat_bgr, strict=True))


def shows_overlay(shot: FrameBGR, alpha: float = 0.5) -> bool:
    return is_colour(shot, 0.25, 0.6, blend(DARK_BGR, INFERNO_FAR_BGR, alpha)) and is_colour(
        shot, 0.75, 0.6, blend(BRIGHT_BGR, INFERNO_NEAR_BGR, alpha)
    )


def shows_depth(shot: FrameBGR) -> bool:
    return is_colour(shot, 0.25, 0.6, INFERNO_FAR_BGR) and is_colour(shot, 0.75, 0.6, INFERNO_NEAR_BGR)


def shows_side_by_side(shot: FrameBGR) -> bool:
    """Letterboxed: photo dark, photo bright, depth far, depth near."""
    colours = (DARK_BGR, BRIGHT_BGR, INFERNO_FAR_BGR, INFERNO_NEAR_BGR)
    return all(is_colour(shot, (2 * i + 1) / 8, 0.5, colour) for i, colour in enumerate(colours))


def shows_photo(shot: FrameBGR) -> bool:
    return is_colour(shot, 0.25, 0.6, DARK_BGR) and is_colour(shot, 0.75, 0.6, BRIGHT_BGR)


def shows_relief(shot: FrameBGR) -> bool:
    """Turned, its far end is no longer where the window's is."""
    return is_colour(shot, 0.75, 0.5, BRIGHT_BGR) and is_colour(shot, 0.03, 0.5, (0, 0, 0))


@pytest.fixture
def session(start: StartSession, camera: Server) -> Iterator[Session]:
    """A window that shows the overlay of the test card, with depth."""
    running = start(camera.url, "--width", "640")
    running.wait_for_shot(shows_overlay)
    yield running
    running.key("q")
    code, error_text = running.end()
    assert (code, error_text) == (0, "")


def test_view_keys(session: Session) -> None:
    session.key("d")
    session.wait_for_shot(shows_depth)
    session.key("s")
    session.wait_for_shot(shows_side_by_side)
    session.key("o")
    session.wait_for_shot(shows_overlay)
    for shows_next in (shows_side_by_side, shows_photo, shows_relief, shows_depth, shows_overlay):
        session.key("Tab")
        session.wait_for_shot(shows_next)


def test_a_click_says_what_is_in_focus(session: Session) -> None:
    """The square is as near as the bright half, to the fake network: sharp until the dark half is clicked."""

    def green(shot: FrameBGR) -> int:
        return int(((shot[:, :, 1] > 200) & (shot[:, :, ::2].max(axis=2) < 90)).sum())

    session.key("i")
    session.key("b")
    session.wait_for_shot(lambda shot: shows_photo(shot) and green(shot) > 3000)
    session.xdotool("mousemove", "--window", session.window(), "320", "200", "click", "1")
    session.wait_for_shot(lambda shot: shows_photo(shot) and green(shot) < 300)
    session.key("b")
    session.wait_for_shot(lambda shot: green(shot) > 3000)


def test_the_mouse_turns_and_zooms_the_relief(session: Session) -> None:
    session.key("3")
    session.wait_for_shot(shows_relief)
    at = ("mousemove", "--window", session.window())
    session.xdotool(*at, "640", "360", "mousedown", "1")
    for x in range(660, 900, 20):
        session.xdotool(*at, str(x), "360")
    session.xdotool("mouseup", "1")
    session.wait_for_shot(lambda shot: not shows_relief(shot))
    session.key("3")
    session.wait_for_shot(shows_relief)
    session.xdotool(*at, "640", "300", "click", "4", "click", "4", "click", "4")
    session.wait_for_shot(lambda shot: not shows_relief(shot))
    session.xdotool(*at, "640", "300", "click", "5", "click", "5", "click", "5", "click", "5")
    session.wait_for_shot(shows_relief)


def test_keys_zoom_the_relief_and_not_the_window(session: Session) -> None:
    """Qt's own zoom, at the wheel, enlarges the texts, too."""

    def legend(shot: FrameBGR) -> np.ndarray:
        return shot[-30:, :300].max(axis=2) > 180

    session.key("3")
    before = session.wait_for_shot(shows_relief)
    assert legend(before).sum() > 200
    for name in ("plus", "plus", "plus", "plus"):
        session.key(name)
    # Waited for, not asserted of the first shot: a busy machine may still be drawing that one.
    session.wait_for_shot(
        lambda shot: not shows_relief(shot) and np.mean(legend(shot) != legend(before)) < 0.01
    )
    for name in ("minus", "minus", "minus", "minus"):
        session.key(name)
    session.wait_for_shot(shows_relief)


def test_colour_map_and_alpha_keys(session: Session) -> None:
    session.key("plus")
    session.wait_for_shot(lambda shot: shows_overlay(shot, 0.6))
    session.key("minus")
    session.wait_for_shot(shows_overlay)
    session.key("KP_Subtract")
    session.wait_for_shot(lambda shot: shows_overlay(shot, 0.4))
    session.key("KP_Add")
    session.key("d")
    session.wait_for_shot(shows_depth)
    session.key("c")
    magma_near_bgr = (191, 253, 252)
    session.wait_for_shot(lambda shot: is_colour(shot, 0.75, 0.6, magma_near_bgr))
    session.key("Shift_L", action="keydown")
    session.key("c")
    session.xdotool("keyup", "Shift_L")
    session.wait_for_shot(shows_depth)


def test_mirror_freeze_and_full_screen(session: Session) -> None:
    session.key("d")
    session.key("m")
    session.wait_for_shot(lambda shot: is_colour(shot, 0.25, 0.6, INFERNO_NEAR_BGR))
    session.key("m")
    session.wait_for_shot(shows_depth)
    session.key("o")
    session.key("space")
    session.key("i")  # the information changes by itself
    session.wait_for_shot(lambda shot: np.array_equal(shot, session.shot()))
    session.key("d")  # a view key works on the frozen picture
    session.wait_for_shot(shows_depth)
    session.key("space")
    session.wait_for_shot(lambda shot: not np.array_equal(shot, session.shot()))
    session.key("f")
    session.wait_for_shot(lambda shot: shot.shape[:2] == (DISPLAY_PX[1], DISPLAY_PX[0]))
    session.key("f")
    session.wait_for_shot(lambda shot: shot.shape[:2] == (720, 1280))


def test_information_help_and_pointer(session: Session) -> None:
    def corner_is_dark(shot: FrameBGR) -> bool:
        return bool(shot[16:24, 14:20].max() < 100)

    session.key("d")
    session.key("m")  # bright behind the texts
    session.wait_for_shot(corner_is_dark)
    session.key("i")
    session.wait_for_shot(lambda shot: not corner_is_dark(shot))
    session.key("i")
    session.wait_for_shot(corner_is_dark)
    without = session.shot()
    session.key("h")
    shown = session.wait_for_shot(lambda shot: np.mean(shot != without) > 0.1)
    assert shown[360].mean() < without[360].mean()
    session.key("h")
    session.wait_for_shot(lambda shot: np.mean(shot != without) < 0.1)
    session.xdotool("mousemove", "--window", session.window(), "320", "300")
    session.wait_for_shot(lambda shot: bool(shot[305:340, 325:400].min() < 100))


def test_skip_lock_and_record_keys_change_what_they_say(start: StartSession, camera: Server) -> None:
    session = start(camera.url)
    session.wait_for_shot(shows_overlay)
    for name in ("bracketright", "bracketright", "bracketleft", "l", "c"):
        session.key(name)
    session.key("Escape")
    assert session.end() == (0, "")
    state = session.controls()
    assert (state["every"], state["is_range_locked"], state["look"]["colormap"]) == (2, True, "magma")
    assert state["wants_to_quit"]


def test_snapshot_and_recording_keys_write_whole_files(session: Session) -> None:
    session.key("p")
    wait_for(lambda: len(list(session.folder.glob("depth-*.png"))) == 3, session)
    photo, heat, depth = (
        cv2.imread(str(next(session.folder.glob(f"depth-*-{name}.png"))), cv2.IMREAD_UNCHANGED)
        for name in ("photo", "heatmap", "depth16")
    )
    assert photo.shape == heat.shape == (360, 640, 3)
    assert depth.shape == (360, 640)
    assert depth.dtype == np.uint16
    assert (depth.min(), depth.max()) == (0, 65535)
    assert np.abs(photo[50, 100].astype(int) - DARK_BGR).max() < 8

    def has_red_dot(shot: FrameBGR) -> bool:
        corner = shot[:80, -200:].astype(int)
        return bool(((corner[:, :, 2] > 180) & (corner[:, :, :2].max(axis=2) < 90)).sum() > 50)

    assert not has_red_dot(session.shot())
    began_s = time.monotonic()
    session.key("r")
    session.wait_for_shot(has_red_dot)
    assert not whole_recordings(session)
    wait_for(lambda: is_written(session.folder), session)
    session.key("r")
    session.wait_for_shot(lambda shot: not has_red_dot(shot))
    wait_for(lambda: len(whole_recordings(session)) == 1, session)
    info = probe(whole_recordings(session)[0])
    assert (info.width_px, info.height_px, info.frame_rate) == (640, 360, 30)
    assert 0.9 < info.duration_s < time.monotonic() - began_s


def whole_recordings(session: Session) -> list[Path]:
    return [path for path in session.folder.glob("depth-*.mp4") if ".partial" not in path.name]


def test_the_x_of_the_window_ends_it(start: StartSession, camera: Server, tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    session = start(camera.url, "--stats", str(stats))
    session.wait_for_shot(shows_overlay)
    session.xdotool("key", "alt+F4")  # the window manager's own way to say what its X says
    assert session.end() == (0, "")
    assert stats.is_file()


def test_the_window_is_there_before_the_network(start: StartSession, camera: Server) -> None:
    session = start(camera.url, fake="late")
    session.wait_for_shot(lambda shot: is_colour(shot, 0.25, 0.6, DARK_BGR))
    session.wait_for_shot(shows_overlay)
    session.key("q")
    assert session.end() == (0, "")


def test_a_window_closed_while_the_network_loads(start: StartSession, camera: Server) -> None:
    session = start(camera.url, fake="never")
    session.wait_for_shot(lambda shot: is_colour(shot, 0.25, 0.6, DARK_BGR))
    session.key("q")
    assert session.end() == (0, "")
