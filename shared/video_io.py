"""Video files in and out: the door to what the modules beside it do with ffmpeg."""

from shared.mux import Soundtrack
from shared.raw_depth import RawDepthWriter, read_raw_depth
from shared.video_info import VideoInfo, probe
from shared.video_reader import VideoReader
from shared.video_writer import VideoWriter

__all__ = [
    "RawDepthWriter",
    "Soundtrack",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "probe",
    "read_raw_depth",
]
