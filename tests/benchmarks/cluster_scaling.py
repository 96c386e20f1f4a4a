"""One worker on one core against two on two: python tests/benchmarks/cluster_scaling.py FILM [--seconds S].

Wants a machine with two idle cores; ends after about six minutes with a film of ten. Ray's own processes and
ffmpeg share the cores. A third run lets one worker have both cores, which its ffmpeg and its threads use.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.machine import description, print_table
from tests.benchmarks.timed_worker import timed_command, units_file
from tests.support.ray_cluster import ENVIRONMENT, REPOSITORY
from tests.support.video_files import facts

RUNS = (("two workers, two cores", 2, 2), ("one worker, one core", 1, 1), ("one worker, two cores", 1, 2))
ENOUGH_S = 250  # after so long, the last run is left away

Units = list[dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--seconds", type=float, default=600, help="of the film (default %(default)s)")
    options = parser.parse_args()
    print(description(), "\n", flush=True)
    begun_s, rows, baseline = time.time(), [], (0.0, 0.0)
    for name, workers, cores in RUNS:
        if time.time() - begun_s > ENOUGH_S:
            break
        whole_s, frames, units = converted(options.film, options.seconds, workers, cores)
        work_s = ended_s(units) - began_s(units)
        baseline = baseline if rows else (whole_s, work_s)
        ratios = [f"{whole_s / baseline[0]:.2f}", f"{work_s / baseline[1]:.2f}"]
        rows.append([name, f"{whole_s:.1f}", f"{work_s:.1f}", f"{frames / work_s:.1f}", *ratios])
        print(f"{name}:\n", flush=True)
        print_overhead(units)
    head = ["", "command, s", "units, s", "frames/s", "command, of two's", "units, of two's"]
    print_table(head, rows)
    return 0


def converted(film: Path, seconds: float, workers: int, cores: int) -> tuple[float, int, Units]:
    """(seconds of the whole command, frames, units)."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out"
        command = timed_command(film, "--output-dir", out, "--duration", str(seconds), "--quiet")
        command += ["--cluster", "local", "--jobs", str(workers)]
        command = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores])), *command]
        begun_s = time.time()
        subprocess.run(command, check=True, cwd=REPOSITORY, env=ENVIRONMENT)
        whole_s = time.time() - begun_s
        units = [json.loads(line) for line in units_file(out).read_text("utf-8").splitlines()]
        (output,) = out.iterdir()
        return whole_s, facts(output).frames, [unit for unit in units if unit["kind"] != "Hello"]


def began_s(units: Units) -> float:
    return min(float(unit["begun_s"]) for unit in units)


def ended_s(units: Units) -> float:
    return max(float(unit["ended_s"]) for unit in units)


def print_overhead(units: Units) -> None:
    """What workers spent their time on, from the first unit's begin to the last one's end."""
    workers = {unit["worker"] for unit in units}
    all_s = len(workers) * (ended_s(units) - began_s(units))
    parts: dict[str, list[float]] = {
        "looking at the film": spent_s(units, "Look"),
        "looking for a cut": spent_s(units, "FindCut"),
    }
    pieces = [unit for unit in units if unit["result"] == "Piece"]
    for name, of_kind in {
        "start and seek, at a cut": [it for it in pieces if not it["in_take"]],
        "start and seek, from the state": [it for it in pieces if it["from_state"]],
        "start, seek and run-in": [it for it in pieces if it["in_take"] and not it["from_state"]],
    }.items():
        parts[name] = [unit["first_s"] - unit["begun_s"] for unit in of_kind]
    parts["converting"] = [unit["last_s"] - unit["first_s"] for unit in pieces]
    parts["closing and counting a piece"] = [unit["ended_s"] - unit["last_s"] for unit in pieces]
    parts["joining"] = spent_s(units, "Join")
    rows = [
        [name, str(len(each_s)), f"{statistics.median(each_s):.2f}", f"{sum(each_s) / all_s:.1%}"]
        for name, each_s in parts.items()
        if each_s
    ]
    busy_s = sum(unit["ended_s"] - unit["begun_s"] for unit in units)
    rows.append(["idle", "", "", f"{1 - busy_s / all_s:.1%}"])
    print_table(["workers'", "times", "s, median", "of their time"], rows)
    print(flush=True)


def spent_s(units: Units, kind: str) -> list[float]:
    return [unit["ended_s"] - unit["begun_s"] for unit in units if unit["kind"] == kind]


if __name__ == "__main__":
    sys.exit(main())
