"""Heads, busts and hands for close views, facing -z, and the scenes that show them."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from shared.bundled.render import Builder, Scene, Surface, Triple, rotation_x, rotation_z
from shared.bundled.scenes import furniture as things
from shared.bundled.scenes import outdoors, people
from shared.bundled.scenes.interior import openings, trim
from shared.bundled.scenes.layout import hang_pictures, line_walls
from shared.bundled.scenes.outdoors import daylight, is_full, stuff
from shared.bundled.scenes.surroundings import Room, finish, indoor_lights, look

WORLD, START_M = Room(2400, 300, 2400), 1000.0


def skin_of(b: Builder) -> Surface:
    """From pale to dark, hardly any texture, a little sheen."""
    light = np.array([0.78, 0.5, 0.37]) * np.array([1.0, 0.9, 0.8]) ** b.u(-0.5, 1.5) * b.u(0.08, 1.1)
    return b.surface(
        b.pick(("plain", "plain", "plaster")),
        dark=light * 0.85,
        light=light.clip(0.01, 0.98),
        specular=b.u(0.0, 0.25),
        shininess=b.u(6, 25),
    )


def hair_of(b: Builder) -> Surface:
    light = np.asarray(b.pick(((0.03, 0.025, 0.02), (0.15, 0.08, 0.04), (0.5, 0.36, 0.16), (0.5, 0.5, 0.5))))
    texture = b.pick(("weave", "wood", "clouds"))
    return b.surface(texture, dark=light * 0.4, light=light * b.u(0.6, 1.3), repeat=b.u(3, 15), specular=0.1)


def head(b: Builder, skin: Surface) -> None:
    """Life size: its middle between the ears is the origin, 0.23 m from chin to crown; about 35 solids."""
    wide, deep = b.u(0.145, 0.165), b.u(0.18, 0.2)
    b.ellipsoid((0, 0.035, 0.01), (wide, 0.165, deep), skin)
    b.ellipsoid((0, -0.035, -0.02), (wide * b.u(0.82, 0.95), 0.165, deep * 0.78), skin)
    b.ellipsoid((0, -0.095, -0.062), (0.07, 0.05, 0.06), skin)
    for side in (-1, 1):
        b.ellipsoid((side * 0.043, -0.02, -0.058), (0.05, 0.05, 0.05), skin)
        b.ellipsoid((side * wide * 0.5, 0.0, 0.012), (0.022, 0.062, 0.038), skin, rotation_z(-side * 0.15))
    _eyes(b, skin)
    _nose(b, skin)
    lips = b.surface(
        "plain", dark=np.asarray(skin.light) * (0.6, 0.35, 0.35), light=np.asarray(skin.light) * 0.6
    )
    is_open = b.u(0.0, 0.02) if b.chance(0.3) else 0.002
    if is_open > 0.004:
        b.ellipsoid((0, -0.064, -0.082), (0.042, is_open + 0.008, 0.012), b.plain(b.pick((0.05, 0.9))))
    b.ellipsoid((0, -0.06 + is_open / 2, -0.083), (0.05, 0.011, 0.018), lips)
    b.ellipsoid((0, -0.068 - is_open / 2, -0.081), (0.043, 0.013, 0.018), lips)
    _hair(b, wide, deep)
    if b.chance(0.3):
        glasses(b)


def _eyes(b: Builder, skin: Surface) -> None:
    white, iris = (
        b.plain(0.9),
        b.surface("plain", light=np.array([0.15, 0.2, 0.2]) * b.u(0.1, 1.5), specular=0.8),
    )
    brow, closed = hair_of(b), b.chance(0.1)
    for side in (-1, 1):
        x = side * 0.032
        b.ellipsoid((x, 0.012, -0.074), (0.034, 0.022, 0.026), skin if closed else white)
        if not closed:
            b.ellipsoid((x + side * 0.001, 0.012, -0.083), (0.013, 0.013, 0.011), iris)
            b.ellipsoid((x, 0.02, -0.077), (0.037, 0.011, 0.026), skin)
        b.ellipsoid((x, 0.036, -0.082), (0.044, 0.008, 0.014), brow, rotation_z(-side * b.u(-0.1, 0.25)))


def _nose(b: Builder, skin: Surface) -> None:
    long, out = b.u(0.04, 0.055), b.u(0.012, 0.028)
    tip = np.array([0, 0.012 - long, -0.088 - out])
    b.limb((0, 0.022, -0.082), tip, 0.022, skin, 1.2)
    b.ellipsoid(tip, (0.03, 0.025, 0.027), skin)
    for side in (-1, 1):
        b.ellipsoid(tip + np.array((side * 0.012, -0.002, 0.009)), (0.017, 0.017, 0.022), skin)
        b.ellipsoid(tip + np.array((side * 0.007, -0.012, 0.004)), (0.007, 0.005, 0.009), b.plain(0.05))


def _hair(b: Builder, wide: float, deep: float) -> None:
    """Short, long, tied, a beard, a cap, or none."""
    hair, style = hair_of(b), b.rng.random()
    if style < 0.85:
        b.ellipsoid((0, 0.055, 0.028), (wide * 1.1, 0.16, deep * 1.02), hair)
        b.ellipsoid((0, 0.01, 0.055), (wide * 1.06, 0.17, deep * 0.7), hair)
    if style < 0.45:
        low = b.u(-0.28, -0.1)
        b.ellipsoid((0, low / 2 + 0.03, 0.07), (wide * 1.2, 0.2 - low, 0.1), hair)
        for side in (-1, 1):
            b.limb((side * wide * 0.5, 0.05, 0.0), (side * wide * 0.58, low, 0.02), 0.045, hair)
    elif style < 0.55:
        b.ellipsoid((0, b.u(0.05, 0.14), 0.12), (0.08, 0.08, 0.08), hair)
    elif 0.85 <= style < 0.95:
        cap = b.surface()
        b.ellipsoid((0, 0.06, 0.01), (wide * 1.12, 0.15, deep * 1.1), cap)
        b.box((0, 0.055, -0.11), (0.15, 0.008, 0.09), cap, rotation_x(b.u(-0.2, 0.3)))
    if b.chance(0.2):
        b.ellipsoid((0, -0.085, -0.035), (wide * 0.86, 0.1, deep * 0.68), hair)


def glasses(b: Builder) -> None:
    frame = b.plain(b.pick((0.03, 0.1, 0.7)))
    lens = b.surface("plain", dark=(0.01, 0.01, 0.012), light=(0.03, 0.03, 0.03), specular=0.8)
    dark = b.chance(0.4)
    for side in (-1, 1):
        x = side * 0.034
        if dark:
            b.ellipsoid((x, 0.01, -0.099), (0.056, 0.042, 0.006), lens)
        else:
            b.box((x, 0.029, -0.1), (0.052, 0.004, 0.004), frame)
            b.box((x, -0.009, -0.1), (0.05, 0.003, 0.004), frame)
            for edge in (-1, 1):
                b.box((x + edge * 0.026, 0.01, -0.1), (0.003, 0.038, 0.004), frame)
        b.limb((side * 0.062, 0.02, -0.098), (side * 0.08, 0.012, 0.01), 0.005, frame)
    b.box((0, 0.018, -0.101), (0.02, 0.005, 0.004), frame)


def bust(b: Builder, turn: float = 0.0) -> None:
    """A head with neck and shoulders: the origin is the middle of the head; the chest goes down 0.75 m."""
    skin, shirt = skin_of(b), b.surface(b.pick(("plain", "stripes", "checks", "weave", "clouds", "plaster")))
    wide = b.u(0.36, 0.48)
    with b.at(0, 0, 0, turn, pitch=b.u(-0.25, 0.25), roll=b.u(-0.2, 0.2)):
        head(b, skin)
    b.limb((0, -0.05, 0.025), (0, -0.22, 0.045), 0.115, skin, 1.1)
    b.ellipsoid((0, -0.235, 0.05), (wide * 0.75, 0.13, 0.18), shirt)
    b.ellipsoid((0, -0.5, 0.06), (wide * 0.98, 0.66, 0.27), shirt)
    b.ellipsoid((0, -0.32, 0.055), (wide * 1.0, 0.24, 0.2), shirt)
    for side in (-1, 1):
        shoulder = np.array([side * wide * 0.47, -0.28, 0.055])
        b.ellipsoid(shoulder, (0.14, 0.14, 0.15), shirt)
        elbow = shoulder + np.array([side * b.u(0.02, 0.12), -0.36, b.u(-0.12, 0.05)])
        b.limb(shoulder, elbow, 0.11, shirt, 0.9)
    if b.chance(0.4):
        b.cylinder((0, -0.17, 0.03), (0.14, 0.06, 0.15), b.surface() if b.chance(0.4) else shirt, top=0.9)


def hand(b: Builder, skin: Surface, side: int = 1) -> None:
    """Open, pointing or a fist: the palm is the origin and looks to -z, fingers up, the forearm below."""
    gesture = b.rng.random()
    curls = [b.u(0, 0.35)] * 4 if gesture < 0.45 else [b.u(1.1, 1.7)] * 4
    if 0.6 < gesture < 0.85:
        for i in range(b.n(1, 2)):
            curls[i] = b.u(0, 0.2)
    b.ellipsoid((0, 0, 0), (0.088, 0.115, 0.034), skin)
    b.box((0, 0.005, 0.001), (0.07, 0.07, 0.022), skin)
    spread = b.u(0.02, 0.14)
    for i, curl in enumerate(curls):
        x, length = (i - 1.5) * 0.021, (0.094, 0.104, 0.098, 0.078)[i]
        lean, bend = (i - 1.5) * spread, 0.25 * curl
        joint = np.array([side * x, 0.03, 0.0])
        for part, share in enumerate((0.45, 0.32, 0.23)):
            bend += curl * (0.5 if part else 0.4)
            way = np.array([side * sin(lean), cos(bend), -sin(bend)])
            tip = joint + way * length * share
            b.limb(joint, tip, 0.0185 - 0.0015 * part, skin, 0.92)
            joint = tip
        b.ellipsoid(joint, (0.0155, 0.0155, 0.0155), skin)
    root, thumb = np.array([-side * 0.03, -0.025, -0.005]), b.u(0.2, 1.0)
    middle = root + 0.042 * np.array([-side * sin(thumb), cos(thumb), -0.35])
    b.limb(root, middle, 0.026, skin, 0.85)
    b.limb(
        middle,
        middle + 0.035 * np.array([-side * sin(thumb * 0.6), cos(thumb * 0.6), -0.2]),
        0.021,
        skin,
        0.85,
    )
    sleeve = b.surface() if b.chance(0.7) else skin
    elbow = np.array([side * b.u(-0.1, 0.2), -0.3, b.u(-0.05, 0.2)])
    b.limb((0, -0.01, 0.0), 0.3 * elbow, 0.056, skin)
    b.limb(0.3 * elbow, elbow, 0.065, sleeve, 1.3)
    b.limb(elbow, elbow + np.array((side * 0.05, -0.25, 0.05)), 0.09, sleeve, 1.2)


def _backdrop(b: Builder) -> Room | None:
    """A room, or, None, the open air."""
    if b.chance(0.35):
        for _ in range(b.n(1, 6)):
            away = float(np.exp(b.u(1.2, 4)))
            with b.at(b.u(-0.7, 0.7) * away, 0, START_M + away, b.u(0, 2 * pi)):
                b.pick((outdoors.passer_by, _some_tree, _some_bush))(b)
        outdoors.hills(b, np.array([0.0, 1.5, START_M]), 100, 2000, b.n(0, 3))
        return None
    room = Room(b.u(2.4, 6), b.u(2.3, 3), b.u(2.6, 7))
    if b.chance(0.6):
        openings(b, room, b.n(0, 2))
        line_walls(b, room, 0.5)
    hang_pictures(b, room)
    trim(b, room)
    return room


def _some_tree(b: Builder) -> None:
    outdoors.tree(b, b.u(3, 9), simple=True)


def _some_bush(b: Builder) -> None:
    outdoors.bush(b, 1.2)


def _taken(b: Builder, room: Room | None, eye: np.ndarray, target: Triple) -> Scene:
    camera = look(b, eye, np.asarray(target), 0.05)
    if room is None:
        ground = stuff(b, b.pick(("grass", "paving", "ground", "sand")))
        return finish(b, WORLD, camera, daylight(b, b.u(100, 1500)), outdoors=True, walls=[ground] * 6)
    return finish(b, room, camera, indoor_lights(b, room, eye))


def face(b: Builder) -> Scene:
    """One or two faces with shoulders close up, as a telephone held at arm's length sees them."""
    room = _backdrop(b)
    start = 0.75 if room else START_M
    eye = np.array([b.u(-0.2, 0.2), b.u(1.1, 1.7), start])
    away, turn = float(np.exp(b.u(-1.1, 0.0))), b.u(-0.5, 0.5)
    middle = np.array([eye[0] + b.u(-0.15, 0.15) * away, eye[1] + b.u(-0.2, 0.15) * away, start + away + 0.1])
    for i in range(b.pick((1, 1, 1, 2))):
        with b.at(middle[0] + 0.45 * i, middle[1] - 0.05 * i, middle[2] + b.u(0.0, 0.25) * i):
            bust(b, turn + b.u(-0.2, 0.2))
    if b.chance(0.2) and not is_full(b, 40):
        with b.at(middle[0] + b.u(-0.2, 0.2), middle[1] - b.u(0.1, 0.2), middle[2] - 0.25 * away - 0.1):
            hand(b, skin_of(b), b.pick((-1, 1)))
    return _taken(b, room, eye, middle)


