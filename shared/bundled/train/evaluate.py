"""Scores of the bundled network: `python -m shared.bundled.train.evaluate [--scenes N] [--photos FOLDER]`.

On rendered scenes that no training reads, and on photos with measured depth: NAME.jpg with NAME_depth_mm.png
(uint16, millimetres, 0 = not measured). Beside them the baseline that only says 'lower is nearer'.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, FrameBGR, UserError
from shared.bundled.train.render_shards import HELD_BACK_SEED, render_seeds
from shared.bundled.train.scores import Scores, ramp, score, score_rendered

logger = logging.getLogger(__name__)

WIDTH_PX, HEIGHT_PX = 256, 192
Predict = Callable[[FrameBGR], DepthMap]


def score_scenes(predict: Predict, count: int) -> tuple[Scores, Scores]:
    """Means over the first `count` held-back scenes, 256x192: of the prediction and of the ramp."""
    pairs = []
    for seed in range(HELD_BACK_SEED, HELD_BACK_SEED + count):
        image_bgr, inverse_depth = (array[0] for array in render_seeds(seed, 1, WIDTH_PX, HEIGHT_PX))
        guesses = predict(image_bgr), ramp(HEIGHT_PX, WIDTH_PX)
        pairs.append([score_rendered(guess, inverse_depth) for guess in guesses])
    return Scores.mean([own for own, _ in pairs]), Scores.mean([baseline for _, baseline in pairs])


def score_photos(predict: Predict, folder: Path) -> dict[str, tuple[Scores, Scores]]:
    """For each photo of the folder, by name: the prediction's scores and the ramp's."""
    found = {}
    for depth_path in sorted(folder.glob("*_depth_mm.png")):
        name = depth_path.name.removesuffix("_depth_mm.png")
        photo_bgr = _read(folder / f"{name}.jpg", cv2.IMREAD_COLOR)
        depth_m = _read(depth_path, cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000
        inverse_depth = np.where(depth_m > 0, 1 / np.maximum(depth_m, 1e-3), 0).astype(np.float32)
        guesses = predict(photo_bgr), ramp(*depth_m.shape)
        own, baseline = (score(guess, inverse_depth, depth_m > 0) for guess in guesses)
        found[name] = own, baseline
    return found


def _read(path: Path, flags: int) -> NDArray[Any]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise UserError(f"{path} cannot be read as a picture.", "Check the folder given with --photos.")
    return picture


def table(rows: dict[str, Scores]) -> str:
    """Rows of a Markdown table: name, rho, d1, AbsRel."""
    return "\n".join(f"| {name} | {s.rho:.3f} | {s.d1:.3f} | {s.abs_rel:.3f} |" for name, s in rows.items())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.bundled.train.evaluate", description=__doc__)
    parser.add_argument("--weights", default="bundled", help="as for the viewer")
    parser.add_argument("--scenes", type=int, nargs="*", default=[200], help="how many held-back scenes")
    parser.add_argument("--photos", type=Path, help="a folder of photos with measured depth")
    options = parser.parse_args(argv)

    from shared.predictor import DepthPredictor

    predict = DepthPredictor.from_weights(options.weights, precision="f32").predict
    rows: dict[str, Scores] = {}
    for count in options.scenes:
        rows[f"{count} scenes"], rows[f"{count} scenes, ramp"] = score_scenes(predict, count)
    if options.photos is not None:
        photos = score_photos(predict, options.photos)
        rows |= {name: own for name, (own, _) in photos.items()}
        rows["photos"] = Scores.mean([own for own, _ in photos.values()])
        rows["photos, ramp"] = Scores.mean([baseline for _, baseline in photos.values()])
    sys.stdout.write(table(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
