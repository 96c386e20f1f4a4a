"""Random scenes: rooms, desks, people before a webcam, corridors, streets, loose things. Deterministic for a seed.

Colour and light are drawn independently of place, so that no colour and no brightness tells a distance.
Numpy only; `renderer.render` makes pictures of what is built here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi

import numpy as np

from shared.bundled import furniture as things
from shared.bundled.builder import Builder, Camera, Lights, Scene, Surface, shell_row, surface_row

SHELL_FACES = 6
BOTTOM, TOP = 2, 3


@dataclass
class Room:
    """Width (x), height (y) and depth (z) in metres; x is centred, y and z start at 0."""

    width: float
    height: float
    depth: float

    def spot(self, b: Builder, margin: float) -> tuple[float, float]:
        x = b.u(-1, 1) * max(self.width / 2 - margin, 0.05)
        return x, b.u(min(margin, self.depth / 2), max(self.depth - margin, self.depth / 2))


def random_scene(seed: int, kind: str | None = None) -> Scene:
    """The scene of this seed; kind: one of KINDS, else drawn by its share."""
    b = Builder(np.random.default_rng(seed))
    if kind is None:
        kind = str(b.rng.choice(list(KINDS), p=np.array([s for _, s in KINDS.values()]) / sum(s for _, s in KINDS.values())))
    return KINDS[kind][0](b)


# --- light, camera, walls ---


def indoor_lights(b: Builder, room: Room, eye: np.ndarray) -> Lights:
    """A lamp anywhere: overhead, beside, behind the camera, or the sun through an opening."""
    x, z = room.spot(b, 0.3)
    position = np.array([x, b.u(0.6, 0.97) * room.height, z])
    falloff = b.pick((0.0, 0.0, 0.1, 0.5))
    style = b.rng.random()
    if style < 0.12:
        position, falloff = eye + np.array([b.u(-0.3, 0.3), b.u(-0.1, 0.4), 0.0]), b.pick((0.0, 0.3))
    elif style < 0.3:
        position, falloff = np.array([b.u(-30, 30), b.u(5, 30), b.u(-20, 40)]), 0.0
    strength, ambient = b.u(0.2, 1.5), b.u(0.15, 1.0)
    return Lights(
        position=position,
        colour=tint(b) * strength,
        falloff=falloff,
        radius=b.u(0.0, 0.35) * max(float(np.linalg.norm(position - eye)) / 3, 0.3),
        shadow=b.u(0.3, 1.0) if b.chance(0.85) else 0.0,
        fill_direction=unit(b.rng.normal(size=3)),
        fill_colour=tint(b) * b.u(0.0, 0.6),
        ambient_up=tint(b) * ambient,
        ambient_down=tint(b) * ambient * b.u(0.5, 1.1),
        sky_low=tint(b) * b.u(0.5, 6),
        sky_high=tint(b) * b.u(0.4, 5),
    )


def outdoor_lights(b: Builder) -> Lights:
    strength = b.u(0.0, 2.5)
    sky = np.array([0.55, 0.75, 1.0]) ** b.u(0, 1.5)
    low = tint(b)
    return Lights(
        position=unit(np.array([b.u(-1, 1), b.u(0.2, 1.2), b.u(-1, 1)])) * 500,
        colour=np.array([1.0, 0.93, 0.82]) ** b.u(0, 2) * strength,
        radius=b.u(0, 12),
        shadow=b.u(0.7, 1.0),
        ambient_up=sky * b.u(0.3, 0.9),
        ambient_down=tint(b) * b.u(0.1, 0.5),
        fog_colour=low,
        fog_per_m=b.u(0, 0.02) if b.chance(0.5) else 0.0,
        sky_low=low * b.u(0.6, 1.3),
        sky_high=sky * b.u(0.3, 1.3),
    )


def tint(b: Builder) -> np.ndarray:
    """A light's colour about white."""
    return np.exp(b.rng.normal(size=3) * b.pick((0.03, 0.08, 0.25)))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / (np.linalg.norm(vector) + 1e-9)


