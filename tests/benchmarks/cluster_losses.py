"""What is done again when something is killed: python tests/benchmarks/cluster_losses.py.

A film of 110 s in three segments on three nodes of one core, with a network that only averages. Something is
killed once every node is at work; what is counted are units that were begun more than once.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.machine import description, print_table
from tests.support.films import FRAMES, make_film
from tests.support.networks import save_onnx
from tests.support.ray_cluster import ENVIRONMENT, REPOSITORY, RayCluster
from tests.support.video_files import facts

NODES = 3


def main() -> int:
    print(description(), "\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film, network = make_film(folder / "film.mp4"), save_onnx(folder / "mean.onnx")
        losses: dict[str, Callable[[RayCluster, subprocess.Popen[str]], None]] = {
            "nothing": lambda ray, process: None,
            "a node": lambda ray, process: ray.kill_a_node(),
            "a worker (SIGKILL)": lambda ray, process: os.kill(ray.worker_pids()[0], signal.SIGKILL),
            "the driver (SIGKILL), resumed": lambda ray, process: process.kill(),
        }
        rows = [[loss, *told(film, network, folder / loss, kill)] for loss, kill in losses.items()]
    print_table(["killed", "units", "begun twice", "of these segments", "frames", "left over"], rows)
    return 0


def told(film: Path, network: Path, out: Path, kill: Callable[..., None]) -> list[str]:
    command = [sys.executable, "-m", "video.__main__", str(film), "--output-dir", str(out), "--verbose"]
    command += ["--weights", str(network), "--size", "64"]
    with closing(RayCluster()) as ray:
        command += ["--cluster", ray.address]
        process = started(command, out.with_suffix(".txt"))
        wait_for(lambda: len(list(out.glob(".*.pieces/.*.part.mp4"))) == NODES, process)
        kill(ray, process)
        if process.wait():
            process = started([*command, "--resume"], out.with_suffix(".txt"))
            assert process.wait() == 0
    said = out.with_suffix(".txt").read_text("utf-8")
    begun = Counter(re.findall(r"film\.mp4: ([^:]*) on node", said))
    again = {what: times - 1 for what, times in begun.items() if times > 1}
    segments = sum(times for what, times in again.items() if what.startswith("frames"))
    (output,) = [path for path in out.iterdir() if not path.name.startswith(".")]
    assert facts(output).frames == FRAMES
    left = len(list(out.iterdir())) - 1
    return [str(it) for it in (len(begun), sum(again.values()), segments, FRAMES, left)]


def started(command: list[str], log: Path) -> subprocess.Popen[str]:
    with log.open("a", encoding="utf-8") as file:
        return subprocess.Popen(command, cwd=REPOSITORY, env=ENVIRONMENT, stdout=file, stderr=file, text=True)


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not there() and process.poll() is None:
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
