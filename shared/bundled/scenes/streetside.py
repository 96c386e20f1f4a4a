"""What stands beside a street: lamps, wires on poles, signs, market stalls, benches."""

from __future__ import annotations

from math import pi

import numpy as np

from shared.bundled.render import Builder, rotation_x, rotation_z
from shared.bundled.scenes.outdoors import clear_of, stuff, tree
from shared.bundled.scenes.roads import Road


def lamp_posts(b: Builder, road: Road, right: float, side: int, eye: np.ndarray) -> None:
    steel, tall, reach, step = b.plain(), b.u(4, 9), b.u(0.0, 2.5), b.u(14, 35)
    ahead = b.u(3, 15)
    for _ in range(b.n(2, 5)):
        with clear_of(b, eye, 0.6), road.at(ahead, right):
            b.limb((0, 0, 0), (0, tall, 0), 0.16, steel, 0.6)
            b.limb((0, tall, 0), (-side * reach, tall + 0.2, 0), 0.08, steel)
            b.ellipsoid((-side * reach, tall + 0.15, 0), (0.7, 0.16, 0.3), b.plain(0.9))
        ahead += step


def wires(b: Builder, road: Road, right: float, eye: np.ndarray) -> None:
    """Poles along a straight road, and wires between them that sag."""
    if len(road.pieces) > 1:
        return
    wood, dark, tall, step = stuff(b, "timber"), b.plain(0.03), b.u(6, 9), b.u(22, 40)
    ahead = b.u(-15, 12)
    for k in range(4):
        with clear_of(b, eye, 0.6), road.at(ahead + k * step, right):
            b.limb((0, 0, 0), (0, tall, 0), 0.24, wood, 0.7)
            b.box((0, tall - 0.5, 0), (1.6, 0.1, 0.1), wood)
            for x in (-0.7, 0.0, 0.7):
                for part in range(2 if k < 3 else 0):
                    ends = (tall - 0.4, tall - 1.1) if part == 0 else (tall - 1.1, tall - 0.4)
                    z = part * step / 2
                    b.limb((x, ends[0], z), (x, ends[1], z + step / 2), 0.03, dark)


def sign(b: Builder) -> None:
    """A traffic sign, a board or a traffic light on its post, towards -z."""
    steel, high = b.plain(b.u(0.3, 0.8)), b.u(2.0, 3.0)
    kind, wide = b.rng.random(), b.u(0.5, 0.9)
    b.limb((0, 0, 0), (0, high + 0.3, 0.05), 0.07, steel)
    face = b.surface(b.pick(("plain", "poster", "checks")), fit=True)
    if kind < 0.4:
        b.cylinder((0, high, 0), (wide, 0.03, wide), face, rotation_x(pi / 2))
        b.cylinder((0, high, -0.01), (wide * 0.75, 0.03, wide * 0.75), b.plain(0.9), rotation_x(pi / 2))
    elif kind < 0.6:
        b.box((0, high, 0), (wide, wide, 0.02), face, rotation_z(pi / 4))
    elif kind < 0.8:
        b.box((0, high, 0), (wide * b.u(1, 2.5), wide, 0.03), face)
    else:
        b.box((0, high, -0.05), (0.32, 0.9, 0.25), b.plain(0.05))
        for k, hue in enumerate(((0.02, 0.6, 0.1), (0.8, 0.5, 0.02), (0.8, 0.03, 0.02))):
            lit = b.surface("plain", dark=hue, light=hue, emission=b.pick((0.0, 2.0)))
            b.cylinder((0, high + (k - 1) * 0.28, -0.17), (0.2, 0.05, 0.2), lit, rotation_x(pi / 2))


def stall(b: Builder) -> None:
    """A market stall: a table with goods under an awning on poles."""
    wide, deep, cloth, pole = (
        b.u(2, 4),
        b.u(1, 2),
        b.surface(b.pick(("stripes", "plain", "checks"))),
        b.plain(),
    )
    b.box((0, 0.45, 0), (wide, 0.9, deep), b.surface())
    for x in (-wide / 2, wide / 2):
        for z in (-deep / 2, deep / 2):
            b.limb((x, 0, z), (x, 2.3, z), 0.05, pole)
    b.box((0, 2.4, 0), (wide + 0.4, 0.05, deep + 0.6), cloth, rotation_x(b.u(-0.25, 0.25)))
    for _ in range(b.n(2, 6)):
        s = b.u(0.2, 0.5)
        b.pick((b.box, b.ellipsoid))((b.u(-0.4, 0.4) * wide, 0.9 + s / 4, 0), (s, s / 2, s), b.surface())


def bench(b: Builder) -> None:
    wood, steel, wide = stuff(b, "timber"), b.plain(0.1), b.u(1.2, 2.0)
    b.box((0, 0.45, 0), (wide, 0.05, 0.4), wood)
    b.box((0, 0.72, 0.22), (wide, 0.3, 0.04), wood, rotation_x(0.15))
    for x in (-0.4, 0.4):
        b.box((x * wide, 0.23, 0), (0.06, 0.45, 0.4), steel)


def street_tree(b: Builder) -> None:
    tree(b, b.u(4, 9))


def bridge(b: Builder, road: Road, half: float) -> None:
    """Across the road and over it, on piers."""
    stone, clear, deep = stuff(b, b.pick(("render", "rock", "bricks"))), b.u(4.5, 6), b.u(3, 12)
    with road.at(b.u(14, 110), 0.0, b.u(-0.2, 0.2)):
        b.box((0, clear + 0.5, 0), (160, b.u(0.7, 1.4), deep), stone)
        for z in (-deep / 2, deep / 2):
            b.box((0, clear + 1.5, z), (160, 1.0, 0.1), b.plain())
        for side in (-1, 1):
            b.box((side * (half + b.u(2, 5)), clear / 2, 0), (b.u(0.6, 3), clear, deep * 0.9), stone)
