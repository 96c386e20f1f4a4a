"""Everything that gets what the window gets: begun, offered to, looked after and ended together."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from live.config import LiveConfig
from live.outputs.recorder import Recordings
from live.outputs.snapshot import Snapshots
from live.scene import Moment
from live.serve import StreamServer
from live.stats import Stats


class Outputs:
    """What the command line asks for is there from the start; `recordings` and `snapshots` come and go.

    frame_rate: of recordings. Raises UserError for what is asked for and cannot be had.
    """

    def __init__(self, config: LiveConfig, frame_rate: Fraction, stats: Stats) -> None:
        self.recordings = Recordings(frame_rate)
        self.snapshots = Snapshots(config.folder)
        self._record_at_first = config.record
        self._server = None if config.serving is None else StreamServer(config.serving, stats)

    def start(self, announce: Callable[[str], None]) -> None:
        """announce: told in whole lines what others can see."""
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
        if self._server is not None:
            self._server.offer(moment)

    def check(self) -> None:
        """Raises what went wrong in any of them."""
        self.recordings.check()
        if self._server is not None:
            self._server.check()

    def stop(self) -> None:
        """Asks them to end; close() waits."""
        self.recordings.stop()
        if self._server is not None:
            self._server.stop()

    def close(self) -> None:
        """Ends them all; every file is whole, or has failed, once it returns."""
        self.stop()
        if self._server is not None:
            self._server.join()
        self.snapshots.close()
        self.recordings.close()
