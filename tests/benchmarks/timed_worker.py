"""Workers that write down when they did what: beside the outputs' folder, a line of JSON for each unit.

timed_command() is depth-video with such workers, and else as it is.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from video.cluster.worker import Worker

REPOSITORY = Path(__file__).parents[2]
RUN = """
import sys
import video.cluster.nodes
from tests.benchmarks.timed_worker import TimedWorker
from video.__main__ import main
video.cluster.nodes.Worker = TimedWorker
sys.exit(main(sys.argv[1:]))
"""


def timed_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", RUN, *map(str, arguments)]


def units_file(output_dir: Path) -> Path:
    return output_dir.with_name(f"{output_dir.name}-units.jsonl")


class TimedWorker(Worker):
    """first_s, last_s: of the pictures that were written; None where the unit writes none."""

    def __init__(self, node: str, cores: int, network: Any, settings: Any, sign: Path) -> None:
        super().__init__(node, cores, network, settings, sign)
        self._file = units_file(sign.parent)
        self._first_s: float | None = None
        self._last_s: float | None = None

    def hello(self) -> Any:
        begun_s = time.time()
        answer = super().hello()
        self._write({"kind": "Hello", "begun_s": begun_s})
        return answer

    def run(self, task: Any) -> object:
        begun_s = time.time()
        self._first_s = self._last_s = None
        result = super().run(task)
        segment = getattr(task, "segment", None)
        facts = {
            "kind": type(task).__name__,
            "source": task.source.name,
            "result": type(result).__name__,
            "begun_s": begun_s,
            "first_s": self._first_s,
            "last_s": self._last_s,
            "frames": getattr(result, "frames", getattr(result, "seen", 0)),
        }
        if segment is not None:
            before = getattr(task, "before", None) is not None
            facts |= {"start": segment.start, "stop": segment.stop, "in_take": segment.in_take}
            facts |= {"from_state": before}
        self._write(facts)
        return result

    def _note(self, done: int, total: int | None) -> None:
        super()._note(done, total)
        self._last_s = time.time()
        self._first_s = self._first_s or self._last_s

    def _write(self, facts: dict[str, Any]) -> None:
        facts |= {"worker": os.getpid(), "ended_s": time.time()}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")
