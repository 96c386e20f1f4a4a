"""Raw depth while it comes, for as long as it comes: each frame with its time, playable whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from shared import DepthMap, UserError
from shared.media.pieces import claim_partial
from shared.media.raw_forms import CodeRange
from shared.media.raw_video import Ffv1Sink

TICK_S = 0.001
WIDENED = 2
"""How often the first frame's range is doubled: nobody knows what a camera will see."""


class RawDepthRecording:
    """Writes into `STEM.partial.mkv`, which plays up to where a killed program left it; close() names it.

    Where depth leaves the range that the codes can say, or changes its size, the file ends, and another goes
    on beside it: `STEM-2.mkv`. `files` are those that have their names. Raises UserError when it cannot be
    written.
    """

    def __init__(self, path: Path, *, usual_fps: float = 30.0) -> None:
        self.files: list[Path] = []
        self.partial = claim_partial(path)
        self._path = self._first = path
        self._usual_fps = usual_fps
        self._range: CodeRange | None = None
        self._shape = (0, 0)
        self._last_s = -TICK_S
        self._sink: Ffv1Sink | None = None

    def write(self, depth_map: DepthMap, time_s: float) -> None:
        """(h, w) float32. time_s: 0 or more, and rising; kept to the millisecond, each one's own."""
        time_s = self._last_s = max(time_s, self._last_s + TICK_S)
        try:
            if self._sink is not None and not self._takes(depth_map):
                self._finish()
                self._path = next(name for name in _numbered(self._first) if not name.exists())
                self.partial = claim_partial(self._path)
            if self._sink is None:
                self._sink = self._open(depth_map)
            self._sink.write(depth_map, time_s)
        except OSError as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Ends the file and gives it its name; without a frame there is none."""
        try:
            if self._sink is not None:
                self._finish()
            elif not self.files:
                self.partial.unlink(missing_ok=True)
        except OSError as error:
            raise self._failure(error) from None

    def abort(self) -> None:
        """Ends the writing after a fault; what was written stays in `partial`."""
        if self._sink is not None:
            self._sink.abort()
            self._sink = None

    def _takes(self, depth_map: DepthMap) -> bool:
        return self._range is not None and self._shape == depth_map.shape and self._range.holds(depth_map)

    def _open(self, depth_map: DepthMap) -> Ffv1Sink:
        self._range, self._shape = CodeRange.around(depth_map), depth_map.shape
        for _ in range(WIDENED):
            self._range = self._range.widened()
        size_px = depth_map.shape[1], depth_map.shape[0]
        return Ffv1Sink(self.partial, self._range, size_px, None, usual_fps=self._usual_fps)

    def _finish(self) -> None:
        assert self._sink is not None
        sink, self._sink = self._sink, None
        sink.close()
        os.replace(self.partial, self._path)
        self.files.append(self._path)

    def _failure(self, error: OSError) -> UserError:
        self.abort()
        return UserError(
            f"The raw depth {self._path} cannot be written: {error.strerror or error}.",
            f"Check that the disk has room; what was recorded until then is in {self.partial}.",
            exit_code=1,
        )


def _numbered(path: Path) -> Iterator[Path]:
    """STEM-2.mkv, STEM-3.mkv and so on."""
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
