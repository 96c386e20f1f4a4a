"""What a conversion that was stopped leaves behind, and how another run goes on from there.

Beside the output `X.mp4` lie `X.partial.mp4`, playable, and `X.partial.npz`: the source's and the settings'
fingerprint and the depth stream's state after some inferred frame that is in the partial file. The next run
feeds the stream from the frame after that one, and writes from the first frame that the file does not hold.
How many it holds is counted: whoever is killed between the two files leaves an older state, which is as good.
"""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared import UserError
from shared.media import playable_frames, write_whole
from video.settings import ConvertSettings

STATE_PREFIX = "stream/"
SPACING = 16
FORMAT = 1

# What the user calls the parts of a fingerprint; the others are options of the same name.
IN_WORDS = {
    "format": "version of this program",
    **dict.fromkeys(["source", "source bytes", "source changed"], "source"),
    **dict.fromkeys(["weights", "weights hash"], "--weights"),
    "network size": "--size",
    "start_s": "--start",
    "duration_s": "--duration",
    "max_height_px": "--max-height",
    "audio": "--no-audio",
}

State = Mapping[str, NDArray[Any]]


def partial_path(output: Path) -> Path:
    return output.with_name(f"{output.stem}.partial.mp4")


def state_path(output: Path) -> Path:
    return output.with_name(f"{output.stem}.partial.npz")


@dataclass(frozen=True)
class Partial:
    """frames: how many the file holds. next_frame: the first that the restored stream has not seen."""

    frames: int
    next_frame: int
    state: State | None


NOTHING = Partial(0, 0, None)


def check_kept(output: Path, settings: ConvertSettings) -> None:
    """Raises UserError rather than let a new conversion of `output` do away with what an earlier one kept."""
    kept = partial_path(output)
    if kept.exists() and not (settings.resume or settings.overwrite):
        raise UserError(
            f"{kept} is kept of a conversion that was stopped.",
            "Add --resume to go on with it, or --overwrite to begin anew.",
        )


class Checkpoints:
    """Some of the stream's states, so that one fits what turns out to be in the file.

    The last few for a stop in good order; every SPACINGth for an encoder that died with frames in its queue.
    """

    def __init__(self) -> None:
        self._latest: deque[tuple[int, State]] = deque(maxlen=4)
        self._spaced: deque[tuple[int, State]] = deque(maxlen=16)
        self._added = 0

    def add(self, frames_seen: int, state: State) -> None:
        self._latest.append((frames_seen, state))
        if self._added % SPACING == 0:
            self._spaced.append((frames_seen, state))
        self._added += 1

    def fitting(self, frames: int) -> tuple[int, State | None]:
        """(frames seen, state) of the latest state that is not ahead of a file of so many frames."""
        fitting = [(seen, state) for seen, state in (*self._latest, *self._spaced) if seen <= frames]
        return max(fitting, key=itemgetter(0), default=(0, None))


def fingerprint(source: Path, settings: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same when a conversion goes on; every value is JSON's."""
    stat = source.stat()
    return {
        "format": FORMAT,
        "source": source.name,
        "source bytes": stat.st_size,
        "source changed": stat.st_mtime_ns,
        **settings,
        **model,
    }


def save(path: Path, output: Path, partial: Partial, mark: Mapping[str, Any]) -> None:
    """Writes a state file of `output`, whole or not at all."""
    about = {"mark": dict(mark), "frames": partial.frames, "next_frame": partial.next_frame}
    arrays: dict[str, Any] = {STATE_PREFIX + name: value for name, value in (partial.state or {}).items()}
    buffer = io.BytesIO()
    np.savez(buffer, about=np.array(json.dumps(about)), **arrays)
    write_whole(path, buffer.getvalue(), owner=output)


def read(path: Path) -> tuple[Partial, dict[str, Any]]:
    """What `save` has written: the partial conversion and its fingerprint. Raises UserError when damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            state = {
                name.removeprefix(STATE_PREFIX): stored[name]
                for name in stored.files
                if name.startswith(STATE_PREFIX)
            }
        return Partial(int(about["frames"]), int(about["next_frame"]), state or None), dict(about["mark"])
    except Exception as error:  # a damaged archive raises whatever its parts raise
        raise UserError(
            f"{path} is damaged ({type(error).__name__}).",
            "Begin anew with --overwrite instead of --resume.",
        ) from None


def load(output: Path, mark: Mapping[str, Any]) -> Partial | None:
    """The partial conversion of `output`, or None where there is none.

    Raises UserError when it was made from another source or with other settings, or is damaged.
    """
    kept = partial_path(output)
    if not kept.exists():
        return None
    if not state_path(output).exists():
        raise UserError(
            f"{state_path(output)} is missing.", "Begin anew with --overwrite instead of --resume."
        )
    saved, made_with = read(state_path(output))
    check_mark(kept, mark, made_with)
    frames = playable_frames(kept)
    if saved.state is None or saved.next_frame > frames:
        return Partial(frames, 0, None)
    return Partial(frames, saved.next_frame, saved.state)


def check_mark(kept: Path, mark: Mapping[str, Any], made_with: Mapping[str, Any]) -> None:
    """Raises UserError when what is kept was made from another source or with other settings."""
    now = json.loads(json.dumps(dict(mark)))
    differing = sorted(name for name in {*now, *made_with} if now.get(name) != made_with.get(name))
    if differing:
        words = dict.fromkeys(IN_WORDS.get(name, f"--{name}") for name in differing)
        raise UserError(
            f"{kept} was made with another {' and another '.join(words)}.",
            "Repeat the options of that run, or begin anew with --overwrite.",
        )


def remove(output: Path) -> None:
    partial_path(output).unlink(missing_ok=True)
    state_path(output).unlink(missing_ok=True)
