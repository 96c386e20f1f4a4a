"""The cluster's driver alone: python tests/benchmarks/cluster.py [--files 1000 10000 100000].

Its workers only pretend: every answer is there at once. One file in a hundred is a film of three segments,
with a journal on the disk. What is measured is what planning, handing out and the journal cost the driver.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.machine import description, print_table

REPOSITORY = Path(__file__).parents[2]
WORKERS = 64
LONG_ONE_IN = 100

RUN = """
import sys
from pathlib import Path
from tests.benchmarks.cluster import pretend
pretend(Path(sys.argv[1]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    arguments = parser.parse_args()
    print(description(), "\n")
    rows = []
    for files in arguments.files:
        with tempfile.TemporaryDirectory() as name:
            for number in range(files):
                (Path(name) / f"{number:06d}.mp4").write_bytes(b"x")
            rows.append([str(files), *figures(Path(name), files)])
    head = ["files", "CPU s", "ms a file", "peak MB", "most films begun", "units"]
    print_table(head, rows)


def figures(folder: Path, files: int) -> list[str]:
    command = [sys.executable, "-c", RUN, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["done"] == files
    each_ms = 1e3 * found["cpu_s"] / files
    return [
        f"{found['cpu_s']:.1f}",
        f"{each_ms:.2f}",
        f"{found['peak_mb']:.0f}",
        str(found["begun"]),
        str(found["units"]),
    ]


class Pretender:
    """A pool whose tickets are the answers. begun: how many films were on their way at once, at most."""

    def __init__(self) -> None:
        self.begun = self.units = self.done = 0
        self._long: set[Path] = set()

    def nodes(self) -> list[Any]:
        from video.cluster.nodes import Node

        return [Node("id", "node", WORKERS)]

    def hire(self, *_: Any) -> object:
        return object()

    def ask(self, hand: object, method: str, *arguments: Any) -> Any:
        from video.cluster.worker import Hello

        if method == "hello":
            return Answer(Hello({"weights": "none"}, {}))
        return Answer(self._answer(arguments[0]) if method == "run" else (0, None))

    def _answer(self, task: Any) -> object:
        from video.cluster.cutting import Scan
        from video.cluster.segment import Piece
        from video.cluster.tasks import ConvertSegment, Extent, FindCut, Joined
        from video.settings import ConvertResult

        self.units += 1
        if isinstance(task, FindCut):
            return Scan(task.window, task.window.first + 5, 6)
        if isinstance(task, ConvertSegment):
            segment = task.segment
            return Piece(segment, 500 if segment.stop is None else segment.stop - segment.start, 1)
        if not hasattr(task, "whole"):
            self.done += 1
            self._long.discard(task.output)
            return Joined(3000)
        if int(task.source.stem) % LONG_ONE_IN == 0:
            self._long.add(task.output)
            self.begun = max(self.begun, len(self._long))
            return Extent(3000, Fraction(25), 3)
        self.done += 1
        return ConvertResult(task.output, 250)

    def ready(self, tickets: Sequence[Any], timeout_s: float) -> list[Any]:
        return list(tickets)

    def answer(self, ticket: Answer) -> object:
        return ticket.value

    def fire(self, hand: object) -> None:
        pass

    def close(self) -> None:
        pass


class Answer:
    def __init__(self, value: object) -> None:
        self.value = value


def pretend(folder: Path) -> None:
    """Runs the driver on a folder's files and prints what it took."""
    import resource
    import time

    from video.cluster import ClusterChoice, run_cluster
    from video.plan import BatchOptions
    from video.settings import ConvertSettings

    pool = Pretender()
    options = BatchOptions([folder], output_dir=folder / "out", quiet=True)
    run_cluster(options, ConvertSettings(), ClusterChoice("none"), say=lambda _: None, connect=lambda _: pool)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"cpu_s": time.process_time(), "peak_mb": peak_mb, "begun": pool.begun}
    print(json.dumps({**found, "units": pool.units, "done": pool.done}))


if __name__ == "__main__":
    main()
