"""A film's way through the cluster: looked at, scanned for cuts, converted in segments, joined."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from shared import UserError
from video.claim import claimed
from video.cluster.cutting import Scan, Segment, Unsteady, Window, segments, windows
from video.cluster.pieces import Pieces, Plan
from video.cluster.segment import Piece
from video.cluster.tasks import ConvertSegment, Extent, FindCut, Join, Joined, Look, Task
from video.partial import check_mark, fingerprint
from video.plan import Job
from video.settings import ConvertResult, ConvertSettings

logger = logging.getLogger(__name__)

JOINING, SCANNING, CONVERTING, NEW_FILM, RUNNING_IN = range(5)
"""In this order, what can be done next is chosen: what frees most comes first, what costs extra last."""


@dataclass(eq=False)
class Unit:
    """Something that a worker is to do. frames: how much of the progress it is worth.

    rank: now; a segment inside a take ranks better once the one before it is done. tries: so often it failed.
    """

    film: Film
    make: Callable[[], Task]
    rank: Callable[[], int]
    what: str
    frames: int = 0
    tries: int = 0
    failed_on: set[str] = field(default_factory=set)
    not_before_s: float = 0.0

    def __post_init__(self) -> None:
        self.turn = self.film.turn

    @property
    def is_wanted(self) -> bool:
        """Not any more, once the film has failed or goes another way."""
        return self.turn == self.film.turn


class Film:
    """One job. What has to be done next comes from `begin` and `took`; `is_over` when there is nothing more.

    frames: as far as it is known. frames_done: of the units that are over.
    """

    def __init__(self, job: Job, settings: ConvertSettings, size_bytes: int) -> None:
        self.job = job
        self.size_bytes = size_bytes
        self.turn = 0
        self.is_over = False
        self.frames: int | None = 1 if job.is_photo else None
        self.frames_done = 0
        self._settings = settings
        self._pieces = Pieces(job.output)
        self._claim = ExitStack()
        self._inferred = 0
        self._warnings: list[str] = []

    def begin(self, model: dict[str, Any]) -> list[Unit]:
        """model: the workers' network. Raises UserError when what is kept is of another conversion."""
        self._model = model
        if self._settings.resume and self._pieces.exists:
            return self._go_on()
        return [self._look()]

    def took(self, result: object) -> list[Unit]:
        """A unit's result in, the next units out."""
        if isinstance(result, ConvertResult):
            self._end(result)
        elif isinstance(result, Extent):
            return self._split(result)
        elif isinstance(result, Scan):
            return self._scanned(result)
        elif isinstance(result, Piece):
            return self._converted(result)
        elif isinstance(result, Joined):
            return self._joined(result)
        return []

    def fail(self, error: UserError) -> None:
        """What is finished stays for --resume."""
        kept = self._leave()
        hint = error.hint
        if kept and self.frames_done:
            hint += " What is finished is kept; --resume goes on from there."
        self.job.outcome = "failed"
        self.job.error = UserError(error.message, hint, exit_code=error.exit_code)

    def interrupt(self) -> None:
        self.job.outcome = "stopped"
        if self._leave():
            self.job.result = ConvertResult(self._pieces.folder, self.frames_done, is_partial=True)

    def _split(self, extent: Extent) -> list[Unit]:
        self._hold()
        self._pieces.remove()
        self._extent, self.frames = extent, extent.frames
        self._scans: list[Scan] = []
        self._windows = windows(extent.frames, extent.frame_rate)
        return [self._scan(window) for window in self._windows]

    def _scanned(self, scan: Scan) -> list[Unit]:
        self._scans.append(scan)
        if len(self._scans) < len(self._windows):
            return []
        extent, found = self._extent, sorted(self._scans, key=lambda it: it.window.first)
        try:
            parts = segments(extent.frames, extent.frame_rate, found)
        except Unsteady:
            parts = []
        if len(parts) < 2:
            return self._as_a_whole()
        self._plan = Plan(extent.frames, tuple(parts))
        self._pieces.save(self._mark(), self._plan)
        return self._missing()

    def _go_on(self) -> list[Unit]:
        """An earlier run has planned the film, and has converted some of it."""
        self._hold()
        made_with, self._plan = self._pieces.load()
        check_mark(self._pieces.folder, self._mark(), made_with)
        self.frames = self._plan.frames
        return self._missing()

    def _mark(self) -> dict[str, Any]:
        return fingerprint(self.job.source, self._settings.picture_settings(), self._model)

    def _missing(self) -> list[Unit]:
        """Units for the segments that have no piece, or the joining when all have."""
        parts = self._plan.segments
        self._before = dict(zip(parts[1:], parts, strict=False))
        self._done = {it for it in parts if self._pieces.piece(it).exists()}
        self.frames_done = sum(map(self._plan.length, self._done))
        return [self._convert(it) for it in parts if it not in self._done] or [self._join()]

    def _converted(self, piece: Piece) -> list[Unit]:
        if not piece.is_whole:
            return self._as_a_whole()
        self._done.add(piece.segment)
        self.frames_done += piece.frames
        self._inferred += piece.inferred
        self._warnings += piece.warnings
        return [self._join()] if len(self._done) == len(self._plan.segments) else []

    def _joined(self, joined: Joined) -> list[Unit]:
        if joined.broken:
            for segment in joined.broken:
                self._pieces.piece(segment).unlink(missing_ok=True)
            return self._missing()
        warnings = [*dict.fromkeys(self._warnings), *joined.warnings]
        self._end(ConvertResult(self.job.output, joined.frames, self._inferred, warnings=warnings))
        return []

    def _as_a_whole(self) -> list[Unit]:
        """The film's frames are not where its header says: only from its start on can they be counted."""
        logger.info("%s cannot be cut; it is converted from its start to its end", self.job.source)
        self.turn += 1
        self._claim.close()
        self._pieces.remove()
        self.frames_done = 0
        return [self._look(whole=True)]

    def _state_before(self, segment: Segment) -> Path | None:
        """What the segment before this one has left, once it is done."""
        before = self._before.get(segment)
        if not segment.in_take or before not in self._done:
            return None
        state = self._pieces.state(before)
        return state if state.exists() else None

    def _end(self, result: ConvertResult) -> None:
        self._leave()
        self.job.result = result
        self.job.outcome = "stopped" if result.is_partial else "done"
        self.frames = self.frames_done = result.frames
        if not result.is_partial:
            self._pieces.remove()
        for warning in result.warnings:
            logger.warning("%s", warning)

    def _hold(self) -> None:
        """Until it is over, no other run may write this output."""
        self._claim.enter_context(claimed(self.job.output))

    def _leave(self) -> bool:
        """Lets go of the output; whether something is kept that --resume can go on with."""
        self.turn += 1
        self.is_over = True
        is_kept = self._pieces.hold_any
        if not is_kept:
            self._pieces.remove()
        self._claim.close()
        return is_kept

    def _look(self, *, whole: bool = False) -> Unit:
        job = self.job
        look = partial(Look, job.source, job.output, job.is_photo, whole=whole)
        unit = Unit(self, lambda: look(again=whole or unit.tries > 0), lambda: NEW_FILM, str(job.source.name))
        return unit

    def _scan(self, window: Window) -> Unit:
        task = FindCut(self.job.source, window)
        return Unit(self, lambda: task, lambda: SCANNING, f"looking for a cut from frame {window.first}")

    def _convert(self, segment: Segment) -> Unit:
        def task() -> Task:
            path, before = self._pieces.piece(segment), self._state_before(segment)
            return ConvertSegment(self.job.source, segment, path, before)

        def rank() -> int:
            return RUNNING_IN if segment.in_take and self._state_before(segment) is None else CONVERTING

        end = "the end" if segment.stop is None else segment.stop
        return Unit(self, task, rank, f"frames {segment.start} to {end}", self._plan.length(segment))

    def _join(self) -> Unit:
        pieces = tuple((it, self._pieces.piece(it)) for it in self._plan.segments)
        task = Join(self.job.source, self.job.output, pieces)
        return Unit(self, lambda: task, lambda: JOINING, "joining")
