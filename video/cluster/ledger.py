"""All inputs of an archive, what their outputs are called and what became of them: on disk, not in memory.

A temporary database of SQLite's, which nobody else sees and which is gone with the process. It is filled
once, with what `video.plan.plan` would plan; then jobs are taken from it, and entered when they are over.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from shared import UserError
from video.plan import BatchOptions, Job, default_output, demo_job, free_output, inputs_in, name_key
from video.settings import ConvertResult

CACHE_KB = 4096
TABLE = """
CREATE TABLE jobs (
    source BLOB PRIMARY KEY, place BLOB, wish BLOB, wish_key BLOB, bytes INTEGER,
    output BLOB, output_key BLOB,
    outcome TEXT DEFAULT 'waiting', frames INTEGER, kept BLOB, message TEXT, hint TEXT, exit_code INTEGER
);
CREATE INDEX wishes ON jobs (wish_key);
CREATE INDEX outputs ON jobs (output_key);
"""
FOUND = """
INSERT INTO jobs (source, place, wish, wish_key, bytes) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (source) DO UPDATE SET wish = excluded.wish, wish_key = excluded.wish_key
"""
OVER = (
    "UPDATE jobs SET outcome = ?, frames = ?, kept = ?, message = ?, hint = ?, exit_code = ? WHERE source = ?"
)


class Ledger:
    """Its length is the number of jobs; iterating yields them in the order given.

    is_raw: as `video.plan.plan` has it. photos, video_bytes: how many photos, and how large the videos are.
    Raises UserError for a folder that holds nothing to convert.
    """

    def __init__(self, options: BatchOptions, *, is_raw: bool) -> None:
        self.photos = self.video_bytes = self._count = 0
        self._options, self._is_raw = options, is_raw
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.row_factory = sqlite3.Row
        for setting in (f"cache_size = -{CACHE_KB}", "journal_mode = OFF", "synchronous = OFF"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.executescript(TABLE)
        if options.is_demo:
            demo = demo_job(options)
            self._found(0, demo.source, demo.output)
        for number, given in enumerate(options.inputs):
            for source, folder in inputs_in(given, recursive=options.recursive):
                self._found(number, source, default_output(source, folder, options))
        self._name_outputs()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Job]:
        yield from map(_job, self._database.execute("SELECT * FROM jobs ORDER BY place"))

    def longest_first(self) -> Iterator[tuple[Job, int]]:
        """(job, the input's bytes): they nearly tell how long a video is, and cost no look into it."""
        waiting = "SELECT * FROM jobs WHERE outcome = 'waiting' ORDER BY bytes DESC, place"
        for row in self._database.execute(waiting):
            yield _job(row), row["bytes"]

    def enter(self, job: Job) -> None:
        """What became of it."""
        result, error = job.result, job.error
        kept = result.output if result is not None and result.is_partial else None
        why = (error.message, error.hint, error.exit_code) if isinstance(error, UserError) else (None,) * 3
        row = (job.outcome, result and result.frames, kept and os.fsencode(kept), *why)
        self._database.execute(OVER, (*row, os.fsencode(job.source)))

    def close(self) -> None:
        self._database.close()

    def _found(self, number: int, source: Path, wish: Path) -> None:
        name = os.fsencode(source)
        place = b"%08d" % number + name.replace(os.sep.encode(), b"\x01")  # as paths are ordered
        self._database.execute(FOUND, (name, place, os.fsencode(wish), self._key(wish), _size_bytes(source)))

    def _key(self, output: Path) -> bytes:
        return os.fsencode(name_key(output, is_raw=self._is_raw))

    def _name_outputs(self) -> None:
        """In order, since who comes first may have the plain name."""
        rows = self._database.execute("SELECT source, wish, wish_key, bytes FROM jobs ORDER BY place")
        for name, wish, wish_key, size_bytes in rows:
            source = _path(name)
            is_alone = not self._has("wish_key = ? AND source <> ?", wish_key, name)
            output = free_output(source, _path(wish), is_alone=is_alone, is_taken=self._is_taken)
            self._database.execute(
                "UPDATE jobs SET output = ?, output_key = ? WHERE source = ?",
                (os.fsencode(output), os.fsencode(name_key(output)), name),
            )
            self._count += 1
            is_photo = Job(source, output).is_photo
            self.photos += is_photo
            self.video_bytes += 0 if is_photo else size_bytes

    def _is_taken(self, output: Path) -> bool:
        return self._has("output_key = ?", os.fsencode(name_key(output)))

    def _has(self, condition: str, *values: bytes) -> bool:
        return (
            self._database.execute(f"SELECT 1 FROM jobs WHERE {condition} LIMIT 1", values).fetchone()
            is not None
        )


def _job(row: sqlite3.Row) -> Job:
    job = Job(_path(row["source"]), _path(row["output"]), row["outcome"])
    if row["frames"] is not None:
        is_partial = row["outcome"] == "stopped"
        kept = _path(row["kept"]) if row["kept"] else None
        job.result = ConvertResult(kept if is_partial else job.output, row["frames"], is_partial=is_partial)
    if row["message"] is not None:
        job.error = UserError(row["message"], row["hint"], exit_code=row["exit_code"])
    return job


def _path(name: bytes) -> Path:
    return Path(os.fsdecode(name))


def _size_bytes(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # what is wrong with it is said when its turn comes
