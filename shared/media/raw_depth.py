"""Depth as numbers, for people who go on working with it: written and read back in three forms.

png16: a folder of 16-bit grey PNGs, one per frame; scale, offset and time_s in each one's text fields.
npz: one archive of chunks, `depth_00000` (n, h, w) float16 (float32 where float16 would overflow) and
    `time_s_00000` (n,) float64, which numpy.load opens without reading it whole.
ffv1: 16-bit grey lossless video in Matroska; scale, offset, start and frame rate in its tags. What was
    recorded live has no frame rate; there each frame has its own time, to the millisecond.

png16 and ffv1 hold codes: depth = offset + scale * code, with one scale for the whole clip, so that values
can be compared between frames. The range is taken from the first frame with room on both sides; a clip that
leaves it is written anew in a range twice as wide, so that a value is never clipped and never further from
its code than one step of the final scale.
"""

from __future__ import annotations

import os
import re
import uuid
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from shared import DepthMap, RawForm, UserError
from shared.media.raw_forms import CodeRange, NpzSink, PngSink, Sink, read_npz, read_pngs
from shared.media.raw_video import Ffv1Sink, read_ffv1

PNG_NAME = re.compile(r"\d{6,}\.png")
SUFFIXES: dict[RawForm, str] = {"png16": "-png16", "npz": ".npz", "ffv1": ".mkv"}


class RawDepthWriter:
    """Writes depth maps with their times; the file or folder has its name only when it is whole.

    frame_rate: of the clip, for ffv1. An existing file or folder is replaced.
    Raises UserError when it cannot be written.
    """

    def __init__(self, path: Path, form: RawForm, frame_rate: Fraction) -> None:
        self.path = path
        self._form = form
        self._frame_rate = frame_rate
        self._unfinished = _beside(path)
        self._range: CodeRange | None = None
        self._sink: Sink | None = None
        self._is_closed = False

    def __enter__(self) -> RawDepthWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, depth_map: DepthMap, time_s: float) -> None:
        """(h, w) float32; every frame of the same size."""
        try:
            if self._range is None:
                self._range = CodeRange.around(depth_map)
            if self._form != "npz" and not self._range.holds(depth_map):
                self._widen(depth_map)
            if self._sink is None:
                self._sink = self._open(self._unfinished, depth_map, time_s)
            self._sink.write(depth_map, time_s)
        except OSError as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Ends the writing and gives the file its name."""
        if self._is_closed:
            return
        try:
            if self._sink is not None:
                self._sink.close()
                remove(self.path)
                os.replace(self._unfinished, self.path)
        except OSError as error:
            raise self._failure(error) from None
        finally:
            self.abort()

    def abort(self) -> None:
        """Removes what was written. May be called more than once."""
        self._is_closed = True
        if self._sink is not None:
            self._sink.abort()
        remove(self._unfinished)

    def _open(self, path: Path, depth_map: DepthMap, time_s: float) -> Sink:
        if self._form == "npz":
            return NpzSink(path)
        assert self._range is not None
        if self._form == "png16":
            return PngSink(path, self._range)
        height_px, width_px = depth_map.shape
        return Ffv1Sink(path, self._range, (width_px, height_px), self._frame_rate, start_s=time_s)

    def _widen(self, depth_map: DepthMap) -> None:
        """Rewrites what is there in a range that holds this frame, too."""
        assert self._range is not None
        while not self._range.holds(depth_map):
            self._range = self._range.widened()
        if self._sink is None:
            return
        self._sink.close()
        narrow, self._sink = self._unfinished, None
        self._unfinished = _beside(self.path)
        for earlier_map, time_s in _read(narrow, self._form):
            if self._sink is None:
                self._sink = self._open(self._unfinished, earlier_map, time_s)
            self._sink.write(earlier_map, time_s)
        remove(narrow)

    def _failure(self, error: OSError) -> UserError:
        return UserError(
            f"The raw depth {self.path} cannot be written: {error.strerror or error}.",
            "Check that the disk has room, or choose another place with -o.",
            exit_code=1,
        )


def raw_path(output: Path, form: RawForm) -> Path:
    """Where the raw depth of an output X.mp4 goes: X-png16 (a folder), X.npz or X.mkv."""
    return output.with_name(output.stem + SUFFIXES[form])


def read_raw_depth(path: Path) -> Iterator[tuple[DepthMap, float]]:
    """Yields ((h, w) float32, time_s) for every frame, one at a time. Raises UserError for anything else."""
    path = Path(path)
    form: RawForm
    if path.is_dir():
        form = "png16"
    elif path.suffix == ".npz" and path.is_file():
        form = "npz"
    elif path.suffix == ".mkv" and path.is_file():
        form = "ffv1"
    else:
        raise UserError(f"{path} is no raw depth.", "Give what --raw wrote: a folder of PNGs, .npz or .mkv.")
    try:
        yield from _read(path, form)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} cannot be read as raw depth: {error}.",
            "Check that it is whole, and that --raw wrote it.",
        ) from None


def _read(path: Path, form: RawForm) -> Iterator[tuple[DepthMap, float]]:
    return {"png16": read_pngs, "npz": read_npz, "ffv1": read_ffv1}[form](path)


def check_replaceable(path: Path) -> None:
    """Raises UserError for a folder that holds anything but what --raw png16 writes."""
    if path.is_dir() and (strangers := [entry.name for entry in path.iterdir() if not _is_ours(entry)]):
        raise UserError(
            f"{path} holds files that --raw did not write, such as {sorted(strangers)[0]}.",
            "Move them away, or choose another name with -o.",
        )


def _is_ours(entry: Path) -> bool:
    return PNG_NAME.fullmatch(entry.name) is not None and entry.is_file() and not entry.is_symlink()


def remove(path: Path) -> None:
    """Removes a file, or a folder with its numbered PNGs. Raises OSError for a folder that holds more."""
    if path.is_dir() and not path.is_symlink():
        for entry in path.iterdir():
            if _is_ours(entry):
                entry.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def raw_pieces_of(path: Path) -> list[Path]:
    """Unfinished raw depth of `path` that nobody has removed."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    return [entry for entry in path.parent.iterdir() if name.fullmatch(entry.name)]


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
