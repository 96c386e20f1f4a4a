"""What is drawn: rooms, streets, nature, people, things, and the clips made of them."""

from shared.bundled.scenes.clips import render_clip
from shared.bundled.scenes.kinds import GROUPS, KINDS, random_scene

__all__ = ["GROUPS", "KINDS", "random_scene", "render_clip"]
