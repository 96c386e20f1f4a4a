"""How smoothly the live window draws: python tests/benchmarks/live.py CLIP [depth-live's arguments].

Serves CLIP as 1280x720 MJPEG at 30 fps over HTTP on loopback, from a process of its own and encoded
beforehand, shows it in depth-live on a virtual display, and prints what its --stats says. `--fake slow` puts
an engine of 400 ms in the network's place.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared.media.ffmpeg import ffmpeg_exe
from tests.support.live_session import Server, virtual_display

SECONDS = 20


def encode(clip: Path, folder: Path) -> Path:
    path = folder / "clip.mjpeg"
    options = ["-vf", "scale=1280:720", "-r", "30", "-q:v", "4", "-f", "mjpeg"]
    command = [
        ffmpeg_exe(),
        "-v",
        "error",
        "-stream_loop",
        "-1",
        "-i",
        str(clip),
        "-t",
        "10",
        *options,
        str(path),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@contextmanager
def serving(clip: Path) -> Iterator[str]:
    server = Server(clip).start()
    try:
        yield server.url
    finally:
        server.kill()


def measure(url: str, display: str, arguments: list[str], fake: str | None, seconds: int) -> dict[str, float]:
    """One run; its figures under the names of the table's columns."""
    with tempfile.TemporaryDirectory() as folder:
        stats = Path(folder) / "stats.json"
        program = ["live"] if fake is None else ["tests.support.live_driver", fake]
        ends = ["--duration", str(seconds), "--stats", str(stats), "--verbose"]
        done = subprocess.run(
            [sys.executable, "-m", *program, url, *arguments, *ends],
            cwd=folder,
            env={**os.environ, "DISPLAY": display, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        figures = json.loads(stats.read_text())
    frame_age = re.search(r"this old: \{'p50': ([\d.]+), 'p95': ([\d.]+)", done.stderr)
    assert frame_age is not None
    return {
        "drawn/s": figures["shown"] / figures["seconds"],
        "inferred/s": figures["inferred"] / figures["seconds"],
        "interval p50 ms": figures["draw_interval_ms"]["p50"],
        "interval p95 ms": figures["draw_interval_ms"]["p95"],
        "frame age p95 ms": float(frame_age[2]),
        "depth age p50 ms": figures["depth_age_ms"]["p50"] or float("nan"),
        "depth age p95 ms": figures["depth_age_ms"]["p95"] or float("nan"),
        "inference p50 ms": figures["inference_ms"]["p50"] or float("nan"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--fake", choices=("bright", "slow"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options, arguments = parser.parse_known_args()
    arguments = [it for it in arguments if it != "--"]  # which argparse leaves, and depth-live would obey
    if shutil.which("Xvfb") is None:
        parser.error("Xvfb is not installed")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(encode(options.clip, Path(folder))) as url,
        virtual_display() as display,
    ):
        rounds = [
            measure(url, display, arguments, options.fake, options.seconds) for _ in range(options.rounds)
        ]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {arguments}")
    print("| | median | rounds |\n|---|---|---|")
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        print(f"| {name} | {statistics.median(values):.1f} | {', '.join(f'{v:.1f}' for v in values)} |")


if __name__ == "__main__":
    main()
