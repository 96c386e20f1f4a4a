"""The window: what it shows, its keys, its information."""

from live.window.display import outliving_display, require_display
from live.window.keys import key_table
from live.window.screen import Readings, Screen

__all__ = ["Readings", "Screen", "key_table", "outliving_display", "require_display"]
