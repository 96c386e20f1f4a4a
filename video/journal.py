"""What a conversion writes down while it runs, and what a run that was killed left for the next one.

Beside the piece that is being encoded lies its journal, a state file as `video.partial` keeps it: how many
frames came before the piece, and the stream's state of a while ago. Each step of every run leaves the folder
so that `recover` makes of it what a run stopped in good order leaves, and so does each step of `recover`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared import UserError
from shared.handoff import now_s
from shared.media import (
    check_room,
    extract_video,
    join,
    piece_beside,
    pieces_of,
    playable_frames,
    put_in_place,
)
from video import partial as partials
from video.settings import ConvertSettings

logger = logging.getLogger(__name__)

SAVE_EVERY_S, SAVE_EVERY_FRAMES = 10.0, 250
SUFFIX = ".npz"


class Journal:
    """The journal of one run; its first entry is written at once.

    before: what earlier runs have made, which comes before the piece.
    """

    def __init__(self, piece: Path, output: Path, before: partials.Partial, mark: Mapping[str, Any]) -> None:
        self._piece, self._output, self._before, self._mark = piece, output, before, mark
        self._path = journal_path(piece)
        self._noted: tuple[int, partials.State] | None = None
        self._noted_s = now_s()
        self._noted_frames = before.next_frame
        try:
            self._save(before.next_frame, before.state)
        except OSError as error:
            raise UserError(
                f"{output} cannot be written: {error.strerror}.", "Choose another place with -o.", exit_code=1
            ) from None

    def note(self, next_frame: int, state: partials.State) -> None:
        """From time to time saves the state noted the time before: by now, the piece holds those frames."""
        is_soon = now_s() - self._noted_s < SAVE_EVERY_S
        if is_soon or next_frame - self._noted_frames < SAVE_EVERY_FRAMES:
            return
        if self._noted is not None:
            try:
                self._save(*self._noted)
            except (OSError, UserError) as error:
                logger.info("%s is not renewed: %s", self._path, error)
        self._noted = next_frame, state
        self._noted_s, self._noted_frames = now_s(), next_frame

    def keep(self) -> None:
        """The piece has become part of the partial file: the journal becomes its state."""
        os.replace(self._path, partials.state_path(self._output))

    def close(self) -> None:
        """The journal goes with its piece."""
        if not self._piece.exists():
            self._path.unlink(missing_ok=True)

    def _save(self, next_frame: int, state: partials.State | None) -> None:
        partials.save(
            self._path, self._output, partials.Partial(self._before.frames, next_frame, state), self._mark
        )


def journal_path(piece: Path) -> Path:
    return piece.with_suffix(SUFFIX)


def journals_of(output: Path) -> list[Path]:
    return pieces_of(output.with_suffix(SUFFIX)) if output.parent.is_dir() else []


def take_over(output: Path, settings: ConvertSettings) -> None:
    """Deals with what earlier runs left of `output`. Only under the claim.

    Raises UserError where that must not be lost, is damaged, or cannot be changed.
    """
    try:
        if settings.overwrite and not settings.resume:
            discard(output)
        else:
            recover(output)
    except OSError as error:
        raise UserError(
            f"{output.parent} cannot be written to: {error.strerror}.", "Choose another place with -o."
        ) from None
    partials.check_kept(output, settings)


def recover(output: Path) -> None:
    """Makes a partial conversion of what a killed run left, as if it had been stopped.

    The pictures that were encoded are all there; sound comes with the next run.
    """
    for journal in journals_of(output):
        piece = journal.with_suffix(output.suffix)
        before, _ = partials.read(journal)
        kept = partials.partial_path(output)
        held = playable_frames(kept) if kept.exists() else 0
        # With more, the run before this one was killed right here, when it had joined them.
        if held == before.frames and piece.exists() and playable_frames(piece):
            logger.info("going on with what a run that was killed left in %s", piece)
            _append(piece, kept, output, is_first=not kept.exists())
        if kept.exists():
            os.replace(journal, partials.state_path(output))
        else:
            journal.unlink()
        piece.unlink(missing_ok=True)


def tidy(output: Path) -> None:
    """Removes what a run left that was killed when `output` had just become whole. Only under the claim."""
    if output.exists() and not partials.partial_path(output).exists() and not journals_of(output):
        partials.remove(output)


def discard(output: Path) -> None:
    """Removes everything that earlier runs kept of `output`, for one that begins anew."""
    for journal in journals_of(output):
        journal.with_suffix(output.suffix).unlink(missing_ok=True)
        journal.unlink(missing_ok=True)
    partials.remove(output)


def _append(piece: Path, kept: Path, output: Path, *, is_first: bool) -> None:
    if is_first:
        put_in_place(piece, kept)
        return
    check_room(kept, 2 * kept.stat().st_size + piece.stat().st_size)
    earlier, whole = piece_beside(output), piece_beside(output)
    try:
        extract_video(kept, earlier)
        join([earlier, piece], whole, soundtrack=None, comment="")
        put_in_place(whole, kept)
    finally:
        earlier.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
