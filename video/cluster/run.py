"""depth-video --cluster: what `video.batch` does on one machine, on many."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from shared import UserError
from shared.network import requested
from shared.progress import bar
from shared.signals import cancel_on_signals
from video.batch import check, make_folder
from video.claim import take
from video.cluster.crew import Crew
from video.cluster.driver import Driver, Show
from video.cluster.films import Film
from video.cluster.ledger import Ledger
from video.cluster.nodes import Pool, RayPool
from video.cluster.pieces import Pieces, check_pieces
from video.cluster.tally import Tally
from video.convert import check_free
from video.outputs import is_gif
from video.plan import BatchOptions, Job
from video.report import exit_code, lines, table
from video.settings import ConvertSettings

SIGN = ".depth-cluster-"


@dataclass(frozen=True)
class ClusterChoice:
    """address: Ray's, or 'local'. cores: of each worker. workers: at most; None: as cores allow."""

    address: str
    cores: int = 1
    workers: int | None = None


def run_cluster(
    options: BatchOptions,
    settings: ConvertSettings,
    choice: ClusterChoice,
    *,
    say: Callable[[str], None],
    connect: Callable[[str], Pool] = RayPool,
) -> int:
    """Converts everything; returns the exit code, and says what `video.batch.run_batch` would say.

    Raises UserError when the cluster cannot be used, and when a single input fails.
    """
    if options.output is not None and is_gif(options.output):
        raise UserError("--cluster writes no GIF.", "Leave --cluster away, or name an MP4 with -o.")
    options = _for_every_node(options)
    with closing(Ledger(options, is_raw=settings.raw is not None)) as ledger:
        tally = Tally(waiting_bytes=ledger.video_bytes, waiting_photos=ledger.photos)
        is_single = _is_single(ledger, options)
        if is_single:
            _check_single(ledger, options, settings)
        _convert_all(ledger, options, settings, choice, tally=tally, connect=connect)
        for line in _told(ledger, is_single=is_single, quiet=options.quiet):
            say(line)
        if not options.quiet and tally.units:
            say(tally.closing_note())
        return exit_code(ledger)


def _is_single(ledger: Ledger, options: BatchOptions) -> bool:
    return len(ledger) == 1 and (options.is_demo or next(iter(ledger)).source in options.inputs)


def _check_single(ledger: Ledger, options: BatchOptions, settings: ConvertSettings) -> None:
    """Raises what is wrong with it before a cluster is needed."""
    (job,) = ledger
    _check(job, options, settings)
    if job.error:
        raise job.error
    ledger.enter(job)


def _told(ledger: Ledger, *, is_single: bool, quiet: bool) -> Iterator[str]:
    """Raises the error of a single input."""
    if not is_single:
        yield from table(ledger)
        return
    (job,) = ledger
    if job.error:
        raise job.error
    yield from lines(job, quiet=quiet)


def _for_every_node(options: BatchOptions) -> BatchOptions:
    """Paths from the root on, weights and precision by name: a node has its own folder and environment."""
    network = options.network
    weights = requested(network.weights)
    if Path(weights).exists():
        weights = str(Path(weights).absolute())
    # What is fastest and right differs from node to node, and with it the pictures.
    is_free = network.precision == "auto" and network.device in ("auto", "cpu") and network.engine != "torch"
    precision = "f32" if is_free else network.precision
    return replace(
        options,
        inputs=[path.absolute() for path in options.inputs],
        output=options.output and options.output.absolute(),
        output_dir=options.output_dir and options.output_dir.absolute(),
        network=replace(network, weights=weights, precision=precision),
    )


def _convert_all(
    ledger: Ledger,
    options: BatchOptions,
    settings: ConvertSettings,
    choice: ClusterChoice,
    *,
    tally: Tally,
    connect: Callable[[str], Pool],
) -> None:
    first = next(ledger.longest_first(), None)
    if first is None:
        return
    films = _films(ledger, options, settings, tally)
    with (
        _sign(options.output_dir or first[0].output.parent) as sign,
        closing(connect(choice.address)) as pool,
        cancel_on_signals() as cancel,
        _bar(quiet=options.quiet) as show,
    ):
        crew = Crew(pool, choice.cores, choice.workers, (options.network, settings, sign))
        try:
            Driver(
                films,
                len(ledger),
                crew,
                pool,
                tally=tally,
                show=show,
                over=lambda film: ledger.enter(film.job),
                cancel=cancel,
            ).run()
        finally:
            tally.nodes = len(crew.worked)


def _films(ledger: Ledger, options: BatchOptions, settings: ConvertSettings, tally: Tally) -> Iterator[Film]:
    """What there is to do, longest first."""
    for job, size_bytes in ledger.longest_first():
        film = Film(job, settings, size_bytes)
        _check(job, options, settings)
        if job.outcome == "waiting":
            yield film
        else:
            ledger.enter(job)
            tally.begin(film)
            tally.failed += job.outcome == "failed"


def _check(job: Job, options: BatchOptions, settings: ConvertSettings) -> None:
    """What can be said without a look into the file, which is the workers' business."""
    pieces = Pieces(job.output)
    if settings.resume and pieces.is_older_than(job.output):
        pieces.remove()  # the run was killed between the last two steps
    if not (pieces.exists and settings.resume):
        check(job, options, settings, look=_may_be_written)


def _may_be_written(source: Path, output: Path, settings: ConvertSettings) -> None:
    check_free(source, output, settings)
    check_pieces(output, settings)


@contextmanager
def _sign(folder: Path) -> Iterator[Path]:
    """A file by which nodes tell whether they see this folder."""
    make_folder(folder)
    for left in folder.glob(f"{SIGN}*"):
        _remove_if_dead(left)
    sign = folder / f"{SIGN}{uuid.uuid4().hex}"
    try:
        lock = os.open(sign, os.O_RDWR | os.O_CREAT, 0o644)
        with suppress(OSError):  # a file system without locks
            take(lock)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written to: {error.strerror}.", "Choose another folder with --output-dir."
        ) from None
    try:
        yield sign
    finally:
        os.close(lock)
        sign.unlink(missing_ok=True)


def _remove_if_dead(sign: Path) -> None:
    """Unless its run still holds it."""
    with suppress(OSError):
        lock = os.open(sign, os.O_RDWR)
        try:
            take(lock)
            sign.unlink()
        finally:
            os.close(lock)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Show]:
    if quiet:
        yield lambda done, total, tally: None
        return
    with bar(desc="depth", unit=" frames", dynamic_ncols=True, mininterval=0.5) as shown:

        def show(done: int, total: int | None, tally: Tally) -> None:
            shown.set_description(f"{tally.done} done, {tally.failed} failed", refresh=False)
            shown.total = total
            shown.update(done - shown.n)

        yield show
