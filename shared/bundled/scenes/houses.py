"""Houses from outside, built as in `furniture`: the front is the plane z = 0 and looks to -z."""

from __future__ import annotations

from math import pi, sqrt

from shared.bundled.render import Builder, Surface, rotation_x, rotation_z
from shared.bundled.scenes.outdoors import mean_colour, slanted, squeezed, stuff


def house(b: Builder, wide: float, deep: float, tall: float, *, near: bool = False) -> None:
    """Walls with windows, a roof; near: its windows, door and sills stand out."""
    wall = stuff(b, b.pick(("bricks", "render", "render", "timber")))
    if near:
        b.box((0, tall / 2, deep / 2), (wide, tall, deep), wall)
        front(b, wide, tall, wall)
    else:
        b.box((0, tall / 2, deep / 2), (wide, tall, deep), windowed(b, wall))
    top(b, wide, deep, tall, wall)


def windowed(b: Builder, wall: Surface) -> Surface:
    """The same wall with windows painted on, a storey about 3 m high."""
    light = (mean_colour(b, wall) * 1.5).clip(0.02, 0.98)
    return b.surface("facade", fit=False, dark=(0.02, 0.02, 0.03), light=light, repeat=b.u(0.06, 0.18))


def top(b: Builder, wide: float, deep: float, tall: float, wall: Surface) -> None:
    """A roof with its ridge along the street or towards it, or a flat one; some with a chimney."""
    kind = b.rng.random()
    if kind < 0.3:
        b.box((0, tall + 0.1, deep / 2), (wide + 0.3, b.u(0.15, 0.6), deep + 0.3), b.plain())
        return
    tiles, steep = stuff(b, "roof"), b.u(0.4, 1.1)
    along = kind < 0.7
    span, length = (deep, wide) if along else (wide, deep)
    steep = min(steep, 1.2 * tall / span)
    for side in (-1, 1):  # two slabs that meet in the ridge and reach over the walls
        run, place = span / 2 + 0.3, side * (span / 4 + 0.15)
        size = (length + 0.5, 0.16, run) if along else (run, 0.16, length + 0.5)
        slope = slanted(y_per_z=-side * steep) if along else slanted(y_per_x=-side * steep)
        high = tall + steep * (span / 2 - abs(place)) + 0.08
        b.box((0, high, deep / 2 + place) if along else (place, high, deep / 2), size, tiles, slope)
    edge = span / sqrt(2)
    size = (length - 0.02, edge, edge) if along else (edge, edge, length - 0.02)
    gable = squeezed((1, steep, 1), (rotation_x if along else rotation_z)(pi / 4))
    b.box((0, tall, deep / 2), size, wall, gable)
    if b.chance(0.5):
        x, high = b.u(-0.35, 0.35) * wide, steep * span / 2
        b.box((x, tall + high * 0.6, deep / 2 + 0.1 * deep), (0.6, high + 1.2, 0.6), stuff(b, "bricks"))


def front(b: Builder, wide: float, tall: float, wall: Surface) -> None:
    """Windows in rows with frames round them, a door, a shop's window; at most some forty solids."""
    glass = b.surface("plain", dark=(0.02, 0.025, 0.03), light=b.colour(b.u(0.1, 0.4)) * 0.5, specular=0.5)
    frame, storey = b.plain(b.pick((None, 0.9))), b.u(2.7, 3.6)
    columns = min(max(int(wide / b.u(2.0, 3.5)), 1), 4)
    rows = min(max(int(tall / storey), 1), 3)
    size = (b.u(0.45, 0.7) * wide / columns, b.u(1.2, 1.9))
    is_shop, is_framed = b.chance(0.35), b.chance(0.5)
    door = b.n(0, columns - 1)
    for row in range(rows):
        for column in range(columns):
            x, y = ((column + 0.5) / columns - 0.5) * wide, row * storey
            if row == 0 and column == door:
                b.box((x, 1.1, 0), (1.2, 2.3, 0.12), frame)
                b.box((x, 1.05, -0.01), (0.95, 2.1, 0.12), b.surface(b.pick(("panels", "wood", "plain"))))
            elif row > 0 or not is_shop:
                if is_framed:
                    b.box((x, y + 1.65, 0), (size[0] + 0.16, size[1] + 0.16, 0.08), frame)
                b.box((x, y + 1.65, -0.01), (size[0], size[1], 0.08), glass)
    if is_shop:
        light = b.surface("poster", emission=b.pick((0.0, 0.3))) if b.chance(0.5) else glass
        b.box((0, 1.3, 0.02), (wide * 0.92, 2.2, 0.1), light)
        b.box((0, storey - 0.35, -0.06), (wide * 0.9, 0.5, 0.2), b.surface(b.pick(("poster", "plain"))))
        if b.chance(0.4):
            b.box((0, 2.5, -0.7), (wide * 0.8, 0.06, 1.5), b.surface("stripes"), rotation_x(-0.35))
    if b.chance(0.4):
        b.box((0, tall - 0.2, -0.1), (wide, 0.3, 0.3), frame)
