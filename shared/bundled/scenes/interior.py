"""What belongs to a room's walls: windows with frames and curtains, doors, skirting boards, ceiling lamps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.bundled.render import Builder
from shared.bundled.scenes.surroundings import FAR, LEFT, NEAR, RIGHT, Room

FRAME_M = 0.05


def openings(b: Builder, room: Room, count: int) -> None:
    """Windows and doorways in the walls, most of them framed, some with curtains."""
    for _ in range(count):
        face, middle, half = b.pick((LEFT, RIGHT, RIGHT, FAR, FAR, NEAR)), b.u(-0.7, 0.7), b.u(0.1, 0.35)
        low, high = (-1.0, b.u(0.3, 0.7)) if b.chance(0.4) else (b.u(-0.5, 0.1), b.u(0.3, 0.9))
        b.hole(face, middle - half, middle + half, low, high)
        *_, length = room.wall(face)
        width, bottom, top = (
            half * length,
            (low + 1) / 2 * room.height,
            (high + 1) / 2 * room.height,
        )
        with at_wall(b, room, face, middle * length / 2):
            if b.chance(0.7):
                window_frame(b, width, bottom, top)
            if b.chance(0.35):
                curtains(b, width, bottom, top)


@contextmanager
def at_wall(b: Builder, room: Room, face: int, along: float) -> Iterator[None]:
    """The builder's axes on a wall: x along it, y up from the floor, the room at -z.

    along: metres from the wall's middle towards +x (far and near wall) or +z (left and right wall).
    """
    x, z, yaw, _ = room.wall(face)
    x, z = (x + along, z) if face in (FAR, NEAR) else (x, z + along)
    with b.at(x, 0, z, yaw):
        yield


def window_frame(b: Builder, width: float, bottom: float, top: float) -> None:
    """A frame round an opening, often with bars across."""
    paint, middle, height = b.plain(b.pick((None, 0.95))), (bottom + top) / 2, top - bottom
    bars = b.pick((0, 0, 1, 2))
    for i in range(bars + 2):
        x = width * (i / (bars + 1) - 0.5)
        b.box((x, middle, 0), (FRAME_M, height + FRAME_M, 2 * FRAME_M), paint)
    sills = (bottom, top) if bottom > 0.1 else (top,)
    for y in sills:
        b.box((0, y, 0), (width + FRAME_M, FRAME_M, 2 * FRAME_M), paint)


def curtains(b: Builder, width: float, bottom: float, top: float) -> None:
    """Folds that hang to both sides of an opening or across it."""
    cloth = b.surface(b.pick(("plain", "weave", "stripes", "plaster")))
    foot = 0.03 if b.chance(0.7) else max(bottom - 0.1, 0.03)
    drawn, fold = b.u(0.15, 0.5) * width, b.u(0.07, 0.13)
    for side in (-1, 1):
        for i in range(min(int(drawn / fold) + 1, 9)):
            x = side * (width / 2 + 0.1 - i * fold)
            size = (fold * 1.1, top + 0.15 - foot, fold * b.u(0.6, 1.1))
            b.cylinder((x, (top + 0.15 + foot) / 2, -0.12), size, cloth)


def door(b: Builder) -> None:
    """A closed door with its frame; now and then ajar."""
    wide, high, leaf = b.u(0.75, 1.0), b.u(1.95, 2.15), b.surface(b.pick(("plain", "wood", "panels")))
    paint = leaf if b.chance(0.3) else b.plain()
    for side in (-1, 1):
        b.box((side * wide / 2, high / 2, -0.02), (0.08, high, 0.06), paint)
    b.box((0, high, -0.02), (wide + 0.08, 0.08, 0.06), paint)
    swing = b.u(0.2, 1.3) if b.chance(0.2) else 0.0
    with b.at(-wide / 2, 0, -0.02, swing):
        b.box((wide / 2, high / 2, 0), (wide, high, 0.04), leaf)
        b.box((wide - 0.08, 1.02, -0.04), (0.1, 0.02, 0.04), b.plain())


def trim(b: Builder, room: Room) -> None:
    """Skirting boards, doors and ceiling lamps: each room has some of them."""
    faces = (LEFT, RIGHT, FAR, NEAR)
    if b.chance(0.5):
        board, high = b.plain(), b.u(0.05, 0.15)
        for face in faces[:3]:
            *_, length = room.wall(face)
            with at_wall(b, room, face, 0.0):
                b.box((0, high / 2, 0), (length, high, 0.03), board)
    for _ in range(b.pick((0, 0, 1, 1, 2))):
        face = b.pick(faces)
        *_, length = room.wall(face)
        with at_wall(b, room, face, b.u(-0.5, 0.5) * max(length - 1.1, 0.0)):
            door(b)
    if b.chance(0.35):
        ceiling_lamps(b, room)


def ceiling_lamps(b: Builder, room: Room) -> None:
    """A row of panels in the ceiling, or one hanging lamp."""
    glow = b.surface("plain", dark=(0.9, 0.9, 0.9), light=(0.95, 0.95, 0.95), emission=b.u(0.5, 4))
    if b.chance(0.3):
        x, z = room.spot(b, 0.5)
        drop = b.u(0.3, 0.9)
        b.limb((x, room.height, z), (x, room.height - drop, z), 0.015, b.plain())
        b.ellipsoid((x, room.height - drop, z), (b.u(0.2, 0.5),) * 3, glow)
        return
    wide, deep, pitch = b.u(0.15, 0.6), b.u(0.6, 1.3), b.u(1.6, 3.0)
    for i in range(min(int(room.depth / pitch), 6)):
        b.box((0, room.height, (i + 0.6) * pitch), (wide, 0.03, deep), glow)
