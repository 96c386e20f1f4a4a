"""One file in, its depth video out: read -> DepthStream -> render -> write, with nothing half-written left.

convert(Path("clip.mp4"), Path("clip-depth.mp4"), ConvertSettings(), predictor=DepthPredictor.from_weights())
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import UserError
from shared.media import (
    Soundtrack,
    VideoInfo,
    VideoReader,
    VideoWriter,
    check_room,
    extract_video,
    piece_beside,
    playable_frames,
    probe,
)
from shared.options import version
from video import partial as partials
from video.claim import claimed
from video.drawing import Drawing
from video.gif import check_resume, convert_gif
from video.journal import Journal, take_over
from video.outputs import VIDEO_OUTPUT_SUFFIXES, check_output, is_gif
from video.pipeline import DepthPass, Drawn, open_part
from video.raw import open_raw, raw_map
from video.settings import ConvertResult, ConvertSettings

if TYPE_CHECKING:
    from shared.motion import Predictor

__all__ = ["ConvertResult", "ConvertSettings", "convert", "prepare"]

logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]


def convert(
    source: Path,
    output: Path,
    settings: ConvertSettings,
    *,
    predictor: Predictor,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> ConvertResult:
    """Converts one video. Until it is whole, `output` does not exist (or is still the file from before).

    progress(done, total or None) is called on a thread of the conversion after each frame. Setting `cancel`
    ends it early: the result is then partial, as a fault's is, and `settings.resume` goes on with it.
    Raises UserError for whatever the user can put right; what was finished is then kept as partial too.
    An output that ends in .gif becomes an animated GIF, of which nothing is kept before it is whole.
    """
    info = prepare(source, output, settings)
    cancel = cancel or threading.Event()
    with claimed(output):
        if is_gif(output):
            comment = comment_of(describe_model(predictor))
            return convert_gif(
                info,
                output,
                settings,
                predictor=predictor,
                comment=comment,
                progress=progress,
                cancel=cancel,
            )
        take_over(output, settings)
        return _Conversion(
            info,
            output,
            settings,
            predictor=predictor,
            progress=progress,
            cancel=cancel,
        ).run()


def prepare(source: Path, output: Path, settings: ConvertSettings) -> VideoInfo:
    """What `source` holds, if it may be converted to `output`; needs no network. Raises UserError."""
    check_free(source, output, settings)
    return probe(source)


def check_free(source: Path, output: Path, settings: ConvertSettings) -> None:
    """Raises UserError when `output` must not be written, or something is kept of it."""
    check_output(source, output, overwrite=settings.overwrite, suffixes=VIDEO_OUTPUT_SUFFIXES)
    check_resume(output, settings)
    if not is_gif(output):
        partials.check_kept(output, settings)


class _Conversion:
    """One run: what is open, how far it came, and what is kept of it."""

    def __init__(
        self,
        info: VideoInfo,
        output: Path,
        settings: ConvertSettings,
        *,
        predictor: Predictor,
        progress: Progress | None,
        cancel: threading.Event,
    ) -> None:
        self._info = info
        self._output = output
        self._settings = settings
        self._progress = progress
        self._cancel = cancel
        self._predictor = predictor
        self._pass = DepthPass(predictor, every=settings.every, steady=settings.steady)
        self._stream = self._pass.stream
        self._model = describe_model(predictor)
        self._checkpoints = partials.Checkpoints()
        self._before = partials.NOTHING
        self._frames_yielded = 0
        self._frames_drawn = 0

    def run(self) -> ConvertResult:
        self._mark = partials.fingerprint(self._info.path, self._settings.picture_settings(), self._model)
        if self._settings.resume:
            self._before = partials.load(self._output, self._mark) or partials.NOTHING
        if self._before.state is not None:
            self._stream.restore(self._before.state)
        with (
            open_part(self._info, self._settings, self._predictor, self._before.next_frame) as reader,
            self._open_writer(reader) as writer,
            open_raw(self._output, self._settings, reader.info.frame_rate) as raw,
        ):
            self._writer, self._raw = writer, raw
            self._source_px = reader.width_px, reader.height_px
            self._total = reader.frame_count_estimate
            try:
                self._pass.run(reader, self._draw, cancel=self._cancel, yielded=self._checkpoint)
                is_whole = not self._cancel.is_set()
                if is_whole:
                    if raw:
                        raw.close()
                    writer.close(partials.partial_path(self._output))
            except Exception as fault:
                raise self._keep_after(fault) from fault
            if not is_whole:
                return self._result(reader, self._keep(), is_partial=True)
            self._commit()
            return self._result(reader, self._output)

    def _commit(self) -> None:
        """The partial file is whole now: it gets the output's name. Each step can be the last one."""
        try:
            self._journal.keep()
            os.replace(partials.partial_path(self._output), self._output)
        except OSError as error:
            raise UserError(
                f"{self._output} cannot be written: {error.strerror}.",
                f"All of it is kept as {partials.partial_path(self._output)}.",
                exit_code=1,
            ) from None
        partials.remove(self._output)

    @contextmanager
    def _open_writer(self, reader: VideoReader) -> Iterator[VideoWriter]:
        """The writer, with the earlier run's pictures before its own."""
        self._drawing = Drawing(self._settings.look, reader.width_px, reader.height_px)
        earlier = []
        try:
            if self._before.frames:
                partial = partials.partial_path(self._output)
                check_room(self._output, partial.stat().st_size)
                earlier.append(piece_beside(self._output))
                extract_video(partial, earlier[0])
            with VideoWriter(
                self._output,
                *self._drawing.size_px,
                reader.info.frame_rate,
                pixel_format=self._drawing.pixel_format,
                audio_from=soundtrack_of(reader, self._settings),
                encoding=self._settings.encoding,
                comment=comment_of(self._model),
                earlier=earlier,
            ) as writer:
                self._journal = Journal(writer.piece, self._output, self._before, self._mark)
                try:
                    yield writer
                finally:
                    writer.abort()
                    self._journal.close()
        finally:
            for piece in earlier:
                piece.unlink(missing_ok=True)

    def _checkpoint(self) -> None:
        """Called after the stream handed out a frame: its state is worth keeping after an inferred one."""
        self._frames_yielded += 1
        if self._stream.at_keyframe:
            seen, state = self._before.next_frame + self._frames_yielded, self._stream.state()
            self._checkpoints.add(seen, state)
            self._journal.note(seen, state)

    def _draw(self, drawn: Drawn) -> None:
        frame_bgr, time_s, depth_map, display_range = drawn
        index = self._before.next_frame + self._frames_drawn
        self._frames_drawn += 1
        if index < self._before.frames:
            return  # the earlier run's file holds it; the stream only had to see it again
        if self._raw:
            self._raw.write(raw_map(depth_map, self._source_px, self._settings), time_s)
        self._writer.write(self._drawing.picture(frame_bgr, depth_map, display_range))
        if self._progress:
            self._progress(index + 1, self._total)

    def _keep(self) -> Path | None:
        """Keeps what is finished as the partial file and its state; returns the file, or None."""
        kept = partials.partial_path(self._output)
        if self._writer.frames_written == 0:
            self._writer.abort()
            return kept if self._before.frames else None
        self._writer.close_partial(kept, self._before.frames + self._writer.frames_written)
        frames = playable_frames(kept)
        partial = partials.Partial(frames, *self._checkpoints.fitting(frames))
        try:
            partials.save(partials.state_path(self._output), self._output, partial, self._mark)
        except (OSError, UserError) as error:
            logger.warning("%s plays, but --resume cannot go on with it: %s", kept, error)
        return kept

    def _keep_after(self, fault: Exception) -> Exception:
        """The fault itself, its hint saying what was kept."""
        try:
            kept = self._keep()
        except (UserError, OSError) as error:
            logger.warning("what was finished could not be put together: %s", error)
            kept = self._writer.piece if self._writer.piece.exists() else None
        if kept is None:
            return fault
        if not isinstance(fault, UserError):
            logger.warning("what was finished is kept as %s; --resume goes on from there", kept)
            return fault
        hint = f"{fault.hint} What was finished is kept as {kept}; --resume goes on from there."
        return UserError(fault.message, hint, exit_code=fault.exit_code)

    def _result(self, reader: VideoReader, output: Path | None, *, is_partial: bool = False) -> ConvertResult:
        return ConvertResult(
            output=output,
            frames=self._before.frames + self._writer.frames_written,
            inferred=self._stream.inferred,
            is_partial=is_partial,
            raw=self._raw.path if self._raw and not is_partial else None,
            warnings=reader.warnings + self._writer.warnings,
        )


def soundtrack_of(reader: VideoReader, settings: ConvertSettings) -> Soundtrack | None:
    """The sound that belongs to the part of the source that `settings` ask for; None for none."""
    whole = Soundtrack.of(reader.info) if settings.audio else None
    if whole is None or (reader.start_frame == 0 and settings.duration_s is None):
        return whole
    if reader.start_frame:
        return replace(whole, start_s=reader.start_s, duration_s=settings.duration_s, picture_delay_s=0.0)
    assert settings.duration_s is not None
    return replace(whole, duration_s=whole.picture_delay_s + settings.duration_s)


def comment_of(model: dict[str, Any]) -> str:
    """The output's comment tag. model: what `describe_model` tells."""
    return f"depth-viewer {version()}; weights: {model['weights']}"


def describe_model(predictor: Predictor) -> dict[str, Any]:
    """The weights' label and hash and the network's size, as far as the predictor tells."""
    weights = getattr(predictor, "weights", None)
    return {
        "weights": weights.label if weights else type(predictor).__name__,
        "weights hash": weights.sha256 if weights else "",
        "network size": getattr(predictor, "size", None),
    }
