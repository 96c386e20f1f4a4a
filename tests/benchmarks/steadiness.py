"""How steady and how true the displayed depth is: `python tests/benchmarks/steadiness.py [CLIPS_FOLDER]`.

Measured on the displayed value V in 0..1 unless depth is said, for the raw loop that everybody writes (each
frame between its own minimum and maximum), for holding the last depth, and for ours. Each clip is predicted
once, with the bundled model unless said; two rendered clips bring exact depth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared import DEFAULT_STEADY, DepthMap, FrameBGR
from shared.bundled.scenes.clips import render_clip
from shared.bundled.train.scores import Scores, score
from shared.media import VideoReader
from shared.motion.flow import small_gray
from shared.motion.steady import Steadier, carry
from shared.motion.stream import DepthStream
from shared.predictor import DepthPredictor
from shared.tuning import keep_freed_memory
from tests.benchmarks.machine import description
from tests.support.steadying import accept

Values = list[NDArray[np.float32]]
STILL_LEVELS = 2
SKIPS = (2, 3, 5, 8)
RENDERED_FPS = 24
CLIPS_FROM_S = (0, 20)  # the start, where little moves; later a person walks up to the table, cars pass


@dataclass
class Clip:
    """Frames with their times, one prediction each, and the exact inverse depth where it is known."""

    name: str
    frames: list[tuple[FrameBGR, float]]
    predictions: list[DepthMap]
    exact: list[DepthMap] | None = None

    def __post_init__(self) -> None:
        height_px, width_px = self.predictions[0].shape
        self.grays = [small_gray(frame_bgr, width_px, height_px) for frame_bgr, _ in self.frames]


class Known:
    """Hands out predictions made before; frames are told apart by identity."""

    def __init__(self, frames: Iterable[tuple[FrameBGR, float]], maps: Iterable[DepthMap]) -> None:
        self._maps = {id(frame): depth for (frame, _), depth in zip(frames, maps, strict=True)}

    def map_size_px(self, frame_bgr: FrameBGR) -> tuple[int, int]:
        height_px, width_px = self._maps[id(frame_bgr)].shape
        return width_px, height_px

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        return self._maps[id(frame_bgr)]


def real_clips(folder: Path, predictor: DepthPredictor, count: int) -> Iterator[Clip]:
    for path, start_s in product(sorted(folder.glob("*.mp4")), CLIPS_FROM_S):
        with VideoReader(path, start_s=start_s) as reader:
            frames = [(frame.copy(), time_s) for frame, time_s in islice(reader, count)]
        name = f"{path.stem[:20]} from {start_s} s"
        yield Clip(name, frames, [predictor.predict(frame) for frame, _ in frames])


def rendered_clips(predictor: DepthPredictor, count: int) -> Iterator[Clip]:
    for kind in ("moving-camera", "moving-object"):
        pairs = list(render_clip(11, count, 320, 240, kind))
        frames = [(frame, i / RENDERED_FPS) for i, (frame, _) in enumerate(pairs)]
        predictions = [predictor.predict(frame) for frame, _ in frames]
        height_px, width_px = predictions[0].shape
        exact = [
            cv2.resize(depth, (width_px, height_px), interpolation=cv2.INTER_NEAREST) for _, depth in pairs
        ]
        yield Clip(kind, frames, predictions, exact)


def raw_values(maps: list[DepthMap]) -> Values:
    return [(m - m.min()) / max(float(np.ptp(m)), 1e-6) for m in maps]


def our_values(clip: Clip, maps: list[DepthMap], *, every: int = 1, steady: float = DEFAULT_STEADY) -> Values:
    stream = DepthStream(Known(clip.frames, maps), every, steady, lookahead=every > 1)
    values = []
    for _, _, depth_map in stream.process(clip.frames):
        far, near = stream.display_range
        values.append(np.clip((depth_map - far) / max(near - far, 1e-6), 0, 1))
    return values


def mean(numbers: Iterable[float]) -> float:
    return float(np.mean(list(numbers)))


def flicker(clip: Clip, values: Values) -> float:
    """Mean |V_t - V_t-1| over pixels whose grey value changed by less than 2 levels."""
    still = [cv2.absdiff(a, b) < STILL_LEVELS for a, b in zip(clip.grays, clip.grays[1:], strict=False)]
    steps = zip(still, values, values[1:], strict=False)
    return mean(np.abs(b - a)[mask].mean() for mask, a, b in steps if mask.any())


def warp_error(clip: Clip, values: Values) -> float:
    """Mean |V_t - warp(V_t-1)| over the clip."""
    steps = zip(pairwise(clip.grays), pairwise(values), strict=True)
    return mean(warped_difference(*grays, *both) for grays, both in steps)


def warped_difference(
    gray_before: NDArray[np.uint8],
    gray: NDArray[np.uint8],
    before: NDArray[np.float32],
    now: NDArray[np.float32],
) -> float:
    """Mean |now - warp(before)| along Farneback's flow, where it agrees both ways."""
    height_px, width_px = now.shape
    grid = np.stack(np.meshgrid(np.arange(width_px), np.arange(height_px)), axis=2).astype(np.float32)
    back = farneback(gray, gray_before)
    forth = farneback(gray_before, gray)
    source = grid + back
    miss = back + cv2.remap(forth, source, None, cv2.INTER_LINEAR)
    seen = np.linalg.norm(miss, axis=2) < 1
    return float(np.abs(now - cv2.remap(before, source, None, cv2.INTER_LINEAR))[seen].mean())


