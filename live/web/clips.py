"""Visitors' clips: one conversion at a time, the others wait; nothing stays on the disk.

A job lives as long as somebody watches it: when its page is closed before the end, it is cancelled and its
files are deleted at once. A finished clip is kept for an hour.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from live.web.limits import (
    CLIP_FRAMES,
    CLIP_PIXELS,
    CLIPS_KEPT_BYTES,
    CLIPS_OPEN,
    CLIPS_WAITING,
    KEPT_S,
    UPLOADS_PER_CLIENT,
    Refusal,
)
from live.web.model import SharedPredictor
from shared import UserError
from shared.media import probe
from video.convert import convert
from video.settings import ConvertSettings

logger = logging.getLogger(__name__)

State = Literal["open", "uploading", "waiting", "running", "done", "failed", "cancelled"]
UNFINISHED = ("open", "uploading", "waiting", "running")
UNWATCHED_S = 15.0
NAME_BYTES = 120  # file systems allow 255, and names of unfinished files are longer


@dataclass
class Job:
    """One clip on its way. done, total: frames. Its folder holds the upload and the result."""

    key: str
    folder: Path
    name: str
    settings: ConvertSettings
    client: str = ""
    state: State = "open"
    done: int = 0
    total: int | None = None
    message: str = ""
    started_s: float = 0.0
    touched_s: float = field(default_factory=time.monotonic)
    watchers: int = 0
    was_watched: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def source(self) -> Path:
        return self.folder / self.name

    @property
    def result(self) -> Path:
        return self.folder / "depth.mp4"

    def touch(self) -> None:
        self.touched_s = time.monotonic()

    def seconds_left(self) -> float | None:
        """None before anything can be told."""
        elapsed_s = time.monotonic() - self.started_s
        if self.state != "running" or not self.done or not self.total or elapsed_s < 0.5:
            return None
        return elapsed_s / self.done * max(self.total - self.done, 0)


class Clips:
    """The queue. Jobs run on one thread of its own; everything else may be called from any thread.

    kept_bytes: of finished clips, the newest first.
    """

    def __init__(
        self, predictor: SharedPredictor, folder: Path, *, kept_bytes: int = CLIPS_KEPT_BYTES
    ) -> None:
        self._predictor = predictor
        self._folder = folder
        self._kept_bytes = kept_bytes
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="clips")
        self._thread.start()

    def open(self, name: str, settings: ConvertSettings, *, client: str = "") -> Job:
        """A job whose upload is to come. Raises Refusal when too many are waiting.

        client: whose it is. What is only opened takes no place in the queue; the oldest of these makes room.
        """
        with self._changed:
            self._check_room(client)
            opened = [job for job in self._jobs.values() if job.state == "open"]
            if len(opened) >= CLIPS_OPEN:
                self._forget(opened[0])
            key = secrets.token_urlsafe(16)
            folder = self._folder / key
            folder.mkdir(parents=True)
            job = self._jobs[key] = Job(key, folder, safe_name(name), settings, client=client)
            return job

    def claim(self, key: str) -> Job:
        """The job, for its one upload. Raises Refusal."""
        with self._changed:
            job = self._job(key)
            if job.state != "open":
                raise Refusal("This clip was given already.", 409)
            self._check_room(job.client)
            job.state = "uploading"
            return job

    def _check_room(self, client: str) -> None:
        """Raises Refusal when the queue is full, or when one client would fill it with uploads."""
        taken = [job for job in self._jobs.values() if job.state in ("uploading", "waiting", "running")]
        if len(taken) > CLIPS_WAITING:
            raise Refusal("The queue is full; try again when a clip is done.", 503)
        if sum(job.state == "uploading" and job.client == client for job in taken) >= UPLOADS_PER_CLIENT:
            raise Refusal("Too many clips come from you at once; try again when one has arrived.", 503)

    def enqueue(self, job: Job) -> None:
        """The upload is whole: the job takes its place in the queue."""
        with self._changed:
            if job.state == "uploading":
                job.state = "waiting"
                job.touch()
                self._waiting.append(job)
                self._changed.notify_all()

    @contextmanager
    def watching(self, key: str) -> Iterator[Job]:
        """While somebody watches. Leaving before the end cancels the job, if nobody else watches it."""
        job = self._job(key)
        job.watchers += 1
        job.was_watched = True
        try:
            yield job
        finally:
            job.watchers -= 1
            job.touch()
            if not job.watchers:
                self._cancel(job)

    def check(self, key: str) -> None:
        """Raises Refusal for a key that is none."""
        self._job(key)

    def status(self, job: Job) -> dict[str, Any]:
        with self._changed:
            before = self._waiting.index(job) + self._is_running() if job in self._waiting else 0
            left_s = job.seconds_left()
            return {
                "state": job.state,
                "is_ended": job.state not in UNFINISHED,
                "before": before,
                "done": job.done,
                "total": job.total,
                "left_s": None if left_s is None else round(left_s, 1),
                "message": job.message,
            }

    def cancel(self, key: str) -> None:
        self._cancel(self._job(key))

    def result(self, key: str) -> Path:
        job = self._job(key)
        if job.state != "done":
            raise Refusal("This clip is not finished.", 404)
        return job.result

    def drop_old(self) -> None:
        """Deletes what was finished an hour ago, and ends what nobody came to watch."""
        now_s = time.monotonic()
        for job in list(self._jobs.values()):
            age_s = now_s - job.touched_s
            if job.watchers or job.state == "uploading" or age_s < UNWATCHED_S:
                continue
            if job.state in ("waiting", "running"):
                self._cancel(job)
            elif not job.was_watched or age_s > KEPT_S:
                self._forget(job)
        self._forget_beyond(self._kept_bytes)

    def _forget_beyond(self, limit_bytes: int) -> None:
        """Of the finished clips the newest are kept, as many as fit."""
        kept_bytes = 0
        for job in sorted(self._jobs.copy().values(), key=lambda it: it.touched_s, reverse=True):
            if job.state == "done" and job.result.is_file():
                kept_bytes += job.result.stat().st_size
                if kept_bytes > limit_bytes and not job.watchers:
                    self._forget(job)

    def close(self) -> None:
        with self._changed:
            self._is_closing = True
            for job in self._jobs.values():
                job.cancel.set()
            self._changed.notify_all()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def discard(self, job: Job) -> None:
        """Its upload broke off or was refused."""
        self._forget(job)

    def _job(self, key: str) -> Job:
        job = self._jobs.get(key)
        if job is None:
            raise Refusal("This clip is no longer kept; give it again.", 404)
        return job

    def _is_running(self) -> bool:
        return any(job.state == "running" for job in self._jobs.values())

    def _cancel(self, job: Job) -> None:
        with self._changed:
            job.cancel.set()
            if job.state == "waiting":
                self._waiting.remove(job)
                self._end(job, "cancelled")
            self._changed.notify_all()

    def _work(self) -> None:
        while job := self._next():
            try:
                self._convert(job)
            except UserError as error:
                self._end(job, "failed", without_paths(error.message, job))
            except Refusal as refusal:
                self._end(job, "failed", refusal.message)
            except Exception:
                logger.exception("a visitor's clip could not be converted")
                self._end(job, "failed", "Something unforeseen went wrong with this clip; try another one.")

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            if self._is_closing:
                return None
            job = self._waiting.pop(0)
            job.state, job.started_s = "running", time.monotonic()
            return job

    def _convert(self, job: Job) -> None:
        info = probe(job.source)
        if info.width_px * info.height_px > CLIP_PIXELS:
            size = f"{info.width_px}x{info.height_px}"
            raise Refusal(f"The clip's pictures are {size} pixels; 4096x2304 is the most this page takes.")

        if (info.frame_count_estimate or 0) > CLIP_FRAMES:
            raise _too_many_frames()

        def progress(done: int, total: int | None) -> None:
            job.done, job.total = done, total
            if done > CLIP_FRAMES:  # its header did not say
                job.cancel.set()

        job.started_s = time.monotonic()
        convert(
            job.source,
            job.result,
            job.settings,
            predictor=self._predictor,
            progress=progress,
            cancel=job.cancel,
        )
        if job.done > CLIP_FRAMES:
            raise _too_many_frames()
        self._end(job, "cancelled" if job.cancel.is_set() else "done")

    def _end(self, job: Job, state: State, message: str = "") -> None:
        """Only a finished job keeps a file, and only the result."""
        if state == "done":
            job.source.unlink(missing_ok=True)
        else:
            shutil.rmtree(job.folder, ignore_errors=True)
        with self._changed:
            job.touch()
            job.state, job.message = state, message
            self._changed.notify_all()

    def _forget(self, job: Job) -> None:
        shutil.rmtree(job.folder, ignore_errors=True)
        with self._changed:
            self._jobs.pop(job.key, None)


def safe_name(name: str) -> str:
    """A visitor's name for a file, as one that is harmless on every system and keeps its suffix."""
    stem, dot, suffix = re.sub(r"[^\w. -]", "_", name).strip(" .").rpartition(".")
    ending = re.sub(r"[^A-Za-z0-9]", "", suffix)[:10] if dot else ""
    short = (stem if dot else suffix).encode("utf-8", "replace")[:NAME_BYTES].decode("utf-8", "ignore")
    return "-".join(filter(None, ("clip", short))) + (f".{ending}" if ending else "")


def _too_many_frames() -> Refusal:
    return Refusal(f"The clip has more than {CLIP_FRAMES} frames, which is the most this page takes.")


def without_paths(message: str, job: Job) -> str:
    """The library names files by their paths; a visitor knows this one as the clip."""
    for path in (job.source, job.result, job.folder):
        message = message.replace(str(path), "The clip" if message.startswith(str(path)) else "the clip")
    return message
