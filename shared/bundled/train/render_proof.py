"""The pictures that engines prove themselves on: `python -m shared.bundled.train.render_proof FILE.jpg`."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from shared import FrameBGR
from shared.bundled import PROOF_COLUMNS, PROOF_HEIGHT_PX, PROOF_WIDTH_PX
from shared.bundled.scenes import random_scene

PICTURES = (
    ("desk", 10_500_012),
    ("living_room", 10_500_000),
    ("table_top", 10_500_004),
    ("table_top", 10_500_005),
    ("driver_street", 10_500_006),
    ("webcam", 10_500_002),
)
"""Kinds and seeds: plain surfaces, bright and dark ones, a person, and far things."""
OVERSAMPLING = 2
QUALITY = 92


def render_picture(kind: str, seed: int) -> FrameBGR:
    from shared.bundled.render import render

    size_px = PROOF_WIDTH_PX * OVERSAMPLING, PROOF_HEIGHT_PX * OVERSAMPLING
    image_rgb, _ = render([random_scene(seed, kind)], *size_px, seed=seed)
    large_bgr = np.ascontiguousarray(image_rgb[0].numpy()[::-1].transpose(1, 2, 0))
    return cv2.resize(large_bgr, (PROOF_WIDTH_PX, PROOF_HEIGHT_PX), interpolation=cv2.INTER_AREA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    pictures = [render_picture(*picture) for picture in PICTURES]
    rows = [
        np.hstack(pictures[first : first + PROOF_COLUMNS]) for first in range(0, len(pictures), PROOF_COLUMNS)
    ]
    cv2.imwrite(str(parser.parse_args().file), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
