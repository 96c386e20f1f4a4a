"""What stands in the place of a cache entry and is none: it is made anew, and never waited for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import cache


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def begin_well(path: Path) -> None:
    sparse(path)
    with path.open("rb+") as file:
        file.write(cache.MAGIC)


def pipe(path: Path) -> None:
    os.mkfifo(path)


PLANTED: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a pipe": pipe,
    "a device without an end": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "a terabyte of zeros": sparse,
    "a terabyte that begins well": begin_well,
    "garbage": lambda path: path.write_bytes(os.urandom(5000)),
    "nothing": lambda path: path.write_bytes(b""),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither pipes nor devices in folders")
@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.timeout(60)
def test_what_is_planted_in_the_cache_is_not_used(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.network"
    PLANTED[kind](path)
    assert cache.read_entry(path, "key") is None
    if kind != "a folder":
        cache.write_entry(path, "key", b"payload")
        payload = cache.read_entry(path, "key")
        assert payload is not None
        assert payload.tobytes() == b"payload"
