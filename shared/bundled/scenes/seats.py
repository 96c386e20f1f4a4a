"""Seats of many makes, built round the origin of the builder's axes, y up, front to -z."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, sin

import numpy as np

from shared.bundled.render import Builder, Surface, rotation_x
from shared.bundled.scenes import furniture as things

ARC_PIECES = 7


def seat(b: Builder) -> None:
    """Any of them."""
    kind = b.rng.random()
    if kind < 0.3:
        things.chair(b)
    elif kind < 0.5:
        office_chair(b)
    elif kind < 0.7:
        slatted_chair(b)
    elif kind < 0.82:
        lounge_chair(b)
    elif kind < 0.93:
        with b.at(0, 0, 0.2):
            things.sofa(b, b.u(0.7, 1.0))
    else:
        stool(b)


def office_chair(b: Builder) -> None:
    """Padded, on a column and a star of feet, mostly with armrests."""
    pad, frame = b.surface(b.pick(("plain", "weave", "plain", "plaster"))), b.plain(b.u(0, 0.6))
    wide, high, back, lean = b.u(0.42, 0.54), b.u(0.42, 0.54), b.u(0.35, 0.65), b.u(0.05, 0.3)
    b.limb((0, 0.08, 0), (0, high, 0), 0.06, frame)
    turn = b.u(0, 2 * pi)
    for k in range(5):
        angle = turn + 2 * pi * k / 5
        foot = (0.3 * cos(angle), 0.07, 0.3 * sin(angle))
        b.limb((0, 0.11, 0), foot, 0.04, frame, box=True)
        b.ellipsoid((foot[0], 0.03, foot[2]), (0.06, 0.06, 0.06), frame)
    if b.chance(0.5):
        b.box((0, high, 0), (wide, b.u(0.04, 0.09), wide), pad)
    else:
        b.ellipsoid((0, high, 0), (wide * 1.1, b.u(0.1, 0.16), wide * 1.1), pad)
    low = high + b.u(0.05, 0.2)
    b.limb((0, high, wide / 2 - 0.05), (0, low + 0.1, wide / 2 + 0.04), 0.05, frame, box=True)
    middle = (0, low + back / 2, wide / 2 + 0.5 * back * lean)
    shape, thick = (b.box, b.u(0.03, 0.08)) if b.chance(0.5) else (b.ellipsoid, b.u(0.08, 0.16))
    shape(middle, (wide * b.u(0.8, 1.05), back, thick), pad, rotation_x(lean))
    if b.chance(0.6):
        for side in (-1, 1):
            x = side * (wide / 2 + 0.04)
            b.limb((x, high, 0), (x, high + 0.22, 0), 0.035, frame, box=True)
            b.box((x, high + 0.23, -0.02), (0.06, 0.03, 0.28), frame)


def slatted_chair(b: Builder, wood: Surface | None = None) -> None:
    """Stout legs; a back of slats across or upright between two posts that are gaps otherwise."""
    wood = wood or b.surface(b.pick(("wood", "wood", "plain")))
    wide, high, back, post = b.u(0.4, 0.5), b.u(0.42, 0.48), b.u(0.4, 0.6), b.u(0.03, 0.06)
    b.box((0, high, 0), (wide, b.u(0.02, 0.05), wide), wood)
    x, z, top = wide / 2 - post / 2, wide / 2 - post / 2, high + back
    for side in (-x, x):
        b.limb((side, 0, -z), (side, high, -z), post, wood, box=True)
        b.limb((side, 0, z), (side, top, z + 0.06), post, wood, box=True)
    b.box((0, top - 0.04, z + 0.055), (wide, b.u(0.06, 0.12), 0.03), wood)
    count = b.n(2, 4)
    for i in range(count):
        share = (i + 0.5) / (count + 0.5)
        if count % 2:
            b.box((0, high + share * back, z + 0.06 * share), (wide - post, b.u(0.03, 0.07), 0.02), wood)
        else:
            at = (2 * share - 1) * x
            b.limb((at, high, z), (at, top - 0.05, z + 0.05), 0.03, wood, box=True)


def lounge_chair(b: Builder) -> None:
    """A low seat that leans back, hung between two bent frames."""
    cloth, frame = b.surface(b.pick(("plain", "weave", "plaster"))), b.surface(specular=b.u(0, 0.8))
    wide, high, thick = b.u(0.55, 0.7), b.u(0.36, 0.46), b.u(0.05, 0.14)
    b.box((0, high, 0), (wide, thick, 0.6), cloth, rotation_x(-0.15))
    back, lean = b.u(0.5, 0.8), b.u(0.2, 0.5)
    middle = (0, high + back / 2 * cos(lean), 0.3 + back / 2 * sin(lean))
    b.box(middle, (wide, back, thick), cloth, rotation_x(lean))
    bent = [(-0.05 - 0.38 * cos(a), 0.34 - 0.3 * sin(a)) for a in np.linspace(-1.3, 1.3, ARC_PIECES + 1)]
    for side in (-1, 1):
        _bent(b, side * (wide / 2 + 0.04), bent, frame)
        b.limb((side * (wide / 2 + 0.04), 0.62, -0.12), (side * wide / 2, 0.6, 0.4), 0.05, frame, box=True)


def _bent(b: Builder, x: float, points_zy: list[tuple[float, float]], frame: Surface) -> None:
    for (z0, y0), (z1, y1) in pairwise(points_zy):
        b.limb((x, y0, z0), (x, y1, z1), 0.05, frame, box=True)
    z0, y0 = points_zy[-1]
    b.limb((x, y0, z0), (x, 0.03, 0.45), 0.05, frame, box=True)


def stool(b: Builder) -> None:
    seat_surface, legs = b.surface(), b.plain()
    wide, high = b.u(0.28, 0.4), b.u(0.42, 0.75)
    b.cylinder((0, high, 0), (wide, b.u(0.03, 0.1), wide), seat_surface)
    for k in range(4):
        angle = pi / 4 + k * pi / 2
        foot = (0.6 * wide * cos(angle), 0, 0.6 * wide * sin(angle))
        b.limb(foot, (0.7 * foot[0], high, 0.7 * foot[2]), 0.03, legs)
