"""Photographs judged by eye: what is counted, and that the file says something everywhere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from shared import DepthMap, FrameBGR, UserError
from shared.bundled.train import judged
from shared.bundled.train.judged import JudgedPhoto, OrderScores, judged_photos, order_scores, score_judged


def photo(*points: tuple[float, float, float]) -> JudgedPhoto:
    """points: x, y, metres."""
    table = np.array(points)
    return JudgedPhoto(Path("p"), table[:, :2], 1 / table[:, 2])


def test_order_is_read_where_the_points_lie() -> None:
    prediction = np.array([[3, 1], [2, 0]], np.float32)
    corners = photo((0.25, 0.25, 1), (0.25, 0.75, 2), (0.75, 0.25, 4), (0.75, 0.75, 1e9))
    assert order_scores(prediction, corners) == OrderScores(rho=pytest.approx(1.0), in_order=1.0)
    assert order_scores(-prediction, corners).in_order == 0.0
    assert order_scores(np.zeros((2, 2), np.float32), corners).in_order == 0.0


def test_distances_that_are_nearly_the_same_do_not_count() -> None:
    prediction = np.array([[3, 1, 2]], np.float32)
    points = photo((1 / 6, 0.5, 1.0), (0.5, 0.5, 2.0), (5 / 6, 0.5, 2.2))
    assert order_scores(prediction, points).in_order == 1.0


def test_every_judged_photograph_says_something() -> None:
    photos = list(judged_photos())
    assert len({one.path for one in photos}) == len(photos) > 50
    for one in photos:
        assert ((one.places_n2 > 0) & (one.places_n2 < 1)).all()
        assert (one.inverse_distances_n >= 0).all()
        assert one.inverse_distances_n.max() > judged.LEAST_RATIO * one.inverse_distances_n.min()


def test_scores_are_means_over_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "judged.json"
    points = "[[0.25, 0.5, 1.0], [0.75, 0.5, 5.0]]"
    file.write_text(f'{{"kit-1.0": {{"a.png": {points}, "b.png": {points}}}}}', "utf-8")
    monkeypatch.setattr(judged, "FILE", file)
    folder = tmp_path / "kit-1.0"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((8, 8, 3), (200, 0, 0), np.uint8))

    def blue_is_near_on_the_left(frame_bgr: FrameBGR) -> DepthMap:
        near = float(frame_bgr[0, 0, 0] > 100)
        return np.array([[near, 1 - near]], np.float32)

    with pytest.raises(UserError, match=r"b\.png is not there"):
        score_judged(blue_is_near_on_the_left, tmp_path)
    cv2.imwrite(str(folder / "b.png"), np.zeros((8, 8, 3), np.uint8))
    own, ramp = score_judged(blue_is_near_on_the_left, tmp_path)
    assert own.in_order == 0.5
    assert ramp.in_order == 0.0
