"""Where live frames come from: cameras, files and streams."""

from live.capture.cameras import listing
from live.capture.opening import open_capture
from live.capture.source import FileSource, LiveSource, Source, SourceState

__all__ = ["FileSource", "LiveSource", "Source", "SourceState", "listing", "open_capture"]
