"""The folder where downloads and converted networks are kept, and files in it that prove themselves.

An entry is MAGIC, the SHA-256 of all that follows, the length of the key, the key, padding to 64 bytes, and
the payload. The key says what the payload was made from: an entry of other weights or another version is as
useless as a damaged one. Nothing here is needed for a correct result; without a writable folder the work is
only done anew at each start.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "DEPTH_CACHE"
MAGIC = b"depth-viewer 1\r\n"
ALIGNMENT_BYTES = 64
ENTRIES_KEPT = 4
LARGEST_BYTES = 1 << 30  # a network is a tenth of that
ABANDONED_AFTER_S = 3600.0
_LENGTH_BYTES = 4
_HEADER_BYTES = len(MAGIC) + hashlib.sha256().digest_size


def cache_folder() -> Path:
    """The project's cache folder; DEPTH_CACHE overrides the system's place. It may not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("depth-viewer", appauthor=False))


def read_entry(path: Path, key: str) -> NDArray[np.uint8] | None:
    """The payload as bytes in memory, or None if there is no whole entry with this key.

    An entry that is there and cannot be used is logged: it is about to be made anew.
    """
    try:
        entry = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        logger.warning("%s cannot be read (%s); it is made anew.", path, error.strerror or error)
        return None
    payload = _payload(entry, key.encode())
    if payload is None:
        logger.warning("%s is damaged or belongs to something else; it is made anew.", path)
        return None
    with suppress(OSError):
        os.utime(path)  # the newest entries are the ones that pruning keeps
    return payload


def _read(path: Path) -> NDArray[np.uint8]:
    """All bytes of an entry; few of what is none. A pipe or a device in its place would never end."""
    if not path.is_file():
        path.stat()  # says why, where it can
        raise OSError("it is no file")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC or os.fstat(file.fileno()).st_size > LARGEST_BYTES:
            return np.empty(0, np.uint8)
        file.seek(0)
        return np.fromfile(file, np.uint8)


def write_entry(
    path: Path, key: str, payload: bytes, *, cost: str = "each start will convert the network anew"
) -> None:
    """Puts a whole entry in place, or none: of a folder that cannot be written, the cost is said."""
    body = _body(key.encode()) + payload
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, MAGIC + hashlib.sha256(body).digest() + body)
        _prune(path.parent, path.suffix)
    except OSError as error:
        logger.warning(
            "%s cannot be written (%s); %s. %s names another folder.",
            path.parent,
            error.strerror or error,
            cost,
            CACHE_VARIABLE,
        )


def remove_entry(path: Path) -> None:
    """Where it cannot be removed, that is logged."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s cannot be removed: %s.", path, error.strerror or error)


def _body(key: bytes) -> bytes:
    """What lies between the digest and the payload."""
    body = len(key).to_bytes(_LENGTH_BYTES, "little") + key
    return body + bytes(-(_HEADER_BYTES + len(body)) % ALIGNMENT_BYTES)


def _payload(entry: NDArray[np.uint8], key: bytes) -> NDArray[np.uint8] | None:
    header, body = entry[:_HEADER_BYTES].tobytes(), entry[_HEADER_BYTES:]
    before = _body(key)
    if header != MAGIC + hashlib.sha256(body.data).digest() or body[: len(before)].tobytes() != before:
        return None
    return body[len(before) :]


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _prune(folder: Path, suffix: str) -> None:
    """Old versions' entries would pile up; so would what killed processes left."""
    for path in sorted(folder.glob(f"*{suffix}"), key=_age_s)[ENTRIES_KEPT:]:
        path.unlink(missing_ok=True)
    for path in folder.glob("*.tmp"):
        if _age_s(path) > ABANDONED_AFTER_S:
            path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another process was quicker