def lens(b: Builder, camera: Camera) -> Camera:
    """A random lens: mostly of a phone's or webcam's angle, sometimes wide or narrow."""
    focal = float(np.exp(b.u(-0.45, 0.25))) if b.chance(0.8) else float(np.exp(b.u(-0.8, 0.8)))
    return replace(
        camera,
        focal=focal,
        roll=b.rng.normal() * b.pick((0.02, 0.05, 0.15)),
        distortion=b.u(-0.06, 0.06) if b.chance(0.4) else 0.0,
        blur=b.u(0.004, 0.03) if b.chance(0.2) else 0.0,
        focus=b.u(0.1, 1.5),
    )


def look(b: Builder, eye: np.ndarray, target: np.ndarray, wobble: float = 0.1) -> Camera:
    x, y, z = np.asarray(target) - np.asarray(eye)
    yaw, pitch = np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))
    return lens(b, Camera(eye=eye, yaw=yaw + b.rng.normal() * wobble, pitch=pitch + b.rng.normal() * wobble))


def finish(b: Builder, room: Room, camera: Camera, lights: Lights, *, outdoors: bool = False, walls: list[Surface] | None = None) -> Scene:
    """Puts the solids into the inner shell (the room, or the open world) and that into the world outside."""
    half = room.width / 2
    inner = shell_row((-half, 0, 0), (half, room.height, room.depth))
    wide = b.u(4, 60)
    outer = shell_row((-half - wide, -b.u(0.0, 6.0), -wide), (half + wide, room.height + b.u(1, 8), room.depth + wide))
    surfaces = (walls or room_surfaces(b)) + outer_surfaces(b)
    open_faces = np.zeros(2 * SHELL_FACES + 1, np.float32)
    open_faces[-1] = 1
    if outdoors:
        open_faces[[0, 1, 3, 4, 5]] = 1
    if outdoors or b.chance(0.5):
        open_faces[[6, 7, 9, 10, 11]] = 1
    holes = np.full((4, 5), -1.0, np.float32)
    for i, hole in enumerate(b.holes[:4]):
        holes[i] = hole
    half_sizes = np.stack([inner[17:20]] * SHELL_FACES + [outer[17:20]] * SHELL_FACES)
    faces = np.stack([surface_row(surface) for surface in surfaces])
    faces[:SHELL_FACES, :13], faces[SHELL_FACES:, :13] = inner[:13], outer[:13]
    faces[:, 17:20] = half_sizes
    return Scene(
        boxes=np.array(b.boxes, np.float32).reshape(-1, 33),
        rounds=np.array(b.rounds, np.float32).reshape(-1, 33),
        shells=np.stack([inner, outer]),
        faces=faces,
        holes=holes,
        open_faces=open_faces,
        sky=faces[0],
        lights=lights,
        camera=camera,
    )


def room_surfaces(b: Builder) -> list[Surface]:
    """Walls (mostly alike and plain, bright or dark), floor and ceiling, in the order of the shell's faces."""
    wall = b.plain(b.pick((None, 0.9, 0.8, 0.95))) if b.chance(0.75) else b.surface(repeat=b.u(0.2, 2))
    other = b.plain() if b.chance(0.3) else wall
    floor = b.surface(b.pick(("wood", "tiles", "weave", "speckle", "plain", "clouds", "checks")), repeat=b.u(0.3, 2.0))
    ceiling = b.plain(b.pick((None, 0.9))) if b.chance(0.8) else b.surface("tiles", repeat=0.5)
    if b.chance(0.1):
        ceiling = replace(ceiling, emission=b.u(0.3, 1.5))
    return [wall, other, floor, ceiling, wall, other]


def outer_surfaces(b: Builder) -> list[Surface]:
    if b.chance(0.5):
        glow = b.u(0, 3)
        return [replace(b.surface(b.pick(("facade", "foliage", "clouds", "tiles")), repeat=b.u(0.05, 0.4)), emission=glow)] * 2 + [
            replace(b.surface(), emission=glow)
        ] * 4
    return room_surfaces(b)


