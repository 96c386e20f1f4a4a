"""Places full of things: shops, kitchens, cellars; and things so close that the rest is a blur."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np

from shared.bundled.render import Builder, Scene, Surface, rotation_x, rotation_y
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes import people
from shared.bundled.scenes.interior import ceiling_lamps, openings, trim
from shared.bundled.scenes.layout import hang_pictures, line_walls
from shared.bundled.scenes.surroundings import (
    FAR,
    LEFT,
    RIGHT,
    Room,
    finish,
    indoor_lights,
    look,
)

MOST_SOLIDS = 220


def shop(b: Builder) -> Scene:
    """An aisle between shelves that are full of small things."""
    room = Room(b.u(4, 9), b.u(2.4, 4), b.u(6, 16))
    ceiling_lamps(b, room)
    aisle, high = b.u(0.7, 1.6), b.u(1.2, 2.3)
    middle = b.u(-0.15, 0.15) * room.width
    for side in (-1, 1):
        z = b.u(0.2, 1.5)
        while z < room.depth - 1 and len(b.boxes) + len(b.rounds) < MOST_SOLIDS:
            long = b.u(0.8, 2.0)
            with b.at(middle + side * (aisle + 0.25), 0, z + long / 2, side * pi / 2):
                _stocked(b, long, high, 0.45)
            z += long + b.pick((0.02, 0.02, b.u(0.3, 1.5)))
    if b.chance(0.4):
        with b.at(middle + b.u(-0.5, 0.5) * aisle, 0, b.u(2.5, 7), b.u(0, 2 * pi)):
            people.person(b)
    eye = np.array([middle + b.u(-0.4, 0.4) * aisle, b.u(1.0, 1.8), b.u(0.2, 1.5)])
    target = np.array([middle + b.u(-0.8, 0.8) * aisle, b.u(0.6, 1.6), b.u(3, room.depth)])
    return finish(b, room, look(b, eye, target, 0.08), indoor_lights(b, room, eye))


def _stocked(b: Builder, wide: float, high: float, deep: float) -> None:
    """Shelves with rows of the same thing, as in a shop. Axes as in `furniture`."""
    if b.mesh("shelf", 0.2, height_m=high):
        return
    board, levels = b.plain(), b.n(3, 5)
    b.box((0, high / 2, deep / 2), (wide, high, 0.03), b.plain())
    for side in (-1, 1):
        b.box((side * wide / 2, high / 2, 0), (0.03, high, deep), board)
    pitch = high / levels
    for level in range(levels):
        b.box((0, level * pitch + 0.02, 0), (wide, 0.03, deep), board)
        ware, size = (
            b.surface(b.pick(("poster", "plain", "page", "cardboard", "stripes"))),
            b.u(0.35, 0.85) * pitch,
        )
        count = max(int(wide / (size * b.u(0.6, 1.4) + 0.02)), 1)
        is_round = b.chance(0.4)
        for i in range(min(count, 6)):
            x, y = (i + 0.5) / min(count, 6) * wide - wide / 2, level * pitch + 0.035 + size / 2
            if b.chance(0.85):
                shape = b.cylinder if is_round else b.box
                shape((x, y, b.u(-0.1, 0.05)), (0.8 * wide / min(count, 6), size, min(size, 0.25)), ware)


def kitchen(b: Builder) -> Scene:
    """Counters with things on them, cupboards above, a refrigerator, mostly a table in the middle."""
    room = Room(b.u(2.2, 5), b.u(2.3, 3), b.u(2.6, 6))
    openings(b, room, b.pick((0, 1, 1, 2)))
    fronts = b.surface("panels"), b.surface(b.pick(("marble", "wood", "speckle", "plain"))), b.plain()
    for face in (FAR, LEFT, RIGHT):
        if b.chance(0.75):
            _counter(b, room, face, fronts)
    if b.chance(0.6):
        with b.at(b.u(-0.25, 0.25) * room.width, 0, b.u(0.45, 0.65) * room.depth, b.u(0, pi)):
            wide, deep = b.u(0.7, 1.6), b.u(0.6, 0.9)
            things.table(b, wide, deep, 0.75)
            with b.at(0, 0.75, 0):
                things.clutter(b, wide, deep, b.n(2, 8))
            for turn in range(b.n(0, 3)):
                with b.at(0, 0, 0, turn * pi / 2), b.at(0, 0, -deep / 2 - b.u(0.1, 0.4), pi):
                    things.chair(b)
    trim(b, room)
    if b.chance(0.3):
        with b.at(b.u(-0.3, 0.3) * room.width, 0, b.u(1.5, room.depth - 0.4), b.u(0, 2 * pi)):
            people.person(b)
    eye = np.array([b.u(-0.35, 0.35) * room.width, b.u(1.1, 1.8), b.u(0.15, 0.5)])
    target = np.array([b.u(-0.4, 0.4) * room.width, b.u(0.6, 1.3), b.u(0.5, 1.0) * room.depth])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


def _counter(b: Builder, room: Room, face: int, fronts: tuple[Surface, Surface, Surface]) -> None:
    """Along a wall; fronts: of the cupboards below, of the top, of the cupboards above."""
    front, top, upper = fronts
    x, z, yaw, length = room.wall(face)
    deep, along = b.u(0.55, 0.65), -length / 2
    with b.at(x, 0, z, yaw):
        while along < length / 2 - 0.3:
            wide = min(b.u(0.4, 0.9), length / 2 - along)
            with b.at(along + wide / 2, 0, -deep / 2):
                kind = b.rng.random()
                if kind < 0.12:
                    if not b.mesh("wardrobe", 0.6):
                        b.box((0, 0.95, 0), (wide, 1.9, deep), b.plain())
                elif kind < 0.92:
                    b.box((0, 0.44, 0), (wide - 0.01, 0.88, deep), front)
                    b.box((0, 0.9, -0.01), (wide, 0.04, deep + 0.03), top)
                    with b.at(0, 0.92, 0):
                        things.clutter(b, wide, deep * 0.8, b.pick((0, 0, 1, 2, 3)))
                    if kind < 0.6:
                        b.box((0, 1.75, deep / 2 - 0.17), (wide - 0.01, b.u(0.5, 0.8), 0.34), upper)
            along += wide


def cellar(b: Builder) -> Scene:
    """Bare walls with pipes and cables, stacks of boxes, shelves, a bench: a cellar or a workshop."""
    room = Room(b.u(2.2, 7), b.u(1.9, 3.2), b.u(3, 10))
    openings(b, room, b.pick((0, 0, 1)))
    if b.chance(0.5):
        trim(b, room)
    line_walls(b, room, b.u(0.1, 0.5))
    for _ in range(b.n(1, 6)):
        _pipe(b, room)
    for _ in range(b.n(0, 4)):
        _cable(b, room)
    for _ in range(b.n(1, 5)):
        x, z = room.spot(b, 0.4)
        with b.at(x, 0, z, b.u(0, 2 * pi)):
            _stack(b)
    if b.chance(0.5):
        x, z = room.spot(b, 0.7)
        with b.at(x, 0, z, b.u(0, 2 * pi)):
            wide, deep, high = b.u(1.0, 2.2), b.u(0.5, 0.9), b.u(0.75, 0.95)
            things.table(b, wide, deep, high)
            with b.at(0, high, 0):
                things.clutter(b, wide, deep, b.n(4, 12))
    rough = b.surface(b.pick(("bricks", "concrete", "plaster", "rock")))
    walls = [
        replace(rough),
        rough,
        b.surface(b.pick(("concrete", "ground", "paving"))),
        b.surface("concrete"),
    ]
    x, z = room.spot(b, 0.3)
    eye = np.array([x, b.u(0.8, min(1.8, room.height - 0.1)), b.u(0.15, 0.3 * room.depth)])
    target = np.array([b.u(-0.35, 0.35) * room.width, b.u(0.3, 1.4), b.u(0.5, 1.0) * room.depth])
    lights = indoor_lights(b, room, eye)
    return finish(b, room, look(b, eye, target), lights, walls=[*walls, rough, rough])


def _pipe(b: Builder, room: Room) -> None:
    """Along a wall or the ceiling, often two or three side by side."""
    metal, width = b.surface(b.pick(("metal", "plain", "plain"))), float(np.exp(b.u(-4, -1.8)))
    x, y = b.u(-0.48, 0.48) * room.width, room.height - b.u(0.1, 0.5)
    for k in range(b.n(1, 3)):
        if b.chance(0.5):
            place = x + k * 1.5 * width
            b.limb((place, y, 0.1), (place, y, room.depth - 0.1), width, metal)
        elif b.chance(0.5):
            z = b.u(0.2, 1.0) * room.depth + k * 1.5 * width
            b.limb((-room.width / 2, y, z), (room.width / 2, y, z), width, metal)
        else:
            side = b.pick((-1, 1)) * (room.width / 2 - width)
            z = b.u(0.2, 0.95) * room.depth
            b.limb((side, 0, z), (side, room.height, z), width, metal)


def _cable(b: Builder, room: Room) -> None:
    """Sags from point to point."""
    rubber, thick = b.plain(b.u(0, 0.5)), b.u(0.008, 0.03)
    start = np.array([b.u(-0.5, 0.5) * room.width, b.u(0.3, 1.0) * room.height, b.u(0.2, 1.0) * room.depth])
    end = np.array([b.u(-0.5, 0.5) * room.width, b.u(0.0, 1.0) * room.height, b.u(0.2, 1.0) * room.depth])
    sag, before = b.u(0, 0.5), start
    for share in (0.25, 0.5, 0.75, 1.0):
        point = start + share * (end - start) - np.array([0, 4 * sag * share * (1 - share), 0])
        point[1] = max(point[1], thick)
        b.limb(before, point, thick, rubber)
        before = point


def _stack(b: Builder) -> None:
    """Boxes on each other, a barrel, a bucket, a ladder, or planks that lean."""
    kind = b.rng.random()
    if kind < 0.5:
        y, wide = 0.0, b.u(0.3, 0.7)
        for _ in range(b.n(1, 4)):
            high = b.u(0.15, 0.5)
            turn = rotation_y(b.u(-0.3, 0.3))
            b.box((0, y + high / 2, 0), (wide, high, wide * b.u(0.7, 1.2)), b.surface("cardboard"), turn)
            y, wide = y + high, wide * b.u(0.7, 1.0)
    elif kind < 0.7:
        high = b.u(0.3, 1.0)
        b.cylinder(
            (0, high / 2, 0),
            (high * 0.7, high, high * 0.7),
            b.surface(b.pick(("metal", "plain"))),
            top=b.u(0.9, 1.2),
        )
    elif kind < 0.85:
        for side in (-0.2, 0.2):
            b.limb((side, 0, 0), (side, 2.0, 0.5), 0.05, b.surface("wood"), box=True)
        for rung in range(1, 7):
            b.limb((-0.2, 0.3 * rung, 0.075 * rung), (0.2, 0.3 * rung, 0.075 * rung), 0.03, b.surface("wood"))
    else:
        for k in range(b.n(2, 5)):
            b.box((0.15 * k, 0.9, 0.2), (0.12, b.u(1.2, 2.2), 0.03), b.surface("wood"), rotation_x(-0.2))


def close_up(b: Builder) -> Scene:
    """Things a hand's breadth away, sharp, on a table; the room behind them out of focus."""
    room = Room(b.u(2, 6), b.u(2.2, 3.2), b.u(2, 7))
    line_walls(b, room, 0.5)
    hang_pictures(b, room)
    high, z = b.u(0.5, 1.0), b.u(0.5, 1.5)
    with b.at(0, high, z):
        b.box(
            (0, -0.02, 0.1),
            (b.u(0.8, 2), 0.04, b.u(0.8, 1.4)),
            b.surface(b.pick(("wood", "weave", "plain", "marble"))),
        )
        for i in range(b.n(2, 7)):
            with b.at(b.u(-0.25, 0.25), 0, -0.25 + b.u(0, 0.12) * i, b.u(0, 2 * pi)):
                things.small_thing(b, b.u(0.04, 0.2))
    away = b.u(0.12, 0.4)
    eye = np.array([b.u(-0.1, 0.1), high + b.u(0.04, 0.35), z - 0.25 - away])
    target = np.array([b.u(-0.05, 0.05), high + b.u(0.0, 0.08), z - 0.1])
    camera = look(b, eye, target, 0.05)
    camera = replace(camera, blur=b.u(0.0, 0.012), focus=1 / (away + b.u(0.0, 0.2)))
    return finish(b, room, camera, indoor_lights(b, room, eye))