def hands(b: Builder) -> Scene:
    """Hands before the camera: shown, pointing, holding something; a person, a room, a desk behind."""
    room = _backdrop(b)
    start = 0.75 if room else START_M
    eye = np.array([b.u(-0.2, 0.2), b.u(1.1, 1.6), start])
    skin, away = skin_of(b), b.u(0.28, 0.7)
    if b.chance(0.6):
        with b.at(eye[0] + b.u(-0.2, 0.2), 0, start + away + b.u(0.35, 0.9), b.u(-0.4, 0.4)):
            people.person(b, seated=b.chance(0.5), busy=False)
    for side in b.pick(((-1,), (1,), (-1, 1))):
        place = eye + np.array(
            [side * b.u(0.02, 0.3) * away, b.u(-0.25, 0.15) * away, away + b.u(-0.05, 0.1)]
        )
        x, y, z = place
        with b.at(x, y, z, b.u(-0.9, 0.9), pitch=b.u(-0.7, 0.4), roll=side * b.u(-0.3, 0.9)):
            hand(b, skin, side)
            if b.chance(0.3):
                with b.at(0, b.u(-0.03, 0.03), -0.045):
                    _held(b)
    target = eye + away * np.array([b.u(-0.1, 0.1), b.u(-0.15, 0.05), 1.0])
    return _taken(b, room, eye, target)


def _held(b: Builder) -> None:
    """A telephone, a card, a cup, a bottle, a pen, a ball."""
    kind = b.n(0, 5)
    if kind == 0:
        b.box((0, 0.03, 0), (0.072, 0.15, 0.009), b.plain(0.1))
        b.box((0, 0.03, -0.001), (0.066, 0.14, 0.009), b.surface("screen", emission=b.pick((0.0, 1.0))))
    elif kind == 1:
        b.box(
            (0, 0.04, 0),
            (b.u(0.06, 0.2), b.u(0.06, 0.28), 0.003),
            b.surface(b.pick(("page", "poster", "plain"))),
        )
    elif kind == 2:
        with b.at(0, -0.05, -0.03):
            things.cup(b, 0.09)
    elif kind == 3:
        with b.at(0, -0.1, -0.03):
            things.bottle(b, b.u(0.18, 0.3))
    elif kind == 4:
        b.limb((0.03, -0.06, 0), (-0.04, 0.1, -0.02), 0.009, b.plain())
    else:
        b.ellipsoid((0, 0.02, -0.03), (0.075, 0.075, 0.075), b.surface())