def openings(b: Builder, count: int) -> None:
    """Windows and doors in the walls."""
    for _ in range(count):
        face, middle, half = b.pick((0, 1, 5, 5, 4)), b.u(-0.7, 0.7), b.u(0.1, 0.35)
        low, high = (-1.0, b.u(0.3, 0.7)) if b.chance(0.4) else (b.u(-0.5, 0.1), b.u(0.3, 0.9))
        b.hole(face, middle - half, middle + half, low, high)


def wall_places(b: Builder, room: Room) -> list[tuple[float, float, float, float]]:
    """(x, z, yaw, length) of the four walls; furniture that faces -z stands with its back to the wall."""
    w, d = room.width / 2, room.depth
    return [(0, d, 0.0, room.width), (-w, d / 2, -pi / 2, d), (w, d / 2, pi / 2, d), (0, 0, pi, room.width)]


def hang_pictures(b: Builder, room: Room) -> None:
    for x, z, yaw, length in wall_places(b, room):
        for _ in range(b.pick((0, 0, 1, 2))):
            wide, high = b.u(0.2, 1.2), b.u(0.2, 0.9)
            with b.at(x, b.u(1.1, 1.8), z, yaw):
                frame = b.surface(b.pick(("poster", "poster", "page", "plain", "screen")))
                b.box((b.u(-0.4, 0.4) * length, 0, -0.015), (wide, high, 0.03), frame)


def line_walls(b: Builder, room: Room, density: float = 0.75) -> None:
    """Cupboards, shelves, counters, sofas, desks along the walls, and some things hung above."""
    for x, z, yaw, length in wall_places(b, room):
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


# --- kinds of scenes ---


def living_room(b: Builder) -> Scene:
    room = Room(b.u(2.4, 7), b.u(2.2, 3.4), b.u(2.6, 8))
    openings(b, b.pick((0, 1, 1, 2, 3)))
    line_walls(b, room)
    hang_pictures(b, room)
    for _ in range(b.n(0, 2)):
        x, z = room.spot(b, 0.8)
        with b.at(x, 0, z, b.u(0, 2 * pi)):
            wide, deep, high = b.u(0.6, 1.8), b.u(0.5, 1.0), b.pick((0.42, 0.74, 0.74))
            things.table(b, wide, deep, high)
            with b.at(0, high, 0):
                things.clutter(b, wide, deep, b.n(1, 7))
            for side in range(b.n(0, 3)):
                with b.at(0, 0, 0, side * pi / 2 + b.u(-0.3, 0.3)), b.at(b.u(-0.2, 0.2), 0, -deep / 2 - b.u(0.1, 0.5), pi):
                    things.chair(b)
    if b.chance(0.3):
        x, z = room.spot(b, 0.5)
        with b.at(x, 0, z, b.u(0, 6)):
            b.pick((things.person, lambda k: things.plant(k, k.u(0.6, 1.8)), lambda k: things.lamp(k, 1.7)))(b)
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
    openings(b, b.pick((0, 0, 1, 2)))
    wide, deep, high = b.u(1.0, 2.4), b.u(0.55, 1.0), b.u(0.65, 0.95)
    at_wall = b.chance(0.55)
    z = room.depth - deep / 2 - 0.02 if at_wall else b.u(1.2, room.depth - 0.8)
    if b.chance(0.8):
        line_walls(b, room, 0.6)
    hang_pictures(b, room)
    x = b.u(-0.3, 0.3) * room.width
    with b.at(x, 0, z, b.u(-0.15, 0.15)):
        things.table(b, wide, deep, high)
        with b.at(0, high, 0):
            (things.workplace if b.chance(0.7) else lambda k, w, d: things.clutter(k, w, d, k.n(5, 16)))(b, wide, deep)
        if b.chance(0.5):
            with b.at(b.u(-0.4, 0.4), 0, -deep / 2 - b.u(0, 0.4), pi + b.u(-0.7, 0.7)):
                things.chair(b)
    away = b.u(0.25, 1.6)
    eye = np.array([x + b.u(-0.7, 0.7), high + b.u(0.25, 0.9), max(z - deep / 2 - away + 0.3, 0.1)])
    target = np.array([x + b.u(-0.4, 0.4), high + b.u(-0.15, 0.3), z + b.u(-0.2, 0.2)])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


