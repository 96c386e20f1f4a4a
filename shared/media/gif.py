"""Pictures to an animated GIF, through imageio, that has its name only when it is whole.

imageio's writer keeps every picture until the end, so how many there may be is limited. Its older one that
does not (`GIF-PIL`) was tried: what it writes of pictures of few colours cannot be read.
"""

from __future__ import annotations

import shutil
from collections import deque
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import FrameBGR, UserError
from shared.media.pieces import FREE_MARGIN_BYTES, check_room, disk_full, piece_beside, put_in_place

if TYPE_CHECKING:
    from PIL import Image

HELD_BYTES = 256 << 20  # a byte a pixel; more than twice that at the peak, when Pillow encodes
FASTEST = Fraction(50)  # pictures a second; browsers show faster ones as ten a second
LONGEST_CS = 65535
OWN_COLOURS = 128


class GifWriter:
    """Writes pictures to a GIF that repeats for ever; a rate beyond 50 a second leaves pictures out.

    palette_bgr: (256, 3) uint8; None takes one from the first picture, which then serves all: no flicker.
    comment: text of the file's comment: which weights made it.
    Raises UserError when the folder cannot be written to, when the disk is full and when it gets too long.
    """

    def __init__(
        self,
        path: Path,
        width_px: int,
        height_px: int,
        frame_rate: Fraction,
        *,
        palette_bgr: NDArray[np.uint8] | None = None,
        comment: str = "",
    ) -> None:
        self.path = Path(path)
        self.size_px = (width_px, height_px)
        self.frames_written = 0
        self._frame_rate = frame_rate
        self._shown_rate = min(frame_rate, FASTEST)
        self._palette = None if palette_bgr is None else np.ascontiguousarray(palette_bgr[:, ::-1])
        self._is_coded = palette_bgr is not None
        self._comment = comment
        self._taken = 0
        self._pictures: deque[NDArray[np.uint8]] = deque()
        check_room(self.path)
        self.piece = piece_beside(self.path)

    def __enter__(self) -> GifWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.abort()

    def check_length(self, frames: int) -> None:
        """Raises UserError where so many frames are more than the pictures that can be held."""
        width_px, height_px = self.size_px
        most = max(1, HELD_BYTES // (width_px * height_px))
        if self._slot(frames - 1) >= most:
            raise UserError(
                f"{self.path} gets too long for a GIF: at {width_px}x{height_px} pixels it holds"
                f" {most} pictures, {float(most / self._shown_rate):.1f} seconds.",
                "Convert a part with --duration, make it smaller with --max-height, or name an MP4.",
            )

    def write(self, picture: FrameBGR | NDArray[np.uint8]) -> None:
        """(height_px, width_px) uint8 codes of the palette that was given, else FrameBGR of that size."""
        width_px, height_px = self.size_px
        shape = (height_px, width_px) if self._is_coded else (height_px, width_px, 3)
        if picture.shape != shape or picture.dtype != np.uint8:
            raise ValueError(f"expected {shape} uint8, got {picture.shape} {picture.dtype}")
        is_shown = self._slot(self._taken) > self._slot(self._taken - 1)
        self._taken += 1
        self.check_length(self._taken)
        if is_shown:
            self._pictures.append(picture if self._is_coded else self._reduced(picture))
            self.frames_written += 1

    def close(self) -> None:
        """Encodes what was written and gives the file its name."""
        if self.frames_written == 0:
            raise UserError(f"No frame was written to {self.path}.", "Check the input.", exit_code=1)
        try:
            self._encode()
            check_room(self.path)
            put_in_place(self.piece, self.path)
        except OSError as error:
            raise self._failure(error) from None

    def abort(self) -> None:
        """Removes what was written and not closed. May be called more than once."""
        self._pictures.clear()
        self.piece.unlink(missing_ok=True)

    def _slot(self, index: int) -> int:
        """Which picture of the GIF a frame would be."""
        return int(index * self._shown_rate // self._frame_rate)

    def _durations_ms(self) -> list[int]:
        """Whole hundredths of a second each, which add up to the clip's time."""
        ends_cs = [round(100 * index / self._shown_rate) for index in range(self.frames_written + 1)]
        return [10 * min(LONGEST_CS, int(step)) for step in np.diff(ends_cs)]

    def _encode(self) -> None:
        from imageio.v3 import imopen

        assert self._palette is not None
        options = {"palette": self._palette.tobytes(), "duration": self._durations_ms(), "loop": 0}
        with (
            self.piece.open("wb") as file,
            imopen(file, "w", plugin="pillow", extension=".gif") as gif,
        ):
            while self._pictures:
                gif.write(self._pictures.popleft(), mode="P", save_all=True, comment=self._comment, **options)

    def _reduced(self, frame_bgr: FrameBGR) -> NDArray[np.uint8]:
        """(H, W) codes of the palette, dithered."""
        from PIL import Image

        image = Image.fromarray(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2RGB))
        if self._palette is None:
            self._palette = _palette_of(image)
        palette = Image.new("P", (1, 1))
        palette.putpalette(self._palette.tobytes())
        return np.array(image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG))

    def _failure(self, error: OSError) -> UserError:
        if shutil.disk_usage(self.path.parent).free < FREE_MARGIN_BYTES:
            return disk_full(self.path)
        return UserError(
            f"{self.path} cannot be written: {error.strerror}.", "Choose another place with -o.", exit_code=1
        )


def _palette_of(image: Image.Image) -> NDArray[np.uint8]:
    """(256, 3) uint8 RGB: half the picture's own colours, half spread evenly, for what comes after a cut."""
    own = np.zeros((OWN_COLOURS, 3), np.uint8)
    found = np.array(image.quantize(OWN_COLOURS).getpalette(), np.uint8).reshape(-1, 3)[:OWN_COLOURS]
    own[: len(found)] = found
    levels = np.linspace(0, 255, 5).astype(np.uint8)
    spread = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    palette = np.concatenate([own, spread, np.zeros((256 - len(own) - len(spread), 3), np.uint8)])
    # Pillow 10 gives each grey a place of its own, and so mixes up the colours: none here is pure.
    is_grey = (palette == palette[:, :1]).all(axis=1)
    palette[is_grey, 2] ^= 1
    return palette
