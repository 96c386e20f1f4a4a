"""A source and its depth on threads of their own, the newest of both brought together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple

from live.capture import FileSource, LiveSource, Source, SourceState, open_capture
from live.config import LiveConfig
from live.controls import Controls
from live.depth import DepthLoop
from live.frame import Frame
from live.scene import Scene
from live.stats import Stats
from live.worker import Worker
from shared import DepthMap, FrameBGR
from shared.handoff import Closed, LatestSlot
from shared.media import VideoReader, probe
from shared.motion import Keyframe
from shared.predictor import DepthPredictor
from shared.tuning import share_cores

POLL_S = 0.01  # how long a key press may wait
WATCH_S = 0.2
LIVE_RATE = Fraction(30)


class Taken(NamedTuple):
    """What was new."""

    frame: bool
    depth: bool


class Feed:
    """What the source gives and the network says of it; `scene` holds the newest of both.

    frame_rate: the source's, or what is usual for one that does not say. make_predictor: called once, on the
    depth thread.
    """

    def __init__(
        self,
        config: LiveConfig,
        controls: Controls,
        stats: Stats,
        *,
        make_predictor: Callable[[], DepthPredictor] | None = None,
    ) -> None:
        self.scene = Scene()
        self.has_ended = False
        self._config = config
        self._stats = stats
        self._frames: LatestSlot[Frame] = LatestSlot()
        self._frames_for_depth: LatestSlot[Frame] = LatestSlot()
        self._keyframes: LatestSlot[Keyframe] = LatestSlot()
        self._depth = DepthLoop(
            make_predictor or partial(load_predictor, config),
            self._frames_for_depth,
            self._keyframes,
            controls,
            stats,
            steady=config.steady,
        )
        self._source, self.frame_rate = self._make_source()
        self._depth_worker = Worker("depth", self._depth.run)
        self._workers = [Worker("source", self._source.run), self._depth_worker]

    def _make_source(self) -> tuple[Source, Fraction]:
        slots = (self._frames, self._frames_for_depth)
        if not isinstance(self._config.source.target, Path):
            source = LiveSource(
                partial(open_capture, self._config),
                slots,
                self._stats.captured,
                name=self._config.source.name,
                reopen_capture=partial(open_capture, self._config, explains=False),
            )
            return source, LIVE_RATE
        info = probe(self._config.source.target)
        open_reader = partial(VideoReader, info.path, info=info)
        file_source = FileSource(
            open_reader,
            slots,
            self._stats.captured,
            loop=self._config.loop,
            may_go_on=self._depth.has_result,
        )
        return file_source, info.frame_rate

    @property
    def predictor(self) -> DepthPredictor | None:
        """None until it is loaded."""
        return self._depth.predictor

    @property
    def is_reconnecting(self) -> bool:
        return self._source.state is SourceState.RECONNECTING

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def take(self, *, lets_go: bool = False) -> Taken:
        """Takes the newest frame and keyframe into the scene; waits for a frame, but not longer than POLL_S.

        lets_go: they are dropped, as the picture is frozen.
        Raises what ended the source or the depth, if it was an error.
        """
        frame = self._next_frame()
        keyframe = self._keyframes.get(timeout_s=0)
        if lets_go:
            return Taken(frame=False, depth=False)
        if keyframe is not None:
            self.scene.set_keyframe(keyframe)
        if frame is not None:
            self.scene.set_frame(frame)
        return Taken(frame is not None, keyframe is not None)

    def _next_frame(self) -> Frame | None:
        if not self.has_ended:
            try:
                return self._frames.get(POLL_S)
            except Closed:
                self.has_ended = True
        time.sleep(POLL_S)  # the picture is frozen, and was so when the source ended
        return None

    def stop(self) -> None:
        """Asks its threads to end; `join` waits."""
        if self.predictor is None:
            self._depth_worker.interrupt()
        for slot in (self._frames, self._frames_for_depth, self._keyframes):
            slot.close()
        for worker in self._workers:
            worker.stop()

    def join(self) -> None:
        for worker in self._workers:
            worker.join()

    def check(self) -> None:
        """Raises what went wrong in any of its threads."""
        for worker in self._workers:
            worker.check()


def newest_frames(
    config: LiveConfig, *, make_predictor: Callable[[], DepthPredictor] | None = None
) -> Iterator[tuple[FrameBGR, float, DepthMap]]:
    """(frame_bgr, time_s, depth_map): copies of the newest, from the first depth to the source's end."""
    controls = Controls(config)
    feed = Feed(config, controls, Stats(), make_predictor=make_predictor)
    over = threading.Event()
    watcher = threading.Thread(target=_end_with_the_program, args=(feed, over), daemon=True)
    share_cores()
    try:
        feed.start()
        watcher.start()
        while not feed.has_ended:
            if feed.take().frame and feed.scene.keyframe is not None:
                moment = feed.scene.moment(controls)
                assert moment.picture.depth_map is not None
                yield moment.picture.frame_bgr.copy(), moment.time_s, moment.picture.depth_map.copy()
    finally:
        over.set()
        feed.stop()
        feed.join()
        watcher.join()
    feed.check()


def _end_with_the_program(feed: Feed, over: threading.Event) -> None:
    """A loop that was left in the middle must not keep the program alive, which waits for its threads."""
    while not over.wait(WATCH_S):
        if not threading.main_thread().is_alive():
            feed.stop()
            return


def load_predictor(config: LiveConfig) -> DepthPredictor:
    return DepthPredictor.from_weights(**asdict(config.network))
