"""A stranger's photo: one sentence or a picture, nothing read beyond it and nothing run."""

from __future__ import annotations

import io
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image

from shared import UserError
from shared.media.photos import FORMATS, decode_photo


def png_header(width_px: int, height_px: int) -> bytes:
    """A PNG that says it is so large and holds hardly anything."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def saved(kind: str, size_px: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size_px, "teal").save(buffer, kind)
    return buffer.getvalue()


def lying_tiff(field: int, value: int) -> bytes:
    """A TIFF (revision 6.0, section 2) one of whose directory's values is another."""
    content = bytearray(saved("TIFF"))
    directory = struct.unpack_from("<I", content, 4)[0]
    for index in range(struct.unpack_from("<H", content, directory)[0]):
        at = directory + 2 + 12 * index
        if struct.unpack_from("<H", content, at)[0] == field:
            struct.pack_into("<I", content, at + 8, value)
    return bytes(content)


HOSTILE = {
    "png of 60000x60000": png_header(60_000, 60_000),
    "png of 16x3125000": png_header(16, 3_125_000),
    "png of no size": png_header(0, 0),
    "tiff whose strips lie elsewhere": lying_tiff(273, 1 << 31),
    "tiff without end": b"II*\x00" + struct.pack("<I", 8) + b"\xff" * 400,
    "jpeg of 1xN": saved("JPEG", (1, 65_500)),
    "jpeg of Nx1": saved("JPEG", (65_500, 1)),
    "jpeg cut off": saved("JPEG", (640, 480))[:300],
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\nshowpage\n%%EOF\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(100),
    "psd": b"8BPS\x00\x01" + bytes(100),
    "icns": b"icns" + struct.pack(">I", 200) + bytes(192),
    "gif cut off": saved("GIF")[:20],
    "webp cut off": saved("WEBP", (640, 480))[:40],
    "text": b"no photo\n" * 50,
    "nothing": b"",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_photos_are_a_sentence(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_program(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", no_program)
    with pytest.raises(UserError, match=r"^x\.png") as caught:
        decode_photo(HOSTILE[kind], "x.png")
    assert "Traceback" not in caught.value.message


@pytest.mark.parametrize("kind", FORMATS)
def test_every_ordinary_format_is_read(kind: str) -> None:
    decoded = decode_photo(saved(kind), "x")
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded.astype(int).mean(axis=(0, 1)) - (128, 128, 0)).max() < 8
