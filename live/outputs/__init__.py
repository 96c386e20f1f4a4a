"""Where live pictures go: recordings and snapshots."""

from live.outputs.recorder import Recordings
from live.outputs.snapshot import Snapshots, time_stem

__all__ = ["Recordings", "Snapshots", "time_stem"]
