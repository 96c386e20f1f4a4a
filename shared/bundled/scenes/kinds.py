"""Random scenes: rooms, desks, seats, people, corridors, tables, streets, nature, loose things; by the seed.

Colour and light are drawn independently of place, so that no colour and no brightness tells a distance.
Numpy only; `renderer.render` makes pictures of what is built here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shared.bundled.render import Atlas, Builder, MeshLibrary, Scene
from shared.bundled.render import atlas as own_atlas
from shared.bundled.scenes import animals, clutter, faces, nature, rooms, seating, streets


def random_scene(
    seed: int, kind: str | None = None, *, atlas: Atlas | None = None, meshes: MeshLibrary | None = None
) -> Scene:
    """The scene of this seed; kind: one of KINDS, else drawn by its share.

    atlas: its surfaces and skies. meshes: furniture that may stand in it.
    """
    b = Builder(np.random.default_rng(seed), atlas or own_atlas(), meshes)
    if kind is None:
        shares = np.array([share for _, share in KINDS.values()])
        kind = str(b.rng.choice(list(KINDS), p=shares / shares.sum()))
    return KINDS[kind][0](b)


Maker = Callable[[Builder], Scene]
KINDS: dict[str, tuple[Maker, float]] = {
    "living_room": (rooms.living_room, 0.17),
    "desk": (rooms.desk, 0.11),
    "large_table": (rooms.large_table, 0.065),
    "seats_and_sun": (rooms.seats_and_sun, 0.065),
    "webcam": (rooms.webcam, 0.075),
    "standing_people": (rooms.standing_people, 0.055),
    "corridor": (rooms.corridor, 0.05),
    "table_top": (rooms.table_top, 0.05),
    "from_above": (rooms.from_above, 0.04),
    "loose_things": (rooms.loose_things, 0.04),
    "shop": (clutter.shop, 0.04),
    "kitchen": (clutter.kitchen, 0.06),
    "cellar": (clutter.cellar, 0.05),
    "close_up": (clutter.close_up, 0.03),
    "driver_street": (streets.driver_street, 0.09),
    "walker_street": (streets.walker_street, 0.05),
    "square": (streets.square, 0.02),
    "park": (nature.park, 0.025),
    "wood": (nature.wood, 0.02),
    "shore": (nature.shore, 0.02),
    "fields": (nature.fields, 0.02),
    "humps_and_rocks": (nature.humps_and_rocks, 0.015),
    "animals_outdoors": (animals.animals_outdoors, 0.015),
    "pets": (animals.pets, 0.01),
    "face": (faces.face, 0.025),
    "hands": (faces.hands, 0.015),
    "round_a_table": (seating.round_a_table, 0.08),
    "office": (seating.office, 0.05),
}
"""What makes each kind, and its share."""
GROUPS: dict[str, tuple[str, ...]] = {
    "rooms": ("living_room", "desk", "large_table", "seats_and_sun", "corridor", "round_a_table", "office"),
    "streets": ("driver_street", "walker_street", "square", "from_above"),
    "nature": ("park", "wood", "shore", "fields", "humps_and_rocks", "animals_outdoors"),
    "people": ("webcam", "standing_people", "face", "hands", "pets"),
    "clutter": ("table_top", "loose_things", "shop", "kitchen", "cellar", "close_up"),
}
"""Kinds that are scored together."""
