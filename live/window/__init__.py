"""The window: what it shows, its keys, its information."""

from live.window.keys import key_table
from live.window.screen import Readings, Screen
from live.window.viewer import require_display

__all__ = ["Readings", "Screen", "key_table", "require_display"]
