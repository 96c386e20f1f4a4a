"""The depth thread: the newest frame goes in, a keyframe comes out, as often as the machine can.

Where the user has frames skipped, one of which the last keyframe says too little is inferred all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from live.controls import Controls
from live.frame import Frame
from live.stats import Stats
from shared.handoff import Closed, LatestSlot, now_s
from shared.motion import Keyframe, Steadier, Tracker
from shared.predictor import DepthPredictor


class DepthLoop:
    """Loads the network on its own thread too, so that the window does not wait for it.

    `predictor` is None until it is loaded; other threads may read it.
    """

    def __init__(
        self,
        make_predictor: Callable[[], DepthPredictor],
        frames: LatestSlot[Frame],
        keyframes: LatestSlot[Keyframe],
        controls: Controls,
        stats: Stats,
        *,
        steady: float,
    ) -> None:
        self.predictor: DepthPredictor | None = None
        self.has_result = threading.Event()
        self._make_predictor = make_predictor
        self._frames = frames
        self._keyframes = keyframes
        self._controls = controls
        self._stats = stats
        self._steady = steady

    def run(self, stop: threading.Event) -> None:
        try:
            self._run(stop)
        except Closed:  # the source has ended; the last keyframe stays good
            raise
        except BaseException as error:
            self._keyframes.close(error)
            raise

    def _run(self, stop: threading.Event) -> None:
        self.predictor = self._make_predictor()
        with ExitStack() as beside:
            self._infer(self.predictor, stop, beside)

    def _infer(self, predictor: DepthPredictor, stop: threading.Event, beside: ExitStack) -> None:
        tracker, steadier = Tracker(predictor.map_size_px), Steadier(self._steady)
        last_index, is_locked = 0, False
        while not stop.is_set():
            frame = self._frames.get(timeout_s=0.2)
            if frame is None:
                continue
            tracker.every = self._controls.every
            tracked = tracker.track(frame.frame_bgr, frame.time_s, passed=frame.index - last_index)
            last_index = frame.index
            if not tracked.is_keyframe:
                continue
            started_s = now_s()
            prediction = predictor.predict(frame.frame_bgr)
            done_s = now_s()
            self._stats.add_inference(done_s - started_s, done_s)
            if self._controls.is_range_locked != is_locked:
                is_locked = self._controls.is_range_locked
                steadier.lock_range(is_locked)
            self._keyframes.put(steadier.accept(tracked, prediction))
            if not self.has_result.is_set():
                beside.enter_context(predictor.proving())  # not before something is seen
                self.has_result.set()
