"""One run at a time writes an output, and what a run that was killed left beside it is cleared away."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared import UserError
from shared.media import raw_path, remove
from video.settings import ConvertSettings

logger = logging.getLogger(__name__)


@contextmanager
def claimed(output: Path, settings: ConvertSettings) -> Iterator[None]:
    """Holds `output` against other runs until the block ends; the system lets go of it when we are killed.

    Raises UserError when another run writes there. Where the file system knows no locks, nothing is held.
    """
    path = output.with_name(f".{output.stem}.lock")
    lock = _locked(path, output)
    try:
        _clear_leftovers(output, settings)
        yield
    finally:
        if sys.platform != "win32":  # Windows removes no file that is open; there it is removed below
            path.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _locked(path: Path, output: Path) -> int | None:
    while True:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None  # the writer says what is wrong with the folder
        try:
            _take(lock)
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


def _take(lock: int) -> None:
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


def _clear_leftovers(output: Path, settings: ConvertSettings) -> None:
    """Pieces of this output whose run no longer lives: nobody else holds the lock."""
    names = [rf"\.{re.escape(output.stem)}\.[0-9a-f]{{8}}\.part\.mp4"]
    if settings.raw is not None:
        names.append(rf"\.{re.escape(raw_path(output, settings.raw).name)}\.[0-9a-f]{{8}}\.part")
    with suppress(OSError):
        for entry in output.parent.iterdir():
            if any(re.fullmatch(name, entry.name) for name in names):
                logger.info("removing %s, left by a run that was killed", entry)
                remove(entry)
