"""What is finished of a film that is converted in segments: a hidden folder beside its output.

`plan.json` has the film's fingerprint and its segments; it is written once, whole. A segment is finished when
its piece has its name there. So a driver that was killed has lost nothing that was finished, and the journal
does not grow with what is done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared import UserError
from shared.media import write_whole
from video.cluster.cutting import Segment
from video.settings import ConvertSettings

PLAN = "plan.json"
OURS = re.compile(
    r"(plan|\d{9})\.(json|mp4|npz)|\d{9}\.new\.mp4|\.(plan|\d{9})(\.new)?\.[0-9a-f]{8}\.part\.(json|mp4|npz)"
)


@dataclass(frozen=True)
class Plan:
    """How a film is converted. frames: as its header promises."""

    frames: int
    segments: tuple[Segment, ...]

    def length(self, segment: Segment) -> int:
        return (self.frames if segment.stop is None else segment.stop) - segment.start


class Pieces:
    """The folder of one output."""

    def __init__(self, output: Path) -> None:
        self.folder = output.with_name(f".{output.stem}.pieces")

    @property
    def exists(self) -> bool:
        return (self.folder / PLAN).exists()

    @property
    def hold_any(self) -> bool:
        """Whether there is anything that --resume could go on with."""
        return self.exists and any(re.fullmatch(r"\d{9}\.mp4", it.name) for it in self.folder.iterdir())

    def is_older_than(self, output: Path) -> bool:
        """Whether `output` has come from them: it got its name after they were planned."""
        plan = self.folder / PLAN
        return plan.exists() and output.exists() and output.stat().st_mtime_ns >= plan.stat().st_mtime_ns

    def piece(self, segment: Segment) -> Path:
        return self.folder / f"{segment.name}.mp4"

    def state(self, segment: Segment) -> Path:
        """The stream's state at the end of this segment."""
        return self.piece(segment).with_suffix(".npz")

    def save(self, mark: Mapping[str, Any], plan: Plan) -> None:
        """Begins the folder. Raises UserError when it cannot be made."""
        text = json.dumps({"mark": dict(mark), **asdict(plan)})
        try:
            self.folder.mkdir(exist_ok=True)
            write_whole(self.folder / PLAN, text.encode())
        except OSError as error:
            raise UserError(
                f"{self.folder} cannot be written to: {error.strerror}.",
                "Check that the disk has room, or choose another folder with --output-dir.",
                exit_code=1,
            ) from None

    def load(self) -> tuple[dict[str, Any], Plan]:
        """The fingerprint and the plan of an earlier run. Raises UserError when they are damaged."""
        try:
            stored = json.loads((self.folder / PLAN).read_text("utf-8"))
            parts = tuple(Segment(**fields) for fields in stored["segments"])
            return dict(stored["mark"]), Plan(int(stored["frames"]), parts)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{self.folder / PLAN} is damaged ({type(error).__name__}).",
                "Begin anew with --overwrite instead of --resume.",
            ) from None

    def remove(self) -> None:
        """Removes what is ours in the folder, and the folder when nothing else is in it."""
        if not self.folder.is_dir():
            return
        for entry in self.folder.iterdir():
            if OURS.fullmatch(entry.name):
                entry.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


def check_pieces(output: Path, settings: ConvertSettings) -> None:
    """Raises UserError rather than let a new conversion do away with what an earlier one kept."""
    pieces = Pieces(output)
    if pieces.exists and not (settings.resume or settings.overwrite):
        raise UserError(
            f"{pieces.folder} is kept of a conversion that was stopped.",
            "Add --resume to go on with it, or --overwrite to begin anew.",
        )
