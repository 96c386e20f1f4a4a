"""Where live pictures go besides the window: recordings, snapshots and other programs."""

from live.outputs.outputs import Outputs
from live.outputs.snapshot import time_stem

__all__ = ["Outputs", "time_stem"]
