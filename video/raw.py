"""Raw depth beside the picture, where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2

from shared import DepthMap, UserError
from shared.media import RawDepthWriter, check_replaceable, raw_path
from video.settings import ConvertSettings


@contextmanager
def open_raw(
    output: Path, settings: ConvertSettings, frame_rate: Fraction
) -> Iterator[RawDepthWriter | None]:
    """The writer, or None where no raw depth is asked for. What is not closed in the body is removed."""
    if settings.raw is None:
        yield None
        return
    path = raw_path(output, settings.raw)
    if path.exists() and not settings.overwrite:
        raise UserError(f"{path} exists already.", "Add --overwrite, or choose another name with -o.")
    check_replaceable(path)
    writer = RawDepthWriter(path, settings.raw, frame_rate)
    try:
        yield writer
    finally:
        writer.abort()


def raw_map(depth_map: DepthMap, source_px: tuple[int, int], settings: ConvertSettings) -> DepthMap:
    """The depth map at the size that was asked for. source_px: (width, height)."""
    if settings.raw_size == "network":
        return depth_map
    return cv2.resize(depth_map, source_px, interpolation=cv2.INTER_LINEAR)
