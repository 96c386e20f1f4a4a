"""One file over HTTP: resumed after a break, verified, and under its final name only when whole."""

from __future__ import annotations

import logging
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, TypeAlias

from shared import UserError
from shared.progress import bar

logger = logging.getLogger(__name__)

TIMEOUT_S = 6.0
"""How long to wait for a connection, and for the next bytes."""
ATTEMPTS = 5
PAUSE_S = 0.5
CHUNK_BYTES = 1 << 18
_PARTIAL, _NOTHING_BEYOND = 206, 416  # HTTP's answers to a request for the rest

Response: TypeAlias = HTTPResponse | urllib.error.HTTPError


class DownloadFailed(Exception):
    """Says why, as the second half of a sentence."""


class _Interrupted(Exception):
    """The connection broke, or nothing came; what had come is in the .part file."""


def download(
    url: str, target: Path, *, verify: Callable[[Path], object], timeout_s: float = TIMEOUT_S
) -> None:
    """Fetches `url` to `target`, through `target`.part, which a later run continues.

    verify(path) raises UserError when the whole file is not what was wanted; it is then deleted. Several
    processes may ask for the same target: one fetches, the others wait for it. Raises DownloadFailed.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.with_name(f"{target.name}.lock")):
            if not target.exists():
                _fetch_and_verify(url, target, verify, timeout_s)
    except OSError as error:
        raise DownloadFailed(f"{target.parent} cannot be written ({error.strerror or error})") from error


def part_of(target: Path) -> Path:
    """Where the bytes that have come lie until the file is whole."""
    return target.with_name(f"{target.name}.part")


def _fetch_and_verify(url: str, target: Path, verify: Callable[[Path], object], timeout_s: float) -> None:
    part = part_of(target)
    _fetch(url, part, timeout_s)
    try:
        verify(part)
    except UserError as error:
        part.unlink()
        raise DownloadFailed(f"{url} sent the wrong file: {error.message.rstrip('.')}") from error
    part.replace(target)


def _fetch(url: str, part: Path, timeout_s: float) -> None:
    """Tries again while each attempt brings something: a dead network is reported at once."""
    for attempt in range(ATTEMPTS):
        before = _size(part)
        try:
            return _continue(url, part, timeout_s)
        except _Interrupted as error:
            if attempt == ATTEMPTS - 1 or _size(part) == before:
                raise DownloadFailed(f"the download from {_host(url)} broke off ({error})") from error
            logger.warning("the download broke off (%s); continuing at %d bytes.", error, _size(part))
            time.sleep(PAUSE_S)


def _continue(url: str, part: Path, timeout_s: float) -> None:
    """One request for what is missing, appended to `part`."""
    with _open(url, _size(part), timeout_s) as response:
        if response.status == _NOTHING_BEYOND:
            return
        resumes = response.status == _PARTIAL
        start = _size(part) if resumes else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with part.open("ab" if resumes else "wb") as file:
            _copy(response, file, start, total)
    if total is not None and _size(part) < total:
        raise _Interrupted(f"{_size(part)} of {total} bytes came")


def _open(url: str, start: int, timeout_s: float) -> Response:
    """The answer to a request for all from byte `start` on."""
    headers = {"User-Agent": "depth-viewer", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout_s)
    except urllib.error.HTTPError as error:
        if error.code != _NOTHING_BEYOND or not start:
            raise DownloadFailed(f"{url} answered {error.code} {error.reason}") from error
        whole = error.headers.get("Content-Range") == f"bytes */{start}"
        return error if whole else _open(url, 0, timeout_s)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadFailed(f"{_host(url)} cannot be reached ({reason})") from error


def _copy(response: Response, file: IO[bytes], start: int, total: int | None) -> None:
    with bar(
        desc="official weights",
        initial=start,
        total=total,
        unit="B",
        unit_scale=True,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
    ) as shown:
        while chunk := _read(response):
            file.write(chunk)
            shown.update(len(chunk))


def _read(response: Response) -> bytes:
    try:
        return response.read1(CHUNK_BYTES)
    except (OSError, HTTPException) as error:
        raise _Interrupted(str(error) or type(error).__name__) from error


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc or url


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits until no other process is between these two lines. The system unlocks for a process that dies."""
    with lock.open("ab") as file:
        _lock(file)
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except PermissionError:
                time.sleep(0.2)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)
