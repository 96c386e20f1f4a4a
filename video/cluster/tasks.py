"""What a worker is asked to do, each as data that travels: look at a film, scan it, convert, join."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from shared import UserError
from shared.media import VideoInfo, check_room, join, piece_beside, playable_frames, probe, put_in_place
from shared.motion import Predictor, Timed, first_cut
from video.cluster.cutting import Scan, Segment, Window, windows
from video.cluster.segment import Piece, SegmentRun
from video.convert import Progress, comment_of, convert, describe_model, prepare, soundtrack_of
from video.journal import journals_of
from video.outputs import VIDEO_OUTPUT_SUFFIXES, check_output
from video.partial import partial_path
from video.photo import convert_photo
from video.pipeline import open_part
from video.settings import ConvertResult, ConvertSettings


@dataclass(frozen=True)
class Bench:
    """What a worker has at hand for every task."""

    predictor: Predictor
    settings: ConvertSettings
    progress: Progress
    cancel: threading.Event


class Task(Protocol):
    @property
    def source(self) -> Path: ...

    def run(self, bench: Bench) -> object:
        """Raises UserError for whatever the user can put right."""
        ...


@dataclass(frozen=True)
class Extent:
    """A film that is to be converted in segments."""

    frames: int
    frame_rate: Fraction


@dataclass(frozen=True)
class Look:
    """Converts a photo or a short film; of a long one it only tells the extent.

    again: it was tried before, and may find what that left. whole: long films are converted, too.
    """

    source: Path
    output: Path
    is_photo: bool
    again: bool = False
    whole: bool = False

    def run(self, bench: Bench) -> ConvertResult | Extent:
        settings = bench.settings
        if self.again:  # the user's answer to what lies there was heard the first time
            is_raw = settings.raw is not None
            settings = replace(settings, overwrite=settings.overwrite or is_raw, resume=not is_raw)
        if self.is_photo:
            return convert_photo(self.source, self.output, settings, predictor=bench.predictor)
        info = prepare(self.source, self.output, settings)
        if not self.whole and (extent := self._extent(info, settings, bench.predictor)):
            return extent
        return convert(
            self.source,
            self.output,
            settings,
            predictor=bench.predictor,
            progress=bench.progress,
            cancel=bench.cancel,
        )

    def _extent(self, info: VideoInfo, settings: ConvertSettings, predictor: Predictor) -> Extent | None:
        """None for what is converted in one go: what is short, raw depth, and what was begun so."""
        frames = open_part(info, settings, predictor).frame_count_estimate
        is_begun = settings.resume and (partial_path(self.output).exists() or journals_of(self.output))
        if frames is None or not info.can_seek or settings.raw or is_begun:
            return None
        if not windows(frames, info.frame_rate):
            return None
        return Extent(frames, info.frame_rate)


@dataclass(frozen=True)
class FindCut:
    """Looks for the first cut in a window of a film."""

    source: Path
    window: Window

    def run(self, bench: Bench) -> Scan:
        first, stop = self.window.first, self.window.stop
        with open_part(probe(self.source), bench.settings, bench.predictor, first, stop) as reader:
            frames = _until(bench.cancel, reader)
            cut, seen = first_cut(frames, bench.predictor.map_size_px, every=bench.settings.every)
        return Scan(self.window, None if cut is None else first + cut, seen)


@dataclass(frozen=True)
class ConvertSegment:
    """Converts a segment to the piece `path`. before: the state that the segment before it has left."""

    source: Path
    segment: Segment
    path: Path
    before: Path | None

    def run(self, bench: Bench) -> Piece | None:
        return SegmentRun(
            probe(self.source),
            self.segment,
            self.path,
            self.before,
            bench.settings,
            predictor=bench.predictor,
            progress=bench.progress,
            cancel=bench.cancel,
        ).run()


@dataclass(frozen=True)
class Joined:
    """What joining came to. broken: segments whose piece is not what it should be; then nothing is joined."""

    frames: int
    warnings: tuple[str, ...] = ()
    broken: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Join:
    """Joins the pieces, adds the source's audio once, and gives the output its name."""

    source: Path
    output: Path
    pieces: tuple[tuple[Segment, Path], ...] = field(repr=False)

    def run(self, bench: Bench) -> Joined:
        settings, output = bench.settings, self.output
        check_output(self.source, output, overwrite=settings.overwrite, suffixes=VIDEO_OUTPUT_SUFFIXES)
        counts = [playable_frames(path) if path.exists() else 0 for _, path in self.pieces]
        broken = [
            segment
            for (segment, _), frames in zip(self.pieces, counts, strict=True)
            if not frames or (segment.stop is not None and frames != segment.stop - segment.start)
        ]
        if broken:
            return Joined(0, broken=tuple(broken))
        return Joined(sum(counts), tuple(self._join(bench, sum(counts))))

    def _join(self, bench: Bench, frames: int) -> list[str]:
        """Returns warnings."""
        paths = [path for _, path in self.pieces]
        check_room(self.output, sum(path.stat().st_size for path in paths))
        soundtrack = soundtrack_of(
            open_part(probe(self.source), bench.settings, bench.predictor), bench.settings
        )
        whole = piece_beside(self.output)
        try:
            comment = comment_of(describe_model(bench.predictor))
            warnings = join(paths, whole, soundtrack=soundtrack, comment=comment)
            if (held := playable_frames(whole)) != frames:
                raise UserError(
                    f"{self.output} came to {held} frames instead of {frames}.",
                    "Check the disk that it lies on.",
                    exit_code=1,
                )
            put_in_place(whole, self.output)
        finally:
            whole.unlink(missing_ok=True)
        return warnings


def _until(cancel: threading.Event, frames: Iterable[Timed]) -> Iterator[Timed]:
    for frame in frames:
        if cancel.is_set():
            return
        yield frame
