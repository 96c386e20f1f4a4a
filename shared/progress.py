"""Progress bars on stderr. Importing this module imports nothing heavy; the first bar imports tqdm."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


def bar(*, desc: str, unit: str, **options: Any) -> tqdm:
    """A tqdm bar (https://tqdm.github.io/docs/tqdm/ has the options) that outlives whoever reads stderr."""
    from tqdm import tqdm

    return tqdm(desc=desc, unit=unit, file=_Unbroken(sys.stderr), **options)


class _Unbroken:
    """A stream whose failing writes are dropped.

    tqdm writes under a lock and keeps it where the write fails, as it does once the other end of a pipe is
    gone (`depth-video ... 2>&1 | head`): the bar's end would then wait for that lock for ever.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