def webcam(b: Builder) -> Scene:
    """Someone before a camera, a wall or a room behind; now and then a hand or a cup held close."""
    room = Room(b.u(2.2, 5), b.u(2.3, 3), b.u(1.6, 6))
    if b.chance(0.5):
        openings(b, b.n(0, 2))
        line_walls(b, room, 0.5)
    hang_pictures(b, room)
    z = b.u(0.5, 1.3)
    for i in range(b.pick((1, 1, 1, 2))):
        with b.at(b.u(-0.3, 0.3) + 0.7 * i, b.u(-0.1, 0.2), z + 0.4 * i, b.u(-0.6, 0.6)):
            things.person(b, seated=True)
    if b.chance(0.3):
        with b.at(b.u(-0.2, 0.2), b.u(0.8, 1.3), b.u(0.25, 0.45)):
            things.small_thing(b, 0.15)
    eye = np.array([b.u(-0.25, 0.25), b.u(0.75, 1.35), 0.1])
    target = np.array([b.u(-0.1, 0.1), b.u(0.95, 1.3), z])
    return finish(b, room, look(b, eye, target, 0.05), indoor_lights(b, room, eye))


def standing_people(b: Builder) -> Scene:
    """People in a bare room, a hall or a corridor, seen from eye height or from a camera under the ceiling."""
    corridor = b.chance(0.4)
    room = Room(b.u(1.4, 2.6), b.u(2.2, 3), b.u(6, 25)) if corridor else Room(b.u(3, 10), b.u(2.3, 4), b.u(3, 12))
    openings(b, b.n(0, 3))
    if b.chance(0.5):
        line_walls(b, room, 0.25)
    for _ in range(b.pick((0, 1, 1, 2, 3)) if corridor else b.pick((1, 1, 2, 3, 4))):
        x, z = room.spot(b, 0.4)
        with b.at(x, 0, max(z, 1.2), b.u(0, 2 * pi)):
            things.person(b)
    eye = np.array([b.u(-0.3, 0.3) * room.width, b.u(1.0, 1.9) if b.chance(0.6) else room.height - 0.2, b.u(0.1, 0.4)])
    target = np.array([b.u(-0.2, 0.2) * room.width, b.u(0.5, 1.4), b.u(0.4, 0.9) * room.depth])
    return finish(b, room, look(b, eye, target, 0.08), indoor_lights(b, room, eye))


def table_top(b: Builder) -> Scene:
    """A few bottles, cups and boxes on a table or a board before a wall."""
    room = Room(b.u(2, 4), b.u(2.2, 3), b.u(1.4, 4))
    hang_pictures(b, room)
    wide, deep, high = b.u(0.8, 2.5), b.u(0.4, 1.0), b.u(0.5, 1.1)
    z = room.depth - deep / 2 - (0 if b.chance(0.6) else b.u(0, 0.6))
    with b.at(0, 0, z):
        b.box((0, high - 0.03, 0), (wide, 0.06, deep), b.surface(b.pick(("wood", "plain", "plain", "weave"))))
        with b.at(0, high, 0):
            for i in range(b.n(1, 6)):
                with b.at((i - 2) * b.u(0.1, 0.2), 0, b.u(-0.4, 0.3) * deep, b.u(0, 6)):
                    (things.bottle if b.chance(0.55) else things.small_thing)(b, b.u(0.12, 0.36))
    eye = np.array([b.u(-0.4, 0.4), high + b.u(0.05, 0.6), max(z - deep / 2 - b.u(0.1, 0.7), 0.05)])
    target = np.array([b.u(-0.15, 0.15), high + b.u(0.0, 0.2), z])
    return finish(b, room, look(b, eye, target, 0.05), indoor_lights(b, room, eye))


