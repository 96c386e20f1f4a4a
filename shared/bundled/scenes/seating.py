"""Seats about tables: rooms to eat and to work in, seen by someone who stands or sits among the seats.

A seat that stands before, behind or beside a table is what a network drowns in the table or in the floor.
"""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from shared.bundled.render import Builder, Scene
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes.interior import openings, trim
from shared.bundled.scenes.layout import hang_pictures, line_walls
from shared.bundled.scenes.seats import office_chair, seat, slatted_chair
from shared.bundled.scenes.surroundings import Room, finish, indoor_lights, look, sunshine


def room_to_eat_in(b: Builder) -> Room:
    """Lined with furniture, pictures on its walls, the middle free for a table."""
    room = Room(b.u(3, 7), b.u(2.3, 3.2), b.u(3, 7))
    openings(b, room, b.pick((0, 0, 1, 2)))
    line_walls(b, room, b.u(0.4, 0.95))
    hang_pictures(b, room)
    trim(b, room)
    return room


def round_a_table(b: Builder) -> Scene:
    """Seats of one make round a table, often of its wood; some stand between the table and the camera."""
    room = room_to_eat_in(b)
    wide, deep, high = b.u(0.7, 2.4), b.u(0.6, 1.1), b.u(0.68, 0.78)
    x, z, yaw = b.u(-0.15, 0.15) * room.width, b.u(0.35, 0.65) * room.depth, b.u(0, 2 * pi)
    wood = b.surface(b.pick(("wood", "wood", "plain"))) if b.chance(0.6) else None
    make = b.n(0, 1 << 30)
    with b.at(x, 0, z, yaw):
        if wood is None:
            things.table(b, wide, deep, high)
        else:
            things.plain_table(b, wide, deep, high, wood)
        with b.at(0, high, 0):
            things.papers(b, wide, deep, b.n(0, 6))
            things.clutter(b, wide, deep, b.n(0, 6))
        for along, across, turn in _places(b, wide, deep):
            with b.at(along, 0, across, turn + b.rng.normal() * 0.25), b.repeated(make):
                if wood is None:
                    seat(b)
                else:
                    slatted_chair(b, wood)
    away, around = max(wide, deep) / 2 + b.u(0.0, 1.6), b.u(-0.8, 0.8)
    eye = _inside(room, x + away * sin(around), b.u(0.95, 1.85), z - away * cos(around))
    target = np.array([x + b.u(-0.6, 0.6), b.u(0.2, high + 0.2), z + b.u(-0.5, 0.6)])
    lights = indoor_lights(b, room, eye)
    if b.chance(0.25):
        lights = sunshine(b, room, lights, target)
    return finish(b, room, look(b, eye, target), lights)


def _places(b: Builder, wide: float, deep: float) -> list[tuple[float, float, float]]:
    """(x, z, yaw) of seats that face a table about the origin, from pushed under it to pulled away."""
    places = []
    count = max(int(wide / b.u(0.5, 0.8)), 1)
    for side, turn in ((1, 0.0), (-1, pi)):
        for i in range(count):
            along = wide * ((i + 0.5) / count - 0.5) + b.u(-0.1, 0.1)
            places.append((along, side * (deep / 2 + b.u(-0.1, 0.45)), turn))
    for side, turn in ((1, pi / 2), (-1, -pi / 2)):
        places.append((side * (wide / 2 + b.u(-0.1, 0.45)), b.u(-0.1, 0.1), turn))
    return [place for place in places if b.chance(0.6)]


def office(b: Builder) -> Scene:
    """Desks beside each other with boards behind them, office chairs before them, seen across the floor."""
    room = Room(b.u(4, 9), b.u(2.4, 3.4), b.u(3.5, 8))
    openings(b, room, b.pick((0, 0, 1, 2)))
    if b.chance(0.7):
        line_walls(b, room, b.u(0.2, 0.8))
    hang_pictures(b, room)
    trim(b, room)
    wide, deep, high, count = b.u(1.0, 1.8), b.u(0.6, 0.9), b.u(0.68, 0.78), b.n(1, 3)
    x, z, yaw = b.u(-0.2, 0.2) * room.width, b.u(0.45, 0.75) * room.depth, b.rng.normal() * 0.5
    top, make, chairs = b.surface(b.pick(("wood", "plain", "plain"))), b.n(0, 1 << 30), b.n(0, 1 << 30)
    board = b.surface(b.pick(("plain", "weave", "plaster", "wood"))) if b.chance(0.7) else None
    board_high = b.u(0.95, 1.6)
    with b.at(x, 0, z, yaw):
        for i in range(count):
            with b.at((i - (count - 1) / 2) * (wide + b.u(0, 0.05)), 0, 0):
                with b.repeated(make):
                    things.plain_table(b, wide, deep, high, top)
                with b.at(0, high, 0):
                    things.workplace(b, wide, deep)
                if board is not None:
                    b.box((0, board_high / 2 + 0.1, deep / 2 + 0.03), (wide, board_high - 0.2, 0.04), board)
                for _ in range(b.pick((0, 1, 1, 2))):
                    place = b.u(-0.4, 0.4) * wide, 0, -deep / 2 - b.u(-0.1, 0.9)
                    with b.at(*place, b.u(0, 2 * pi)):
                        if b.chance(0.7):
                            with b.repeated(chairs):
                                office_chair(b)
                        else:
                            seat(b)
    away, around = deep / 2 + b.u(0.8, 3.0), yaw + b.u(-0.7, 0.7)
    eye = _inside(room, x + away * sin(around), b.u(1.0, 1.8), z - away * cos(around))
    target = np.array([x + b.u(-0.7, 0.7), b.u(0.3, 1.0), z + b.u(-0.5, 0.3)])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


def _inside(room: Room, x: float, y: float, z: float) -> np.ndarray:
    half = room.width / 2 - 0.15
    return np.array([np.clip(x, -half, half), y, np.clip(z, 0.15, room.depth - 0.15)])
