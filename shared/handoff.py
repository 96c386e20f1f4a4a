"""How threads hand frames to each other; the only concurrency primitives in the project.

`LatestSlot` is for live pictures: the newest value wins and nothing queues up. `Pipe` is for files: every
value arrives, in order, and a slow consumer holds the producer back. Both carry the producer's end and its
error to the consumer, so that no thread waits for one that has died.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The other side has ended the hand-off."""


class LatestSlot(Generic[T]):
    """Holds one value: a put replaces what was not taken yet, a get takes it out.

    `replaced` counts the values that nobody took.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._full = False
        self._closed = False
        self._error: BaseException | None = None
        self.replaced = 0

    def put(self, value: T) -> None:
        """Never waits. Raises Closed after close()."""
        with self._changed:
            if self._closed:
                raise Closed
            self.replaced += self._full
            self._value, self._full = value, True
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> T | None:
        """The newest value, or None when none came within timeout_s (0 asks without waiting).

        Raises the producer's error, or Closed once it has ended and the last value is taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._full or self._closed, timeout_s)
            if self._full:
                value, self._value, self._full = self._value, None, False
                return value
            if self._error is not None:
                raise self._error
            if self._closed:
                raise Closed
            return None

    def close(self, error: BaseException | None = None) -> None:
        """Ends the hand-off from either side; the first call's error is kept."""
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
            self._changed.notify_all()


class Pipe(Generic[T]):
    """A bounded queue in order. Iterating yields every value, then ends or raises the producer's error."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._values: deque[T] = deque()
        self._ended = False
        self._cancelled = False
        self._error: BaseException | None = None

    def put(self, value: T) -> None:
        """Waits while the pipe is full. Raises Closed when the consumer has cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._values) < self._capacity or self._cancelled)
            if self._cancelled:
                raise Closed
            self._values.append(value)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """The producer's last word: values already put are still delivered, then the error is raised."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def cancel(self) -> None:
        """The consumer's last word: a waiting producer gets Closed, the queued values are dropped."""
        with self._changed:
            self._cancelled = True
            self._values.clear()
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._values or self._ended or self._cancelled)
                if not self._values:
                    if self._error is not None and not self._cancelled:
                        raise self._error
                    return
                value = self._values.popleft()
                self._changed.notify_all()
            yield value


def now_s() -> float:
    """Seconds on the monotonic clock that every thread's times are read from."""
    return time.perf_counter()
