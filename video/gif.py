"""A clip's depth as an animated GIF: the depth and the views of a video, no sound, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import Colormap, Look, UserError
from shared.media import GifWriter, VideoInfo
from shared.render import heatmap, nearness, render, view_size
from video.outputs import is_gif
from video.pipeline import DepthPass, Drawn, open_part
from video.raw import open_raw, raw_map
from video.settings import ConvertResult, ConvertSettings

if TYPE_CHECKING:
    from shared.motion import Predictor


def check_resume(output: Path, settings: ConvertSettings) -> None:
    """Raises UserError where a GIF is to be gone on with."""
    if settings.resume and is_gif(output):
        raise UserError(
            f"--resume cannot go on with {output}: of a GIF that was stopped, nothing is kept.",
            "Convert it without --resume, or name an MP4.",
        )


def convert_gif(
    info: VideoInfo,
    output: Path,
    settings: ConvertSettings,
    *,
    predictor: Predictor,
    comment: str,
    progress: Callable[[int, int | None], None] | None,
    cancel: threading.Event,
) -> ConvertResult:
    """As `convert`, which calls it; a fault or `cancel` leaves nothing of it."""
    look = settings.look
    way = DepthPass(predictor, every=settings.every, steady=settings.steady)
    with (
        open_part(info, settings, predictor) as reader,
        GifWriter(
            output,
            *view_size(reader.width_px, reader.height_px, look.view),
            info.frame_rate,
            palette_bgr=palette_of(look.colormap) if look.view == "depth" else None,
            comment=comment,
        ) as writer,
        open_raw(output, settings, info.frame_rate) as raw,
    ):
        size_px = reader.width_px, reader.height_px
        writer.check_length(reader.frame_count_estimate or 0)
        done = count(1)

        def draw(drawn: Drawn) -> None:
            _, time_s, depth_map, _ = drawn
            if raw:
                raw.write(raw_map(depth_map, size_px, settings), time_s)
            writer.write(picture_of(drawn, look, size_px))
            if progress:
                progress(next(done), reader.frame_count_estimate)

        way.run(reader, draw, cancel=cancel)
        if cancel.is_set():
            return ConvertResult(None, 0, way.stream.inferred, is_partial=True, warnings=reader.warnings)
        if raw:
            raw.close()
        writer.close()
        return ConvertResult(
            output,
            writer.frames_written,
            way.stream.inferred,
            raw=raw.path if raw else None,
            warnings=reader.warnings,
        )


def palette_of(colormap: Colormap) -> NDArray[np.uint8]:
    """(256, 3) uint8 BGR: the colour of each nearness."""
    return heatmap(np.arange(256, dtype=np.uint8)[None], (256, 1), colormap)[0]


def picture_of(drawn: Drawn, look: Look, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """What the writer takes: of a heat map alone each pixel's nearness, at size_px, else BGR."""
    frame_bgr, _, depth_map, display_range = drawn
    if look.view != "depth":
        return render(frame_bgr, depth_map, display_range, look)
    near_u8 = nearness(depth_map, display_range, look.gamma)
    return cv2.resize(near_u8, size_px, interpolation=cv2.INTER_LINEAR)
