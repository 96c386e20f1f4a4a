"""Starts and stops the threads, and keeps the window on the main one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from live.config import PROG, LiveConfig
from live.controls import Controls
from live.distances import Distances
from live.feed import Feed
from live.outputs import Outputs, time_stem
from live.stats import Stats
from live.window import Readings, Screen, key_table, outliving_display, require_display
from shared.handoff import now_s
from shared.predictor import DepthPredictor
from shared.signals import cancel_on_signals
from shared.tuning import keep_freed_memory, share_cores

logger = logging.getLogger(__name__)

REFRESH_S = 0.25  # the information is drawn again after this, even when no new frame comes
SILENT_S = 1.5


class App:
    """One run of the live window.

    make_predictor: called once, on the depth thread; for tests to replace. announce: told in whole lines what
    is served, and where.
    """

    def __init__(
        self,
        config: LiveConfig,
        *,
        make_predictor: Callable[[], DepthPredictor] | None = None,
        announce: Callable[[str], None] = logger.info,
    ) -> None:
        self._config = config
        self.controls = Controls(config)
        self.stats = Stats()
        self._distances = Distances(config, self.controls)
        self.feed = Feed(config, self.controls, self.stats, make_predictor=make_predictor)
        self.scene = self.feed.scene
        self._announce = announce
        self._outputs = Outputs(config, self.feed.frame_rate, self.stats)
        self._keys = key_table()
        self._screen: Screen | None = None
        self._is_undrawn = False
        self._ended_s = 0.0
        self._drawn_s = self._begun_s = 0.0

    def run(self) -> None:
        """Until the user quits, the source ends or the time is up.

        Raises what any thread raised, and KeyboardInterrupt after SIGINT or SIGTERM; by then every thread
        has been joined and the recording is finalised.
        """
        if self._config.window:
            require_display()
        share_cores()
        keep_freed_memory()
        self._begun_s = now_s()
        with cancel_on_signals() as interrupted, outliving_display(self._lose_window, prog=PROG):
            try:
                self._outputs.start(self._announce)
                self.feed.start()
                while not (interrupted.is_set() or self._is_over()):
                    self._step()
            finally:
                self._ended_s = now_s()
                self._shut_down()
            self.feed.check()
            self._outputs.check()
            if interrupted.is_set():
                raise KeyboardInterrupt
            self._outputs.check_begun()

    def _is_over(self) -> bool:
        duration_s = self._config.duration_s
        return (
            self.controls.wants_to_quit
            or (self._screen is not None and not self._screen.window.is_open)
            or (self.feed.has_ended and not self.controls.is_frozen)
            or (duration_s is not None and now_s() - self._begun_s >= duration_s)
        )

    def _step(self) -> None:
        taken = self.feed.take(lets_go=self.controls.is_frozen)
        if self.controls.is_frozen:
            self.stats.pause()
        self._is_undrawn |= taken.frame
        if self.feed.predictor is not None:
            self._distances.update(self.scene, self.feed.predictor)
        idle_s = now_s() - self._drawn_s
        if self._can_draw():
            if self._is_undrawn:
                self._draw()
            elif self.controls.has_changed or idle_s > (REFRESH_S / 2 if taken.depth else REFRESH_S):
                self._draw_again()
        if self._screen is not None:
            self._keys.press(self._screen.window.poll(), self.controls, now_s())
            for place, depth in self._screen.take_clicks():
                self.controls.click(place, depth)
            self.controls.drag(*self._screen.take_drag())
            self._answer_requests(self._screen)
        self._outputs.check()

    def _can_draw(self) -> bool:
        """A window shows the photo until depth is there; without one there is nothing to do until then."""
        return self.scene.frame is not None and (self._config.window or self.scene.keyframe is not None)

    def _draw(self) -> None:
        """A camera frame that was not drawn before."""
        self._draw_again()
        self._is_undrawn = False
        assert self.scene.frame is not None
        keyframe = self.scene.keyframe
        self.stats.add_drawn(
            self._drawn_s,
            frame_time_s=self.scene.frame.time_s,
            depth_time_s=None if keyframe is None else keyframe.time_s,
        )

    def _draw_again(self) -> None:
        moment = self.scene.moment(self.controls)
        self.controls.has_changed = False
        if self._config.window:
            if self._screen is None:
                self._screen = Screen(moment.picture)
            self._screen.draw(moment.picture, self._readings(now_s()), self.controls, now_s())
        self._outputs.offer(moment, comment=self._comment())
        self._drawn_s = now_s()

    def _readings(self, time_s: float) -> Readings:
        frame, keyframe, predictor = self.scene.frame, self.scene.keyframe, self.feed.predictor
        assert frame is not None
        network = [] if predictor is None else network_lines(predictor)
        return Readings(
            source=self._config.source.name,
            source_px=(frame.frame_bgr.shape[1], frame.frame_bgr.shape[0]),
            source_fps=self.stats.captured.per_s(time_s),
            depth_fps=self.stats.inferred.per_s(time_s),
            depth_age_s=None if keyframe is None else time_s - keyframe.time_s,
            network=network,
            state=self._state(time_s - frame.time_s),
            recording_s=self._outputs.recordings.elapsed_s(),
        )

    def _state(self, frame_age_s: float) -> str:
        """What the user must know about the source or the network, if anything."""
        if self.feed.is_reconnecting:
            return "reconnecting"
        if self.scene.keyframe is None:
            return "loading the model"
        if frame_age_s > SILENT_S and not self.controls.is_frozen:
            return f"no new picture for {frame_age_s:.0f} s"
        return ""

    def _answer_requests(self, screen: Screen) -> None:
        requests, self.controls.requests = self.controls.requests, []
        for request in requests:
            if request == "snapshot":
                self._outputs.snapshots.take(self.scene.picture(self.controls))
            else:
                screen.show_notice(self._toggle_recording(), now_s())
        told, self.controls.notices = self.controls.notices, []
        outcome = self._outputs.snapshots.next_outcome()
        for notice in told if outcome is None else [*told, outcome]:
            screen.show_notice(notice, now_s())
            self.controls.has_changed = True

    def _toggle_recording(self) -> str:
        """What to tell the user about it."""
        ended = self._outputs.recordings.stop()
        if ended is not None:
            return f"recorded {ended.name}"
        folder = self._config.folder.absolute()
        if not os.access(folder, os.W_OK):
            return f"cannot record: {folder} cannot be written to"
        path = folder / f"{time_stem()}.mp4"
        self._outputs.recordings.start(path, self.scene.picture(self.controls), comment=self._comment())
        return f"recording {path.name}"

    def _comment(self) -> str:
        predictor = self.feed.predictor
        return PROG if predictor is None else f"{PROG}, {network_text(predictor)}"

    def _lose_window(self) -> None:
        """The display has gone, and with it the window: nothing may be asked of it any more."""
        self._screen = None
        self._ended_s = now_s()
        self._shut_down()
        self._outputs.check()

    def _shut_down(self) -> None:
        """Ends and joins every thread; the window vanishes first, recordings are finalised last."""
        self._outputs.stop()
        self.feed.stop()
        if self._screen is not None:
            self._screen.window.close()
        self.feed.join()
        self._outputs.close()
        logger.info("shown frames were this old: %s", self.stats.frame_age_ms())
        if self._config.stats is not None:
            self.stats.write(self._config.stats, self._ended_s)


def network_lines(predictor: DepthPredictor) -> list[str]:
    """What the information says of the network; while the bundled model runs, also how to get MiDaS."""
    lines = [network_text(predictor)]
    if predictor.weights is not None and predictor.weights.is_bundled:
        lines.append("for MiDaS: --weights official or FILE")
    return lines


def network_text(predictor: DepthPredictor) -> str:
    weights = "unnamed weights" if predictor.weights is None else predictor.weights.label
    return f"{predictor.engine.name}, {weights}"
