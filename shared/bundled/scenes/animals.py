"""Animals out of ellipsoids and limbs, standing on the origin and facing -z, and scenes with them near by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi, sin

import numpy as np

from shared.bundled.render import Builder, Scene, Surface, rotation_x, rotation_z
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes import outdoors
from shared.bundled.scenes.interior import openings, trim
from shared.bundled.scenes.layout import hang_pictures, line_walls
from shared.bundled.scenes.outdoors import clear_of, daylight, is_full, stuff
from shared.bundled.scenes.surroundings import Room, finish, indoor_lights, look

WORLD, START_M = Room(2400, 300, 2400), 1000.0


@dataclass
class Build:
    """Of an animal on four legs. Lengths as shares of the height of its back."""

    height_m: tuple[float, float]
    length: float
    girth: float
    neck: float
    neck_lift: float  # radians above the level
    head: float
    muzzle: float
    ears: float
    tail: float
    leg: float


BUILDS = {
    "dog": Build((0.3, 0.7), 1.1, 0.42, 0.35, 0.9, 0.3, 0.26, 0.18, 0.5, 0.12),
    "cat": Build((0.22, 0.3), 1.3, 0.5, 0.25, 0.7, 0.38, 0.12, 0.2, 0.9, 0.14),
    "cow": Build((1.2, 1.5), 1.4, 0.55, 0.4, 0.3, 0.26, 0.3, 0.16, 0.6, 0.1),
    "horse": Build((1.4, 1.7), 1.15, 0.42, 0.6, 0.8, 0.22, 0.32, 0.13, 0.6, 0.09),
    "sheep": Build((0.6, 0.8), 1.2, 0.68, 0.25, 0.6, 0.28, 0.22, 0.15, 0.15, 0.1),
}


def fur(b: Builder) -> Surface:
    """Black, white, brown, grey, ginger, mostly with faint marks; now and then patches or stripes."""
    light = np.asarray(b.pick(((0.7, 0.68, 0.62), (0.3, 0.17, 0.08), (0.05, 0.045, 0.04), (0.5, 0.25, 0.08))))
    light = light * b.u(0.5, 1.3)
    dark = light * (b.u(0.5, 0.9) if b.chance(0.7) else b.u(0.03, 0.3))
    return b.surface(
        b.pick(("clouds", "weave", "plaster", "marble")),
        dark=dark,
        light=light,
        repeat=b.u(1, 8),
        specular=0.0,
    )


def animal(b: Builder, kind: str) -> None:
    """kind: a key of BUILDS, or bird."""
    if kind == "bird":
        bird(b)
    else:
        four_legged(b, BUILDS[kind])


def four_legged(b: Builder, build: Build) -> None:
    """Standing, walking, grazing; small ones sit or lie as well."""
    h = b.u(*build.height_m)
    coat = fur(b)
    long, thick = build.length * h * b.u(0.9, 1.1), build.girth * h * b.u(0.85, 1.15)
    pose = b.pick(("stand", "stand", "sit", "lie")) if h < 0.8 else "stand"
    back = {"stand": h - thick / 2, "sit": h * 0.62, "lie": thick * 0.5}[pose]
    tilt = {"stand": 0.0, "sit": 0.75, "lie": 0.0}[pose]
    wide = thick * b.u(0.75, 0.95)
    front = np.array([0, back + sin(tilt) * long * 0.3, -cos(tilt) * long * 0.34])
    rear = np.array([0, back - sin(tilt) * long * 0.3, cos(tilt) * long * 0.34])
    b.ellipsoid((0, back, 0), (wide, thick, long * 1.05), coat, rotation_x(tilt))
    b.ellipsoid(front, (wide * 1.02, thick * 1.12, thick * 1.15), coat)
    b.ellipsoid(rear, (wide, thick * 1.05, thick * 1.05), coat)
    _legs(b, build, pose, (front, rear, wide, h), coat)
    _tail(b, rear, build.tail * h, coat, pose)
    lift = build.neck_lift * b.u(0.6, 1.3)
    if pose == "stand" and h > 0.5 and b.chance(0.35):
        lift = -b.u(0.5, 0.9)  # grazing
    reach = build.neck * h
    nape = front + np.array([0, thick * 0.2, -thick * 0.2])
    poll = nape + reach * np.array([0, sin(lift), -cos(lift)])
    b.limb(nape, poll, thick * 0.62, coat, 0.65)
    with b.at(poll[0], poll[1], poll[2], b.u(-0.8, 0.8), pitch=b.u(-0.2, 0.35), roll=b.u(-0.15, 0.15)):
        _head(b, build, h, coat)


def _legs(
    b: Builder,
    build: Build,
    pose: str,
    body: tuple[np.ndarray, np.ndarray, float, float],
    coat: Surface,
) -> None:
    front, rear, wide, h = body
    thick = build.leg * h
    for hip, is_front in ((front, True), (rear, False)):
        for side in (-1, 1):
            top = hip + np.array([side * wide * 0.3, 0.0, 0.0])
            if pose == "lie" or (pose == "sit" and not is_front):
                foot = np.array([side * wide * 0.5, thick / 2, hip[2] - h * 0.35])
                b.ellipsoid((side * wide * 0.45, h * 0.16, hip[2]), (wide * 0.4, h * 0.32, h * 0.36), coat)
                b.limb((side * wide * 0.5, thick / 2, hip[2] + 0.05 * h), foot, thick, coat)
            else:
                step = b.u(-0.12, 0.12) * h
                knee = np.array([top[0], top[1] * 0.5, top[2] + step + (-0.05 if is_front else 0.05) * h])
                foot = np.array([top[0], thick * 0.4, top[2] + step])
                b.limb(top, knee, thick * 1.5, coat, 0.75)
                b.limb(knee, foot, thick, coat, 0.85)
            b.ellipsoid(foot - (0, 0, thick * 0.3), (thick * 1.2, thick * 0.8, thick * 1.7), coat)


def _tail(b: Builder, rear: np.ndarray, long: float, coat: Surface, pose: str) -> None:
    lift = b.u(-1.3, 1.2) if pose == "stand" else -0.2
    start = rear + np.array([0, long * 0.2, long * 0.3])
    middle = start + long * 0.5 * np.array([b.u(-0.4, 0.4), sin(lift), cos(lift)])
    end = middle + long * 0.5 * np.array([b.u(-0.5, 0.5), sin(lift) + b.u(-0.3, 0.3), cos(lift)])
    middle[1], end[1] = max(middle[1], 0.03), max(end[1], 0.03)
    b.limb(start, middle, long * 0.14, coat)
    b.limb(middle, end, long * 0.13, coat, 0.5)


def _head(b: Builder, build: Build, h: float, coat: Surface) -> None:
    """Skull at the origin, muzzle to -z, with eyes, nose and ears of the kind."""
    s, m = build.head * h, build.muzzle * h
    dark = b.plain(0.08)
    b.ellipsoid((0, 0, 0), (s * 0.85, s * 0.9, s), coat)
    tip = np.array([0.0, -0.15 * s - 0.2 * m, -0.35 * s - m])
    b.limb((0, -0.08 * s, -0.25 * s), tip, s * 0.55, fur(b) if b.chance(0.2) else coat, 0.7)
    b.ellipsoid(tip, (s * 0.42, s * 0.38, s * 0.35), coat)
    b.ellipsoid(tip + np.array((0, 0.08 * s, -0.14 * s)), (s * 0.2, s * 0.15, s * 0.14), dark)
    glow = replace(b.plain(b.u(0.05, 0.5)), specular=0.8)
    for side in (-1, 1):
        b.ellipsoid((side * 0.24 * s, 0.1 * s, -0.36 * s), (s * 0.2, s * 0.17, s * 0.14), glow)
        b.ellipsoid((side * 0.26 * s, 0.1 * s, -0.43 * s), (s * 0.09, s * 0.12, s * 0.06), dark)
        e, droop = build.ears * h, b.pick((0.0, 0.0, 2.2))
        turn = rotation_z(-side * (0.45 + droop))
        base = np.array([side * 0.3 * s, 0.36 * s, 0.05 * s])
        along = turn @ np.array([0, e / 2, 0])
        if b.chance(0.5) and droop == 0.0:
            b.cylinder(base + along, (e * 0.7, e * 1.2, e * 0.35), coat, turn, top=0.1)
        else:
            b.ellipsoid(base + along, (e * 0.6, e * 1.2, e * 0.3), coat, turn)


def bird(b: Builder) -> None:
    """From a sparrow to a gull, standing."""
    s, coat = b.u(0.08, 0.3), fur(b)
    tilt = b.u(0.1, 0.6)
    b.ellipsoid((0, s * 1.0, 0), (s * 0.75, s * 0.8, s * 1.5), coat, rotation_x(tilt))
    b.box((0, s * 0.75, s * 1.0), (s * 0.35, s * 0.06, s * 0.9), fur(b), rotation_x(tilt))
    head = np.array([0, s * 1.6, -s * 0.6])
    b.limb((0, s * 1.2, -s * 0.4), head, s * 0.45, coat)
    b.ellipsoid(head, (s * 0.55, s * 0.55, s * 0.62), coat)
    beak = b.surface("plain", dark=(0.4, 0.2, 0.02), light=(0.7, 0.4, 0.05))
    b.limb(head, head + np.array((0, -0.1 * s, -0.7 * s)), s * 0.2, beak, 0.1)
    for side in (-1, 1):
        b.ellipsoid(head + np.array((side * 0.22 * s, 0.08 * s, -0.15 * s)), (0.1 * s,) * 3, b.plain(0.02))
        b.ellipsoid(
            (side * s * 0.36, s * 1.0, s * 0.15), (s * 0.18, s * 0.6, s * 1.3), fur(b), rotation_x(tilt)
        )
        b.limb((side * s * 0.15, 0, 0), (side * s * 0.15, s * 0.8, 0), s * 0.07, beak)


def animals_outdoors(b: Builder) -> Scene:
    """Dogs and cats in a yard or a park, herds on a meadow, birds; near and far."""
    eye = np.array([0.0, b.pick((b.u(0.3, 1.0), b.u(1.2, 1.8))), START_M])
    kind = b.pick(("dog", "dog", "cat", "cow", "horse", "sheep", "bird"))
    size = 0.2 if kind == "bird" else BUILDS[kind].height_m[1]
    nearest = b.u(1.1, 3.5) * size + 0.25
    target = np.array([0.0, size * b.u(0.4, 0.9), START_M + nearest + size])
    for i in range(b.pick((1, 1, 2, 4, 6))):
        away = nearest + size + (0 if i == 0 else float(np.exp(b.u(-0.5, 3))) * size)
        x = b.u(-0.25, 0.25) * away if i == 0 else b.u(-0.7, 0.7) * away
        with clear_of(b, eye, 0.1 + 0.2 * size), b.at(x, 0, START_M + away, b.u(0, 2 * pi)):
            animal(b, kind)
    for _ in range(b.n(1, 9)):
        away = nearest + float(np.exp(b.u(0.8, 4)))
        if is_full(b, 30):
            break
        with clear_of(b, eye, 0.6), b.at(b.u(-0.8, 0.8) * away, 0, START_M + away, b.u(0, 2 * pi)):
            kind_of_thing = b.n(0, 3)
            if kind_of_thing == 0:
                outdoors.tree(b, b.u(3, 10), simple=away > 20)
            elif kind_of_thing == 1:
                outdoors.bush(b, min(b.u(0.5, 2), 0.3 * away))
            elif kind_of_thing == 2:
                outdoors.fence(b, b.u(3, 9))
            else:
                outdoors.passer_by(b)
    outdoors.hills(b, eye, 100, 2000, b.n(0, 4))
    ground = stuff(b, b.pick(("grass", "grass", "ground", "paving", "sand")), repeat=b.u(0.4, 2))
    camera = look(b, eye, target, 0.08)
    return finish(b, WORLD, camera, daylight(b, b.u(100, 2000)), outdoors=True, walls=[ground] * 6)


def pets(b: Builder) -> Scene:
    """A dog or a cat in a room, near by: on the floor, on a sofa, on a table."""
    room = Room(b.u(2.4, 5), b.u(2.3, 3), b.u(3.2, 6))
    openings(b, room, b.n(0, 2))
    line_walls(b, room, 0.6)
    hang_pictures(b, room)
    trim(b, room)
    kind = b.pick(("dog", "cat", "cat"))
    away, high = b.u(0.5, 2.0), 0.0
    eye = np.array([b.u(-0.3, 0.3), b.u(0.3, 1.6), b.u(0.7, 1.0)])
    z = eye[2] + away + 0.3
    seat = b.rng.random()
    if seat < 0.25:
        with b.at(0, 0, z):
            things.sofa(b, 1.8)
        high = 0.44
    elif seat < 0.4:
        high = b.u(0.45, 0.8)
        with b.at(0, 0, z):
            things.table(b, 1.2, 0.8, high)
    elif seat < 0.7:
        b.box((0, 0.005, z), (b.u(0.8, 2.5), 0.01, b.u(0.6, 2)), b.surface("weave"))
    for i in range(b.pick((1, 1, 1, 2))):
        with clear_of(b, eye, 0.12), b.at(b.u(-0.2, 0.2) + 0.5 * i, high, z, b.u(-2, 2)):
            animal(b, kind)
    target = np.array([b.u(-0.15, 0.15), high + b.u(0.1, 0.4), z])
    return finish(b, room, look(b, eye, target, 0.06), indoor_lights(b, room, eye))
