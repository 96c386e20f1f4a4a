"""Runs that die at their n-th file operation, for all n.

python -m tests.support.killing SCENARIO CLIP FOLDER STRIDE (1 for all n). Each run is a fork of this process,
which itself has never used OpenCV's threads. A Python audit hook counts what the run does to files in its
folder and which programs it starts, and kills it before the n-th; the ffmpeg that it leaves behind ends by
itself. A second run then has to bring it to its end. Writes a line of JSON for each n.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import video.batch
from shared.media import VideoWriter, playable_frames
from tests.conftest import BrightnessPredictor
from tests.support.predictors import CallingPredictor
from video import journal
from video import partial as partials
from video.__main__ import main as depth_video

OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "subprocess.Popen"}
RUN_AWAY = 400
OUTPUT = "x.mp4"
COMMON = ("-o", OUTPUT, "--quiet", "--every", "3", "--crf", "0")


@dataclass(frozen=True)
class Scenario:
    """prepare: what lies in the folder before. killed, ending: options of both runs. stops: like Ctrl-C."""

    killed: tuple[str, ...] = ()
    ending: tuple[str, ...] = ("--resume",)
    prepare: Callable[[Path, Path], None] = lambda clip, folder: None
    stops: bool = False


def stopped_half_way(clip: Path, folder: Path) -> None:
    command(clip, folder, (), stop_after=10)


def killed_half_way(clip: Path, folder: Path) -> None:
    """The second run dies after the first was stopped: a partial file, a piece that goes on, its journal."""
    stopped_half_way(clip, folder)
    in_fork(lambda: command(clip, folder, ("--resume",), die_after=5), None, folder)


def finished_long_ago(clip: Path, folder: Path) -> None:
    (folder / OUTPUT).write_bytes(b"another video")


SCENARIOS = {
    "fresh": Scenario(),
    "stopped": Scenario(stops=True),
    "resumed": Scenario(killed=("--resume",), prepare=stopped_half_way),
    "recovered": Scenario(killed=("--resume",), prepare=killed_half_way),
    "overwriting": Scenario(("--overwrite",), ("--overwrite", "--resume"), finished_long_ago),
    "anew": Scenario(("--overwrite",), ("--overwrite", "--resume"), killed_half_way),
    "raw": Scenario(("--raw", "npz"), ("--raw", "npz", "--overwrite")),
}


def command(
    clip: Path,
    folder: Path,
    options: tuple[str, ...],
    *,
    stop_after: int | None = None,
    die_after: int | None = None,
) -> int:
    """depth-video in a folder, with a fake network."""
    os.chdir(folder)
    stop = lambda: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
    after, then = (stop_after, stop) if die_after is None else (die_after, die)
    video.batch.load_predictor = lambda *_: CallingPredictor(after or 0, then)  # type: ignore[assignment]
    return depth_video([str(clip), *COMMON, *options])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_fork(run: Callable[[], int], die_at: int | None, folder: Path) -> tuple[int | None, list[int]]:
    """(exit code, or None where it was killed; [operations, frames inferred, frames written]) of a fork."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)  # stdout is the report's
        code = 99
        try:
            operations = count_operations(folder, die_at)
            frames = count_frames()
            code = run()
            os.write(send, json.dumps(operations + frames).encode())
        finally:
            os._exit(code)
    os.close(send)
    told = os.read(receive, 100)
    os.close(receive)
    _, status = os.waitpid(child, 0)
    wait_for_ffmpeg(folder)
    return (None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)), json.loads(told or b"[0, 0, 0]")


def count_operations(folder: Path, die_at: int | None) -> list[int]:
    count, lock = [0], threading.Lock()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in OPERATIONS:
            return
        about = " ".join(str(argument) for argument in arguments[:2])
        if event != "subprocess.Popen" and str(folder) not in about and OUTPUT[:1] + "." not in about:
            return
        with lock:
            count[0] += 1
            if count[0] == die_at:
                die()

    sys.addaudithook(hook)
    return count


def count_frames() -> list[int]:
    """[inferred, written], which go on counting."""
    count, write, predict = [0, 0], VideoWriter.write, BrightnessPredictor.predict

    def counted_write(writer: VideoWriter, frame: Any) -> None:
        write(writer, frame)
        count[1] += 1

    def counted_predict(predictor: BrightnessPredictor, frame_bgr: Any) -> Any:
        count[0] += 1
        return predict(predictor, frame_bgr)

    VideoWriter.write = counted_write  # type: ignore[method-assign]
    BrightnessPredictor.predict = counted_predict  # type: ignore[method-assign]
    return count


def wait_for_ffmpeg(folder: Path) -> None:
    """Until no ffmpeg works in the folder any more."""
    mark = str(folder).encode()
    while any(mark in told for told in commands()):
        time.sleep(0.01)


def commands() -> list[bytes]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (process / "cmdline").read_bytes()
            if b"-nostdin" in told:
                found.append(told)
    return found


def kept_frames(folder: Path) -> int:
    """How many pictures the next run may go on from."""
    output = folder / OUTPUT
    kept = partials.partial_path(output)
    frames = playable_frames(kept) if kept.exists() else 0
    for path in journal.journals_of(output):
        piece = path.with_suffix(".mp4")
        if piece.exists() and partials.read(path)[0].frames == frames:
            frames += playable_frames(piece)
    return frames


def report(scenario: Scenario, clip: Path, before: Path, folder: Path, die_at: int) -> dict[str, Any]:
    """What a run that dies there leaves, and what the run after it makes of that."""
    shutil.copytree(before, folder)
    stop_after = 10 if scenario.stops else None
    output = folder / OUTPUT
    code, counts = in_fork(
        lambda: command(clip, folder, scenario.killed, stop_after=stop_after), die_at, folder
    )
    told: dict[str, Any] = {"at": die_at, "was_killed": code is None, "operations": counts[0]}
    told["left"] = sorted(path.name for path in folder.iterdir())
    told["output"] = output.read_bytes()[:5].decode("latin-1") if output.exists() else None
    told["kept"] = kept_frames(folder)
    told["code"], (_, told["inferred"], told["written"]) = in_fork(
        lambda: command(clip, folder, scenario.ending), None, folder
    )
    told["after"] = sorted(path.name for path in folder.iterdir())
    return told


def main() -> None:
    name, clip, root, stride = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    scenario = SCENARIOS[name]
    journal.SAVE_EVERY_S, journal.SAVE_EVERY_FRAMES = 0.0, 15
    before = root / "before"
    before.mkdir()
    in_fork(lambda: scenario.prepare(clip, before) or 0, None, before)
    for die_at in range(1, RUN_AWAY, stride):
        told = report(scenario, clip, before, root / str(die_at), die_at)
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        if not told["was_killed"]:
            return


if __name__ == "__main__":
    main()
