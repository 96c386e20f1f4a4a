"""Files of pictures and sound through ffmpeg, and raw depth on disk; nothing here knows a network."""

from shared.media.ffmpeg import FFMPEG_THREADS_VARIABLE, ffmpeg_version
from shared.media.gif import GifWriter
from shared.media.mux import Soundtrack, extract_video, join
from shared.media.photos import check_scans, decode_photo
from shared.media.pieces import (
    check_room,
    claim_partial,
    partial_of,
    piece_beside,
    pieces_of,
    put_in_place,
    write_whole,
)
from shared.media.probing import VideoInfo, check_is_file, probe
from shared.media.raw_depth import (
    SUFFIXES,
    RawDepthWriter,
    check_replaceable,
    raw_path,
    raw_pieces_of,
    read_raw_depth,
    remove,
)
from shared.media.raw_forms import CodeRange, encode_png
from shared.media.raw_recording import RawDepthRecording
from shared.media.reader import VideoReader
from shared.media.writer import PixelFormat, VideoWriter, playable_frames

__all__ = [
    "FFMPEG_THREADS_VARIABLE",
    "SUFFIXES",
    "CodeRange",
    "GifWriter",
    "PixelFormat",
    "RawDepthRecording",
    "RawDepthWriter",
    "Soundtrack",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "check_is_file",
    "check_replaceable",
    "check_room",
    "check_scans",
    "claim_partial",
    "decode_photo",
    "encode_png",
    "extract_video",
    "ffmpeg_version",
    "join",
    "partial_of",
    "piece_beside",
    "pieces_of",
    "playable_frames",
    "probe",
    "put_in_place",
    "raw_path",
    "raw_pieces_of",
    "read_raw_depth",
    "remove",
    "write_whole",
]
