"""Tries a network's candidates on pictures that the package carries: `python -m shared.proving TASK`.

A process of its own, started by `shared.network.choosing`: a driver that crashes takes only this one along.
What is found goes into the cache. It ends as soon as its standard input does.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from shared import DepthMap, FrameBGR, UserError
from shared.bundled import PROOF_HEIGHT_PX, PROOF_WIDTH_PX, proof_sheet_path
from shared.network import (
    FLOAT32,
    LONGEST_TRIAL_S,
    Candidate,
    Subject,
    Trial,
    Verdict,
    candidates_of,
    compare,
    fault_of,
    load_subject,
    read_verdict,
    write_verdict,
)
from shared.predictor import DepthPredictor

TIMED_TURNS = 8
STANDARD_INPUT = 0


def main(arguments: list[str] | None = None) -> int:
    """arguments: a Subject as JSON, with 'dead_pid': the process that died at it just before, or 0."""
    (text,) = sys.argv[1:] if arguments is None else arguments
    task = json.loads(text)
    dead_pid = task.pop("dead_pid")
    prover = Prover(Subject(**{**task, "path": Path(task["path"])}))
    if prover.verdict.is_done or prover.verdict.is_being_tried(dead_pid=dead_pid):
        return 0
    for watch in (prover.end_with_the_parent, prover.end_where_it_hangs):
        threading.Thread(target=watch, daemon=True).start()
    prover.run()
    return 0


class Prover:
    """Tries what was not yet tried of a network, and keeps the verdict up to date."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._began_s = time.monotonic()
        self.verdict = read_verdict(subject)

    def run(self) -> None:
        """Where the network cannot be read, or does not run in float32, nothing is remembered."""
        self.verdict = self.verdict.after_a_death()
        reference = Reference.of(self._predictor(FLOAT32))
        if not self.verdict.has_tried(FLOAT32):
            self.verdict = self.verdict.add(Trial(FLOAT32, reference.milliseconds, 1.0, 0.0, 1.0))
        for candidate in candidates_of(self._subject):
            if not self.verdict.has_tried(candidate):
                self._try(candidate, reference)
        self._remember(replace(self.verdict, is_done=True))

    def _try(self, candidate: Candidate, reference: Reference) -> None:
        self._began_s = time.monotonic()
        self._remember(self.verdict.begin(candidate))
        try:
            trial = reference.judge(candidate, self._predictor(candidate))
        except (UserError, RuntimeError, ValueError) as error:
            trial = Trial(candidate, fault=str(error).strip().split("\n")[-1])
        self._remember(self.verdict.add(trial))

    def _predictor(self, candidate: Candidate) -> DepthPredictor:
        engine = load_subject(self._subject)
        engine.run_as(candidate)
        return DepthPredictor(engine, size=self._subject.size)

    def _remember(self, verdict: Verdict) -> None:
        self.verdict = verdict
        write_verdict(self._subject, verdict)

    def end_with_the_parent(self) -> None:
        """Without blame for what is being tried."""
        os.read(STANDARD_INPUT, 1)
        self._remember(replace(self.verdict, trying=None))
        os._exit(0)

    def end_where_it_hangs(self) -> None:
        while time.monotonic() - self._began_s < LONGEST_TRIAL_S:
            time.sleep(1.0)
        os._exit(1)


@dataclass(frozen=True)
class Reference:
    """float32's depth of the pictures, and what it takes for one."""

    predictor: DepthPredictor
    pictures_bgr: list[FrameBGR]
    depth_maps: list[DepthMap]
    milliseconds: float

    @classmethod
    def of(cls, predictor: DepthPredictor) -> Reference:
        pictures_bgr = proof_pictures()
        depth_maps = [predictor.predict(picture_bgr) for picture_bgr in pictures_bgr]
        times_s = [seconds_of(predictor, picture_bgr) for picture_bgr in pictures_bgr]
        return cls(predictor, pictures_bgr, depth_maps, 1000 * statistics.median(times_s))

    def judge(self, candidate: Candidate, predictor: DepthPredictor) -> Trial:
        """Its worst figures; how fast it is only where they are as they must be."""
        figures = [
            compare(predictor.predict(picture_bgr), depth_map)
            for picture_bgr, depth_map in zip(self.pictures_bgr, self.depth_maps, strict=True)
        ]
        difference = max(one for one, _ in figures)
        correlation = min(one for _, one in figures)
        trial = Trial(candidate, difference=difference, correlation=correlation)
        if fault := fault_of(difference, correlation):
            return replace(trial, fault=fault)
        own_s, reference_s = self._times_s(predictor)
        return replace(trial, milliseconds=1000 * own_s, of_float32=own_s / reference_s)

    def _times_s(self, predictor: DepthPredictor) -> tuple[float, float]:
        """Of the candidate and of float32, which take turns; a busy moment must not decide."""
        own_s, reference_s = [], []
        for turn in range(TIMED_TURNS):
            picture_bgr = self.pictures_bgr[turn % len(self.pictures_bgr)]
            own_s.append(seconds_of(predictor, picture_bgr))
            reference_s.append(seconds_of(self.predictor, picture_bgr))
        return statistics.quantiles(own_s, n=4)[0], statistics.quantiles(reference_s, n=4)[0]


def seconds_of(predictor: DepthPredictor, picture_bgr: FrameBGR) -> float:
    begun_s = time.perf_counter()
    predictor.predict(picture_bgr)
    return time.perf_counter() - begun_s


def proof_pictures() -> list[FrameBGR]:
    """Rendered rooms, tables, a street, a person: each (PROOF_HEIGHT_PX, PROOF_WIDTH_PX, 3)."""
    sheet_bgr = cv2.imread(str(proof_sheet_path()))
    assert sheet_bgr is not None
    rows, columns = sheet_bgr.shape[0] // PROOF_HEIGHT_PX, sheet_bgr.shape[1] // PROOF_WIDTH_PX
    return [
        sheet_bgr[
            row * PROOF_HEIGHT_PX : (row + 1) * PROOF_HEIGHT_PX,
            column * PROOF_WIDTH_PX : (column + 1) * PROOF_WIDTH_PX,
        ]
        for row in range(rows)
        for column in range(columns)
    ]


if __name__ == "__main__":
    sys.exit(main())
