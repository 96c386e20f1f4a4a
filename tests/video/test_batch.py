"""Lanes side by side: what the main thread does while they work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, wait

import pytest

from video import batch


def test_ctrl_c_is_seen_while_lanes_work_on_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' waits hear no signal before Python 3.14: a stand-in that hears one only between two waits."""
    interrupted = threading.Event()
    waits = 0

    def deaf(lanes: Iterable[Future[None]], timeout_s: float | None = None) -> object:
        nonlocal waits
        outcome = wait(lanes, timeout_s)
        waits += 1
        if waits == 2:
            interrupted.set()  # what the handler of SIGINT does
        return outcome

    def work(_lane: int) -> None:
        assert interrupted.wait(20), "the wait never ended, so that no signal could be handled"

    monkeypatch.setattr(batch, "wait", deaf)
    batch._work_all(work, 2)
    assert waits >= 2


def test_a_lane_that_fails_is_raised() -> None:
    def work(lane: int) -> None:
        time.sleep(0.05 * lane)
        if lane == 1:
            raise RuntimeError("lane 1")

    with pytest.raises(RuntimeError, match="lane 1"):
        batch._work_all(work, 2)
