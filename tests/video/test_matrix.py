"""Any video in: one reader contract, one suite over every awkward file that the bundled ffmpeg can make.

Each row is converted side by side by the library, and the output is judged by ffmpeg's own account of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from shared import Encoding, Look
from shared.media import probe
from tests.conftest import BrightnessPredictor
from tests.support.video_files import (
    QUARTERS_RGB,
    FileFacts,
    facts,
    ffmpeg,
    pictures_rgb,
    quarter_colors,
    quarters,
    to_yuv,
)
from video.convert import ConvertResult, ConvertSettings, convert

NTSC = Fraction(30000, 1001)
UPRIGHT = {name: name for name in QUARTERS_RGB}
AAC = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
X264 = ("-c:v", "libx264", "-crf", "10")


def encoded(path: Path, source: str, *options: str, inputs: tuple[str, ...] = ()) -> Path:
    ffmpeg("-v", "error", "-f", "lavfi", "-i", source, *inputs, *options, path)
    return path


def plain(path: Path, *options: str, pixel_format: str = "yuv420p", **source: object) -> Path:
    """The quarters as H.264 (or what the options say) by BT.709."""
    coding = options or X264
    return encoded(path, quarters(**source), "-vf", to_yuv(pixel_format), *coding)  # type: ignore[arg-type]


def turned(path: Path, *matrix: str) -> Path:
    upright = plain(path.with_name(f"upright-{path.name}"))
    ffmpeg("-v", "error", *matrix, "-i", upright, "-c", "copy", path)
    return path


def variable(path: Path, *options: str) -> Path:
    """Ten seconds of 30 fps from which frames are missing in no regular way; white from 8 s on."""
    dropped = "select='not(eq(mod(n,7),3)+eq(mod(n,11),5)+between(n,100,130))'"
    return encoded(
        path,
        quarters(rate="30", duration_s=10, flash_s=8),
        *("-vf", f"{to_yuv()},{dropped}", "-fps_mode", "vfr", *X264, *options),
    )


def with_alpha(path: Path, *options: str) -> Path:
    """The right half is transparent, so it must come out black."""
    return encoded(
        path, f"{quarters()},format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*lt(X,160)'", *options
    )


def changing_size(path: Path) -> Path:
    listing = path.with_name("sizes.txt")
    for second, (width_px, height_px) in enumerate([(320, 180), (640, 360)]):
        plain(path.with_name(f"size{second}.ts"), width_px=width_px, height_px=height_px, duration_s=1)
    listing.write_text("file size0.ts\nfile size1.ts\n", "utf-8")
    ffmpeg("-v", "error", "-f", "concat", "-i", listing, "-c", "copy", path)
    return path


def hdr(path: Path, transfer: str) -> Path:
    """The quarters graded to HDR with their white at 203 cd/m2."""
    graded = (
        "scale=out_color_matrix=bt709:out_range=limited,format=yuv444p,"
        f"zscale=min=709:pin=709:tin=709:rin=limited:p=2020:t={transfer}:m=2020_ncl:r=limited:npl=203,"
        "format=yuv420p10le"
    )
    tags = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    return encoded(
        path,
        quarters(),
        *("-vf", graded, "-c:v", "libx265", "-crf", "10", "-x265-params", tags, "-color_primaries", "bt2020"),
        *("-color_trc", transfer, "-colorspace", "bt2020nc"),
    )


def delayed(path: Path, *, audio_s: float = 0.0, picture_s: float = 0.0) -> Path:
    audio = path.with_name(f"audio-{path.stem}.m4a")
    ffmpeg("-v", "error", *AAC, audio)
    silent = plain(path.with_name(f"silent-{path.name}"))
    ffmpeg(
        *("-v", "error", "-itsoffset", str(picture_s), "-i", silent, "-itsoffset", str(audio_s), "-i", audio),
        *("-map", "0:v", "-map", "1:a", "-c", "copy", path),
    )
    return path


@dataclass(frozen=True)
class Row:
    """How a file is made, and what must come out of it. size_px: of one picture, as displayed."""

    name: str
    make: Callable[[Path], Path]
    frames: int | None = 50
    rate: Fraction = Fraction(25)
    size_px: tuple[int, int] = (320, 180)
    duration_s: float = 2.0
    audio_tracks: int = 0
    where: dict[str, str] = field(default_factory=lambda: UPRIGHT)
    tolerance: float = 3.0


ROTATED_270 = {
    "top left": "top right",
    "top right": "bottom right",
    "bottom right": "bottom left",
    "bottom left": "top left",
}
ROTATED_90 = {
    "top left": "bottom left",
    "bottom left": "bottom right",
    "bottom right": "top right",
    "top right": "top left",
}
ROTATED_180 = {
    "top left": "bottom right",
    "bottom right": "top left",
    "top right": "bottom left",
    "bottom left": "top right",
}
MIRRORED = {
    "top left": "top right",
    "top right": "top left",
    "bottom left": "bottom right",
    "bottom right": "bottom left",
}

ROWS = [
    Row("upright.mp4", plain),
    Row(
        "rotated-90.mp4", lambda p: turned(p, "-display_rotation", "90"), size_px=(180, 320), where=ROTATED_90
    ),
    Row("rotated-180.mp4", lambda p: turned(p, "-display_rotation", "180"), where=ROTATED_180),
    Row(
        "rotated-270.mov",
        lambda p: turned(p, "-display_rotation", "270"),
        size_px=(180, 320),
        where=ROTATED_270,
    ),
    Row("mirrored.mp4", lambda p: turned(p, "-display_hflip"), where=MIRRORED),
    Row(
        "odd.mkv",
        lambda p: plain(p, "-c:v", "ffv1", pixel_format="yuv444p", width_px=321, height_px=181),
        size_px=(321, 181),
    ),
    Row(
        "aspect.mp4",
        lambda p: encoded(p, quarters(720, 576), "-vf", f"{to_yuv()},setsar=16/15", *X264),
        size_px=(768, 576),
    ),
    Row("variable.mp4", variable, frames=300, rate=Fraction(30), duration_s=10),
    Row("variable.mkv", variable, frames=300, rate=Fraction(30), duration_s=10),
    Row("23.976.mp4", lambda p: plain(p, rate="24000/1001"), frames=48, rate=Fraction(24000, 1001)),
    Row("29.97.mp4", lambda p: plain(p, rate="30000/1001"), frames=60, rate=NTSC),
    Row("29.97.mkv", lambda p: plain(p, rate="30000/1001"), frames=60, rate=NTSC),
    Row("59.94.ts", lambda p: plain(p, rate="60000/1001"), frames=120, rate=Fraction(60000, 1001)),
    Row("29.83.mp4", lambda p: plain(p, rate="179/6"), frames=60, rate=Fraction(179, 6)),
    Row(
        "hevc10.mp4",
        lambda p: plain(
            p, "-c:v", "libx265", "-crf", "10", "-x265-params", "log-level=none", pixel_format="yuv420p10le"
        ),
    ),
    Row(
        "vp9.webm",
        lambda p: plain(
            p, "-c:v", "libvpx-vp9", "-crf", "10", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "8"
        ),
    ),
    Row("av1.mkv", lambda p: plain(p, "-c:v", "libsvtav1", "-crf", "15", "-preset", "10")),
    Row("prores.mov", lambda p: plain(p, "-c:v", "prores_ks", pixel_format="yuv422p10le")),
    Row("full-range.mp4", lambda p: encoded(p, quarters(), "-vf", to_yuv(is_full=True), *X264)),
    Row("bt601.mp4", lambda p: encoded(p, quarters(), "-vf", to_yuv(matrix="bt601"), *X264)),
    Row(
        "untagged-sd.avi",
        lambda p: encoded(
            p,
            quarters(),
            "-vf",
            f"{to_yuv(matrix='bt601')},setparams=colorspace=unknown:range=unknown",
            *X264,
        ),
    ),
    Row(
        "untagged-hd.mp4",
        lambda p: encoded(
            p,
            quarters(1280, 720, duration_s=0.4),
            "-vf",
            f"{to_yuv()},setparams=colorspace=unknown:range=unknown",
            *X264,
        ),
        frames=10,
        size_px=(1280, 720),
        duration_s=0.4,
    ),
    Row("hdr-pq.mp4", lambda p: hdr(p, "smpte2084"), tolerance=12),
    Row("hdr-hlg.mp4", lambda p: hdr(p, "arib-std-b67"), tolerance=24),
    Row(
        "interlaced.ts",
        lambda p: encoded(
            p, quarters(rate="50"), "-vf", f"{to_yuv()},interlace", "-flags", "+ilme+ildct", *X264
        ),
    ),
    Row(
        "interlaced.mpg",
        lambda p: encoded(
            p,
            quarters(rate="50"),
            "-vf",
            f"{to_yuv(matrix='bt601')},interlace",
            "-flags",
            "+ilme+ildct",
            "-c:v",
            "mpeg2video",
            "-q:v",
            "2",
        ),
    ),
    Row(
        "alpha.mov",
        lambda p: with_alpha(p, "-c:v", "qtrle"),
        where={k: k for k in ("top left", "bottom left")},
    ),
    Row(
        "alpha.webm",
        lambda p: with_alpha(
            p,
            "-vf",
            to_yuv("yuva420p"),
            "-c:v",
            "libvpx-vp9",
            "-crf",
            "10",
            "-b:v",
            "0",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
        ),
        where={k: k for k in ("top left", "bottom left")},
    ),
    Row("moving.gif", lambda p: encoded(p, quarters()), tolerance=5),
    Row(
        "mjpeg.avi",
        lambda p: encoded(
            p,
            quarters(),
            "-vf",
            to_yuv("yuvj420p", matrix="bt601", is_full=True),
            "-c:v",
            "mjpeg",
            "-q:v",
            "2",
            "-c:a",
            "pcm_s16le",
            inputs=AAC,
        ),
        audio_tracks=1,
    ),
    Row("changing-size.ts", changing_size),
    Row(
        "three-tracks.mkv",
        lambda p: encoded(
            p,
            quarters(),
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-map",
            "1:a",
            "-map",
            "1:a",
            "-vf",
            to_yuv(),
            *X264,
            "-c:a:0",
            "aac",
            "-c:a:1",
            "libmp3lame",
            "-c:a:2",
            "libopus",
            inputs=AAC,
        ),
        audio_tracks=3,
    ),
    Row("audio-late.mp4", lambda p: delayed(p, audio_s=0.5), audio_tracks=1, duration_s=2.5),
    Row("picture-late.mp4", lambda p: delayed(p, picture_s=0.6), audio_tracks=1, duration_s=2.6),
]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Row], tuple[Path, Path, ConvertResult]]:
    folder = tmp_path_factory.mktemp("matrix")

    def make(row: Row) -> tuple[Path, Path, ConvertResult]:
        source = row.make(folder / row.name)
        output = folder / f"{row.name}-depth.mp4"
        settings = ConvertSettings(Look("side-by-side"), encoding=Encoding(10))
        return source, output, convert(source, output, settings, predictor=BrightnessPredictor(64))

    return make


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_any_video_comes_out_right(
    row: Row, converted: Callable[..., tuple[Path, Path, ConvertResult]]
) -> None:
    source, output, result = converted(row)
    width_px, height_px = row.size_px
    found = facts(output)
    assert (found.width_px, found.height_px) == (2 * width_px, height_px + height_px % 2)
    assert (found.frames, found.frame_rate) == (row.frames, row.rate)
    assert found.frames == result.frames
    assert abs(found.duration_s - row.duration_s) <= 1 / row.rate + 0.01
    assert "yuv420p(tv, bt709, progressive)" in found.dump
    check_audio(row, source, found)
    check_colors(row, pictures_rgb(output)[found.frames // 4, :, :width_px])
    assert result.warnings == []


def check_audio(row: Row, source: Path, found: FileFacts) -> None:
    assert len(found.audio_hashes) == row.audio_tracks
    if row.audio_tracks and probe(source).audio_codecs[0] == "aac":
        assert found.audio_hashes == facts_of_audio(source, row.audio_tracks)


def facts_of_audio(path: Path, tracks: int) -> tuple[str, ...]:
    from tests.support.video_files import audio_hash

    return tuple(audio_hash(path, track) for track in range(tracks))


def check_colors(row: Row, picture_rgb: np.ndarray) -> None:
    colors = quarter_colors(picture_rgb)
    for source_quarter, shown_quarter in row.where.items():
        difference = np.abs(colors[shown_quarter] - QUARTERS_RGB[source_quarter]).max()
        assert difference <= row.tolerance, f"{source_quarter}: {colors[shown_quarter]}"
    for name in set(QUARTERS_RGB) - set(row.where.values()):
        assert colors[name].max() <= 3, f"{name} should be black, is {colors[name]}"
