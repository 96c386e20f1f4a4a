"""A film that is long enough to be cut into segments, and quick to convert: small pictures, few a second."""

from __future__ import annotations

from pathlib import Path

from tests.support.video_files import ffmpeg

RATE, SECONDS, CUT_S = 5, 110, 37
FRAMES, CUT = RATE * SECONDS, RATE * CUT_S
SEAM = CUT + (FRAMES - CUT) // 2
"""The take behind the cut is so long that it is cut once more."""


def make_film(path: Path) -> Path:
    """A pattern; then its negative, at changing brightness. With sound."""
    look = f"s=160x96:r={RATE}"
    parts = [
        f"testsrc2={look}:d={CUT_S},format=yuv420p[a]",
        f"testsrc2={look}:d={SECONDS - CUT_S},format=yuv420p,negate,eq=brightness='0.2*sin(t)':eval=frame[b]",
        "[a][b]concat=n=2[v]",
        f"sine=frequency=300:duration={SECONDS}[s]",
    ]
    ffmpeg(
        *("-v", "error", "-filter_complex", ";".join(parts), "-map", "[v]", "-map", "[s]"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", path),
    )
    return path
