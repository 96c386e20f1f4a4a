"""The hand-offs carry values, ends and errors, and nobody waits for the dead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.handoff import Closed, LatestSlot, Pipe

PATIENCE_S = 10.0


@contextmanager
def running(work: Callable[[], None]) -> Iterator[None]:
    """Runs `work` in a thread that must end."""
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_the_newest_value_wins() -> None:
    slot: LatestSlot[int] = LatestSlot()
    for value in range(5):
        slot.put(value)
    assert slot.get() == 4
    assert slot.get(timeout_s=0) is None
    assert slot.replaced == 4


def test_none_is_a_value_only_for_nothing_came() -> None:
    slot: LatestSlot[int] = LatestSlot()
    assert slot.get(timeout_s=0.01) is None


def test_a_waiting_consumer_gets_the_value() -> None:
    slot: LatestSlot[str] = LatestSlot()
    with running(lambda: slot.put("frame")):
        assert slot.get(PATIENCE_S) == "frame"


def test_the_last_value_is_delivered_before_the_end() -> None:
    slot: LatestSlot[int] = LatestSlot()
    slot.put(1)
    slot.close()
    assert slot.get() == 1
    with pytest.raises(Closed):
        slot.get()
    with pytest.raises(Closed):
        slot.put(2)


def test_the_slot_raises_the_producers_error_in_the_consumer() -> None:
    slot: LatestSlot[int] = LatestSlot()
    with running(lambda: slot.close(OSError("camera gone"))), pytest.raises(OSError, match="camera gone"):
        slot.get(PATIENCE_S)


def test_the_pipe_keeps_the_order_and_the_bound() -> None:
    pipe: Pipe[int] = Pipe(2)
    most_waiting = 0

    def produce() -> None:
        for value in range(100):
            pipe.put(value)
        pipe.end()

    received = []
    with running(produce):
        for value in pipe:
            most_waiting = max(most_waiting, len(pipe))
            received.append(value)
    assert received == list(range(100))
    assert most_waiting <= 2


def test_the_pipe_delivers_what_was_put_before_the_error() -> None:
    pipe: Pipe[int] = Pipe(4)
    pipe.put(1)
    pipe.put(2)
    pipe.end(ValueError("bad frame"))
    values = iter(pipe)
    assert [next(values), next(values)] == [1, 2]
    with pytest.raises(ValueError, match="bad frame"):
        next(values)


def test_cancelling_frees_a_waiting_producer() -> None:
    pipe: Pipe[int] = Pipe(1)
    stopped = threading.Event()

    def produce() -> None:
        try:
            while True:
                pipe.put(0)
        except Closed:
            stopped.set()

    with running(produce):
        next(iter(pipe))
        pipe.cancel()
    assert stopped.is_set()
    assert list(pipe) == []
