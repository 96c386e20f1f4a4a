"""Things that stand in rooms. Each is built round the origin of the builder's axes, y up, front to -z."""

from __future__ import annotations

from math import pi

import numpy as np

from shared.bundled.render import Builder, Surface, rotation_x, rotation_y, rotation_z


def table(b: Builder, width: float, depth: float, height: float) -> None:
    """A top on legs, on side walls or on a pedestal; a desk may have drawers."""
    if b.mesh("table", 0.25, height_m=height):
        return
    top, legs = b.surface(b.pick(("wood", "plain", "plain", "plaster", "marble", "speckle"))), b.plain()
    thick = b.u(0.015, 0.06)
    b.box((0, height - thick / 2, 0), (width, thick, depth), top)
    x, z, w = width / 2 - 0.05, depth / 2 - 0.05, b.u(0.02, 0.07)
    style = b.n(0, 3)
    if style <= 1:
        for sx in (-x, x):
            for sz in (-z, z):
                b.limb((sx, 0, sz), (sx, height - thick, sz), w, legs, box=style == 0)
    elif style == 2:
        for sx in (-x, x):
            b.box((sx, height / 2, 0), (0.03, height - thick, depth * 0.95), legs)
    else:
        b.limb((0, 0, 0), (0, height, 0), 2 * w, legs)
        b.cylinder((0, 0.02, 0), (0.5, 0.04, 0.5), legs)
    if b.chance(0.3):
        b.box((x - 0.2, height / 2, 0), (0.4, height - thick - 0.02, depth * 0.9), b.surface("panels"))


def plain_table(b: Builder, width: float, depth: float, height: float, wood: Surface) -> None:
    """A top on four stout legs or two side walls, all of one surface."""
    thick, stout = b.u(0.02, 0.06), b.u(0.04, 0.1)
    b.box((0, height - thick / 2, 0), (width, thick, depth), wood)
    x, z, legs_m = width / 2 - stout, depth / 2 - stout, height - thick
    if b.chance(0.2):
        for side in (-x, x):
            b.box((side, legs_m / 2, 0), (0.03, legs_m, depth * 0.95), wood)
        return
    for side in (-x, x):
        for end in (-z, z):
            b.limb((side, 0, end), (side, legs_m, end), stout, wood, box=True)
    if b.chance(0.5):
        b.box((0, legs_m - 0.05, 0), (2 * x, 0.1, 2 * z), wood)


def chair(b: Builder) -> None:
    if b.mesh("chair"):
        return
    seat, frame = b.surface(b.pick(("weave", "plain", "wood", "plain"))), b.plain()
    w, h = b.u(0.38, 0.5), b.u(0.4, 0.5)
    back = b.u(0.35, 0.6)
    b.box((0, h, 0), (w, b.u(0.03, 0.1), w), seat)
    lean = b.u(0.0, 0.12)
    if b.chance(0.6):
        b.box((0, h + back / 2 + 0.08, w / 2), (w, back, 0.04), seat, rotation_x(lean))
    else:
        for i in range(-2, 3):
            b.limb((i * w / 5, h, w / 2), (i * w / 5, h + back, w / 2 + lean), 0.025, frame)
        b.box((0, h + back, w / 2 + lean), (w, 0.06, 0.03), frame)
    if b.chance(0.3):
        b.limb((0, 0.08, 0), (0, h, 0), 0.05, frame)
        for k in range(5):
            b.limb(
                (0, 0.08, 0),
                (0.28 * np.cos(k * 1.257), 0.03, 0.28 * np.sin(k * 1.257)),
                0.04,
                frame,
                box=True,
            )
    else:
        for sx in (-w / 2 + 0.03, w / 2 - 0.03):
            for sz in (-w / 2 + 0.03, w / 2 - 0.03):
                b.limb((sx, 0, sz), (sx, h, sz), 0.03, frame)


def sofa(b: Builder, width: float) -> None:
    if b.mesh("sofa" if width > 1.2 else "armchair"):
        return
    cloth = b.surface(b.pick(("weave", "plain", "plaster", "clouds", "stripes")))
    deep, h = b.u(0.8, 1.0), b.u(0.36, 0.46)
    b.box((0, h / 2, 0), (width, h, deep), cloth)
    b.box((0, h + 0.18, deep / 2 - 0.1), (width, 0.5, 0.2), cloth)
    for side in (-1, 1):
        b.box((side * (width / 2 - 0.08), h + 0.08, 0), (0.17, 0.3, deep), cloth)
    for _ in range(b.n(0, 3)):
        turn = rotation_y(b.u(-0.5, 0.5)) @ rotation_x(b.u(-0.6, 0))
        b.ellipsoid((b.u(-0.4, 0.4) * width, h + 0.2, 0.1), (0.45, 0.42, 0.18), b.surface(), turn)


