"""Only self-contained video files are opened, as what their content is; nothing that names other files."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import UserError
from shared.media import VideoReader, probe
from shared.media.ffmpeg import ffmpeg_exe
from shared.media.formats import SELF_CONTAINED, format_of

MakeClip = Callable[..., Path]

# Whole-file formats that this ffmpeg can write, with what to call it with.
WRITTEN = {
    "clip.mp4": ("mov", ()),
    "clip.mov": ("mov", ()),
    "fragments.mp4": ("mov", ("-movflags", "frag_keyframe+empty_moov")),
    "clip.3gp": ("mov", ("-c:v", "mpeg4")),
    "clip.mkv": ("matroska", ()),
    "clip.webm": ("matroska", ("-c:v", "libvpx", "-deadline", "realtime")),
    "clip.avi": ("avi", ("-c:v", "mpeg4")),
    "clip.ogv": ("ogg", ("-c:v", "libtheora")),
    "clip.flv": ("flv", ("-c:v", "flv")),
    "clip.wmv": ("asf", ("-c:v", "wmv2")),
    "clip.gif": ("gif", ()),
    "clip.apng": ("apng", ()),
    "clip.y4m": ("yuv4mpegpipe", ()),
    "clip.ivf": ("ivf", ("-c:v", "libvpx", "-deadline", "realtime")),
    "clip.nut": ("nut", ()),
    "clip.mpg": ("mpeg", ("-c:v", "mpeg2video")),
    "clip.m2v": ("mpegvideo", ("-c:v", "mpeg2video")),
    "clip.m4v": ("m4v", ("-c:v", "mpeg4", "-f", "m4v")),
    "clip.h264": ("h264", ()),
    "clip.hevc": ("hevc", ("-c:v", "libx265", "-x265-params", "log-level=none")),
    "clip.ts": ("mpegts", ()),
    "clip.m2ts": ("mpegts", ("-f", "mpegts", "-mpegts_m2ts_mode", "1")),
    "clip.mxf": ("mxf", ("-c:v", "mpeg2video")),
    "clip.mjpeg": ("mjpeg", ("-c:v", "mjpeg")),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_whole_files_are_told_by_their_content_whatever_they_are_called(
    make_clip: MakeClip, tmp_path: Path, name: str
) -> None:
    format_name, options = WRITTEN[name]
    clip = make_clip(name, "-pix_fmt", "yuv420p", *options, video="testsrc2=size=96x64:rate=25:duration=1")
    renamed = tmp_path / "clip.xyz"
    renamed.write_bytes(clip.read_bytes())
    assert format_of(renamed) == format_name
    assert (probe(renamed).width_px, probe(renamed).height_px) == (96, 64)
    with VideoReader(renamed) as reader:
        assert sum(1 for _ in reader) >= 20


def manifests(private: Path) -> dict[str, bytes]:
    """Texts and files that name another file, for every demuxer of ffmpeg's that follows them."""
    url = f"file://{private}"
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet contentType="video"><Representation id="1" mimeType="video/mp4" codecs="avc1.64001e"'
        f' bandwidth="1000" width="96" height="64"><BaseURL>{url}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    )
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n"
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    return {
        "dash": dash.encode(),
        "dash after a mark": b"\xef\xbb\xbf" + dash.encode(),
        "hls": hls.encode(),
        "hls in a transport stream's name": b"\n" + hls.encode(),
        "ffconcat": f"ffconcat version 1.0\nfile '{private}'\n".encode(),
        "sdp": (sdp + "a=rtpmap:96 H264/90000\n").encode(),
        "imf": f'<?xml version="1.0"?><CompositionPlaylist xmlns="x"><Id>{url}</Id>'.encode(),
        "smil": f'<smil><body><video src="{url}"/></body></smil>'.encode(),
        "asx": f'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>'.encode(),
        "avisynth": f'FFVideoSource("{private}")\n'.encode(),
        "vapoursynth": f"import vapoursynth as vs\n# {private}\n".encode(),
        "ffmetadata": b";FFMETADATA1\ntitle=x\n",
        "rtsp redirect": f"RTSP/1.0 302 Moved\r\nLocation: {url}\r\n\r\n".encode(),
        "reftext": f"[Reference]\nRef1={url}\n".encode(),
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode(),
        "eps": f"%!PS-Adobe-3.0 EPSF-3.0\n({private}) run\n".encode(),
        "lavfi": b"movie=" + str(private).encode(),
        "subtitles": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
        "image list": b"\x89PNG\r\n\x1a\n" + bytes(64),
        "one photo": b"\xff\xd8\xff\xe0" + bytes(64) + b"\xff\xd9",
        "tiff": b"II*\x00" + b"\xff" * 64,
        "zeros": bytes(4096),
        "text": b"this is no video\n" * 50,
    }


