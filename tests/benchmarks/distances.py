"""How true distances are that two places calibrated: `python tests/benchmarks/distances.py [--rooms 3]`.

Rendered rooms with a camera that stands, and one that goes round. Of the first frame two places calibrate, at
distances that differ clearly; five others are measured in each frame after it. In per cent of the true
distance: the median, and what nine of ten are below.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from live.metres import calibrated
from shared import DepthMap, FrameBGR, UserError
from shared.bundled.scenes.clips import ClipKind, render_clip
from shared.motion import IDENTITY, Affine, Anchor, Keyframe, Steadier
from shared.predictor import DepthPredictor
from tests.benchmarks.machine import description
from tests.support.steadying import accept

FPS, STEP = 24, 2
SETS, PLACES, MARGIN_PX = 60, 7, 10
LEAST_RATIO = 1.6  # of the two distances that calibrate
NOISE_PER_M = 0.01
FARTHEST_M = 20.0
Clip = list[tuple[FrameBGR, DepthMap]]
Shown = list[tuple[Keyframe, DepthMap]]


def shown(clip: Clip, predictions: list[DepthMap]) -> Shown:
    """Each keyframe with the true inverse depth."""
    steadier = Steadier()
    return [
        (accept(steadier, frame_bgr, prediction, number * STEP / FPS), truth)
        for number, ((frame_bgr, truth), prediction) in enumerate(zip(clip, predictions, strict=True))
    ]


def rescaled(clip: Clip, noise_per_m: float, random: np.random.Generator) -> list[DepthMap]:
    """The truth, with a scale and a shift of its own in each frame."""
    return [
        (
            10 * np.exp(0.5 * random.normal()) * (truth + noise_per_m * random.normal(size=truth.shape))
            + 5 * random.normal()
        ).astype(np.float32)
        for _, truth in clip
    ]


def scales(keyframes: list[Keyframe]) -> dict[str, list[Affine]]:
    """What takes each keyframe's depth to the first one's scale."""
    anchor, followed = Anchor(keyframes[0]), [IDENTITY]
    for keyframe in keyframes[1:]:
        anchor.follow(keyframe)
        followed.append(anchor.scale)
    chain = [keyframe.origin for keyframe in keyframes]
    return {"leaked": [IDENTITY] * len(keyframes), "chain": chain, "anchor": followed}


def errors(frames: Shown, lines: list[Affine], random: np.random.Generator) -> NDArray[np.float64]:
    (first, truth), found = frames[0], []
    while len(found) < SETS:
        rows, columns = (random.integers(MARGIN_PX, size - MARGIN_PX, PLACES) for size in truth.shape)
        metres = 1 / np.maximum(truth[rows, columns], 1e-3)
        if metres.max() > FARTHEST_M or metres[:2].max() < LEAST_RATIO * metres[:2].min():
            continue
        depths = lines[0](first.depth_map[rows, columns])
        try:
            known = [(float(depth), float(far)) for depth, far in zip(depths[:2], metres[:2], strict=True)]
            to_inverse_m = calibrated(known[0], known[1])
        except UserError:  # the network sees them the other way round
            continue
        found.append(
            [
                miss(keyframe, true, to_inverse_m.after(line), rows[2:], columns[2:])
                for (keyframe, true), line in zip(frames[1:], lines[1:], strict=True)
            ]
        )
    return 100 * np.array(found)


def miss(
    keyframe: Keyframe, truth: DepthMap, line: Affine, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Of the true distance; what is told as farther than 100 m counts as 100 m."""
    told = np.maximum(line(keyframe.depth_map[rows, columns]), 0.01)
    return np.abs(truth[rows, columns] / told - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=3)
    parser.add_argument("--frames", type=int, default=240)
    parsed = parser.parse_args()
    predictor = DepthPredictor.from_weights("bundled", precision="f32")
    found: defaultdict[tuple[str, str, str], list[NDArray[np.float64]]] = defaultdict(list)
    for kind in get_args(ClipKind):
        for room in range(1, parsed.rooms + 1):
            clip = list(render_clip(room, parsed.frames, 256, 192, kind))[::STEP]
            random = np.random.default_rng(room)
            for name, predictions in (
                ("exact", rescaled(clip, 0.0, random)),
                ("noise", rescaled(clip, NOISE_PER_M, random)),
                ("built-in model", [predictor.predict(frame_bgr) for frame_bgr, _ in clip]),
            ):
                frames = shown(clip, predictions)
                for method, lines in scales([keyframe for keyframe, _ in frames]).items():
                    found[kind, name, method].append(errors(frames, lines, np.random.default_rng(5)))
    print(f"{description()}\n\n| camera | predictions | scale | median, % | 90 %, % |\n|---|---|---|---|---|")
    for (kind, name, method), each in found.items():
        median, high = np.percentile(np.concatenate(each), [50, 90])
        print(f"| {kind} | {name} | {method} | {median:.1f} | {high:.1f} |")


if __name__ == "__main__":
    main()
