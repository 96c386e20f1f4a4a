"""Rooms and what is done in them: living rooms, desks, seats, someone before a camera, corridors, tables."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np

from shared.bundled.render import Builder, Scene, rotation_x, rotation_y, rotation_z
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes import outdoors, people, vehicles
from shared.bundled.scenes.interior import at_wall, ceiling_lamps, door, openings, trim
from shared.bundled.scenes.layout import hang_pictures, line_walls
from shared.bundled.scenes.seating import room_to_eat_in
from shared.bundled.scenes.seats import seat
from shared.bundled.scenes.surroundings import (
    FAR,
    LEFT,
    RIGHT,
    Room,
    finish,
    indoor_lights,
    look,
    outdoor_lights,
    sunshine,
)


def living_room(b: Builder) -> Scene:
    room = Room(b.u(2.4, 7), b.u(2.2, 3.4), b.u(2.6, 8))
    openings(b, room, b.pick((0, 1, 1, 2, 3)))
    line_walls(b, room)
    hang_pictures(b, room)
    trim(b, room)
    for _ in range(b.n(0, 2)):
        x, z = room.spot(b, 0.8)
        with b.at(x, 0, z, b.u(0, 2 * pi)):
            wide, deep, high = b.u(0.6, 1.8), b.u(0.5, 1.0), b.pick((0.42, 0.74, 0.74))
            things.table(b, wide, deep, high)
            with b.at(0, high, 0):
                things.clutter(b, wide, deep, b.n(1, 7))
            for side in range(b.n(0, 3)):
                with (
                    b.at(0, 0, 0, side * pi / 2 + b.u(-0.3, 0.3)),
                    b.at(b.u(-0.2, 0.2), 0, -deep / 2 - b.u(0.1, 0.5), pi),
                ):
                    seat(b)
    if b.chance(0.3):
        x, z = room.spot(b, 0.5)
        with b.at(x, 0, z, b.u(0, 6)):
            lonely: tuple[Callable[[Builder], None], ...] = (
                people.person,
                lambda k: things.plant(k, k.u(0.6, 1.8)),
                lambda k: things.lamp(k, 1.7),
            )
            b.pick(lonely)(b)
    if b.chance(0.3):
        b.box((b.u(-1, 1), 0.005, room.depth / 2), (b.u(1, 3), 0.01, b.u(1, 3)), b.surface("weave"))
    x, z = room.spot(b, 0.35)
    eye = np.array([x, b.u(0.9, 1.8), z if b.chance(0.3) else b.u(0.2, 0.35 * room.depth)])
    far_x, far_z = room.spot(b, 0.2)
    target = np.array([far_x, b.u(0.0, 1.5), max(far_z, eye[2] + 0.5)])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


def desk(b: Builder) -> Scene:
    """A cluttered desk or counter, seen by someone who sits or stands at it."""
    room = Room(b.u(2.6, 6), b.u(2.3, 3.2), b.u(2.6, 6))
    openings(b, room, b.pick((0, 0, 1, 2)))
    wide, deep, high = b.u(1.0, 2.4), b.u(0.55, 1.0), b.u(0.65, 0.95)
    is_at_wall = b.chance(0.55)
    z = room.depth - deep / 2 - 0.02 if is_at_wall else b.u(1.2, room.depth - 0.8)
    if b.chance(0.8):
        line_walls(b, room, 0.6)
    hang_pictures(b, room)
    trim(b, room)
    x = b.u(-0.3, 0.3) * room.width
    with b.at(x, 0, z, b.u(-0.15, 0.15)):
        things.table(b, wide, deep, high)
        with b.at(0, high, 0):
            (things.workplace if b.chance(0.7) else lambda k, w, d: things.clutter(k, w, d, k.n(5, 16)))(
                b, wide, deep
            )
        if b.chance(0.5):
            with b.at(b.u(-0.4, 0.4), 0, -deep / 2 - b.u(0, 0.4), pi + b.u(-0.7, 0.7)):
                seat(b)
    away = b.u(0.25, 1.6)
    eye = np.array([x + b.u(-0.7, 0.7), high + b.u(0.25, 0.9), max(z - deep / 2 - away + 0.3, 0.1)])
    target = np.array([x + b.u(-0.4, 0.4), high + b.u(-0.15, 0.3), z + b.u(-0.2, 0.2)])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


def large_table(b: Builder) -> Scene:
    """Somebody stands or sits at a large table: it fills the foreground, papers on it, seats round it."""
    room = room_to_eat_in(b)
    wide, deep, high, yaw = b.u(1.2, 3.0), b.u(0.7, 1.4), b.u(0.68, 0.8), b.u(-0.9, 0.9)
    x, z = b.u(-0.15, 0.15) * room.width, b.u(0.25, 0.6) * room.depth
    with b.at(x, 0, z, yaw):
        things.table(b, wide, deep, high)
        with b.at(0, high, 0):
            things.papers(b, wide, deep, b.n(0, 9))
            things.clutter(b, wide, deep, b.n(0, 6))
        for _ in range(b.n(0, 5)):
            side, along = b.pick((-1, 1)), b.u(-0.45, 0.45) * wide
            with b.at(along, 0, side * (deep / 2 + b.u(-0.1, 0.4)), (pi if side < 0 else 0) + b.u(-0.6, 0.6)):
                seat(b)
    away = deep / 2 + b.u(-0.1, 0.9)
    eye = np.array([x + b.u(-0.8, 0.8), high + b.u(0.3, 1.0), max(z - away, 0.15)])
    target = np.array([x + b.u(-0.6, 0.6), high + b.u(-0.3, 0.2), z + b.u(-0.2, 1.2)])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


def seats_and_sun(b: Builder) -> Scene:
    """Seats near the camera before a plain wall or a window; the sun draws bright patches as often as not."""
    room = Room(b.u(2.4, 6), b.u(2.3, 3.2), b.u(2.2, 6))
    openings(b, room, b.pick((0, 1, 1, 2, 2)))
    if b.chance(0.5):
        line_walls(b, room, 0.4)
    hang_pictures(b, room)
    trim(b, room)
    eye = np.array([b.u(-0.35, 0.35) * room.width, b.u(0.6, 1.7), b.u(0.1, 0.6)])
    target = np.array([b.u(-0.3, 0.3) * room.width, b.u(0.1, 0.8), b.u(1.2, max(0.8 * room.depth, 1.3))])
    with b.at(target[0], 0, target[2], b.u(0, 2 * pi)):
        seat(b)
    for _ in range(b.n(0, 3)):
        x, z = room.spot(b, 0.5)
        with b.at(x, 0, max(z, 1.0), b.u(0, 2 * pi)):
            seat(b)
    lights = indoor_lights(b, room, eye)
    if b.chance(0.6):
        lights = sunshine(b, room, lights, target)
    return finish(b, room, look(b, eye, target), lights)


def webcam(b: Builder) -> Scene:
    """Someone before a camera, a wall or a room behind; now and then a hand or a cup held close."""
    room = Room(b.u(2.2, 5), b.u(2.3, 3), b.u(1.6, 6))
    if b.chance(0.5):
        openings(b, room, b.n(0, 2))
        line_walls(b, room, 0.5)
    hang_pictures(b, room)
    trim(b, room)
    z = b.u(0.5, 1.3)
    for i in range(b.pick((1, 1, 1, 2))):
        with b.at(b.u(-0.3, 0.3) + 0.7 * i, b.u(-0.1, 0.2), z + 0.4 * i, b.u(-0.6, 0.6)):
            people.person(b, seated=True)
    if b.chance(0.3):
        with b.at(b.u(-0.2, 0.2), b.u(0.8, 1.3), b.u(0.25, 0.45)):
            things.small_thing(b, 0.15)
    eye = np.array([b.u(-0.25, 0.25), b.u(0.75, 1.35), 0.1])
    target = np.array([b.u(-0.1, 0.1), b.u(0.95, 1.3), z])
    return finish(b, room, look(b, eye, target, 0.05), indoor_lights(b, room, eye))


def standing_people(b: Builder) -> Scene:
    """People in a bare room, a hall or a corridor, seen from eye height or from under the ceiling."""
    corridor = b.chance(0.4)
    room = (
        Room(b.u(1.4, 2.6), b.u(2.2, 3), b.u(6, 25))
        if corridor
        else Room(b.u(3, 10), b.u(2.3, 4), b.u(3, 12))
    )
    openings(b, room, b.n(0, 3))
    if b.chance(0.5):
        line_walls(b, room, 0.25)
    trim(b, room)
    for _ in range(b.pick((0, 1, 1, 2, 3)) if corridor else b.pick((1, 1, 2, 3, 4))):
        x, z = room.spot(b, 0.4)
        with b.at(x, 0, max(z, 1.2), b.u(0, 2 * pi)):
            people.person(b)
    if b.chance(0.35):
        x, z = room.spot(b, 0.6)
        with b.at(x, 0, z):
            things.table(b, b.u(0.5, 1.4), b.u(0.5, 0.8), b.pick((0.74, 1.1)))
    eye = np.array(
        [b.u(-0.3, 0.3) * room.width, b.u(1.0, 1.9) if b.chance(0.6) else room.height - 0.2, b.u(0.1, 0.4)]
    )
    if b.chance(0.35):
        with b.at(eye[0] + b.u(-0.6, 0.6), 0, eye[2] + b.u(0.6, 1.4), b.u(0, 2 * pi)):
            people.person(b)
    target = np.array([b.u(-0.2, 0.2) * room.width, b.u(0.5, 1.4), b.u(0.4, 0.9) * room.depth])
    return finish(b, room, look(b, eye, target, 0.08), indoor_lights(b, room, eye))


def corridor(b: Builder) -> Scene:
    """A passage with doors, cupboards, partitions and lamps; it may end in a room or in daylight."""
    room = Room(b.u(1.3, 3.2), b.u(2.2, 3.2), b.u(5, 30))
    if b.chance(0.6):
        end = b.u(0.2, 0.9)
        b.hole(FAR, -end, end, -1.0, b.u(0.5, 0.95))
    openings(b, room, b.n(0, 2))
    for face in (LEFT, RIGHT):
        along = -room.depth / 2 + b.u(0.2, 2)
        while along < room.depth / 2 - 1:
            with at_wall(b, room, face, along):
                kind, wide = b.rng.random(), b.u(0.5, 2.2)
                if kind < 0.45:
                    door(b)
                elif kind < 0.65:
                    with b.at(0, 0, -0.2):
                        things.cabinet(b, wide, b.u(0.7, 2.1), 0.4)
                elif kind < 0.75:
                    b.box((0, b.u(0.6, 0.9), -0.3), (0.06, b.u(1.2, 1.8), 0.6), b.surface())
                elif kind < 0.9:
                    frame = b.surface(b.pick(("poster", "page", "plain")))
                    b.box((0, b.u(1.3, 1.7), -0.015), (b.u(0.2, 0.9), b.u(0.2, 0.7), 0.03), frame)
            along += b.u(0.8, 3.5)
    ceiling_lamps(b, room)
    if b.chance(0.35):
        x, z = room.spot(b, 0.4)
        with b.at(x, 0, max(z, 1.5), b.u(0, 2 * pi)):
            people.person(b)
    eye = np.array([b.u(-0.35, 0.35) * room.width, b.u(1.0, 1.9), b.u(0.1, 0.5)])
    target = np.array([b.u(-0.25, 0.25) * room.width, b.u(0.7, 1.6), b.u(0.3, 0.9) * room.depth])
    return finish(b, room, look(b, eye, target, 0.08), indoor_lights(b, room, eye))


def table_top(b: Builder) -> Scene:
    """A few bottles, cups and boxes on a table or a board before a wall."""
    room = Room(b.u(2, 4), b.u(2.2, 3), b.u(1.4, 4))
    hang_pictures(b, room)
    trim(b, room)
    wide, deep, high = b.u(0.8, 2.5), b.u(0.4, 1.0), b.u(0.5, 1.1)
    z = room.depth - deep / 2 - (0 if b.chance(0.6) else b.u(0, 0.6))
    with b.at(0, 0, z):
        b.box((0, high - 0.03, 0), (wide, 0.06, deep), b.surface(b.pick(("wood", "plain", "plain", "weave"))))
        with b.at(0, high, 0):
            for i in range(b.n(1, 6)):
                with b.at((i - 2) * b.u(0.1, 0.2), 0, b.u(-0.4, 0.3) * deep, b.u(0, 6)):
                    (things.bottle if b.chance(0.55) else things.small_thing)(b, b.u(0.12, 0.36))
            if b.chance(0.35):
                people.reaching_arm(b, (b.u(-0.3, 0.3), b.u(0.1, 0.4), b.u(-0.5, 0.2) * deep))
    eye = np.array([b.u(-0.4, 0.4), high + b.u(0.05, 0.6), max(z - deep / 2 - b.u(0.1, 0.7), 0.05)])
    target = np.array([b.u(-0.15, 0.15), high + b.u(0.0, 0.2), z])
    return finish(b, room, look(b, eye, target, 0.05), indoor_lights(b, room, eye))


def from_above(b: Builder) -> Scene:
    """Cars or people on a bare floor, seen by a camera on a mast or under a high ceiling."""
    high = b.u(3, 12)
    is_open = b.chance(0.7)
    room = Room(700, 200, 700) if is_open else Room(b.u(8, 20), high + b.u(0.3, 2), b.u(10, 30))
    near = 40.0 if is_open else b.u(0.2, 0.4) * room.depth
    ground = b.surface(b.pick(("speckle", "speckle", "plain", "tiles", "clouds")), repeat=b.u(0.1, 1))
    away = high * b.u(0.15, 1.8)
    for _ in range(b.n(0, 6)):
        paint, length = b.plain(b.pick((None, 0.95))), b.u(1, 12)
        place = (b.u(-1, 1) * high, 0.004, near + away + b.u(-1, 1) * high)
        b.box(place, (b.u(0.08, 0.25), 0.008, length), paint, rotation_y(b.u(0, pi)))
    for _ in range(b.n(1, 5)):
        x, z = b.u(-0.9, 0.9) * high, near + max(away + b.u(-0.8, 1.5) * high, 0.5)
        with b.at(x, 0, z, b.u(0, 2 * pi)):
            (vehicles.car if is_open and b.chance(0.65) else people.person)(b)
    if is_open and b.chance(0.3):
        with b.at(b.u(-1, 1) * high, 0, near + away + b.u(0, 2) * high):
            outdoors.tree(b, b.u(3, 9))
    eye = np.array([0.0, high, near])
    camera = look(b, eye, np.array([b.u(-0.3, 0.3) * high, 0.0, near + away]), 0.06)
    if is_open:
        return finish(b, room, camera, outdoor_lights(b), outdoors=True, walls=[ground] * 6)
    return finish(b, room, camera, indoor_lights(b, room, eye))


def loose_things(b: Builder) -> Scene:
    """Anything anywhere at any size: what no room teaches."""
    room = Room(b.u(1.5, 8), b.u(1.5, 4), b.u(2, 10))
    openings(b, room, b.n(0, 2))
    if b.chance(0.4):
        line_walls(b, room, 0.3)
    eye = np.array([0.0, b.u(0.3, 0.8) * room.height, 0.1])
    for _ in range(b.n(4, 20)):
        away = float(np.exp(b.u(-0.9, 2.0)))
        size = away * float(np.exp(b.u(-3, -0.3))) * b.rng.uniform(0.2, 1, 3)
        place = eye + np.array([b.u(-0.6, 0.6), b.u(-0.45, 0.45), 1.0]) * away
        turn = rotation_y(b.u(0, pi)) @ rotation_x(b.u(-1, 1)) @ rotation_z(b.u(-1, 1))
        shape = b.pick((b.box, b.ellipsoid, b.cylinder))
        shape(place, size, b.surface(), turn if b.chance(0.7) else None)
    for _ in range(b.n(0, 4)):
        start = eye + np.array([b.u(-1, 1), b.u(-1, 1), 1.0]) * b.u(0.5, 3)
        b.limb(start, start + b.rng.normal(size=3), b.u(0.01, 0.05), b.plain())
    target = eye + np.array([b.u(-0.2, 0.2), b.u(-0.5, 0.2), 1.0])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))
