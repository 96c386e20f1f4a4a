"""A thread that is never abandoned: it can be told to stop, is joined, and hands its error on."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

from shared.handoff import Closed


class Interrupted(BaseException):
    """Raised in a thread that is to give up what it is doing."""


class Worker:
    """Runs `work(stop)` on a thread of its own; `work` returns soon after `stop` is set."""

    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self._work = work
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work(self._stop)
        except (Closed, Interrupted):  # a hand-off's other side has ended, or nobody waits for the result
            pass
        except BaseException as error:  # raised again by check(), in the thread that waits
            self._error = error

    def stop(self) -> None:
        """Asks; join() waits."""
        self._stop.set()

    def interrupt(self) -> None:
        """Raises Interrupted in the thread, at its next line of Python; for work that knows no `stop`.

        Loading a network is such work: a download and the import of torch would each keep a window that
        the user has closed alive for many seconds.
        """
        if self._thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident or 0), ctypes.py_object(Interrupted)
            )

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def has_failed(self) -> bool:
        return self._error is not None

    def check(self) -> None:
        """Raises what ended the thread, if anything did."""
        if self._error is not None:
            raise self._error
