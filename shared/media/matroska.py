"""16-bit grey pictures with a time for each, as ffmpeg reads them from a pipe: Matroska without compression.

ffmpeg's own raw format knows one frame rate; a camera's frames come when they come. This is the least of
Matroska that says both. Source: RFC 9559 (Matroska), RFC 8794 (EBML).
"""

from __future__ import annotations

TICK_S = 1e-6
UNKNOWN_LENGTH = b"\x01" + b"\xff" * 7
GRAY16LE = b"Y1\x00\x10"  # ffmpeg's FourCC
NANOSECONDS = 10**9


def begin(width_px: int, height_px: int, usual_fps: float) -> bytes:
    """What comes before the first picture. usual_fps: for players, which want to know one."""
    ebml = _element(
        "1A45DFA3",
        _uint("4286", 1),
        _uint("42F7", 1),
        _uint("42F2", 4),
        _uint("42F3", 8),
        _element("4282", b"matroska"),
        _uint("4287", 4),
        _uint("4285", 2),
    )
    segment = bytes.fromhex("18538067") + UNKNOWN_LENGTH
    info = _element(
        "1549A966",
        _uint("2AD7B1", round(TICK_S * NANOSECONDS)),
        _element("4D80", b"depth-viewer"),
        _element("5741", b"depth-viewer"),
    )
    picture = _element("E0", _uint("B0", width_px), _uint("BA", height_px), _element("2EB524", GRAY16LE))
    track = _element(
        "AE",
        _uint("D7", 1),
        _uint("73C5", 1),
        _uint("83", 1),
        _uint("9C", 0),
        _uint("23E383", round(NANOSECONDS / usual_fps)),
        _element("86", b"V_UNCOMPRESSED"),
        picture,
    )
    return ebml + segment + info + _element("1654AE6B", track)


def picture(codes: bytes, time_s: float) -> bytes:
    """One picture, in a cluster of its own. time_s: 0 or more, and rising."""
    block = _element(
        "A3", b"\x81" + b"\x00\x00" + b"\x80", codes
    )  # track 1, at the cluster's time, a keyframe
    return _element("1F43B675", _uint("E7", round(time_s / TICK_S)), block)


def _element(identifier: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes.fromhex(identifier) + (len(body) | 1 << 56).to_bytes(8, "big") + body


def _uint(identifier: str, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big"))
