"""The view `focus`: what is in focus stays as it is, the rest is blurred, and no edge wears a halo."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from shared import Look
from shared.focus import focus_nearness, focused
from shared.render import render

WIDTH_PX, HEIGHT_PX = 640, 360
BACK_BGR, PERSON_BGR = (150, 120, 40), (30, 30, 220)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red disc before a wall with stripes; which pixels are the disc's; depth as soft as a network's."""
    frame_bgr = np.full((HEIGHT_PX, WIDTH_PX, 3), BACK_BGR, np.uint8)
    frame_bgr[:, ::8] = (200, 170, 90)
    disc = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.circle(disc, (320, 180), 90, 255, cv2.FILLED)
    frame_bgr[disc > 0] = PERSON_BGR
    frame_bgr[(disc > 0) & (np.arange(HEIGHT_PX)[:, None] % 6 == 0)] = (90, 90, 250)
    near = cv2.resize(disc, (256, 144), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return frame_bgr, disc > 0, cv2.GaussianBlur(near, (0, 0), 2.0)


def roughness(picture_bgr: np.ndarray, where: np.ndarray) -> float:
    """What neighbours differ by, on average."""
    gray = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY).astype(float)
    return float(np.abs(cv2.Laplacian(gray, cv2.CV_64F))[where].mean())


def grown(where: np.ndarray, by_px: int) -> np.ndarray:
    return cv2.dilate(where.astype(np.uint8), np.ones((2 * by_px + 1,) * 2, np.uint8)) > 0


@pytest.mark.parametrize("clicks_wall", [False, True])
def test_what_is_in_focus_stays_and_the_rest_is_blurred(clicks_wall: bool) -> None:
    frame_bgr, is_disc, near = scene()
    look = Look("focus", focus=(0.05, 0.5) if clicks_wall else None)
    shown_bgr = render(frame_bgr, near, (0.0, 1.0), look)
    inside, outside = ~grown(~is_disc, 24), ~grown(is_disc, 24)
    sharp, blurred = (outside, inside) if clicks_wall else (inside, outside)
    assert np.abs(shown_bgr[sharp].astype(int) - frame_bgr[sharp]).max() <= 1
    assert roughness(shown_bgr, blurred) < 0.1 * roughness(frame_bgr, blurred)


def test_no_halo_of_what_is_in_focus() -> None:
    """Beside the disc the wall has the wall's colours: neither the disc's red nor sharp stripes."""
    frame_bgr, is_disc, near = scene()
    shown_bgr = focused(frame_bgr, near, 1.0)
    beside = grown(is_disc, 16) & ~grown(is_disc, 3)

    def redness(picture_bgr: np.ndarray) -> float:
        return float((picture_bgr[beside][:, 2].astype(int) - picture_bgr[beside][:, 0]).max())

    plain_bgr = cv2.GaussianBlur(frame_bgr, (0, 0), WIDTH_PX / 40)
    assert redness(frame_bgr) < 0
    assert redness(plain_bgr) > -20  # the glow that a plain blur gives it
    assert redness(shown_bgr) < -90
    assert roughness(shown_bgr, beside) < 0.25 * roughness(frame_bgr, beside)


def test_the_edge_itself_stays_sharp() -> None:
    frame_bgr, is_disc, near = scene()
    shown_bgr = focused(frame_bgr, near, 1.0)
    rim = is_disc & grown(~is_disc, 4)
    assert np.abs(shown_bgr[rim].astype(int) - frame_bgr[rim]).mean() < 30


def test_the_focus_is_on_the_nearest_large_thing_or_on_the_place() -> None:
    near = np.zeros((144, 256), np.float32)
    near[40:140, 60:140] = 0.6  # a person
    near[0:10, 0:20] = 1.0  # something small in a corner
    assert focus_nearness(near, None) == pytest.approx(0.6)
    assert focus_nearness(near, (0.01, 0.01)) == pytest.approx(1.0)
    assert focus_nearness(near, (1.0, 1.0)) == pytest.approx(0.0)


@pytest.mark.parametrize("size_px", [(16, 16), (17, 300), (1920, 64)])
def test_any_size(size_px: tuple[int, int]) -> None:
    frame_bgr = np.random.default_rng(1).integers(0, 256, (size_px[1], size_px[0], 3), np.uint8)
    near = np.random.default_rng(2).random((32, 64), np.float32)
    assert focused(frame_bgr, near, 0.5).shape == frame_bgr.shape
