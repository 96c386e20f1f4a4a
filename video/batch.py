"""Many inputs, one after the other or several at a time: what becomes of each, and a table at the end."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from shared import NetworkChoice, UserError
from shared.media import check_is_file
from shared.signals import cancel_on_signals
from shared.tuning import keep_freed_memory, share_cores
from video import partial as partials
from video.claim import claimed
from video.convert import convert, prepare
from video.journal import journals_of, tidy
from video.outputs import PHOTO_OUTPUT_SUFFIXES, check_name, check_output
from video.photo import convert_photo
from video.plan import BatchOptions, Job, plan
from video.progress import progress_bar
from video.report import exit_code, lines, table
from video.settings import ConvertSettings

if TYPE_CHECKING:
    from shared.predictor import DepthPredictor

logger = logging.getLogger(__name__)

PROOF_S = 2.0  # so much later a conversion begins at most, once on each machine, to be faster from then on
SIDE_BY_SIDE = 2  # inferences of one video at a time, each on half the cores
SIGNAL_POLL_S = 0.2


def run_batch(options: BatchOptions, settings: ConvertSettings, *, say: Callable[[str], None]) -> int:
    """Converts everything; returns the exit code. `say` takes the lines meant for the user.

    Raises UserError when a single input fails, so that it reads like every other error.
    """
    jobs = plan(options, is_raw=settings.raw is not None)
    for job in jobs:
        check(job, options, settings)
    todo = [job for job in jobs if job.outcome == "waiting"]
    is_single = len(jobs) == 1 and (options.is_demo or jobs[0].source in options.inputs)
    if is_single and jobs[0].error:
        raise jobs[0].error
    if todo:
        share_cores()
        keep_freed_memory()
        with cancel_on_signals() as cancel:
            _run_all(todo, options, settings, cancel)
    if is_single and jobs[0].error:
        raise jobs[0].error
    for line in table(jobs) if not is_single else lines(jobs[0], quiet=options.quiet):
        say(line)
    return exit_code(jobs)


def _run_all(
    jobs: list[Job], options: BatchOptions, settings: ConvertSettings, cancel: threading.Event
) -> None:
    """Runs the jobs on as many threads as asked for, each with a predictor of its own."""
    waiting = iter(jobs)
    lock = threading.Lock()
    lanes = min(options.jobs, len(jobs))
    cores_each = None if lanes == 1 else max(1, (os.cpu_count() or 1) // lanes)
    has_clips = not all(job.is_photo for job in jobs)
    callers = SIDE_BY_SIDE if lanes == 1 and has_clips else 1
    first = load_predictor(options.network, cores_each, callers)

    def work(lane: int) -> None:
        predictor = first if lane == 0 else load_predictor(options.network, cores_each, callers)
        while not cancel.is_set():
            with lock:
                job = next(waiting, None)
            if job is None:
                return
            _run_one(job, settings, predictor, cancel, lane=lane, quiet=options.quiet)

    with first.proving(wait_s=PROOF_S) if has_clips else nullcontext():
        _work_all(work, lanes)


def _work_all(work: Callable[[int], None], lanes: int) -> None:
    if lanes == 1:
        work(0)
        return
    with ThreadPoolExecutor(lanes, thread_name_prefix="convert") as pool:
        running = {pool.submit(work, lane) for lane in range(lanes)}
        while running:
            # In short waits: a long one would not see Ctrl-C on Windows before Python 3.14.
            ended, running = wait(running, SIGNAL_POLL_S)
            for lane in ended:
                lane.result()


def load_predictor(network: NetworkChoice, threads: int | None, callers: int) -> DepthPredictor:
    """threads: how many cores it may use; None takes all. callers: how many inferences may share them."""
    from shared.predictor import DepthPredictor

    predictor = DepthPredictor.from_weights(**asdict(network), threads=threads)
    if callers > 1:
        predictor.share_among(callers)
    return predictor


def _run_one(
    job: Job,
    settings: ConvertSettings,
    predictor: DepthPredictor,
    cancel: threading.Event,
    *,
    lane: int,
    quiet: bool,
) -> None:
    """Converts one file and notes what became of it; whatever it was, the other files are still converted."""
    try:
        if job.is_photo:
            job.result = convert_photo(job.source, job.output, settings, predictor=predictor)
        else:
            with progress_bar(job.source.name, lane=lane, quiet=quiet) as progress:
                job.result = convert(
                    job.source, job.output, settings, predictor=predictor, progress=progress, cancel=cancel
                )
    except Exception as error:
        logger.info("%s failed", job.source, exc_info=not isinstance(error, UserError))
        job.outcome, job.error = "failed", error
        return
    job.outcome = "stopped" if job.result.is_partial else "done"
    for warning in job.result.warnings:
        logger.warning("%s", warning)


def check(
    job: Job,
    options: BatchOptions,
    settings: ConvertSettings,
    *,
    look: Callable[[Path, Path, ConvertSettings], object] = prepare,
) -> None:
    """Finds, before the model is loaded, what cannot be converted. look: what is asked about a video."""
    try:
        check_name(job.output)
        if job.output.exists() and (options.skip_existing or _is_finished(job, settings)):
            job.outcome = "skipped"
            with suppress(UserError), claimed(job.output):  # another run that is writing there does it itself
                tidy(job.output)
            return
        check_is_file(job.source)
        if options.output_dir is not None:
            make_folder(job.output.parent)
        if job.is_photo:
            check_output(job.source, job.output, overwrite=settings.overwrite, suffixes=PHOTO_OUTPUT_SUFFIXES)
        else:
            look(job.source, job.output, settings)
    except UserError as error:
        job.outcome, job.error = "failed", error


def _is_finished(job: Job, settings: ConvertSettings) -> bool:
    """Whether a batch that goes on has nothing left to do for this file."""
    if not settings.resume or settings.overwrite:
        return False
    return not (partials.partial_path(job.output).exists() or journals_of(job.output))


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another with --output-dir."
        ) from None
