"""The cluster's driver alone: python tests/benchmarks/cluster.py [--files 1000 10000 100000].

Its workers only pretend: every answer is there at once. One file in a hundred is a film of three segments,
with a journal on the disk. What is measured is what planning, handing out and the journal cost the driver.
Then, for a hundred machines of sixteen cores: films of two hours only, on 1600 workers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.machine import description, print_table

REPOSITORY = Path(__file__).parents[2]
FPS = 25
ARCHIVE = ("64", "100", "120")  # workers; one film in so many is long; its seconds
FILMS = ("1600", "1", "7200")

RUN = """
import sys
from pathlib import Path
from tests.benchmarks.cluster import pretend
pretend(Path(sys.argv[1]), *map(int, sys.argv[2:]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--films", type=int, nargs="*", default=[20, 100], help="of two hours each")
    parser.add_argument("--calls", type=int, default=6400, help="to a worker through Ray; 0 without Ray")
    arguments = parser.parse_args()
    print(description(), "\n")
    for counts, kind in ((arguments.files, ARCHIVE), (arguments.films, FILMS)):
        rows = []
        for files in counts:
            with tempfile.TemporaryDirectory() as name:
                for number in range(files):
                    (Path(name) / f"{number:06d}.mp4").write_bytes(b"x")
                rows.append([str(files), kind[0], *figures(Path(name), files, kind)])
        head = ["files", "workers", "CPU s", "ms a file", "ms a unit", "peak MB", "most films begun", "units"]
        print_table(head, rows)
        print(flush=True)
    if arguments.calls:
        print(f"Ray: {ray_call_ms(arguments.calls):.2f} ms of the driver's CPU for a call to a worker")


def ray_call_ms(calls: int, at_once: int = 64) -> float:
    """A question that is answered at once, asked of a worker of this machine through Ray."""
    import time

    from shared import NetworkChoice
    from video.cluster.nodes import RayPool
    from video.settings import ConvertSettings

    with closing(RayPool("local")) as pool:
        hand = pool.hire(pool.nodes()[0], 1, NetworkChoice(), ConvertSettings(), Path("none"))
        pool.answer(pool.ask(hand, "seen"))
        begun_s = time.process_time()
        for _ in range(0, calls, at_once):
            tickets = [pool.ask(hand, "seen") for _ in range(at_once)]
            while tickets:
                done = pool.ready(tickets, 0.2)
                for ticket in done:
                    pool.answer(ticket)
                tickets = [ticket for ticket in tickets if ticket not in done]
        return 1e3 * (time.process_time() - begun_s) / calls


def figures(folder: Path, files: int, kind: Sequence[str]) -> list[str]:
    command = [sys.executable, "-c", RUN, str(folder), *kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["done"] == files
    return [
        f"{found['cpu_s']:.1f}",
        f"{1e3 * found['cpu_s'] / files:.2f}",
        f"{1e3 * found['cpu_s'] / found['units']:.2f}",
        f"{found['peak_mb']:.0f}",
        str(found["begun"]),
        str(found["units"]),
    ]


class Pretender:
    """A pool whose tickets are the answers. begun: how many films were on their way at once, at most."""

    def __init__(self, workers: int, long_one_in: int, long_s: int) -> None:
        self._workers, self._long_one_in, self._long_frames = workers, long_one_in, long_s * FPS
        self.begun = self.units = self.done = 0
        self._long: set[Path] = set()

    def nodes(self) -> list[Any]:
        from video.cluster.nodes import Node

        return [Node("id", "node", self._workers)]

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
            return Piece(segment, (segment.stop or self._long_frames) - segment.start, 1)
        if not hasattr(task, "whole"):
            self.done += 1
            self._long.discard(task.output)
            return Joined(self._long_frames)
        if int(task.source.stem) % self._long_one_in == 0:
            self._long.add(task.output)
            self.begun = max(self.begun, len(self._long))
            return Extent(self._long_frames, Fraction(FPS))
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


def pretend(folder: Path, workers: int, long_one_in: int, long_s: int) -> None:
    """Runs the driver on a folder's files and prints what it took."""
    import resource
    import time

    from video.cluster import ClusterChoice, run_cluster
    from video.plan import BatchOptions
    from video.settings import ConvertSettings

    pool = Pretender(workers, long_one_in, long_s)
    options = BatchOptions([folder], output_dir=folder / "out", quiet=True)
    run_cluster(options, ConvertSettings(), ClusterChoice("none"), say=lambda _: None, connect=lambda _: pool)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"cpu_s": time.process_time(), "peak_mb": peak_mb, "begun": pool.begun}
    print(json.dumps({**found, "units": pool.units, "done": pool.done}))


if __name__ == "__main__":
    main()
