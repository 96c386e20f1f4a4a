"""Putting furniture along the walls of a room and pictures on them."""

from __future__ import annotations

from math import pi

from shared.bundled.render import Builder
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes.surroundings import FAR, LEFT, NEAR, RIGHT, Room

WALLS = (FAR, LEFT, RIGHT, NEAR)
STANDING = (
    "cabinet",
    "counter",
    "wardrobe",
    "machine",
    "bed",
    "sofa",
    "armchair",
    "column",
    "screen",
    "low_table",
)


def hang_pictures(b: Builder, room: Room) -> None:
    for x, z, yaw, length in map(room.wall, WALLS):
        for _ in range(b.pick((0, 0, 1, 2))):
            wide, high = b.u(0.2, 1.2), b.u(0.2, 0.9)
            with b.at(x, b.u(1.1, 1.8), z, yaw):
                frame = b.surface(b.pick(("poster", "poster", "page", "plain", "screen")))
                b.box((b.u(-0.4, 0.4) * length, 0, -0.015), (wide, high, 0.03), frame)


def line_walls(b: Builder, room: Room, density: float = 0.75) -> None:
    """Cupboards, shelves, counters, sofas, desks along the walls, and some things hung above."""
    for x, z, yaw, length in map(room.wall, WALLS):
        along = -length / 2 + b.u(0.1, 0.6)
        while along < length / 2 - 0.6:
            wide = b.u(0.4, 2.0)
            if along + wide > length / 2 - 0.1:
                break
            if b.chance(density):
                with b.at(x, 0, z, yaw), b.at(along + wide / 2, 0, 0):
                    against_wall(b, wide)
            along += wide + b.pick((0.02, 0.02, b.u(0, 0.8)))


def against_wall(b: Builder, wide: float) -> None:
    kind = b.rng.random()
    deep = b.u(0.3, 0.65)
    with b.at(0, 0, -0.45):
        if b.mesh(b.pick(STANDING) if b.meshes else "", 0.25):
            return
    if kind < 0.2:
        with b.at(0, 0, -deep / 2 - 0.02):
            things.shelf(b, wide, b.u(0.7, 2.2), deep * 0.7)
    elif kind < 0.5:
        high = b.u(0.6, 1.0)
        with b.at(0, 0, -deep / 2):
            things.cabinet(b, wide, high, deep)
            with b.at(0, high + 0.03, 0):
                things.clutter(b, wide, deep, b.n(0, 5))
        if b.chance(0.4):
            b.box((0, b.u(1.5, 1.8), -0.17), (wide, b.u(0.4, 0.8), 0.34), b.surface("panels"))
    elif kind < 0.62:
        b.box((0, b.u(0.8, 1.1), -deep / 2), (wide, b.u(1.5, 2.2), deep), b.surface("panels"))
    elif kind < 0.75:
        with b.at(0, 0, -0.5):
            things.sofa(b, max(wide, 0.9))
    else:
        with b.at(0, 0, -0.4):
            high = b.u(0.65, 0.8)
            things.table(b, wide, 0.7, high)
            with b.at(0, high, 0):
                things.workplace(b, wide, 0.7)
        with b.at(b.u(-0.2, 0.2), 0, -0.95, pi + b.u(-0.8, 0.8)):
            things.chair(b)
