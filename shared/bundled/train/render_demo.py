"""Renders the demo clip anew: `python -m shared.bundled.train.render_demo shared/bundled/demo.mp4`."""

from __future__ import annotations

import argparse
from pathlib import Path

from shared import Encoding
from shared.bundled.demo import CLIP_SEED, FRAME_RATE, FRAMES, HEIGHT_PX, WIDTH_PX
from shared.bundled.scenes import render_clip
from shared.media import VideoWriter

CRF = 23
"""Keeps the file under a megabyte."""


def render_demo(path: Path) -> None:
    with VideoWriter(
        path, WIDTH_PX, HEIGHT_PX, FRAME_RATE, encoding=Encoding(CRF), comment="rendered by depth-viewer"
    ) as writer:
        for frame_bgr, _ in render_clip(CLIP_SEED, FRAMES, WIDTH_PX, HEIGHT_PX):
            writer.write(frame_bgr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    render_demo(parser.parse_args().file)


if __name__ == "__main__":
    main()
