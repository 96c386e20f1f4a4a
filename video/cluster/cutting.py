"""Where a long film is cut into segments: at cuts where there are some, else inside a take.

The film is looked at in windows of WINDOW_S, each from its start until a cut is found, SCANNED_S at most. So
any two neighbouring cuts lie SHORTEST_S to LONGEST_S apart, the windows can be looked at side by side, and of
a film with many cuts little is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from shared import UserError

WINDOW_S = 35
SCANNED_S = 25
SHORTEST_S = WINDOW_S - SCANNED_S
LONGEST_S = WINDOW_S + SCANNED_S
UNCUT_S = LONGEST_S + SHORTEST_S  # a film, or what follows its last cut, may be so long and stays whole

RUN_IN_S = 12.0
"""After so long, a stream begun in the middle of a take shows what the one shows that saw all of it;
docs/measurements.md has how near they come. At steady = 0.5; its time constants grow with steadiness."""


@dataclass(frozen=True)
class Window:
    """Frames first to stop, in which a cut is looked for."""

    first: int
    stop: int


@dataclass(frozen=True)
class Scan:
    """What was found in a window: the first cut, and how many frames there were to look at."""

    window: Window
    cut: int | None
    seen: int


@dataclass(frozen=True)
class Segment:
    """Frames start to stop of a film; stop is None where it goes to the end, however far that is.

    in_take: it starts where no cut is, so that what came before it must be known, or run in.
    """

    start: int
    stop: int | None
    in_take: bool = False

    @property
    def name(self) -> str:
        return f"{self.start:09d}"


class Unsteady(UserError):
    """A film whose frames cannot be told by their numbers; it is converted from its start to its end."""


def windows(frames: int, rate: Fraction) -> list[Window]:
    """Where to look for cuts; none in a film that stays whole."""
    if frames <= UNCUT_S * rate:
        return []
    # A cut at the very end of the last window leaves SHORTEST_S behind it.
    count = int(frames / rate - SCANNED_S - SHORTEST_S) // WINDOW_S
    starts = [round(number * WINDOW_S * rate) for number in range(1, count + 1)]
    return [Window(start, start + round(SCANNED_S * rate)) for start in starts]


def segments(frames: int, rate: Fraction, scans: Sequence[Scan]) -> list[Segment]:
    """The film's segments, from what was found in its windows, in order.

    frames: as its header promises; where fewer come, the last segment ends with them.
    Raises Unsteady where a window holds nothing and a later one does.
    """
    filled = [scan for scan in scans if scan.seen]
    if any(scan.seen for scan in scans[len(filled) :]):
        raise Unsteady("The film has a hole.", "Convert it anew from its source.")
    if len(filled) < len(scans) or any(_ends_in(scan) for scan in filled[-1:]):
        frames = filled[-1].window.first + filled[-1].seen if filled else 1
    cuts = [0, *(scan.cut for scan in filled if scan.cut is not None)]
    ends = [*cuts[1:], frames]
    return [
        part
        for number, (start, end) in enumerate(zip(cuts, ends, strict=True))
        for part in _parts(start, end, rate, is_last=number == len(cuts) - 1)
    ]


def _ends_in(scan: Scan) -> bool:
    """Whether the film itself ended before the window did."""
    return scan.cut is None and scan.seen < scan.window.stop - scan.window.first


def _parts(start: int, end: int, rate: Fraction, *, is_last: bool) -> list[Segment]:
    """One take or several, as one segment or, where that is too long, as equal ones."""
    length_s = (end - start) / rate
    count = 1 if length_s <= UNCUT_S else ceil(length_s / LONGEST_S)
    bounds = [start + (end - start) * number // count for number in range(count + 1)]
    parts = [Segment(first, stop, in_take=first != start) for first, stop in pairwise(bounds)]
    if is_last:
        parts[-1] = Segment(parts[-1].start, None, in_take=parts[-1].in_take)
    return parts


def run_in_frames(rate: Fraction, steady: float) -> int:
    return ceil(RUN_IN_S * max(1.0, 2 * steady) * rate)