def farneback(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0)  # type: ignore[call-overload]


def correlation(values: Values, maps: list[DepthMap]) -> float:
    return mean(np.corrcoef(v.ravel(), m.ravel())[0, 1] for v, m in zip(values, maps, strict=True))


def accuracy(clip: Clip, maps: list[DepthMap]) -> Scores:
    """d1 and AbsRel after one alignment for the whole clip."""
    assert clip.exact is not None
    whole, exact = np.concatenate(maps), np.concatenate(clip.exact)
    return score(whole, exact, exact > 0)


def print_steadiness(clips: list[Clip]) -> None:
    print("\n1. --every 1: raw min-max loop | ours | ratio\n")
    print(f"{'clip':32} {'flicker':^22} {'warp error':^22} {'pumping':^22} correlation")
    for clip in clips:
        raw, ours = raw_values(clip.predictions), our_values(clip, clip.predictions)
        cells = []
        for measure in (flicker, warp_error, lambda _, v: float(np.std([np.median(x) for x in v]))):
            a, b = measure(clip, raw), measure(clip, ours)
            cells.append(f"{a:.4f} {b:.4f} {b / max(a, 1e-9):5.2f}")
        print(f"{clip.name:32} {'   '.join(cells)}   {correlation(ours, clip.predictions):.3f}")


def print_skipping(clips: list[Clip]) -> None:
    print("\n2. Skipped frames of depth, steady=0: error on all frames against holding the last depth\n")
    print("hold 1: each Nth frame inferred and held; hold 2: those held that the stream inferred, too\n")
    for clip in clips:
        assert clip.exact is not None
        for of_what, maps in (("exact depth", clip.exact), ("bundled model", clip.predictions)):
            for every in SKIPS:
                print(f"{clip.name:16} {of_what:14} N={every}  {skipping_row(clip, maps, every)}")


def skipping_row(clip: Clip, maps: list[DepthMap], every: int) -> str:
    """Mean absolute errors of carrying forward and from both sides, as shares of holding's."""
    count = (len(maps) - 1) // every * every + 1  # ends on an inferred frame
    frames, maps = clip.frames[:count], maps[:count]
    hold = mean(np.abs(maps[i] - maps[i - i % every]).mean() for i in range(count))
    cells = []
    for name, lookahead in (("causal", False), ("both sides", True)):
        stream = DepthStream(Known(frames, maps), every, 0, lookahead)
        errors, hold_errors, last = [], [], maps[0]
        for (_, _, depth_map), exact in zip(stream.process(frames), maps, strict=True):
            last = exact if stream.at_keyframe else last
            errors.append(np.abs(depth_map - exact).mean())
            hold_errors.append(np.abs(last - exact).mean())
        cells.append(
            f"{name} {mean(errors) / hold:.2f} of hold 1, {mean(errors) / mean(hold_errors):.2f} of hold 2"
        )
    due = (count - 1) // every + 1
    return (
        f"hold {hold:.4f}  {'  '.join(cells)}  inferred {stream.inferred}, {stream.inferred - due} before due"
    )


def print_displayed_skipping(clips: list[Clip]) -> None:
    print("\n2. Skipped frames as displayed: mean |V(every N) - V(every 1)|, holding | depth-video\n")
    for clip in clips:
        every_one = our_values(clip, clip.predictions)
        cells = []
        for every in SKIPS:
            hold = mean(np.abs(every_one[i - i % every] - v).mean() for i, v in enumerate(every_one))
            ours = zip(our_values(clip, clip.predictions, every=every), every_one, strict=True)
            cells.append(f"N={every} {hold:.4f} {mean(np.abs(a - b).mean() for a, b in ours):.4f}")
        print(f"{clip.name:32} {'  '.join(cells)}")


def print_jitter(clip: Clip) -> None:
    print(
        "\n4. Predictions scaled by 0.8 to 1.25 and shifted by up to a tenth of their range: |V - V clean|\n"
    )
    rng = np.random.default_rng(3)
    jittered = [
        m * np.float32(rng.uniform(0.8, 1.25)) + np.float32(rng.uniform(-0.1, 0.1) * np.ptp(m))
        for m in clip.predictions
    ]
    for fps in (5, 25, 60):
        timed = Clip(clip.name, [(f, i / fps) for i, (f, _) in enumerate(clip.frames)], clip.predictions)
        pairs = zip(our_values(timed, clip.predictions), our_values(timed, jittered), strict=True)
        print(f"{clip.name:32} {fps:3} fps  {mean(np.abs(a - b).mean() for a, b in pairs):.4f}")