def shelf(b: Builder, width: float, height: float, depth: float) -> None:
    """Open shelves, filled."""
    if b.mesh("shelf", 0.4, height_m=height):
        return
    board = b.surface(b.pick(("wood", "plain", "plain")))
    levels = b.n(2, 5)
    for side in (-1, 1):
        b.box((side * width / 2, height / 2, 0), (0.025, height, depth), board)
    if b.chance(0.7):
        b.box((0, height / 2, depth / 2), (width, height, 0.02), b.plain())
    for level in range(levels + 1):
        b.box((0, 0.02 + level * (height - 0.04) / levels, 0), (width, 0.025, depth), board)
    pitch = (height - 0.04) / levels
    for level in range(levels):
        y = 0.035 + level * pitch
        if b.chance(0.45):
            tall, wide = pitch * b.u(0.5, 0.85), width * b.u(0.3, 0.95)
            b.box(
                (b.u(-0.5, 0.5) * (width - wide), y + tall / 2, b.u(-0.05, 0.05)),
                (wide, tall, depth * 0.7),
                b.surface("spines"),
            )
        else:
            for _ in range(b.n(0, 4)):
                with b.at(b.u(-0.42, 0.42) * width, y, b.u(-0.2, 0.1) * depth, b.u(0, 6)):
                    small_thing(b, min(0.8 * pitch, 0.3))


def cabinet(b: Builder, width: float, height: float, depth: float) -> None:
    front = b.surface("panels") if b.chance(0.6) else b.plain()
    b.box((0, height / 2, 0), (width, height, depth), front)
    if b.chance(0.5):
        b.box(
            (0, height + 0.015, 0),
            (width + 0.04, 0.03, depth + 0.04),
            b.surface(b.pick(("wood", "plain", "speckle", "marble"))),
        )


def small_thing(b: Builder, size: float) -> None:
    """Something that stands on a table and is at most `size` high."""
    if b.mesh("small", 0.35, most_m=size):
        return
    kind = b.n(0, 9)
    s = size * b.u(0.4, 1.0)
    if kind == 0:
        bottle(b, s)
    elif kind == 1:
        cup(b, min(s, 0.12))
    elif kind == 2:
        b.box((0, s / 2, 0), (s * b.u(0.3, 1.2), s, s * b.u(0.2, 1)), b.surface())
    elif kind == 3:
        b.ellipsoid((0, s / 3, 0), (s * 0.66, s * 0.66, s * 0.66), b.surface())
    elif kind == 4:
        book_pile(b)
    elif kind == 5:
        b.cylinder(
            (0, s / 2, 0),
            (s * b.u(0.3, 0.8), s, s * 0.5),
            b.surface(b.pick(("poster", "plain", "stripes"))),
            top=b.u(0.6, 1.3),
        )
    elif kind == 6:
        b.box((0, s / 2, 0), (s * 0.7, s, 0.02), b.surface("poster"), rotation_x(0.2))
    elif kind == 7:
        plant(b, size * 1.2)
    elif kind == 8:
        lamp(b, size * 1.4)
    else:
        b.box((0, 0.02, 0), (b.u(0.1, 0.25), 0.04, b.u(0.05, 0.2)), b.plain())


def bottle(b: Builder, height: float) -> None:
    body = b.surface(b.pick(("plain", "plain", "stripes", "poster")), specular=b.u(0.2, 0.9))
    r = height * b.u(0.22, 0.36)
    b.cylinder((0, height * 0.32, 0), (r, height * 0.64, r), body)
    b.cylinder((0, height * 0.73, 0), (r, height * 0.18, r), body, top=0.35)
    b.cylinder((0, height * 0.91, 0), (r * 0.36, height * 0.18, r * 0.36), b.plain())


def cup(b: Builder, height: float) -> None:
    glaze = b.plain()
    b.cylinder((0, height / 2, 0), (height * 0.75, height, height * 0.75), glaze, top=b.u(0.9, 1.3))
    b.limb((height * 0.35, height * 0.3, 0), (height * 0.7, height * 0.5, 0), 0.015, glaze)


def book_pile(b: Builder) -> None:
    y = 0.0
    for _ in range(b.n(1, 4)):
        thick = b.u(0.01, 0.05)
        cover = b.surface(b.pick(("plain", "poster", "page", "plain")))
        b.box(
            (b.u(-0.02, 0.02), y + thick / 2, b.u(-0.02, 0.02)),
            (b.u(0.14, 0.22), thick, b.u(0.2, 0.3)),
            cover,
            rotation_y(b.u(-0.4, 0.4)),
        )
        y += thick


