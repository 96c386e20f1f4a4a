"""Many inputs, one after the other or several at a time: what becomes of each, and a table at the end."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared import UserError
from shared.tuning import keep_freed_memory, share_cores
from shared.video_info import check_is_file, probe
from video.convert import convert
from video.outputs import PHOTO_OUTPUT_SUFFIXES, VIDEO_OUTPUT_SUFFIXES, check_output
from video.photo import convert_photo
from video.progress import progress_bar
from video.settings import ConvertResult, ConvertSettings
from video.signals import cancel_on_signals

if TYPE_CHECKING:
    from shared.predictor import DepthPredictor

logger = logging.getLogger(__name__)

VIDEO_SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".wmv"),
    *(".flv", ".3gp", ".ogv", ".gif", ".mxf", ".vob", ".y4m", ".hevc", ".h264"),
}
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
EXIT_SOME_FAILED = 1
EXIT_INTERRUPTED = 130

Outcome = Literal["waiting", "done", "skipped", "failed", "stopped"]


@dataclass(frozen=True)
class BatchOptions:
    inputs: list[Path]
    output: Path | None = None
    output_dir: Path | None = None
    is_demo: bool = False
    recursive: bool = False
    skip_existing: bool = False
    jobs: int = 1
    quiet: bool = False
    weights: str | None = None
    engine: str = "auto"
    device: str = "auto"
    size: int = 256


@dataclass
class Job:
    """One input and its output; after it ran, what became of it."""

    source: Path
    output: Path
    outcome: Outcome = "waiting"
    result: ConvertResult | None = None
    error: UserError | None = field(default=None, repr=False)

    @property
    def is_photo(self) -> bool:
        return self.source.suffix.lower() in PHOTO_SUFFIXES

    @property
    def suffixes(self) -> tuple[str, ...]:
        return PHOTO_OUTPUT_SUFFIXES if self.is_photo else VIDEO_OUTPUT_SUFFIXES


def run_batch(options: BatchOptions, settings: ConvertSettings, *, say: Callable[[str], None]) -> int:
    """Converts everything; returns the exit code. `say` takes the lines meant for the user.

    Raises UserError when a single input fails, so that it reads like every other error.
    """
    jobs = plan(options)
    for job in jobs:
        _check(job, options, settings)
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
    for line in _table(jobs) if not is_single else _lines(jobs[0], quiet=options.quiet):
        say(line)
    return _exit_code(jobs)


def _run_all(
    jobs: list[Job], options: BatchOptions, settings: ConvertSettings, cancel: threading.Event
) -> None:
    """Runs the jobs on as many threads as asked for, each with a predictor of its own."""
    waiting = iter(jobs)
    lock = threading.Lock()

    def work(lane: int) -> None:
        predictor = load_predictor(options)
        while not cancel.is_set():
            with lock:
                job = next(waiting, None)
            if job is None:
                return
            _run_one(job, settings, predictor, cancel, lane=lane, quiet=options.quiet)

    lanes = min(options.jobs, len(jobs))
    if lanes == 1:
        work(0)
        return
    with ThreadPoolExecutor(lanes, thread_name_prefix="convert") as pool:
        for done in [pool.submit(work, lane) for lane in range(lanes)]:
            done.result()


def load_predictor(options: BatchOptions) -> DepthPredictor:
    from shared.predictor import DepthPredictor

    return DepthPredictor.from_weights(
        options.weights, size=options.size, engine=options.engine, device=options.device
    )


def _run_one(
    job: Job,
    settings: ConvertSettings,
    predictor: DepthPredictor,
    cancel: threading.Event,
    *,
    lane: int,
    quiet: bool,
) -> None:
    """Converts one file and notes what became of it; only what the user can put right is caught."""
    try:
        if job.is_photo:
            job.result = convert_photo(job.source, job.output, settings, predictor=predictor)
        else:
            with progress_bar(job.source.name, lane=lane, quiet=quiet) as progress:
                job.result = convert(
                    job.source, job.output, settings, predictor=predictor, progress=progress, cancel=cancel
                )
    except UserError as error:
        job.outcome, job.error = "failed", error
        return
    job.outcome = "stopped" if job.result.is_partial else "done"
    for warning in job.result.warnings:
        logger.warning("%s", warning)


def plan(options: BatchOptions) -> list[Job]:
    """One job per file, in the order given. Raises UserError for a folder that holds nothing to convert."""
    if options.is_demo:
        output = options.output or (options.output_dir or Path()) / "demo-depth.mp4"
        return [Job(_demo_source(quiet=options.quiet), output)]
    sources = list(dict.fromkeys(path for given in options.inputs for path in _expand(given, options)))
    outputs = [_default_output(source, options) for source in sources]
    doubles = {output for output, count in Counter(outputs).items() if count > 1}
    return [
        Job(source, _tell_apart(source, output) if output in doubles else output)
        for source, output in zip(sources, outputs, strict=True)
    ]


def _demo_source(*, quiet: bool) -> Path:
    """Our own clip, rendered where it is not yet in the cache."""
    from shared.bundled.demo import demo_clip

    try:
        with progress_bar("rendering the demo clip", lane=0, quiet=quiet) as progress:
            return demo_clip(progress=progress)
    except OSError as error:
        raise UserError(
            f"The demo clip cannot be kept: {error}.", "Set DEPTH_CACHE to a folder that can be written to."
        ) from None


def _expand(given: Path, options: BatchOptions) -> Iterator[Path]:
    """A file itself, or the media files of a folder; hidden files and our own outputs are passed over."""
    if not given.is_dir():
        yield given
        return
    found = sorted(given.rglob("*") if options.recursive else given.iterdir())
    media = [
        path
        for path in found
        if path.suffix.lower() in VIDEO_SUFFIXES | PHOTO_SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
        and not path.stem.endswith(("-depth", "-depth.partial"))
    ]
    if not media:
        raise UserError(
            f"The folder {given} holds no video and no photo.", "Try --recursive, or name the files."
        )
    yield from media


def _default_output(source: Path, options: BatchOptions) -> Path:
    if options.output is not None:
        return options.output
    suffix = ".png" if source.suffix.lower() in PHOTO_SUFFIXES else ".mp4"
    return (options.output_dir or source.parent) / f"{source.stem}-depth{suffix}"


def _tell_apart(source: Path, output: Path) -> Path:
    """clip.mov and clip.avi in one folder: clip.mov-depth.mp4 and clip.avi-depth.mp4."""
    return output.with_name(f"{source.name}-depth{output.suffix}")


def _check(job: Job, options: BatchOptions, settings: ConvertSettings) -> None:
    """Finds, before the model is loaded, what cannot be converted."""
    try:
        if options.skip_existing and job.output.exists():
            job.outcome = "skipped"
            return
        check_is_file(job.source)
        if options.output_dir is not None:
            make_folder(options.output_dir)
        check_output(job.source, job.output, overwrite=settings.overwrite, suffixes=job.suffixes)
        if not job.is_photo:
            probe(job.source)
    except UserError as error:
        job.outcome, job.error = "failed", error


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another with --output-dir."
        ) from None


def _lines(job: Job, *, quiet: bool) -> Iterator[str]:
    """What a single input came to."""
    if job.result is not None and job.result.is_partial:
        if job.result.output is None:
            yield "Stopped before the first frame was finished; nothing was kept."
        else:
            yield f"Stopped. {job.result.frames} frames are kept as {job.result.output}."
            yield "--resume goes on from there."
    elif job.outcome == "skipped":
        yield f"{job.output} exists already; skipped."
    elif not quiet and job.outcome == "done":
        yield f"Wrote {job.output}"
        if job.result and job.result.raw:
            yield f"Wrote {job.result.raw}"


def _table(jobs: list[Job]) -> Iterator[str]:
    """One line per file, the failed ones' sentences below them."""
    width = min(48, max(len(job.source.name) for job in jobs))
    yield ""
    for job in jobs:
        frames = f"{job.result.frames} frames" if job.result else ""
        yield f"{job.source.name[:width]:<{width}}  {job.outcome:<8}  {frames}".rstrip()
        if job.error is not None:
            yield f"    {job.error.message} {job.error.hint}"
        if job.result is not None and job.result.is_partial and job.result.output:
            yield f"    kept as {job.result.output}; --resume goes on from there"
    counts = Counter(job.outcome for job in jobs)
    yield ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))


def _exit_code(jobs: list[Job]) -> int:
    outcomes = {job.outcome for job in jobs}
    if outcomes & {"stopped", "waiting"}:
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if "failed" in outcomes else 0
