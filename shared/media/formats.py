"""Which self-contained format a file's content is, so that ffmpeg opens it as that and as nothing else.

ffmpeg guesses by content too, and among what it would guess are manifests, playlists, image sequences and
scripts: texts that name other files, which it would then open. A stranger's `x.mp4` could so show a private
clip. Formats that hold all of their pictures are named here by their first bytes; the rest is never opened.

Sources of the signatures: ISO/IEC 14496-12 (MP4, MOV), RFC 8794 (Matroska), RFC 3533 (Ogg), ISO/IEC 13818-1
(MPEG-TS, -PS), SMPTE ST 377-1 (MXF), and the `read_probe` functions of ffmpeg's demuxers for the others.
"""

from __future__ import annotations

import re
from pathlib import Path

from shared import UserError
from shared.media.ffmpeg import file_url

HEAD_BYTES = 1 << 17
TS_PACKETS_IN_STEP = 5
TS_PACKET_BYTES = (188, 192, 204)
MXF_HEADER = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02"

BOXES = b"ftyp|moov|mdat|free|skip|wide|pnot|styp|sidx|moof|uuid|junk"
SIGNATURES = (
    ("mov", re.compile(b"....(?:" + BOXES + b")", re.DOTALL)),
    ("matroska", re.compile(b"\x1a\x45\xdf\xa3")),
    ("avi", re.compile(b"(?:RIFF|ON2 )....(?:AVI[ X\x19]|ON2f)", re.DOTALL)),
    ("ogg", re.compile(b"OggS")),
    ("flv", re.compile(b"FLV\x01")),
    ("asf", re.compile(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")),
    ("gif", re.compile(b"GIF8[79]a")),
    ("apng", re.compile(b"\x89PNG\r\n\x1a\n.{25,512}?acTL", re.DOTALL)),
    ("rm", re.compile(rb"\.RMF")),
    ("dv", re.compile(b"\x1f\x07\x00")),
    ("yuv4mpegpipe", re.compile(b"YUV4MPEG2 ")),
    ("ivf", re.compile(b"DKIF\x00\x00")),
    ("nut", re.compile(b"nut/multimedia container\x00")),
    ("mpeg", re.compile(b"\x00\x00\x01\xba")),
    ("mpegvideo", re.compile(b"\x00\x00\x01\xb3")),
    ("m4v", re.compile(b"\x00\x00\x01[\xb0\xb5]")),
    ("hevc", re.compile(b"\x00{2,3}\x01[\x40\x42\x46]\x01")),
    ("h264", re.compile(b"\x00{2,3}\x01[\x09\x27\x47\x67]")),
    ("obu", re.compile(b"\x12\x00\x0a")),
    ("mjpeg", re.compile(b"\xff\xd8\xff.*\xff\xd9\xff\xd8\xff", re.DOTALL)),
)
"""(ffmpeg's name of the demuxer, how its files begin)."""

SELF_CONTAINED = (*(name for name, _ in SIGNATURES), "mpegts", "mxf")


def format_of(path: Path) -> str:
    """ffmpeg's name for the file's format, told by its content. Raises UserError for what is none of ours."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened: {error.strerror}.", "Check the permissions of the file."
        ) from None
    for name, signature in SIGNATURES:
        if signature.match(head):
            return name
    if MXF_HEADER in head:
        return "mxf"
    if _is_transport_stream(head):
        return "mpegts"
    raise UserError(
        f"{path} cannot be read as a video: its content is no video format that is opened here.",
        "Give a whole file such as MP4, MOV, MKV, WebM, AVI, MPEG or GIF; playlists and manifests are not"
        " followed.",
    )


def input_arguments(path: Path, name: str | None = None) -> list[str]:
    """What stands before and with `-i` so that ffmpeg reads this one file as what it is.

    name: the format, where it can only be one; None tells it by the content and raises UserError as
    `format_of` does.
    """
    name = name or format_of(path)
    guard = ["-protocol_whitelist", "file", "-format_whitelist", name, "-max_error_rate", "1"]
    return [*guard, "-f", name, "-i", file_url(path)]


def _is_transport_stream(head: bytes) -> bool:
    """A sync byte in several packets on end; the file may begin in the middle of one."""
    for length in TS_PACKET_BYTES:
        for first in range(min(length, len(head))):
            if head[first : first + length * TS_PACKETS_IN_STEP : length] == b"G" * TS_PACKETS_IN_STEP:
                return True
    return False
