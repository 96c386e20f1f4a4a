"""Scores of the bundled network: `python -m shared.bundled.train.evaluate [--scenes N] [--photos FOLDER]`.

On rendered scenes that no training reads, all together or by kind; on views of panoramas whose depth is
traced, which say something new where the training left them out; and on photos with measured depth: NAME.jpg
with NAME_depth_mm.png (uint16, millimetres, 0 = not measured). Beside them the baseline that only says
'lower is nearer'. And on photographs of packages with distances judged by eye: see `judged`.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, FrameBGR, UserError
from shared.bundled.render import Atlas, MeshLibrary
from shared.bundled.scenes import GROUPS, random_scene
from shared.bundled.train.judged import score_judged
from shared.bundled.train.panoramas import views_of
from shared.bundled.train.render_shards import (
    HELD_BACK_SEED,
    add_photograph_options,
    photographs_from,
    render_seeds,
)
from shared.bundled.train.scores import (
    FURTHEST_RENDERED_M,
    Scores,
    edge_widths,
    ramp,
    score,
    score_rendered,
)

logger = logging.getLogger(__name__)

WIDTH_PX, HEIGHT_PX = 256, 192
GROUP_SEEDS = 10_000  # from one group's held-back seeds to the next one's
LEAST_KNOWN = 0.25  # of a view of a traced panorama, nearer than FURTHEST_RENDERED_M
LEAST_RANGE = 1.35  # from the farthest to the nearest of it
Photographs = tuple[Atlas | None, MeshLibrary | None]
Predict = Callable[[FrameBGR], DepthMap]


def score_scenes(predict: Predict, count: int) -> tuple[Scores, Scores]:
    """Means over the first `count` held-back scenes, 256x192: of the prediction and of the ramp."""
    pairs = []
    for seed in range(HELD_BACK_SEED, HELD_BACK_SEED + count):
        image_bgr, inverse_depth = (array[0] for array in render_seeds(seed, 1, WIDTH_PX, HEIGHT_PX))
        pairs.append(_guesses(predict, image_bgr, inverse_depth))
    return _means(pairs)


def score_groups(predict: Predict, count: int, photographs: Photographs) -> dict[str, tuple[Scores, Scores]]:
    """For each group of kinds, means over `count` held-back scenes of its own, its kinds in turn."""
    return {
        group: _means([_guesses(predict, *pair) for pair in group_pictures(group, count, photographs)])
        for group in GROUPS
    }


def group_pictures(group: str, count: int, photographs: Photographs) -> Iterator[tuple[FrameBGR, DepthMap]]:
    """Held-back pictures of a group with their exact inverse depth, 256x192."""
    from shared.bundled.render import render

    first_seed = HELD_BACK_SEED + GROUP_SEEDS * (1 + list(GROUPS).index(group))
    for number in range(count):
        kind = GROUPS[group][number % len(GROUPS[group])]
        scene = random_scene(first_seed + number, kind, atlas=photographs[0], meshes=photographs[1])
        image_rgb, inverse_depth = render([scene], WIDTH_PX, HEIGHT_PX, seed=number)
        yield np.ascontiguousarray(image_rgb[0].numpy()[::-1].transpose(1, 2, 0)), inverse_depth[0].numpy()


def median_edge_width(predict: Predict, count: int, photographs: Photographs) -> float:
    """Pixels of 256 in which the prediction passes from 10 to 90 % of a step that is exact in the scene."""
    widths: list[float] = []
    for group in GROUPS:
        for image_bgr, inverse_depth in group_pictures(group, count, photographs):
            widths += edge_widths(predict(image_bgr), inverse_depth)
    return float(np.median(widths))


def _guesses(predict: Predict, image_bgr: FrameBGR, inverse_depth: DepthMap) -> tuple[Scores, Scores]:
    guesses = predict(image_bgr), ramp(*inverse_depth.shape)
    own, baseline = (score_rendered(guess, inverse_depth) for guess in guesses)
    return own, baseline


def _means(pairs: list[tuple[Scores, Scores]]) -> tuple[Scores, Scores]:
    return Scores.mean([own for own, _ in pairs]), Scores.mean([baseline for _, baseline in pairs])


def score_traced(predict: Predict, folder: Path, count: int) -> dict[str, tuple[Scores, Scores]]:
    """For each traced panorama of the folder, by name: means over `count` views, as for rendered scenes.

    Views of which little is known, or that are as far away all over, ask nothing and are left out.
    """
    found = {}
    for path in sorted(folder.glob("*.webp")):
        pairs = []
        for image_bgr, inverse_depth in views_of(path, count, np.random.default_rng(HELD_BACK_SEED)):
            far = np.nan_to_num(inverse_depth.astype(np.float32))
            known = far[far > 1 / FURTHEST_RENDERED_M]
            if known.size > LEAST_KNOWN * far.size and known.max() > LEAST_RANGE * known.min():
                pairs.append(_guesses(predict, image_bgr, far))
        if pairs:
            found[path.stem] = _means(pairs)
    return found


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
    parser.add_argument("--groups", type=int, metavar="N", help="N held-back scenes of each group of kinds")
    parser.add_argument("--edges", type=int, metavar="N", help="width of depth edges, on N scenes of each")
    parser.add_argument("--photos", type=Path, help="a folder of photos with measured depth")
    parser.add_argument("--traced", type=int, metavar="N", help="N views of each traced panorama")
    parser.add_argument(
        "--judged", type=Path, metavar="FOLDER", help="unpacked packages whose pictures were judged by eye"
    )
    add_photograph_options(parser)
    options = parser.parse_args(argv)
    if options.traced and options.surroundings is None:
        parser.error("--traced scores on panoramas: name their folder with --surroundings")

    import torch

    from shared.predictor import DepthPredictor

    torch.set_num_threads(1)  # on a busy machine its threads wait for each other longer than they work
    predict = DepthPredictor.from_weights(options.weights, precision="f32").predict
    rows: dict[str, Scores] = {}
    for count in options.scenes:
        rows[f"{count} scenes"], rows[f"{count} scenes, ramp"] = score_scenes(predict, count)
    photographs = photographs_from(options) if options.groups or options.edges else (None, None)
    found = score_groups(predict, options.groups, photographs) if options.groups else {}
    if options.traced:
        found |= score_traced(predict, options.surroundings, options.traced)
    for name, (own, baseline) in found.items():
        rows[name], rows[f"{name}, ramp"] = own, baseline
    if options.photos is not None:
        photos = score_photos(predict, options.photos)
        rows |= {name: own for name, (own, _) in photos.items()}
        rows["photos"] = Scores.mean([own for own, _ in photos.values()])
        rows["photos, ramp"] = Scores.mean([baseline for _, baseline in photos.values()])
    sys.stdout.write(table(rows) + "\n")
    if options.judged is not None:
        for name, judged in zip(
            ("judged", "judged, ramp"), score_judged(predict, options.judged), strict=True
        ):
            sys.stdout.write(f"{name}: rho {judged.rho:.3f}, pairs in order {judged.in_order:.3f}\n")
    if options.edges:
        width_px = median_edge_width(predict, options.edges, photographs)
        sys.stdout.write(f"depth edges, 10 to 90 %, median: {width_px:.2f} px\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
