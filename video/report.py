"""What became of a batch, for the user: lines on stdout, and the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from shared import UserError
from shared.console import EXIT_INTERRUPTED
from video.outputs import is_gif
from video.plan import Job

EXIT_SOME_FAILED = 1
MOST_LISTED = 1000


class Jobs(Protocol):
    """A list of them, or what stands for one that would be too long."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Job]: ...


def lines(job: Job, *, quiet: bool) -> Iterator[str]:
    """What a single input came to."""
    if job.result is not None and job.result.is_partial:
        if job.result.output is None and is_gif(job.output):
            yield "Stopped; of a GIF that is not whole, nothing is kept."
        elif job.result.output is None:
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


def table(jobs: Jobs) -> Iterator[str]:
    """One line per file, the failed ones' sentences below them; of very many, those that are done are only
    counted.
    """
    width = min(48, max(len(job.source.name) for job in jobs))
    counts: Counter[str] = Counter()
    yield ""
    for job in jobs:
        counts[job.outcome] += 1
        if len(jobs) <= MOST_LISTED or job.outcome not in ("done", "skipped"):
            yield from _about(job, width)
    yield ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))


def _about(job: Job, width: int) -> Iterator[str]:
    frames = f"{job.result.frames} frames" if job.result else ""
    yield f"{job.source.name[:width]:<{width}}  {job.outcome:<8}  {frames}".rstrip()
    if job.error is not None:
        yield f"    {complaint(job.error)}"
    if job.result is not None and job.result.is_partial and job.result.output:
        yield f"    kept as {job.result.output}; --resume goes on from there"


def complaint(error: Exception) -> str:
    """One line: what went wrong and what to do."""
    if isinstance(error, UserError):
        return f"{error.message} {error.hint}"
    return f"Something unforeseen went wrong: {type(error).__name__}: {error}"


def exit_code(jobs: Jobs) -> int:
    """130 when something was left undone, 1 when something failed, else 0."""
    outcomes = {job.outcome for job in jobs}
    if outcomes & {"stopped", "waiting"}:
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if "failed" in outcomes else 0
