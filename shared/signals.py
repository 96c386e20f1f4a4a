"""Ctrl-C, SIGTERM and a closed terminal as a wish to stop in good order; a later Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from shared.handoff import now_s

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
IMPATIENT_S = 3.0
"""Ctrl-C pressed several times within this is one wish; afterwards it gives up what could be kept."""


@contextmanager
def cancel_on_signals() -> Iterator[threading.Event]:
    """The event that the signals set; nothing sets it outside the main thread, which has no handlers.

    SIGHUP stays ignored where nohup had it ignored.
    """
    cancel = threading.Event()
    wished_s = 0.0

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal wished_s
        if not cancel.is_set():
            wished_s = now_s()
            cancel.set()
        elif number == signal.SIGINT and now_s() - wished_s > IMPATIENT_S:
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name) and not _is_nohup(name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_nohup(name: str) -> bool:
    return name == "SIGHUP" and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
