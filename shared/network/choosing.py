"""Lets an engine run as the fastest of its candidates that is right, once another process has proved it.

A driver may crash the process that tries it, so it is never the user's. Importing this module is cheap.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from shared import UserError
from shared.network.engine_openvino import OpenVinoEngine
from shared.network.verdicts import Subject, Verdict, read_verdict

logger = logging.getLogger(__name__)

PROVER = "shared.proving"
POLL_S = 0.02
MOST_DEATHS = 4
PATIENCE_S = 1.0
BLOCKING_S = 120.0


class Choice:
    """Which candidate an engine runs as.

    device, precision: what the user asked for; both may be 'auto'. Until `adopt` the engine stays what it is.
    """

    def __init__(
        self, engine: OpenVinoEngine, subject: Subject, *, device: str = "auto", precision: str = "auto"
    ) -> None:
        self._engine = engine
        self.subject = subject
        self._device, self._precision = device, precision
        self.is_open = not self.adopt()
        """Whether a proof is still to be had."""

    def prove(self, stop: threading.Event) -> None:
        """Has the candidates tried, unless they were before; ends early when `stop` is set.

        What dies at one candidate is started again for the others.
        """
        dead_pid = 0
        for _ in range(MOST_DEATHS):
            try:
                prover = self._start(dead_pid)
            except OSError as error:
                logger.info("no other process could be started to prove the engines: %s", error)
                return
            if not _wait(prover, stop):
                return
            if prover.returncode == 0:
                return
            logger.info("the process that proves the engines ended with %d", prover.returncode)
            if read_verdict(self.subject).pid != prover.pid:
                return  # it did not get as far as a candidate
            dead_pid = prover.pid

    def adopt(self) -> bool:
        """Lets the engine run as the best that is proved; False where the proof is not done.

        Raises UserError where what was asked for by name cannot run at all.
        """
        verdict = read_verdict(self.subject)
        if not verdict.is_done:
            return False
        self.is_open = False
        for trial in verdict.trials:
            logger.info("engine tried: %s", trial.line())
        best = verdict.best(self._device, self._precision)
        if best is not None:
            self._engine.run_as(best.candidate, or_float32=True)
        else:
            self._run_as_asked(verdict)
        logger.info("engine chosen: %s", self._engine.description)
        return True

    def _run_as_asked(self, verdict: Verdict) -> None:
        asked = verdict.least_wrong(self._device, self._precision)
        if asked is None:
            raise _cannot_run(verdict, self._device, self._precision)
        logger.warning(
            "%s runs as asked, but it is not right here: off by %.2f %% of the range, correlation %.4f"
            " with float32 on the picture where it is worst.",
            asked.candidate.name,
            100 * asked.difference,
            asked.correlation,
        )
        self._engine.run_as(asked.candidate)

    def _start(self, dead_pid: int) -> subprocess.Popen[bytes]:
        """The prover; it ends when its standard input does, which is when this process does."""
        task = {**asdict(self.subject), "path": str(self.subject.path.absolute()), "dead_pid": dead_pid}
        return subprocess.Popen(
            [sys.executable, "-m", PROVER, json.dumps(task)],
            cwd=Path(__file__).parents[2],  # `-m` looks there first: not where the user happens to be
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )


@contextmanager
def proving_beside(choice: Choice | None, *, wait_s: float | None = None) -> Iterator[None]:
    """Proves what is still to be proved, beside what the block does.

    wait_s: the block begins so much later at most, and the engine changes before it or not at all; what is
    proved later is for the next start. None: it begins at once, and the engine changes when it may.
    """
    if choice is None or not choice.is_open:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_prove_and_adopt, args=(choice, stop, wait_s is None), name="prove")
    thread.start()
    try:
        if wait_s is not None:
            thread.join(wait_s)
            choice.adopt()
        yield
    finally:
        stop.set()
        thread.join()


def _prove_and_adopt(choice: Choice, stop: threading.Event, adopts: bool) -> None:
    choice.prove(stop)
    if adopts and not stop.is_set():
        choice.adopt()


def prove_now(choice: Choice) -> None:
    """Waits for the proof, for who asked for something by name. Raises UserError where it cannot be had."""
    ended = threading.Event()
    timer = threading.Timer(BLOCKING_S, ended.set)
    timer.daemon = True
    timer.start()
    try:
        choice.prove(ended)
    finally:
        timer.cancel()
    if not choice.adopt():
        raise UserError(
            "What --precision or --device asks for could not be tried on this machine.",
            "Leave both at auto, or see what --verbose says.",
        )


def _wait(prover: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    """Whether it has ended by itself."""
    try:
        while prover.poll() is None:
            if stop.wait(POLL_S):
                return False
        return True
    finally:
        _end(prover)


def _end(prover: subprocess.Popen[bytes]) -> None:
    assert prover.stdin is not None
    prover.stdin.close()
    try:
        prover.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:  # it hangs in a driver
        prover.kill()
        prover.wait()


def _cannot_run(verdict: Verdict, device: str, precision: str) -> UserError:
    asked = " ".join(
        f"--{option} {value}"
        for option, value in (("device", device), ("precision", precision))
        if value != "auto"
    )
    faults = verdict.faults(device, precision)
    why = faults[0].fault if faults else "OpenVINO finds no such device or instructions"
    return UserError(f"{asked} cannot run on this machine: {why}.", "Leave it at auto.")
