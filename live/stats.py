"""What a run measured: rates for the HUD, and the figures that --stats writes."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from shared import UserError

MOST_SAMPLES = 200_000  # nearly two hours at 30 per second; older ones are forgotten
RATE_WINDOW_S = 2.0


class RateMeter:
    """Events per second over the last two seconds; one thread ticks, others read."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=256)
        self.count = 0

    def tick(self, time_s: float) -> None:
        self.count += 1
        self._times_s.append(time_s)

    def per_s(self, now_s: float) -> float:
        recent_s = [time_s for time_s in tuple(self._times_s) if now_s - time_s < RATE_WINDOW_S]
        if len(recent_s) < 2:
            return 0.0
        return (len(recent_s) - 1) / max(recent_s[-1] - recent_s[0], 1e-3)


class ReaderCount:
    """How many programs read one thing that is served; one thread counts, others read."""

    def __init__(self) -> None:
        self.now = self.came = self.most = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One reader, until the block ends."""
        self.now += 1
        self.came += 1
        self.most = max(self.most, self.now)
        try:
            yield
        finally:
            self.now -= 1

    def as_dict(self) -> dict[str, int]:
        return {"came": self.came, "most_at_once": self.most}


class Stats:
    """Counters and samples of one run. Times in seconds; written in milliseconds."""

    def __init__(self) -> None:
        self.captured = RateMeter()
        self.inferred = RateMeter()
        self.shown = 0
        self.view_readers = ReaderCount()
        self.depth_readers = ReaderCount()
        self._draw_intervals_s: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._depth_ages_s: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._frame_ages_s: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._inferences_s: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._started_s: float | None = None
        self._drawn_s: float | None = None

    def add_inference(self, seconds: float, now_s: float) -> None:
        self._inferences_s.append(seconds)
        self.inferred.tick(now_s)

    def add_drawn(self, now_s: float, *, frame_time_s: float, depth_time_s: float | None) -> None:
        """A camera frame not drawn before is on the screen."""
        self.shown += 1
        if self._started_s is None:
            self._started_s = now_s
        if self._drawn_s is not None:
            self._draw_intervals_s.append(now_s - self._drawn_s)
        self._drawn_s = now_s
        self._frame_ages_s.append(now_s - frame_time_s)
        if depth_time_s is not None:
            self._depth_ages_s.append(now_s - depth_time_s)

    def pause(self) -> None:
        """The user froze the picture: the wait until the next drawn frame is not the program's."""
        self._drawn_s = None

    def elapsed_s(self, now_s: float) -> float:
        """Seconds since the first drawn frame; 0 before it."""
        return 0.0 if self._started_s is None else now_s - self._started_s

    def as_dict(self, now_s: float) -> dict[str, object]:
        return {
            "seconds": round(self.elapsed_s(now_s), 3),
            "captured": self.captured.count,
            "shown": self.shown,
            "inferred": self.inferred.count,
            "dropped": self.captured.count - self.shown,
            "draw_interval_ms": spread_ms(self._draw_intervals_s),
            "depth_age_ms": spread_ms(self._depth_ages_s),
            "inference_ms": spread_ms(self._inferences_s),
            "readers": {"view": self.view_readers.as_dict(), "depth": self.depth_readers.as_dict()},
        }

    def frame_age_ms(self) -> dict[str, float | None]:
        """How old the camera frame was when it was drawn."""
        return spread_ms(self._frame_ages_s)

    def write(self, path: Path, now_s: float) -> None:
        """Whole or not at all; into what is no file (/dev/stdout, a pipe) as it comes. Raises UserError."""
        is_file = path.is_file() or not path.exists()
        target = path.with_name(path.name + ".part") if is_file else path
        try:
            target.write_text(json.dumps(self.as_dict(now_s), indent=2) + "\n", encoding="utf-8")
            if is_file:
                target.replace(path)
        except OSError as error:
            raise UserError(
                f"--stats {path} cannot be written: {error.strerror}.", "Choose another place.", exit_code=1
            ) from None


def spread_ms(samples_s: deque[float]) -> dict[str, float | None]:
    """Median, 95th percentile and maximum in milliseconds; None where nothing was measured."""
    if not samples_s:
        return {"p50": None, "p95": None, "max": None}
    p50, p95, largest = np.percentile(np.array(samples_s) * 1000.0, (50, 95, 100))
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "max": round(float(largest), 2)}
