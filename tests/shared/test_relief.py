"""The view `relief`: unturned it is the photo; turned, near things move before far ones and hide no hole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from shared import Turn
from shared.relief import relief, source_of

WALL_BGR, BOX_BGR = (200, 60, 30), (40, 220, 60)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A green box before a blue wall, 640x360; near as soft as a network draws it, 256x144."""
    frame_bgr = np.full((360, 640, 3), WALL_BGR, np.uint8)
    frame_bgr[100:260, 240:400] = BOX_BGR
    near = np.zeros((144, 256), np.float32)
    near[40:104, 96:160] = 1.0
    return frame_bgr, cv2.GaussianBlur(near, (0, 0), 1.5)


def box(picture_bgr: np.ndarray) -> tuple[float, float]:
    """(x, y) of the middle of what is green, in pixels."""
    where = np.abs(picture_bgr.astype(int) - BOX_BGR).max(axis=2) < 30
    return float(np.nonzero(where)[1].mean()), float(np.nonzero(where)[0].mean())


def test_unturned_it_is_the_photo() -> None:
    frame_bgr, near = scene()
    assert np.abs(relief(frame_bgr, near, Turn(0, 0)).astype(int) - frame_bgr)[8:-8, 8:-8].max() <= 1


@pytest.mark.parametrize(
    ("turn", "right", "down"),
    [(Turn(15, 0), -1, 0), (Turn(-15, 0), 1, 0), (Turn(0, 12), 0, 1), (Turn(0, -12), 0, -1)],
)
def test_near_things_move_against_the_eye(turn: Turn, right: int, down: int) -> None:
    frame_bgr, near = scene()
    (x, y), (turned_x, turned_y) = box(frame_bgr), box(relief(frame_bgr, near, turn))
    assert np.sign(round(turned_x - x, -1)) == right
    assert np.sign(round(turned_y - y, -1)) == down


@pytest.mark.parametrize("yaw_deg", [-20, 20])
def test_what_was_hidden_is_filled_from_the_background(yaw_deg: float) -> None:
    """Everywhere round the box is the wall's colour: nothing black, nothing smeared of the box."""
    frame_bgr, near = scene()
    turned_bgr = relief(frame_bgr, near, Turn(yaw_deg, 0)).astype(int)
    middle = turned_bgr[60:300, 120:520]
    is_wall, is_box = (np.abs(middle - bgr).max(axis=2) < 40 for bgr in (WALL_BGR, BOX_BGR))
    assert (is_wall | is_box).mean() > 0.97
    assert is_box.mean() == pytest.approx(160 * 160 / (240 * 400), rel=0.25)


@pytest.mark.parametrize("yaw_deg", [-20, 20])
def test_what_fills_a_hole_is_of_one_side(yaw_deg: float) -> None:
    """Two walls behind a box: nothing of the one is mixed into the other."""
    frame_bgr = np.full((360, 640, 3), (0, 200, 0), np.uint8)
    frame_bgr[:, 320:] = (200, 0, 0)
    frame_bgr[100:260, 270:370] = (0, 0, 220)
    near = np.zeros((144, 256), np.float32)
    near[40:104, 108:148] = 1.0
    turned_bgr = relief(frame_bgr, near, Turn(yaw_deg, 0))[100:260]
    assert turned_bgr[:, :, :2].min(axis=2).max() < 40
    assert np.mean(turned_bgr.max(axis=2) > 100) > 0.8


def test_zoom_enlarges_about_the_middle() -> None:
    frame_bgr, near = scene()
    enlarged_bgr = relief(frame_bgr, near, Turn(0, 0, 2.0))
    width_px = (np.abs(enlarged_bgr[180].astype(int) - BOX_BGR).max(axis=1) < 30).sum()
    assert width_px == pytest.approx(320, abs=8)


def test_beside_the_surface_it_is_black() -> None:
    frame_bgr, near = scene()
    assert not relief(frame_bgr, near, Turn(0, 0, 0.5))[:40].any()


def test_the_pointer_is_on_what_is_seen_there() -> None:
    frame_bgr, near = scene()
    turn = Turn(18, 0)
    x_px, y_px = box(relief(frame_bgr, near, turn))
    place = source_of(near, turn, (x_px / 640, y_px / 360))
    assert place == pytest.approx((0.5, 0.5), abs=0.02)
    assert source_of(near, Turn(0, 0, 0.5), (0.02, 0.5)) is None
    assert source_of(near, Turn(0, 0), (0.3, 0.7)) == pytest.approx((0.3, 0.7), abs=0.005)


@pytest.mark.parametrize("size_px", [(16, 16), (17, 300), (1920, 64)])
def test_any_size(size_px: tuple[int, int]) -> None:
    frame_bgr = np.random.default_rng(1).integers(0, 256, (size_px[1], size_px[0], 3), np.uint8)
    near = np.random.default_rng(2).random((32, 64), np.float32)
    assert relief(frame_bgr, near, Turn(25, -20, 3.0)).shape == frame_bgr.shape
