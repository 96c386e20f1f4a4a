"""Codes of raw depth, and its forms of PNGs and npz: each a sink that writes and a generator that reads."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap

CODES = 65535
CHUNK_BYTES = 4 << 20
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class CodeRange:
    """depth = offset + scale * code, code 0 to 65535."""

    offset: float
    scale: float

    @classmethod
    def of(cls, depth_map: DepthMap) -> CodeRange:
        """Exactly this map's values: its smallest is 0, its largest 65535."""
        far, near = float(depth_map.min()), float(depth_map.max())
        return cls(far, max(near - far, 1e-6) / CODES)

    @classmethod
    def around(cls, depth_map: DepthMap) -> CodeRange:
        """Five times the first frame's span: as much again below it, three times as much above."""
        far, near = float(depth_map.min()), float(depth_map.max())
        span = max(near - far, abs(near) * 1e-3, 1e-6)
        return cls(far - span, 5 * span / CODES)

    def holds(self, depth_map: DepthMap) -> bool:
        return self.offset <= depth_map.min() and depth_map.max() <= self.offset + self.scale * CODES

    def widened(self) -> CodeRange:
        """Twice as wide, around the same middle."""
        return CodeRange(self.offset - self.scale * CODES / 2, self.scale * 2)

    def encode(self, depth_map: DepthMap) -> NDArray[np.uint16]:
        codes = np.rint((depth_map.astype(np.float64) - self.offset) / self.scale)
        return np.clip(codes, 0, CODES).astype(np.uint16)

    def decode(self, codes: NDArray[np.uint16]) -> DepthMap:
        return (codes * self.scale + self.offset).astype(np.float32)


class Sink(Protocol):
    """Writes frames of one form to a path of its own."""

    def write(self, depth_map: DepthMap, time_s: float) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class PngSink:
    def __init__(self, folder: Path, code_range: CodeRange) -> None:
        folder.mkdir()
        self._folder = folder
        self._range = code_range
        self._count = 0

    def write(self, depth_map: DepthMap, time_s: float) -> None:
        data = encode_png(depth_map, self._range, time_s)
        (self._folder / f"{self._count:06d}.png").write_bytes(data)
        self._count += 1

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


def encode_png(depth_map: DepthMap, code_range: CodeRange, time_s: float) -> bytes:
    """A 16-bit grey PNG with offset, scale and time_s in its text fields."""
    import cv2

    _, png = cv2.imencode(".png", code_range.encode(depth_map), [cv2.IMWRITE_PNG_COMPRESSION, 2])
    fields = {"offset": code_range.offset, "scale": code_range.scale, "time_s": time_s}
    return _with_text(png.tobytes(), {name: repr(float(value)) for name, value in fields.items()})


def read_pngs(folder: Path) -> Iterator[tuple[DepthMap, float]]:
    import cv2

    for path in sorted(folder.glob("*.png")):
        data = path.read_bytes()
        text = _png_text(data)
        codes = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if codes is None or codes.dtype != np.uint16:
            raise ValueError(f"{path.name} is no 16-bit PNG")
        code_range = CodeRange(float(text["offset"]), float(text["scale"]))
        yield code_range.decode(codes), float(text["time_s"])


def _with_text(png: bytes, fields: dict[str, str]) -> bytes:
    """Inserts tEXt chunks after the header (PNG specification, 11.3.4.3)."""
    chunks = b""
    for key, value in fields.items():
        body = b"tEXt" + key.encode("latin-1") + b"\0" + value.encode("latin-1")
        chunks += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    after_header = len(PNG_SIGNATURE) + 4 + 4 + 13 + 4
    return png[:after_header] + chunks + png[after_header:]


def _png_text(png: bytes) -> dict[str, str]:
    fields = {}
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        if kind == b"tEXt":
            key, _, value = png[position + 8 : position + 8 + length].partition(b"\0")
            fields[key.decode("latin-1")] = value.decode("latin-1")
        position += 12 + length
    return fields


class NpzSink:
    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._maps: list[DepthMap] = []
        self._times_s: list[float] = []
        self._chunks = 0

    def write(self, depth_map: DepthMap, time_s: float) -> None:
        self._maps.append(depth_map.copy())
        self._times_s.append(time_s)
        if len(self._maps) * depth_map.nbytes >= CHUNK_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._zip.close()

    def abort(self) -> None:
        with suppress(OSError):  # a full disk; the file goes away in any case
            self._zip.close()

    def _flush(self) -> None:
        if not self._maps:
            return
        chunk = np.stack(self._maps)
        fits_half = np.abs(chunk).max() < np.finfo(np.float16).max
        self._add("depth", chunk.astype(np.float16 if fits_half else np.float32))
        self._add("time_s", np.array(self._times_s))
        self._maps, self._times_s = [], []
        self._chunks += 1

    def _add(self, name: str, array: NDArray[np.float64] | NDArray[np.float16] | NDArray[np.float32]) -> None:
        with self._zip.open(f"{name}_{self._chunks:05d}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, array)


def read_npz(path: Path) -> Iterator[tuple[DepthMap, float]]:
    with np.load(path, allow_pickle=False) as archive:
        names = sorted(name for name in archive.files if name.startswith("depth_"))
        for name in names:
            times_s = archive[name.replace("depth_", "time_s_")]
            for depth_map, time_s in zip(archive[name], times_s, strict=True):
                yield depth_map.astype(np.float32), float(time_s)
