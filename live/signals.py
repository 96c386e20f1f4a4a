"""Ctrl-C and the system's requests to end, turned into a flag, so that a recording can be finalised first."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last two are each known to one family of systems


class Interrupt:
    """While it is entered, `has_come` tells that a signal came. A second one acts as if this were not there.

    Must be entered on the main thread.
    """

    def __init__(self) -> None:
        self.has_come = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is not None:
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.has_come = True
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            signal.signal(*self._previous.popitem())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
