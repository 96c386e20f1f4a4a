"""A camera, a stream or a file becomes depth while it is watched: in a window, in a recording, on a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shared import DEFAULT_STEADY, DepthMap, FrameBGR, NetworkChoice

__all__ = ["frames"]


def frames(
    source: int | str | Path = 0,
    *,
    network: NetworkChoice = NetworkChoice(),
    steady: float = DEFAULT_STEADY,
    every: int = 1,
    width_px: int | None = None,
    height_px: int | None = None,
    fps: float | None = None,
    loop: bool = False,
) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
    """What the window shows, for a program of your own: (frame_bgr, time_s, depth_map), the newest each time.

    source: a camera's number, a file or a URL. frame_bgr: (H, W, 3) uint8 BGR. time_s: when the frame was
    there, on the clock of `time.perf_counter`. depth_map: (h, w) float32, inverse depth at the network's
    size, near is large; inferred as often as the machine can, or each `every`th frame, and carried between.
    Frames that come while you are busy are left out. steady, width_px, height_px, fps, loop: as depth-live's
    options. The source is opened at the first frame and closed when the loop is left.
    Raises UserError for a source or weights that cannot be had.
    """
    from live.config import LiveConfig, parse_source
    from live.feed import newest_frames
    from live.quiet import quiet_opencv

    quiet_opencv()
    config = LiveConfig(
        parse_source(str(source)),
        network=network,
        steady=steady,
        every=every,
        width_px=width_px,
        height_px=height_px,
        fps=fps,
        loop=loop,
    )
    yield from newest_frames(config)
