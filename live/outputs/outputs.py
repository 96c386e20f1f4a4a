"""Everything that gets what the window gets: begun, offered to, looked after and ended together."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from live.config import LiveConfig
from live.outputs.camera import VirtualCamera
from live.outputs.raw import RawRecorder
from live.outputs.recorder import Recordings
from live.outputs.snapshot import Snapshots
from live.scene import Moment
from live.serve import StreamServer
from live.stats import Stats
from shared import UserError
from shared.media import claim_partial


class Outputs:
    """What the command line asks for is there from the start; `recordings` and `snapshots` come and go.

    frame_rate: of recordings. Raises UserError for what is asked for and cannot be had.
    """

    def __init__(self, config: LiveConfig, frame_rate: Fraction, stats: Stats) -> None:
        self.recordings = Recordings(frame_rate)
        self.snapshots = Snapshots(config.folder)
        if config.record is not None:
            claim_partial(config.record).unlink()  # what cannot be is told now, not at the first depth
        self._record_at_first = config.record
        self._server = None if config.serving is None else StreamServer(config.serving, stats)
        self._camera = VirtualCamera(frame_rate) if config.virtual_camera else None
        self._raw = None if config.raw is None else RawRecorder(config.raw, frame_rate)

    @property
    def _constant(self) -> list[StreamServer | VirtualCamera | RawRecorder]:
        return [output for output in (self._server, self._camera, self._raw) if output is not None]

    def start(self, announce: Callable[[str], None]) -> None:
        """announce: told in whole lines what others can see."""
        if self._raw is not None:
            self._raw.start()
        if self._camera is not None:
            self._camera.start()
        if self._server is not None:
            self._server.start()
            for line in self._server.announcement():
                announce(line)

    def offer(self, moment: Moment, *, comment: str) -> None:
        """Never waits. comment: for a recording that begins with the first depth."""
        picture = moment.picture
        if self._record_at_first is not None and picture.depth_map is not None:
            self.recordings.start(self._record_at_first, picture, comment=comment)
            self._record_at_first = None
        self.recordings.offer(picture)
        if self._raw is not None:
            self._raw.offer(moment)
        if self._camera is not None:
            self._camera.offer(picture)
        if self._server is not None:
            self._server.offer(moment)

    def check(self) -> None:
        """Raises what went wrong in any of them."""
        self.recordings.check()
        for output in self._constant:
            output.worker.check()

    def check_begun(self) -> None:
        """Raises UserError for a recording that was asked for and never began."""
        if self._record_at_first is not None:
            raise UserError(
                f"{self._record_at_first} was not written: it ended before the first depth was there.",
                "Give it more time with --duration, or lighter work with --weights bundled.",
                exit_code=1,
            )

    def stop(self) -> None:
        """Asks them to end; close() waits."""
        self.recordings.stop()
        for output in self._constant:
            output.stop()

    def close(self) -> None:
        """Ends them all; every file is whole, or has failed, once it returns."""
        self.stop()
        for output in self._constant:
            output.join()
        self.snapshots.close()
        self.recordings.close()
