"""How far everything is: frames, films, and what had to be done again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from video.cluster.films import Film


@dataclass
class Tally:
    """Counts what is over; the frames of films that nobody has looked at yet are guessed from their bytes.

    waiting_bytes: of the videos that have not begun. photos: of which each is a frame.
    """

    waiting_bytes: int = 0
    waiting_photos: int = 0
    nodes: int = 0
    units: int = 0
    again: int = 0
    done: int = 0
    failed: int = 0
    _frames_over: int = 0
    _bytes_known: int = 0
    _frames_known: int = 0

    def begin(self, film: Film) -> None:
        if film.job.is_photo:
            self.waiting_photos -= 1
        else:
            self.waiting_bytes -= film.size_bytes

    def end(self, film: Film) -> None:
        self.done += film.job.outcome == "done"
        self.failed += film.job.outcome == "failed"
        self._frames_over += film.frames_done
        if film.frames and not film.job.is_photo:
            self._bytes_known += film.size_bytes
            self._frames_known += film.frames

    def closing_note(self) -> str:
        nodes = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        return f"{self.units} units of work on {nodes}; {self.again} of them had to be done again."

    def frames(self, running: Mapping[Film, int]) -> tuple[int, int | None]:
        """(done, in all, or None as long as that cannot be told).

        running: the films that are being worked at, and the frames of their units that are not over yet.
        """
        done = self._frames_over + sum(film.frames_done + seen for film, seen in running.items())
        known = [film for film in running if film.frames is not None]
        total = self._frames_over + sum(film.frames or 0 for film in known) + self.waiting_photos
        unknown_bytes = self.waiting_bytes + sum(it.size_bytes for it in running if it.frames is None)
        if unknown_bytes:
            told_bytes = self._bytes_known + sum(film.size_bytes for film in known)
            told_frames = self._frames_known + sum(film.frames or 0 for film in known)
            if not told_bytes:
                return done, None
            total += round(unknown_bytes * told_frames / told_bytes)
        return done, max(done, total)