def print_accuracy(clips: list[Clip]) -> None:
    print("\n5. Against exact depth, one alignment for the clip: raw | ours\n")
    for clip in clips:
        ours = [m for _, _, m in DepthStream(Known(clip.frames, clip.predictions)).process(clip.frames)]
        a, b = accuracy(clip, clip.predictions), accuracy(clip, ours)
        print(f"{clip.name:32} d1 {a.d1:.4f} {b.d1:.4f}   AbsRel {a.abs_rel:.4f} {b.abs_rel:.4f}")


def print_response(clips: list[Clip]) -> None:
    print("\n3. Frames until 90 % of the change is shown after a hard cut\n")
    for before, after in pairwise(clips):
        if before.predictions[0].shape != after.predictions[0].shape:
            continue
        frames = [*before.frames[:20], *after.frames[:20]]
        frames = [(frame, i / 25) for i, (frame, _) in enumerate(frames)]
        maps = [*before.predictions[:20], *after.predictions[:20]]
        joined = Clip("cut", frames, maps)
        ours, alone = our_values(joined, maps), our_values(Clip("after", frames[20:], maps[20:]), maps[20:])
        change = np.abs(ours[19] - alone[0]).mean()
        late = [i for i in range(20) if np.abs(ours[20 + i] - alone[i]).mean() > 0.1 * change]
        print(f"{before.name} -> {after.name}: {max(late, default=-1) + 1}")


def print_spike(clip: Clip) -> None:
    """The displayed range's change by one frame of which a corner leaps by twice the range."""
    at_frame = len(clip.frames) // 2
    spiky = [m.copy() for m in clip.predictions]
    height_px, width_px = spiky[at_frame].shape
    spiky[at_frame][: height_px // 3, : width_px // 3] += 2 * float(np.ptp(spiky[at_frame]))
    ranges = []
    for maps in (clip.predictions, spiky):
        stream = DepthStream(Known(clip.frames, maps))
        ranges.append(np.array([stream.display_range for _ in stream.process(clip.frames)]))
    change = np.abs(ranges[1] - ranges[0]).max(axis=1) / (ranges[0][:, 1] - ranges[0][:, 0])
    before, at, after = change[:at_frame].max(), change[at_frame], change[at_frame + 1 :].max()
    print("\n3. A spike of twice the range in one frame: change of the displayed range\n")
    print(f"{clip.name:32} before {before:.4f}  at it {at:.4f}  after it {after:.4f}")


def print_cost(clip: Clip) -> None:
    keep_freed_memory()  # as both commands do
    cv2.setNumThreads(1)
    steadier = Steadier()
    height_px, width_px = clip.predictions[0].shape
    small = [cv2.resize(frame, (width_px, height_px)) for frame, _ in clip.frames]
    steps: list[tuple[str, Callable[[int], object]]] = [
        ("accept (a new prediction)", lambda i: accept(steadier, small[i], clip.predictions[i], i / 25)),
        ("carry (a skipped frame)", lambda i: carry(keyframe, small[i])),
    ]
    keyframe = accept(steadier, small[0], clip.predictions[0], 0.0)
    print(f"\n6. Milliseconds of one core at {width_px}x{height_px}, median\n")
    for name, step in steps:
        times_s = []
        for i in range(1, len(small)):
            start_s = time.thread_time()
            step(i)
            times_s.append(time.thread_time() - start_s)
        print(f"{name:32} {1e3 * float(np.median(times_s)):.2f}")
    print("\nThe whole of a stream, mean per frame\n")
    frames = [(frame, i / 25) for i, frame in enumerate(small)]
    for every, lookahead in ((1, False), (3, False), (3, True), (5, True)):
        stream = DepthStream(Known(frames, clip.predictions), every, lookahead=lookahead)
        start_s = time.thread_time()
        count = sum(1 for _ in stream.process(frames))
        name = f"every {every}, {'both sides' if lookahead else 'causal'}"
        milliseconds = 1e3 * (time.thread_time() - start_s) / count
        print(f"{name:32} {milliseconds:.2f}  ({stream.inferred} of {count} inferred)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="?", type=Path, help="folder of real clips (MP4)")
    parser.add_argument("--frames", type=int, default=97, help="of each clip")
    options = parser.parse_args()
    predictor = DepthPredictor.from_weights("bundled")
    rendered = list(rendered_clips(predictor, options.frames))
    real = list(real_clips(options.clips, predictor, options.frames)) if options.clips else []
    print(description())
    print_steadiness([*real, *rendered])
    print_skipping(rendered)
    print_displayed_skipping([*real, *rendered])
    print_response(real[:: len(CLIPS_FROM_S)])  # one span of each: a cut is to another scene
    print_spike(rendered[0])
    print_jitter(rendered[0])
    print_accuracy(rendered)
    print_cost(rendered[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
