"""Files that are not whole yet: what they are called, room for them, and how they get their names."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from pathlib import Path

from shared import UserError

FREE_MARGIN_BYTES = 2 << 20


def check_room(path: Path, needed_bytes: int = 0) -> None:
    """Raises UserError when the disk has less room than that and a little more."""
    if path.parent.is_dir() and shutil.disk_usage(path.parent).free < needed_bytes + FREE_MARGIN_BYTES:
        raise disk_full(path)


def disk_full(path: Path) -> UserError:
    return UserError(
        f"The disk that holds {path} is full.",
        "Free some room, or choose another place with -o.",
        exit_code=1,
    )


def put_in_place(unfinished: Path, path: Path) -> None:
    """Gives a file its name once the disk has it: even after a power cut, the name stands for all of it."""
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def write_whole(path: Path, content: bytes, *, owner: Path | None = None) -> None:
    """A file that is there whole or not at all. owner: the output that its piece belongs to, if not `path`.

    Raises UserError where the folder cannot be written to, OSError where the disk is full.
    """
    unfinished = piece_beside(owner or path)
    try:
        unfinished.write_bytes(content)
        put_in_place(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def piece_beside(path: Path) -> Path:
    """A new hidden file beside `path`, which proves that the folder can be written to."""
    piece = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        piece.touch(exist_ok=False)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(path) from None
        raise UserError(
            f"{path.parent} cannot be written to: {error.strerror}.",
            "Choose another folder with -o or --output-dir.",
        ) from None
    return piece


def pieces_of(path: Path) -> list[Path]:
    """What `piece_beside` has made for `path` and nobody has removed."""
    name = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]{{8}}\.part{re.escape(path.suffix)}")
    return [entry for entry in path.parent.iterdir() if name.fullmatch(entry.name)]


def partial_of(path: Path) -> Path:
    """Where a recording is until it is whole, to be seen: killed, it is left there, and plays."""
    return path.with_suffix(f".partial{path.suffix}")


def claim_partial(path: Path) -> Path:
    """A new file under that name. Raises UserError where it is there already, or cannot be."""
    partial = partial_of(path)
    try:
        partial.touch(exist_ok=False)
    except FileExistsError:
        raise UserError(
            f"{partial} is there already: a recording that was not ended.",
            "It plays up to its end: move it away, or give the new one another name.",
        ) from None
    except OSError as error:
        raise UserError(
            f"{partial.parent} cannot be written to: {error.strerror}.", "Choose another folder."
        ) from None
    return partial