def plant(b: Builder, height: float) -> None:
    pot = height * 0.3
    b.cylinder((0, pot / 2, 0), (pot * 0.7, pot, pot * 0.7), b.plain(), top=1.3)
    leaf = b.surface("foliage", dark=(0.01, 0.06, 0.01), light=(0.2 * b.u(0.3, 1), 0.5, 0.1))
    for _ in range(b.n(3, 7)):
        lean = np.array([b.u(-0.4, 0.4), b.u(0.4, 0.8), b.u(-0.4, 0.4)]) * height
        turn = rotation_y(b.u(0, pi)) @ rotation_z(b.u(-1, 1))
        b.limb((0, pot, 0), (lean[0], pot + lean[1], lean[2]), 0.012, leaf)
        b.ellipsoid(
            (lean[0], pot + lean[1], lean[2]),
            (height * 0.16, height * b.u(0.2, 0.5), height * 0.12),
            leaf,
            turn,
        )


def lamp(b: Builder, height: float) -> None:
    pole, shade = b.plain(), b.plain(0.9)
    shade = Surface(shade.texture, shade.dark, shade.light, emission=b.pick((0.0, 0.5, 2.0)))
    b.cylinder((0, 0.015, 0), (height * 0.3, 0.03, height * 0.3), pole)
    b.limb((0, 0, 0), (0, height * 0.75, 0), 0.02, pole)
    b.cylinder((0, height * 0.82, 0), (height * 0.4, height * 0.3, height * 0.4), shade, top=b.u(0.4, 1))


def monitor(b: Builder, width: float) -> None:
    height, case = width * b.u(0.55, 0.75), b.plain(b.u(0, 1))
    lift = b.u(0.08, 0.2)
    with b.at(0, 0, 0, 0.0):
        b.box((0, lift + height / 2, 0.03), (width, height, b.u(0.03, 0.3) if b.chance(0.25) else 0.04), case)
        glow = b.surface("screen", emission=b.pick((0.0, 0.4, 1.5)))
        b.box((0, lift + height / 2, 0.0), (width * 0.94, height * 0.92, 0.035), glow)
        b.limb((0, 0, 0.08), (0, lift + 0.1, 0.08), 0.06, case, box=True)
        b.box((0, 0.01, 0.05), (0.28, 0.02, 0.2), case)


def laptop(b: Builder) -> None:
    case = b.plain()
    b.box((0, 0.01, 0), (0.34, 0.02, 0.24), b.surface("keys", dark=case.dark, light=case.light))
    tilt = b.u(0.1, 0.5)
    b.box(
        (0, 0.12, 0.13 + 0.1 * tilt),
        (0.34, 0.23, 0.012),
        b.surface("screen", emission=b.pick((0.0, 0.8))),
        rotation_x(tilt),
    )


def clutter(b: Builder, width: float, depth: float, count: int) -> None:
    """Things spread over a table top whose middle is the origin."""
    for _ in range(count):
        with b.at(b.u(-0.46, 0.46) * width, 0, b.u(-0.45, 0.45) * depth, b.u(0, 2 * pi)):
            if b.chance(0.25):
                sheet = b.surface(b.pick(("page", "page", "poster", "plain")))
                b.box((0, 0.002, 0), (b.u(0.1, 0.25), 0.005, b.u(0.12, 0.3)), sheet)
            else:
                small_thing(b, b.u(0.08, 0.32))


def papers(b: Builder, width: float, depth: float, count: int) -> None:
    """Sheets, magazines and covers that lie flat on a table top whose middle is the origin, some in a fan."""
    for i in range(count):
        cover = b.surface(b.pick(("page", "poster", "poster", "plain")))
        size = (b.u(0.12, 0.32), 0.002 + 0.002 * i, b.u(0.15, 0.32))
        place = (b.u(-0.42, 0.42) * width, 0.001 * i, b.u(-0.42, 0.42) * depth)
        b.box(place, size, cover, rotation_y(b.u(0, pi)))


def workplace(b: Builder, width: float, depth: float) -> None:
    """Screens, keyboard, mouse, cables and clutter on a desk top about the origin; the user sits at -z."""
    for _ in range(b.pick((0, 1, 1, 2))):
        with b.at(b.u(-0.3, 0.3) * width, 0, depth * b.u(0.15, 0.35), b.u(-0.5, 0.5)):
            monitor(b, b.u(0.38, 0.62))
    if b.chance(0.35):
        with b.at(b.u(-0.3, 0.3) * width, 0, -0.05, b.u(-0.6, 0.6)):
            laptop(b)
    if b.chance(0.7):
        b.box(
            (b.u(-0.2, 0.2), 0.012, -0.15), (0.44, 0.024, 0.15), b.surface("keys"), rotation_y(b.u(-0.3, 0.3))
        )
        b.ellipsoid((b.u(0.25, 0.4), 0.018, -0.15), (0.06, 0.036, 0.1), b.plain())
    for _ in range(b.n(0, 3)):
        x, z = b.u(-0.4, 0.4) * width, b.u(-0.4, 0.4) * depth
        b.limb((x, 0.006, z), (x + b.u(-0.4, 0.4), 0.006, z + b.u(-0.4, 0.4)), 0.008, b.plain())
    clutter(b, width, depth, b.n(2, 12))
