"""What is remembered of a network's candidates: how right and how fast each was on this machine.

Written by the process that tries them, before and after each: where it dies, the next one knows at what.
Importing this module is cheap.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shared import UserError, cache
from shared.network.candidates import FLOAT32, Candidate, candidates_here, may_run
from shared.network.engine_openvino import OpenVinoEngine, openvino_core, openvino_version, processor

REVISION = 2
"""Raise it when candidates, pictures or limits change: verdicts from before are then not used."""

LONGEST_TRIAL_S = 60.0
WORTHWHILE = 0.95
"""Of float32's time: what is hardly faster is not worth being less exact."""


@dataclass(frozen=True)
class Subject:
    """A network, where another process finds it, and at which size it is tried.

    entry_key: of the cache's entry at `path`; '' where `path` is a file for OpenVINO.
    sha256: of the weights, in hex. size: longer side of the network's input in pixels.
    """

    path: Path
    entry_key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Trial:
    """What came of a candidate.

    difference: from float32's answer, as a share of its range, and correlation with it; each on the picture
    where it is worst. of_float32: its time as a share of float32's. fault: why it is not used, or ''.
    """

    candidate: Candidate
    milliseconds: float = math.nan
    of_float32: float = math.nan
    difference: float = math.nan
    correlation: float = math.nan
    fault: str = ""

    @property
    def is_right(self) -> bool:
        return not self.fault

    @property
    def answers(self) -> bool:
        """Whether it gave depth at all."""
        return not math.isnan(self.difference)

    def line(self) -> str:
        said = []
        if not math.isnan(self.milliseconds):
            said.append(f"{self.milliseconds:.1f} ms, {self.of_float32:.2f} of float32's")
        if self.answers:
            said.append(f"off by {self.difference:.2%}, correlation {self.correlation:.5f}")
        return f"{self.candidate.name}: {'; '.join([*said, self.fault] if self.fault else said)}"


@dataclass(frozen=True)
class Verdict:
    """trying, pid, since_s: what is being tried, by which process, since when (seconds of the epoch)."""

    trials: tuple[Trial, ...] = ()
    is_done: bool = False
    trying: Candidate | None = None
    pid: int = 0
    since_s: float = 0.0

    def begin(self, candidate: Candidate) -> Verdict:
        return replace(self, trying=candidate, pid=os.getpid(), since_s=time.time())

    def add(self, trial: Trial) -> Verdict:
        return Verdict((*self.trials, trial))

    def has_tried(self, candidate: Candidate) -> bool:
        """Whether it was, or one that is right with more of it in the lower precision, and so faster."""
        return any(
            trial.candidate == candidate
            or (trial.is_right and replace(trial.candidate, float_parts=candidate.float_parts) == candidate)
            for trial in self.trials
        )

    def is_being_tried(self, *, dead_pid: int) -> bool:
        """Whether another process is at it; `dead_pid` is one that is known to have ended."""
        if self.trying is None or self.pid == dead_pid:
            return False
        return 0 <= time.time() - self.since_s < LONGEST_TRIAL_S

    def after_a_death(self) -> Verdict:
        """What was being tried when the process ended is at fault."""
        if self.trying is None:
            return self
        return self.add(Trial(self.trying, fault="the process ended while it was tried"))

    def best(self, device: str, precision: str) -> Trial | None:
        """The fastest that is right among what was asked for; float32 unless another is worth it."""
        right = [one for one in self.trials if one.is_right and may_run(one.candidate, device, precision)]
        fastest = min(right, key=lambda one: one.of_float32, default=None)
        reference = next((one for one in right if one.candidate == FLOAT32), None)
        if fastest is None or reference is None or fastest.of_float32 <= WORTHWHILE:
            return fastest
        return reference

    def least_wrong(self, device: str, precision: str) -> Trial | None:
        """For who asks for it by name, of those that answer."""
        asked = [one for one in self.trials if one.answers and may_run(one.candidate, device, precision)]
        return min(asked, key=lambda one: one.difference, default=None)

    def faults(self, device: str, precision: str) -> list[Trial]:
        return [one for one in self.trials if one.fault and may_run(one.candidate, device, precision)]


def candidates_of(subject: Subject) -> list[Candidate]:
    """What may be tried beside float32 on this machine."""
    core = openvino_core()
    cpu_can = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return candidates_here(core.available_devices, cpu_can, has_parts=bool(subject.entry_key))


def load_subject(subject: Subject) -> OpenVinoEngine:
    """Its network, in float32. Raises UserError where it is not there any more."""
    if not subject.entry_key:
        return OpenVinoEngine.from_file(subject.path)
    content = cache.read_entry(subject.path, subject.entry_key)
    if content is None:
        raise UserError(f"{subject.path} is not there any more.", "Start the program again.")
    return OpenVinoEngine.from_bytes(content)


def read_verdict(subject: Subject) -> Verdict:
    """What is remembered; an empty verdict where nothing is."""
    key = _key(subject)
    content = cache.read_entry(_path(key), key)
    return Verdict() if content is None else _decoded(json.loads(content.tobytes()))


def write_verdict(subject: Subject, verdict: Verdict) -> None:
    key = _key(subject)
    cache.write_entry(_path(key), key, json.dumps(asdict(verdict)).encode())


def _key(subject: Subject) -> str:
    """Another machine, another OpenVINO, other weights or another size: another verdict."""
    return f"{REVISION} {openvino_version()} {processor()} {subject.sha256} {subject.size}"


def _path(key: str) -> Path:
    return cache.cache_folder() / "verdicts" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.verdict"


def _decoded(content: dict[str, Any]) -> Verdict:
    trials = [Trial(**{**one, "candidate": Candidate(**one["candidate"])}) for one in content["trials"]]
    trying = content["trying"] and Candidate(**content["trying"])
    return Verdict(tuple(trials), content["is_done"], trying, content["pid"], content["since_s"])
