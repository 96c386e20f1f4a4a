"""Peak memory of a short and a long conversion: python tests/benchmarks/memory.py [--frames 200 2000].

Each is a process of its own, with the bundled network; the ffmpeg children are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.machine import description, print_table

REPOSITORY = Path(__file__).parents[2]

RUN = """
import json, resource, sys
from video.__main__ import main
code = main([sys.argv[1], "-o", sys.argv[2], "--overwrite", "--quiet", "--weights", "bundled"])
unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print(json.dumps([code, own]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="*", default=[200, 2000])
    arguments = parser.parse_args()
    print(description(), "\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for frames in arguments.frames:
            code, own_mb = peak(Path(folder), frames)
            assert code == 0
            rows.append([str(frames), f"{own_mb:.0f}"])
    print_table(["frames of 640x360", "peak MB"], rows)


def peak(folder: Path, frames: int) -> tuple[int, float]:
    clip = folder / f"{frames}.mp4"
    source = f"testsrc2=size=640x360:rate=25:duration={frames / 25}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "ultrafast", str(clip)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(clip), str(folder / "x.mp4")],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    code, own_mb = json.loads(done.stdout.splitlines()[-1])
    return code, own_mb


if __name__ == "__main__":
    main()
