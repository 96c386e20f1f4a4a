"""Where films are cut: every frame in one segment, segments neither too short nor too long."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.motion import first_cut
from video.cluster.cutting import LONGEST_S, SHORTEST_S, UNCUT_S, Scan, Segment, Unsteady, segments, windows

RATES = st.sampled_from([Fraction(10), Fraction(25), Fraction(30000, 1001), Fraction(60)])


@settings(max_examples=200, deadline=None)
@given(RATES, st.integers(1, 40_000), st.randoms(use_true_random=False))
def test_every_frame_is_in_one_segment_of_a_good_length(
    rate: Fraction, length_ds: int, random: object
) -> None:
    frames = max(1, round(length_ds * rate / 10))
    scans = []
    for window in windows(frames, rate):
        cut = random.choice([None, random.randrange(window.first, window.stop)])  # type: ignore[attr-defined]
        scans.append(Scan(window, cut, window.stop - window.first))
    parts = segments(frames, rate, scans)
    assert parts[0].start == 0
    assert parts[-1].stop is None
    assert all(before.stop == after.start for before, after in pairwise(parts))
    ends = [*(part.stop for part in parts[:-1]), frames]
    lengths_s = [float((end - part.start) / rate) for part, end in zip(parts, ends, strict=True)]
    assert max(lengths_s) <= UNCUT_S + 0.1
    assert len(parts) == 1 or min(lengths_s) >= SHORTEST_S - 0.1
    cuts = {scan.cut for scan in scans if scan.cut is not None} | {0}
    assert {part.start for part in parts if not part.in_take} <= cuts
    assert all(part.in_take == (part.start not in cuts) for part in parts)


def test_a_take_without_cuts_is_cut_evenly() -> None:
    rate = Fraction(10)
    parts = segments(2000, rate, [Scan(it, None, it.stop - it.first) for it in windows(2000, rate)])
    assert [part.start for part in parts] == [0, 500, 1000, 1500]
    assert all(part.in_take for part in parts[1:])
    assert LONGEST_S * rate >= 500


def test_a_short_film_stays_whole() -> None:
    assert windows(round(UNCUT_S * Fraction(25)), Fraction(25)) == []


def test_a_film_that_ends_before_its_header_says_ends_with_an_open_segment() -> None:
    rate = Fraction(10)
    wide = [*windows(3000, rate)]
    seen = [250, 250, 100, *[0] * (len(wide) - 3)]  # ends 10 s into the third window
    scans = [Scan(window, None, count) for window, count in zip(wide, seen, strict=True)]
    parts = segments(3000, rate, scans)
    assert parts[-1].stop is None
    assert parts[-1].start < wide[2].first + 100
    cut = wide[1].first + 7
    scans[1] = Scan(wide[1], cut, 8)
    scans[2] = Scan(wide[2], None, 0)
    assert segments(3000, rate, scans)[-1] == Segment(cut, None)


def test_a_hole_is_not_cut_around() -> None:
    wide = windows(3000, Fraction(10))
    counts = [250, 0, *[250] * (len(wide) - 2)]
    with pytest.raises(Unsteady):
        segments(3000, Fraction(10), [Scan(it, None, n) for it, n in zip(wide, counts, strict=True)])


@pytest.mark.parametrize("every", [1, 3, 8])
@pytest.mark.parametrize("cut", [None, 9, 20])
def test_the_first_cut_is_found_for_every_stream(every: int, cut: int | None) -> None:
    random = np.random.default_rng(5)
    scenes = random.integers(0, 255, (2, 9, 16, 3), np.uint8).repeat(16, 1).repeat(16, 2)
    frames = [(scenes[int(cut is not None and index >= cut)], index / 25) for index in range(30)]
    found, seen = first_cut(iter(frames), lambda frame_bgr: (256, 144), every=every)
    assert found == cut
    assert seen == (30 if cut is None else cut + 1)


def test_a_flash_is_no_cut_for_every_stream() -> None:
    """A stream that infers each third frame may go from before the flash to behind it, and see nothing."""
    random = np.random.default_rng(6)
    scenes = random.integers(0, 255, (2, 9, 16, 3), np.uint8).repeat(16, 1).repeat(16, 2)
    frames = [(scenes[int(index == 12)], index / 25) for index in range(30)]
    found, _ = first_cut(iter(frames), lambda frame_bgr: (256, 144), every=3)
    assert found == 12  # of the flash itself every stream says so
    found, _ = first_cut(iter(frames[11:]), lambda frame_bgr: (256, 144), every=3)
    assert found is None  # behind it, the one or the other does not