NAMES = list(manifests(Path("private.mp4")))


@pytest.mark.parametrize("suffix", ["mp4", "ts", "mpd", "avs"])
@pytest.mark.parametrize("kind", NAMES)
def test_what_names_other_files_is_never_opened(
    make_clip: MakeClip, tmp_path: Path, kind: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = make_clip("private.mp4", "-pix_fmt", "yuv420p", video="testsrc2=size=96x64:rate=25:duration=1")
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(manifests(private)[kind])

    def no_ffmpeg(*_: object, **__: object) -> None:
        raise AssertionError("ffmpeg was started")

    monkeypatch.setattr(subprocess, "run", no_ffmpeg)
    monkeypatch.setattr(subprocess, "Popen", no_ffmpeg)
    with pytest.raises(UserError, match=re.escape(str(path))) as caught:
        probe(path)
    assert caught.value.exit_code == 2


def test_every_format_that_is_opened_is_one_that_ffmpeg_knows_and_none_follows_names() -> None:
    listing = subprocess.run(
        [ffmpeg_exe(), "-hide_banner", "-demuxers"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in listing.splitlines() if line.startswith(" D")]
    known = {name for row in rows for name in row[1].split(",")}
    assert set(SELF_CONTAINED) <= known
    followers = {"dash", "hls", "concat", "sdp", "imf", "image2", "rtsp", "avisynth", "vapoursynth", "lavfi"}
    assert not followers.intersection(SELF_CONTAINED)


def test_a_movie_whose_pictures_lie_in_another_file_shows_none(make_clip: MakeClip, tmp_path: Path) -> None:
    """QuickTime data references (ISO/IEC 14496-12, 8.7.2): an `alis` or `url ` entry may name a file."""
    clip = make_clip("reference.mov", "-pix_fmt", "yuv420p", video="testsrc2=size=96x64:rate=25:duration=1")
    content = bytearray(clip.read_bytes())
    at = content.index(b"url \x00\x00\x00\x01")
    content[at + 4 : at + 8] = b"\x00\x00\x00\x00"  # no longer: the media is in this file
    data_at, data_end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[data_at:data_end] = bytes(data_end - data_at)
    path = tmp_path / "x.mov"
    path.write_bytes(content)
    with pytest.raises(UserError, match="No picture"):
        probe(path)


def test_matroska_shows_only_its_own_pictures(make_clip: MakeClip, tmp_path: Path) -> None:
    """And none of a file that is attached to it."""
    private = make_clip("chain.mkv", "-pix_fmt", "yuv420p", video="testsrc2=size=96x64:rate=25:duration=3")
    clip = make_clip("own.mkv", "-pix_fmt", "yuv420p", video="color=red:size=96x64:rate=25:duration=1")
    attached = tmp_path / "attached.mkv"
    attach = ["-attach", str(private), "-metadata:s:t", "mimetype=video/x-matroska", "-c", "copy"]
    command = [ffmpeg_exe(), "-v", "error", "-i", str(clip), *attach, str(attached)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    with VideoReader(attached) as reader:
        pictures = [frame_bgr for frame_bgr, _ in reader]
    assert len(pictures) == 25
    assert all(abs(int(picture[32, 48, 2]) - 254) < 4 for picture in pictures)


def test_a_playlist_inside_a_transport_stream_is_only_bytes(make_clip: MakeClip, tmp_path: Path) -> None:
    private = make_clip("inner.ts", "-pix_fmt", "yuv420p")
    playlist = f"#EXTM3U\n#EXTINF:2,\n{private.as_uri()}\n#EXT-X-ENDLIST\n".encode()
    packets = b"".join(b"G\x40\x11\x10" + playlist[:184].ljust(184, b"\n") for _ in range(50))
    path = tmp_path / "x.ts"
    path.write_bytes(packets)
    assert format_of(path) == "mpegts"
    with pytest.raises(UserError, match=r"x\.ts"):
        probe(path)
