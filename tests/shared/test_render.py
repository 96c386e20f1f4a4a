"""Depth to pictures: near is bright, sizes and views are what they say."""

from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest

from shared import Colormap, Look, View
from shared.render import heatmap, heatmap_i420, nearness, render, view_size

RAMP = np.linspace(0, 10, 64, dtype=np.float32)[None].repeat(32, axis=0)
PHOTO_BGR = np.full((90, 161, 3), (10, 120, 200), np.uint8)


def luminance(picture_bgr: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY).astype(int)


def test_nearness_spans_the_range_and_saturates() -> None:
    levels = nearness(RAMP, (2.0, 8.0))[0].astype(int)
    assert levels[RAMP[0] <= 2.0].max() == 0
    assert levels[RAMP[0] >= 8.0].min() == 255
    assert (np.diff(levels) >= 0).all()
    assert levels[32] == pytest.approx((RAMP[0, 32] - 2) / 6 * 255, abs=1)


def test_gamma_stretches_what_is_near_or_far_without_steps() -> None:
    """The farthest hundredth of the range has more shades, not the same ones further apart."""
    far = np.linspace(0, 0.1, 400, dtype=np.float32)[None]
    plain, stretched = (len(np.unique(nearness(far, (0.0, 10.0), gamma))) for gamma in (1.0, 0.5))
    assert (plain, stretched) == (4, 27)
    levels = [int(nearness(np.full((1, 1), 5, np.float32), (0.0, 10.0), g)[0, 0]) for g in (0.25, 1, 4)]
    assert levels == [214, 128, 16]


@pytest.mark.parametrize("view", ["depth", "overlay", "side-by-side"])
def test_gamma_is_seen_in_every_view_of_depth(view: View) -> None:
    plain, near = (render(PHOTO_BGR, RAMP, (0.0, 10.0), Look(view, gamma=gamma)) for gamma in (1.0, 2.0))
    assert luminance(near).mean() < luminance(plain).mean() - 5


def test_an_empty_range_is_shown_without_dividing_by_zero() -> None:
    assert set(np.unique(nearness(np.full((4, 4), 3, np.float32), (3.0, 3.0)))) <= {0, 255}


@pytest.mark.parametrize("colormap", ["inferno", "magma", "viridis", "gray"])
def test_near_is_brighter_than_far_in_every_sequential_colormap(colormap: Colormap) -> None:
    row = luminance(heatmap(nearness(RAMP, (0.0, 10.0)), (64, 32), colormap))[0]
    assert (np.diff(row) >= -2).all()
    assert row[-1] - row[0] > 120


@pytest.mark.parametrize("colormap", get_args(Colormap))
def test_colormaps_differ_and_have_the_asked_size(colormap: Colormap) -> None:
    picture_bgr = heatmap(nearness(RAMP, (0.0, 10.0)), (161, 90), colormap)
    assert picture_bgr.shape == (90, 161, 3)
    assert picture_bgr.dtype == np.uint8
    others = [other for other in get_args(Colormap) if other != colormap]
    assert all((heatmap(nearness(RAMP, (0.0, 10.0)), (161, 90), o) != picture_bgr).any() for o in others)


def test_inferno_is_bgr() -> None:
    """Inferno's upper middle is orange: red above green above blue."""
    blue, green, red = heatmap(np.full((2, 2), 180, np.uint8), (2, 2), "inferno")[0, 0].astype(int)
    assert red > green > blue


@pytest.mark.parametrize("view", get_args(View))
def test_every_view_has_its_size(view: View) -> None:
    picture_bgr = render(PHOTO_BGR, RAMP, (0.0, 10.0), Look(view))
    width_px, height_px = view_size(161, 90, view)
    assert picture_bgr.shape == (height_px, width_px, 3)


def test_side_by_side_keeps_the_photo_on_the_left() -> None:
    picture_bgr = render(PHOTO_BGR, RAMP, (0.0, 10.0), Look("side-by-side"))
    assert (picture_bgr[:, :161] == PHOTO_BGR).all()
    assert (picture_bgr[:, 161:] == render(PHOTO_BGR, RAMP, (0.0, 10.0), Look("depth"))).all()


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_alpha_is_the_heatmaps_share(alpha: float) -> None:
    heat_bgr = render(PHOTO_BGR, RAMP, (0.0, 10.0), Look("depth")).astype(float)
    overlay_bgr = render(PHOTO_BGR, RAMP, (0.0, 10.0), Look("overlay", alpha=alpha))
    assert np.abs(overlay_bgr - (alpha * heat_bgr + (1 - alpha) * PHOTO_BGR)).max() <= 1


@pytest.mark.parametrize("colormap", get_args(Colormap))
def test_the_encoders_form_shows_the_same_colours(colormap: Colormap) -> None:
    """Decoded by BT.709's own equations, the planes are the BGR heat map to the rounding of 8-bit codes."""
    near_u8 = nearness(RAMP, (0.0, 10.0))
    picture = heatmap_i420(near_u8, (128, 64), colormap).astype(float)
    planes = picture[64:].reshape(2, 32, 64)
    luma, (blue_less, red_less) = (picture[::2, ::2][:32] - 16) / 219, (planes - 128) / 224
    red = luma + 1.5748 * red_less
    blue = luma + 1.8556 * blue_less
    green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152
    shown_bgr = np.stack([blue, green, red], axis=2) * 255
    expected_bgr = heatmap(near_u8, (128, 64), colormap)[::2, ::2].astype(float)
    assert np.abs(shown_bgr - expected_bgr).mean() <= 2.5