def street(b: Builder) -> Scene:
    """A road with kerbs, cars, trees, lamps, people, houses; or an open place."""
    room = Room(700, 200, 700)
    road, lane = b.u(2.5, 7), b.u(1.0, 3)
    with b.at(0, 0, 40):
        ground = b.surface(b.pick(("speckle", "tiles", "clouds", "foliage")), repeat=b.u(0.2, 1))
        b.box((0, 0.005, 150), (2 * road, 0.01, 400), b.surface("speckle"))
        for side in (-1, 1):
            b.box((side * (road + lane / 2), 0.06, 150), (lane, 0.12, 400), b.surface("tiles", repeat=b.u(0.3, 1.5)))
    walls = [ground] * 6
    for side in (-1, 1):
        z = b.u(0, 10)
        while z < 90 and len(b.boxes) < 70:
            front, kind = b.u(5, 18), b.rng.random()
            x = side * (road + lane + b.u(0.5, 5))
            if kind < 0.55:
                deep = b.u(6, 14)
                b.box((x + side * deep / 2, b.u(3, 9), 40 + z), (deep, b.u(6, 20), front), b.surface("facade", fit=False, repeat=b.u(0.08, 0.3)))
            elif kind < 0.85:
                with b.at(x, 0, 40 + z):
                    things.tree(b)
            z += front + b.u(0, 6)
        for _ in range(b.n(0, 3)):
            with b.at(side * b.u(0.4, 0.95) * road, 0, 40 + b.u(3, 45), pi / 2 + b.u(-0.1, 0.1)):
                things.car(b)
        for k in range(b.pick((0, 0, 2, 4))):
            x, z = side * (road + 0.4), 40 + 5 + 14 * k
            b.limb((x, 0, z), (x, 5.5, z), 0.14, b.plain(), 0.7)
        if b.chance(0.5):
            with b.at(side * (road + b.u(0.2, 1) * lane), 0.1, 40 + b.u(2, 20), b.u(0, 6)):
                things.person(b)
    high = b.u(1.2, 2.2) if b.chance(0.6) else b.u(3, 9)
    eye = np.array([b.u(-1.1, 1.1) * road, high, 40.0])
    target = np.array([b.u(-0.6, 0.6) * road, b.u(-0.2, 1) * high, 40 + b.u(10, 40)])
    return finish(b, room, look(b, eye, target, 0.05), outdoor_lights(b), outdoors=True, walls=walls)


def loose_things(b: Builder) -> Scene:
    """Anything anywhere at any size: what no room teaches."""
    room = Room(b.u(1.5, 8), b.u(1.5, 4), b.u(2, 10))
    openings(b, b.n(0, 2))
    if b.chance(0.4):
        line_walls(b, room, 0.3)
    eye = np.array([0.0, b.u(0.3, 0.8) * room.height, 0.1])
    for _ in range(b.n(4, 20)):
        away = float(np.exp(b.u(-0.9, 2.0)))
        size = away * float(np.exp(b.u(-3, -0.3))) * b.rng.uniform(0.2, 1, 3)
        place = eye + np.array([b.u(-0.6, 0.6), b.u(-0.45, 0.45), 1.0]) * away
        turn = things.rotation_y(b.u(0, pi)) @ things.rotation_x(b.u(-1, 1)) @ things.rotation_z(b.u(-1, 1))
        shape = b.pick((b.box, b.ellipsoid, b.cylinder))
        shape(place, size, b.surface(), turn if b.chance(0.7) else None)
    for _ in range(b.n(0, 4)):
        start = eye + np.array([b.u(-1, 1), b.u(-1, 1), 1.0]) * b.u(0.5, 3)
        b.limb(start, start + b.rng.normal(size=3), b.u(0.01, 0.05), b.plain())
    target = eye + np.array([b.u(-0.2, 0.2), b.u(-0.5, 0.2), 1.0])
    return finish(b, room, look(b, eye, target), indoor_lights(b, room, eye))


Maker = Callable[[Builder], Scene]
KINDS: dict[str, tuple[Maker, float]] = {
    "living_room": (living_room, 0.32),
    "desk": (desk, 0.25),
    "webcam": (webcam, 0.11),
    "standing_people": (standing_people, 0.09),
    "table_top": (table_top, 0.07),
    "street": (street, 0.10),
    "loose_things": (loose_things, 0.06),
}
