"""Which files are converted, and what their outputs are called: each input has an output of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Literal

from shared import NetworkChoice, UserError
from shared.bundled.demo import demo_clip
from shared.media import SUFFIXES
from video.settings import ConvertResult

VIDEO_SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".wmv"),
    *(".flv", ".3gp", ".ogv", ".gif", ".mxf", ".vob", ".y4m", ".hevc", ".h264"),
}
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
MARK = "-depth"

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
    network: NetworkChoice = NetworkChoice()


@dataclass
class Job:
    """One input and its output; after it ran, what became of it."""

    source: Path
    output: Path
    outcome: Outcome = "waiting"
    result: ConvertResult | None = None
    error: Exception | None = field(default=None, repr=False)

    @property
    def is_photo(self) -> bool:
        return self.source.suffix.lower() in PHOTO_SUFFIXES


def plan(options: BatchOptions, *, is_raw: bool = False) -> list[Job]:
    """One job per file, in the order given. Raises UserError for a folder that holds nothing to convert.

    is_raw: raw depth is written beside the outputs, so that their names must differ without their suffixes.
    """
    if options.is_demo:
        return [demo_job(options)]
    found = {
        source: default_output(source, folder, options)
        for given in options.inputs
        for source, folder in sorted(inputs_in(given, recursive=options.recursive))
    }
    names = Counter(name_key(output, is_raw=is_raw) for output in found.values())
    jobs: list[Job] = []
    taken: set[str] = set()
    for source, wish in found.items():
        is_alone = names[name_key(wish, is_raw=is_raw)] == 1
        output = free_output(source, wish, is_alone=is_alone, is_taken=lambda it: name_key(it) in taken)
        taken.add(name_key(output))
        jobs.append(Job(source, output))
    return jobs


def demo_job(options: BatchOptions) -> Job:
    output = options.output or (options.output_dir or Path()) / f"demo{MARK}.mp4"
    return Job(demo_clip(), output)


def inputs_in(given: Path, *, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """(file, its folder within the given one): the file itself, or a folder's media files, as they come.

    Hidden files and our own outputs are passed over. Raises UserError when nothing is left.
    """
    if not given.is_dir():
        yield given, Path()
        return
    is_empty = True
    for path in _files(given, recursive=recursive):
        if _is_media(path):
            is_empty = False
            yield path, path.parent.relative_to(given)
    if is_empty:
        raise UserError(
            f"The folder {given} holds no video and no photo.", "Try --recursive, or name the files."
        )


def _files(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """One at a time: a folder of an archive may hold more names than are good to have in memory."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif recursive:
                with suppress(PermissionError):
                    yield from _files(path, recursive=True)


def _is_media(path: Path) -> bool:
    return (
        path.suffix.lower() in VIDEO_SUFFIXES | PHOTO_SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
        and not path.stem.endswith((MARK, f"{MARK}.partial"))
        and not path.parent.name.endswith(MARK + SUFFIXES["png16"])
    )


def default_output(source: Path, folder: Path, options: BatchOptions) -> Path:
    if options.output is not None:
        return options.output
    suffix = ".png" if source.suffix.lower() in PHOTO_SUFFIXES else ".mp4"
    place = source.parent if options.output_dir is None else options.output_dir / folder
    return place / f"{source.stem}{MARK}{suffix}"


def name_key(output: Path, *, is_raw: bool = False) -> str:
    """What must differ: many file systems do not tell capitals from small letters."""
    return str(output.with_suffix("") if is_raw else output).casefold()


def free_output(source: Path, wish: Path, *, is_alone: bool, is_taken: Callable[[Path], bool]) -> Path:
    """The name that the output gets. is_alone: nobody else wishes this one."""
    candidates = [wish] if is_alone else []
    return next(name for name in chain(candidates, _told_apart(source, wish)) if not is_taken(name))


def _told_apart(source: Path, output: Path) -> Iterator[Path]:
    """clip.mov-depth.mp4 for clip.mov; for a second clip.mov of another folder, clip.mov-2-depth.mp4."""
    yield output.with_name(f"{source.name}{MARK}{output.suffix}")
    for number in count(2):
        yield output.with_name(f"{source.name}-{number}{MARK}{output.suffix}")
