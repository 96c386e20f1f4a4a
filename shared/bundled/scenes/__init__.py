"""What is drawn: rooms, furniture, people, and the clips made of them."""

from shared.bundled.scenes.clips import render_clip
from shared.bundled.scenes.rooms import random_scene

__all__ = ["random_scene", "render_clip"]
