"""What is measured by holds: the stream's leak, wild predictions and passers-by do not bend its scale."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from shared.motion import Anchor, Keyframe, Steadier
from tests.support.steadying import accept

RANDOM = np.random.default_rng(3)
ROOM = cv2.GaussianBlur(RANDOM.integers(0, 256, (144, 256, 3), np.uint8), (0, 0), 1.2)
INVERSE_M = cv2.GaussianBlur(RANDOM.random((144, 256), np.float32), (0, 0), 12) * 4
FRAMES, FRAMES_PER_S = 240, 24.0


def stream(*, pans: bool) -> list[tuple[Keyframe, np.ndarray]]:
    """Ten seconds with predictions of ever another scale and shift: keyframes, and the truth of each."""
    steadier, shown = Steadier(0.5), []
    for number in range(FRAMES):
        step = (number // 4 if pans else 0, 0)
        frame_bgr, truth = (np.roll(it, step, axis=(1, 0)) for it in (ROOM, INVERSE_M))
        scale = 10 * np.exp(0.4 * np.sin(number / 40) + 0.1 * RANDOM.normal())
        prediction = (scale * truth + 5 + 3 * np.cos(number / 30)).astype(np.float32)
        shown.append((accept(steadier, frame_bgr, prediction, number / FRAMES_PER_S), truth))
    return shown


def miss(scale: object, keyframe: Keyframe, truth: np.ndarray, start: tuple[float, float]) -> float:
    """How wrong 1/m is, of its spread, in the middle of the picture. start: the first frame's line."""
    measured = (scale(keyframe.depth_map) - start[1]) / start[0]  # type: ignore[operator]
    return float(np.abs(measured - truth)[20:-20, 90:-20].mean() / truth.std())


@pytest.mark.parametrize(("pans", "most"), [(False, 0.02), (True, 0.1)])
def test_the_scale_of_the_beginning_holds(pans: bool, most: float) -> None:
    shown = stream(pans=pans)
    first, truth = shown[0]
    start = tuple(np.polyfit(truth.ravel(), first.depth_map.ravel(), 1))
    anchor = Anchor(first)
    for keyframe, _ in shown[1:]:
        anchor.follow(keyframe)
    last, truth = shown[-1]
    assert miss(lambda depth: depth, last, truth, start) > 0.3  # the stream itself has leaked
    assert miss(anchor.scale, last, truth, start) < most
    assert miss(last.origin, last, truth, start) < 2 * most


def test_dropped_keyframes_and_a_cut_do_not_lose_it() -> None:
    """The window takes the newest keyframe and never sees those between; a black picture is another world."""
    steadier = Steadier(0.5)
    anchor = Anchor(accept(steadier, ROOM, 10 * INVERSE_M, 0.0))
    accept(steadier, np.zeros_like(ROOM), np.ones((144, 256), np.float32), 0.1)
    for number in range(2, 40):
        keyframe = accept(steadier, ROOM, 10 * INVERSE_M, number / 10)
        if number % 7 == 0:
            anchor.follow(keyframe)
    assert miss(anchor.scale, keyframe, INVERSE_M, (10.0, 0.0)) < 0.02
