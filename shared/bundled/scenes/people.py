"""Figures, built as in `furniture`."""

from __future__ import annotations

import numpy as np

from shared.bundled.render import Builder, Surface, Triple
from shared.bundled.scenes.furniture import bottle, small_thing


def person(b: Builder, *, seated: bool = False, busy: bool | None = None) -> None:
    """A figure of ellipsoids and limbs, 1.5 to 1.95 m tall, facing -z; seated: without legs."""
    tall = b.u(1.5, 1.95)
    k = tall / 1.75
    skin = b.surface(
        "plain",
        dark=np.array([0.6, 0.36, 0.25]) * b.u(0.12, 1.2),
        light=np.array([0.85, 0.6, 0.48]) * b.u(0.15, 1.1),
    )
    shirt = b.surface(b.pick(("plain", "stripes", "checks", "weave", "clouds", "poster")))
    trousers, hair = (
        b.surface(b.pick(("plain", "weave", "plaster"))),
        b.surface("weave", light=np.array([0.3, 0.2, 0.1]) * b.u(0.05, 2)),
    )
    hip = 0.45 if seated else 0.92 * k
    chest = hip + 0.34 * k
    wide = b.u(0.36, 0.52) * k
    b.ellipsoid((0, chest, 0), (wide, 0.66 * k, 0.26 * k), shirt)
    b.ellipsoid((0, chest + 0.2 * k, 0), (wide * 1.08, 0.24 * k, 0.22 * k), shirt)
    b.ellipsoid((0, hip, 0), (wide * 0.92, 0.3 * k, 0.26 * k), trousers)
    neck = chest + 0.3 * k
    b.limb((0, neck - 0.05, 0), (0, neck + 0.1 * k, 0), 0.12 * k, skin)
    head = neck + 0.19 * k
    with b.at(0, head, -0.01, b.u(-0.7, 0.7), pitch=b.u(-0.3, 0.3), roll=b.u(-0.2, 0.2)):
        b.ellipsoid((0, 0, 0), (0.155 * k, 0.23 * k, 0.19 * k), skin)
        b.ellipsoid((0, -0.01, -0.095 * k), (0.03, 0.05, 0.04), skin)
        dark = b.plain(0.1)
        for side in (-1, 1):
            b.ellipsoid((side * 0.033, 0.025, -0.083 * k), (0.026, 0.014, 0.02), dark)
        b.ellipsoid((0, -0.065, -0.078 * k), (0.05, 0.014, 0.02), b.plain(0.3))
        if b.chance(0.85):
            b.ellipsoid((0, 0.045, 0.02), (0.18 * k, 0.2 * k, 0.2 * k), hair)
        if b.chance(0.25):
            b.ellipsoid((0, -0.06, 0.05), (0.22 * k, 0.36 * k, 0.14 * k), hair)
    _arms(b, k, (wide, chest + 0.2 * k), (shirt, skin), busy)
    if not seated:
        stride = b.u(-0.2, 0.2)
        for side in (-1, 1):
            x, z = side * 0.1 * k, side * stride
            b.limb((x, hip, 0), (x, 0.5 * k, z * 0.5 - 0.02), 0.16 * k, trousers, 0.8)
            b.limb((x, 0.5 * k, z * 0.5 - 0.02), (x, 0.06, z), 0.12 * k, trousers, 0.7)
            b.ellipsoid((x, 0.04, z - 0.06), (0.1, 0.09, 0.27), b.plain())


def _arms(
    b: Builder, k: float, shoulders: tuple[float, float], cloth: tuple[Surface, Surface], busy: bool | None
) -> None:
    """k: scale; shoulders: width and height; cloth: shirt and skin; busy: hands raised, None for chance."""
    (wide, shoulder), (shirt, skin) = shoulders, cloth
    sleeve = shirt if b.chance(0.6) else skin
    for side in (-1, 1):
        raised = b.chance(0.3) if busy is None else busy
        elbow = (side * (wide / 2 + b.u(0.03, 0.15)), shoulder - 0.27 * k, b.u(-0.15, 0.1))
        hand_y = shoulder + b.u(-0.35, 0.25) if raised else shoulder - 0.52 * k
        reach = b.u(0.15, 0.4) if raised else b.u(0.0, 0.1)
        hand = (elbow[0] + side * b.u(-0.3, 0.1), hand_y, elbow[2] - reach)
        b.limb((side * wide / 2, shoulder, 0), elbow, 0.1 * k, shirt, 0.85)
        b.limb(elbow, hand, 0.08 * k, sleeve, 0.75)
        b.ellipsoid(hand, (0.08, 0.1, 0.09), skin)


def reaching_arm(b: Builder, hand: Triple) -> None:
    """An arm that comes in from above or from a side, the hand at `hand`, mostly with a thing in it."""
    sleeve, skin = b.surface(), b.surface("plain", dark=(0.3, 0.18, 0.12), light=(0.8, 0.58, 0.46))
    palm = np.asarray(hand, float)
    lean = np.array([b.u(-1.2, 1.2), b.u(0.2, 1.0), b.u(-0.8, 0.2)])
    lean /= np.linalg.norm(lean)
    b.ellipsoid(palm, (0.1, 0.09, 0.1), skin)
    for k in range(4):
        tip = palm + np.array([0.05 * np.cos(1.6 * k), -0.06, 0.05 * np.sin(1.6 * k)])
        b.limb(palm, tip, 0.022, skin)
    wrist, elbow = palm + 0.12 * lean, palm + b.u(0.3, 0.5) * lean
    b.limb(palm, wrist, 0.06, skin)
    b.limb(wrist, elbow, 0.075, sleeve, 1.3)
    b.limb(elbow, elbow + 0.7 * lean + (0.0, 0.1, -0.1), 0.1, sleeve, 1.2)
    if b.chance(0.7):
        tall = b.u(0.15, 0.3)
        with b.at(palm[0], palm[1] - 0.05 - b.u(0.5, 1.0) * tall, palm[2]):
            (bottle if b.chance(0.6) else small_thing)(b, tall)
