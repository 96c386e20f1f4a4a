"""One run at a time writes an output, and what a run that was killed left beside it is cleared away."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared import UserError
from shared.media import SUFFIXES, pieces_of, raw_path, raw_pieces_of, remove
from video.journal import journal_path

logger = logging.getLogger(__name__)


@contextmanager
def claimed(output: Path) -> Iterator[None]:
    """Holds `output` against other runs until the block ends; the system lets go of it when we are killed.

    Raises UserError when another run writes there. Where the file system knows no locks, nothing is held.
    """
    path = output.with_name(f".{output.name}.lock")
    lock = _locked(path, output)
    try:
        _clear_leftovers(output)
        yield
    finally:
        if lock is not None:
            _let_go(lock, path)


def _locked(path: Path, output: Path) -> int | None:
    while True:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None  # the writer says what is wrong with the folder
        try:
            take(lock)
        except BlockingIOError:
            os.close(lock)
            raise UserError(
                f"Another run is writing {output}.",
                "Wait until it has ended, or choose another name with -o.",
            ) from None
        except OSError as error:
            logger.info("%s cannot be locked here: %s", path, error.strerror)
            return lock
        # The run before may have removed the file between our opening and our locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)


def take(lock: int) -> None:
    """Raises BlockingIOError when somebody else has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None
    else:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _let_go(lock: int, path: Path) -> None:
    """Removes the file while it is still ours: once it is let go, the file there may be another run's."""
    if sys.platform == "win32":  # it removes no file that is open, and none that another run has opened
        os.close(lock)
        with suppress(OSError):
            path.unlink()
        return
    with suppress(OSError):
        path.unlink()
    os.close(lock)


def _clear_leftovers(output: Path) -> None:
    """Pieces of this output whose run no longer lives, since nobody else holds the lock.

    Those with a journal are left: what is in them can be gone on with.
    """
    with suppress(OSError):
        pieces = [piece for piece in pieces_of(output) if not journal_path(piece).exists()]
        for form in SUFFIXES:
            pieces += raw_pieces_of(raw_path(output, form))
        for piece in pieces:
            logger.info("removing %s, left by a run that was killed", piece)
            remove(piece)
