"""Ctrl-C and SIGTERM as a wish to stop in good order, once; the second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")


@contextmanager
def cancel_on_signals() -> Iterator[threading.Event]:
    """The event that the signals set; nothing sets it outside the main thread, which has no handlers."""
    cancel = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        if cancel.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        cancel.set()

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
