"""Cars, vans, lorries, buses, bicycles: built as in `furniture`, front to -z, wheels on the ground."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from shared.bundled.render import Builder, Surface, rotation_z
from shared.bundled.scenes.outdoors import slanted

LYING = rotation_z(pi / 2)


def vehicle(b: Builder, *, simple: bool = False) -> None:
    """Any of them, mostly a car."""
    kind = b.rng.random()
    if kind < 0.76:
        car(b, simple=simple)
    elif kind < 0.92:
        van(b, simple=simple)
    else:
        bus(b)


def _paint(b: Builder) -> Surface:
    """Mostly white, grey or black, as on the road."""
    colour = b.colour(saturation=b.pick((0.0, 0.0, 0.05, 0.8)))
    return b.surface(
        "plain", dark=colour * 0.9, light=colour * 1.02, specular=b.u(0.2, 0.9), shininess=b.u(10, 90)
    )


def _glass(b: Builder) -> Surface:
    dark = np.array([0.02, 0.025, 0.03]) * b.u(0.3, 3)
    return b.surface("plain", dark=dark, light=dark * 1.5, specular=b.u(0.3, 0.9), shininess=60.0)


def _wheels(b: Builder, places_z: tuple[float, ...], across: float, wide: float, *, simple: bool) -> None:
    tyre, hub = b.plain(b.u(0.02, 0.18)), b.plain(b.u(0.3, 0.9))
    for z in places_z:
        if simple:
            b.cylinder((0, wide / 2, z), (wide, across, wide), tyre, LYING)
            continue
        for side in (-1, 1):
            x = side * (across / 2 - 0.1)
            b.cylinder((x, wide / 2, z), (wide, 0.22, wide), tyre, LYING)
            b.cylinder((x + side * 0.02, wide / 2, z), (wide * 0.62, 0.22, wide * 0.62), hub, LYING)


def _face(b: Builder, across: float, low: float, ends_z: tuple[float, float]) -> None:
    """Lamps and number plates at the front and at the back."""
    white, red = b.plain(0.95), b.surface("plain", dark=(0.3, 0.01, 0.01), light=(0.5, 0.03, 0.02))
    white = Surface(white.texture, white.dark, white.light, emission=b.pick((0.0, 0.0, 1.0)))
    red = Surface(red.texture, red.dark, red.light, emission=b.pick((0.0, 0.0, 1.0)))
    wide, high = b.u(0.2, 0.4), b.u(0.1, 0.2)
    for z, lamp in zip(ends_z, (white, red), strict=True):
        for side in (-1, 1):
            b.box((side * (across / 2 - wide / 2 - 0.04), low + 0.12, z), (wide, high, 0.06), lamp)
        b.box((0, low - 0.1, z), (0.5, 0.12, 0.05), b.plain(0.85))


def car(b: Builder, *, simple: bool = False) -> None:
    """3.4 to 5 m long: hatchback, saloon, estate or one that stands high."""
    paint, glass = _paint(b), _glass(b)
    long, across = b.u(3.4, 4.9), b.u(1.62, 1.9)
    tall = b.pick((b.u(1.38, 1.52), b.u(1.42, 1.6), b.u(1.6, 1.85)))
    belt, floor = tall * b.u(0.58, 0.64), b.u(0.16, 0.26)
    front, back = -long / 2, long / 2
    b.box((0, (floor + belt - 0.08) / 2, 0), (across, belt - 0.08 - floor, long), paint)
    b.box((0, belt - 0.14, 0.03 * long), (across - 0.08, 0.28, long * 0.86), paint)
    cabin = tall - belt
    # The cabin: upright in the middle, with a box that leans for the windscreen and one for the rear window.
    start = front + long * b.u(0.22, 0.3)
    fore, aft = cabin * b.u(0.9, 1.5), cabin * b.pick((b.u(0.1, 0.5), b.u(0.8, 1.4)))
    end = back - (b.u(0.05, 0.2) if aft < 0.6 * cabin else long * b.u(0.08, 0.16))
    top = max(end - start - fore - aft, 0.7)
    end = start + fore + top + aft
    roof_z, across_top = start + fore + top / 2, across - 0.24
    for z, shift in ((start + (fore + top) / 2, fore), (roof_z, 0.0), (end - (aft + top) / 2, -aft)):
        turn = slanted(z_per_y=shift / cabin)
        b.box((0, belt + cabin / 2, z), (across_top, cabin, top), glass, turn)
    b.box((0, tall, roof_z), (across - 0.28, 0.06, top + 0.1), paint)
    _wheels(b, (front + 0.19 * long, back - 0.2 * long), across, b.u(0.58, 0.7), simple=simple)
    if simple:
        return
    for z in (roof_z - top * 0.1, roof_z + top * 0.42):
        b.box((0, belt + cabin / 2, z), (across - 0.22, cabin, 0.09), paint)
    _face(b, across, b.u(0.5, 0.65), (front - 0.01, back + 0.01))
    dark = b.plain(b.u(0.02, 0.3))
    b.box((0, floor + 0.12, 0), (across + 0.02, 0.18, long * 0.98), dark)
    b.box((0, floor + 0.2, front), (across * 0.6, 0.2, 0.04), dark)
    for side in (-1, 1):
        b.ellipsoid((side * (across / 2 + 0.02), belt + 0.05, start + 0.5), (0.16, 0.13, 0.1), paint)


def van(b: Builder, *, simple: bool = False) -> None:
    """A delivery van, a lorry with its load, or a camper."""
    paint, glass = _paint(b), _glass(b)
    long, across, tall = b.u(4.4, 6.5), b.u(1.8, 2.1), b.u(1.9, 2.7)
    if b.chance(0.3):
        long, across, tall = b.u(6, 11), b.u(2.2, 2.5), b.u(2.8, 3.8)
    nose, floor = min(long * 0.25, 1.6), b.u(0.3, 0.6)
    body = b.surface(b.pick(("plain", "poster", "stripes"))) if b.chance(0.3) else paint
    b.box((0, (floor + tall) / 2, nose / 2), (across, tall - floor, long - nose), body)
    cab = min(tall, b.u(1.9, 2.6))
    lean = b.u(0.0, 0.5)
    b.box(
        (0, (floor + cab * 0.55) / 2, -long / 2 + nose / 2), (across - 0.04, cab * 0.55 - floor, nose), paint
    )
    high = cab * 0.45
    b.box(
        (0, cab - high / 2, -long / 2 + nose / 2 + 0.1),
        (across - 0.1, high, nose),
        paint,
        slanted(z_per_y=lean),
    )
    b.box(
        (0, cab - high / 2 - 0.02, -long / 2 + nose / 2 + 0.06),
        (across - 0.22, high * 0.8, nose),
        glass,
        slanted(z_per_y=lean),
    )
    _wheels(b, (-long / 2 + 0.2 * long, long / 2 - 0.2 * long), across, b.u(0.65, 0.95), simple=simple)
    if simple:
        return
    b.box((0, cab - high / 2, -long / 2 + nose * 0.6), (across - 0.06, high * 0.65, nose * 0.5), glass)
    _face(b, across, b.u(0.6, 0.9), (-long / 2 - 0.01, long / 2 + 0.01))
    if b.chance(0.5):
        b.box((0, tall * 0.72, long / 2), (across * 0.8, tall * 0.25, 0.03), glass)
    b.box((0, (floor + tall) / 2, long / 2), (0.03, tall - floor - 0.1, 0.03), b.plain(0.1))


def bus(b: Builder) -> None:
    """A bus or a tram: a long box with rows of windows."""
    paint, glass = _paint(b), _glass(b)
    long, across, tall, floor = b.u(8, 18), b.u(2.3, 2.6), b.u(2.8, 3.4), b.u(0.25, 0.4)
    b.box((0, (floor + tall) / 2, 0), (across, tall - floor, long), paint)
    b.box((0, tall * 0.64, 0), (across + 0.03, tall * b.u(0.3, 0.4), long * 0.93), glass)
    b.box((0, tall * 0.6, 0), (across * 0.88, tall * 0.45, long + 0.03), glass)
    b.box((0, tall * 0.9, -long / 2), (across * 0.6, 0.25, 0.06), b.surface("screen", emission=1.0))
    for k in range(6):
        b.box((0, tall * 0.64, (k / 5 - 0.5) * long * 0.9), (across + 0.04, tall * 0.4, 0.12), paint)
    _wheels(b, (-long * 0.3, long * 0.28), across, b.u(0.7, 0.95), simple=False)
    _face(b, across, 0.8, (-long / 2 - 0.01, long / 2 + 0.01))


def bicycle(b: Builder) -> None:
    """Two rings of spokes' width, a frame, a saddle and handlebars; sometimes somebody rides it."""
    steel, tyre = b.plain(), b.plain(0.05)
    wheel = 0.33
    for z in (-0.52, 0.52):
        for k in range(8):
            a, c = (2 * pi * k / 8, 2 * pi * (k + 1) / 8)
            start = (0.0, wheel + wheel * sin(a), z + wheel * cos(a))
            b.limb(start, (0.0, wheel + wheel * sin(c), z + wheel * cos(c)), 0.04, tyre)
    pedal, head, saddle = (0, 0.3, 0.05), (0, 0.8, -0.4), (0, 0.9, 0.22)
    for start, end in ((pedal, head), (pedal, saddle), ((0, 0.78, 0.18), head), (pedal, (0, wheel, 0.52))):
        b.limb(start, end, 0.04, steel)
    b.limb((0, wheel, -0.52), (0, 1.0, -0.36), 0.035, steel)
    b.limb((-0.28, 1.0, -0.36), (0.28, 1.0, -0.36), 0.03, steel)
    b.ellipsoid(saddle, (0.15, 0.07, 0.26), tyre)
    if b.chance(0.4):
        coat, legs, skin = b.surface(), b.plain(), b.surface("plain", light=(0.7, 0.48, 0.37))
        b.limb((0, 0.95, 0.2), (0, 1.5, -0.08), 0.34, coat, 0.9)
        b.ellipsoid((0, 1.68, -0.16), (0.17, 0.24, 0.2), skin)
        b.ellipsoid((0, 1.73, -0.14), (0.2, 0.2, 0.24), b.plain())
        for side in (-1, 1):
            b.limb((side * 0.2, 1.42, -0.08), (side * 0.26, 1.03, -0.36), 0.09, coat)
            knee = (side * 0.12, 0.72 + side * 0.08, -0.12)
            b.limb((side * 0.1, 0.95, 0.2), knee, 0.15, legs)
            b.limb(knee, (side * 0.12, 0.3 + side * 0.12, 0.05), 0.11, legs)
