"""What stands under the open sky: grounds, trees, hedges, rocks, hills, passers-by, and the light of the day.

There are no slopes and no meshes in the table of solids. A hump or a hill is a flat ellipsoid that lies half
in the ground, a mountain a steep one, a roof a box that is turned and then squeezed (`squeezed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from shared.bundled.render import Builder, Lights, Surface, rotation_x, rotation_y, rotation_z
from shared.bundled.scenes.surroundings import outdoor_lights, tint

MOST_SOLIDS = 230
"""The batched renderer numbers solids with eight bits."""
Colour = tuple[float, float, float]
# What things are made of: textures, the lightest colours (linear RGB), repeats a metre.
MATERIALS: dict[str, tuple[tuple[str, ...], tuple[Colour, ...], tuple[float, float]]] = {
    "asphalt": (
        ("speckle", "plaster", "clouds"),
        ((0.16, 0.16, 0.17), (0.26, 0.25, 0.24), (0.08, 0.08, 0.09)),
        (0.1, 0.8),
    ),
    "paving": (
        ("tiles", "tiles", "checks", "plaster"),
        ((0.4, 0.38, 0.35), (0.25, 0.25, 0.26), (0.4, 0.25, 0.18)),
        (0.3, 1.2),
    ),
    "grass": (
        ("foliage", "speckle", "clouds"),
        ((0.12, 0.26, 0.05), (0.22, 0.28, 0.07), (0.35, 0.3, 0.12)),
        (0.1, 0.6),
    ),
    "ground": (
        ("speckle", "clouds", "plaster"),
        ((0.3, 0.2, 0.12), (0.45, 0.36, 0.24), (0.2, 0.15, 0.1)),
        (0.1, 0.7),
    ),
    "sand": (
        ("plaster", "speckle", "clouds"),
        ((0.6, 0.5, 0.35), (0.45, 0.4, 0.32), (0.7, 0.65, 0.55)),
        (0.1, 0.8),
    ),
    "leaf": (
        ("foliage",),
        ((0.12, 0.28, 0.05), (0.2, 0.3, 0.06), (0.05, 0.16, 0.05), (0.45, 0.25, 0.05)),
        (0.3, 1.2),
    ),
    "bark": (
        ("wood", "speckle", "plaster"),
        ((0.25, 0.18, 0.12), (0.3, 0.28, 0.25), (0.1, 0.07, 0.05)),
        (0.4, 1.5),
    ),
    "bricks": (
        ("tiles",),
        ((0.4, 0.14, 0.09), (0.45, 0.32, 0.2), (0.35, 0.33, 0.31), (0.5, 0.2, 0.12)),
        (0.3, 1.0),
    ),
    "render": (
        ("plaster", "plain", "clouds"),
        ((0.75, 0.7, 0.6), (0.7, 0.55, 0.35), (0.6, 0.62, 0.65), (0.75, 0.75, 0.72), (0.6, 0.4, 0.3)),
        (0.1, 0.6),
    ),
    "roof": (
        ("tiles", "stripes", "plaster"),
        ((0.4, 0.13, 0.07), (0.15, 0.14, 0.14), (0.3, 0.2, 0.15), (0.25, 0.27, 0.3)),
        (0.3, 0.9),
    ),
    "rock": (
        ("clouds", "plaster", "marble", "speckle"),
        ((0.4, 0.37, 0.33), (0.3, 0.3, 0.32), (0.45, 0.35, 0.25), (0.2, 0.2, 0.2)),
        (0.2, 1.2),
    ),
    "water": (
        ("clouds", "marble", "plaster"),
        ((0.15, 0.3, 0.4), (0.2, 0.3, 0.25), (0.35, 0.42, 0.48), (0.08, 0.12, 0.15)),
        (0.05, 0.4),
    ),
    "timber": (
        ("wood", "wood", "plain"),
        ((0.35, 0.22, 0.12), (0.4, 0.38, 0.35), (0.2, 0.12, 0.08), (0.7, 0.7, 0.68)),
        (0.3, 1.2),
    ),
}


DRAWN = ("water",)
"""Materials of which there are no photographs."""
PHOTO_SHARE = 0.75


def stuff(b: Builder, material: str, **changes: object) -> Surface:
    """A surface of this material: a photograph, where there are any, or drawn in one of its usual colours."""
    groups, hues, repeats = MATERIALS[material]
    repeat, shine = float(np.exp(b.u(*np.log(repeats)))), b.u(0.2, 0.6) if material == "water" else 0.0
    if b.atlas.photographs and material not in DRAWN and b.chance(PHOTO_SHARE):
        made = b.surface(material, repeat=repeat, specular=shine)
        return replace(made, **changes)  # type: ignore[arg-type]
    light = np.asarray(b.pick(hues)) * b.u(0.6, 1.35) * np.exp(b.rng.normal(size=3) * 0.08)
    if b.chance(0.08):
        light = b.colour()
    made = b.surface(
        b.pick(groups),
        dark=(light * b.u(0.25, 0.8)).clip(0.005, 0.98),
        light=light.clip(0.01, 0.98),
        repeat=repeat,
        specular=shine,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def mean_colour(b: Builder, surface: Surface) -> NDArray[np.float64]:
    """What it looks like from afar, linear RGB."""
    dark, light = np.asarray(surface.dark, float), np.asarray(surface.light, float)
    return dark + (light - dark) * float(b.atlas.mean_levels[surface.texture])


def squeezed(stretch: Sequence[float], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """What to give as a solid's `turn` so that it is turned first and then stretched along x, y, z."""
    return np.linalg.inv(np.diag(stretch) @ turn).T


def slanted(*, y_per_x: float = 0.0, y_per_z: float = 0.0, z_per_y: float = 0.0) -> NDArray[np.float64]:
    """What to give as a solid's `turn` so that it leans or slopes without turning."""
    return np.linalg.inv(np.array([[1.0, 0, 0], [y_per_x, 1, y_per_z], [0, z_per_y, 1]])).T


@contextmanager
def clear_of(b: Builder, eye: NDArray[np.float64], metres: float = 0.4) -> Iterator[None]:
    """What is built inside goes away again, all of it, if a part comes this close to the camera, or if the
    scene has too many solids with it.
    """
    boxes, rounds = len(b.boxes), len(b.rounds)
    yield
    rows = b.boxes[boxes:] + b.rounds[rounds:]
    if rows and (is_full(b) or is_inside(np.array(rows), eye, metres)):
        del b.boxes[boxes:], b.rounds[rounds:]


def is_inside(rows: NDArray[np.float32], eye: NDArray[np.float64], metres: float = 0.0) -> bool:
    """Whether the eye is in the box about a solid, made larger by so many metres each way."""
    inward = rows[:, :9].reshape(-1, 3, 3).astype(float)
    place = np.einsum("nij,nj->ni", inward, eye - rows[:, 9:12])
    margin = metres * np.linalg.norm(inward, axis=2)
    return bool((np.abs(place) < 1 + margin).all(1).any())


def is_full(b: Builder, reserve: int = 0) -> bool:
    return len(b.boxes) + len(b.rounds) + reserve > MOST_SOLIDS


def daylight(b: Builder, clear_m: float) -> Lights:
    """Sun from anywhere, often low, or clouds; haze that hides what lies beyond about `clear_m` at most."""
    lights = outdoor_lights(b)
    height = b.pick((b.u(0.05, 0.3), b.u(0.2, 0.7), b.u(0.5, 1.3)))
    around, far, is_sunny = b.u(-pi, pi), 2000.0, b.chance(0.6)
    where = np.array([sin(around) * cos(height), sin(height), cos(around) * cos(height)])
    blue = np.array([0.3, 0.55, 1.0]) ** (b.u(0.3, 1.2) if is_sunny else b.u(0.0, 0.3))
    warm = np.array([1.0, 0.85, 0.65]) ** (b.u(0.5, 1.5) if height < 0.3 else b.u(0.0, 0.6))
    sky = b.u(0.7, 2.0) * np.exp(b.rng.normal(size=3) * b.pick((0.02, 0.04, 0.15)))
    return replace(
        lights,
        position=where * far,
        colour=warm * (b.u(1.5, 4.0) if is_sunny else b.u(0.0, 0.7)),
        radius=far * b.u(0.0, 0.006),
        shadow=b.u(0.8, 1.0),
        ambient_up=blue**0.5 * b.u(0.3, 0.8),
        ambient_down=tint(b) * b.u(0.1, 0.35),
        fog_colour=sky,
        fog_per_m=b.u(0.2, 1.5) / clear_m if b.chance(0.6) else 0.0,
        sky_low=sky,
        sky_high=sky * blue * b.u(0.5, 1.1),
    )


def tree(b: Builder, tall: float, *, simple: bool = False) -> None:
    """A trunk and a crown of any shape: round, upright, a fir's, or bare branches."""
    bark, leaf = stuff(b, "bark"), stuff(b, "leaf")
    thick, bole = tall * b.u(0.025, 0.06), tall * b.u(0.2, 0.45)
    lean = b.u(-0.05, 0.05) * tall
    style = b.rng.random()
    if style < 0.15:
        b.limb((0, 0, 0), (0, tall * 0.3, 0), thick, bark)
        foot, layers, wide = tall * b.u(0.05, 0.2), 1 if simple else b.n(3, 7), tall * b.u(0.25, 0.45)
        for k in range(layers):
            low, share = foot + (tall - foot) * k / layers, 1 - k / layers
            high = (tall - low) * (1.0 if simple else 0.75)
            b.cylinder((0, low + high / 2, 0), (wide * share, high, wide * share), leaf, top=0.03)
        return
    b.limb((0, 0, 0), (lean, (bole + tall) / 2, 0), thick, bark, 0.6)
    if style > 0.85:
        for k in range(3 if simple else b.n(5, 11)):
            angle, up = 2.4 * k + b.u(-0.4, 0.4), b.u(0.5, 1.0)
            start = np.array([lean, bole * b.u(0.8, 1.4), 0])
            end = start + np.array([cos(angle) * (1.1 - up), up, sin(angle) * (1.1 - up)]) * tall * 0.5
            b.limb(start, end, thick * 0.4, bark, 0.3)
        return
    wide, high = tall * b.u(0.3, 0.7), tall - bole
    for k in range(1 if simple else b.n(3, 9)):
        share = 1.0 if simple else b.u(0.35, 0.75)
        spread = (1 - share) * 0.8 if k else 0.0
        place = (
            lean + b.u(-1, 1) * spread * wide,
            bole + high * (0.5 + b.u(-0.5, 0.5) * spread),
            b.u(-1, 1) * spread * wide,
        )
        b.ellipsoid(place, (wide * share, high * share, wide * share), leaf, rotation_z(b.u(-0.3, 0.3)))


def bush(b: Builder, wide: float) -> None:
    leaf = stuff(b, "leaf")
    for _ in range(b.n(2, 7)):
        s = wide * b.u(0.3, 0.8)
        b.ellipsoid(
            (b.u(-0.4, 0.4) * wide, s * b.u(0.2, 0.4), b.u(-0.4, 0.4) * wide),
            (s, s * b.u(0.6, 1.2), s),
            leaf,
            rotation_y(b.u(0, pi)),
        )


def rock(b: Builder, wide: float) -> None:
    stone = stuff(b, "rock")
    turn = rotation_y(b.u(0, pi)) @ rotation_x(b.u(-0.4, 0.4)) @ rotation_z(b.u(-0.4, 0.4))
    high = wide * b.u(0.4, 0.9)
    shape = b.box if b.chance(0.25) else b.ellipsoid
    shape((0, high * b.u(0.1, 0.3), 0), (wide, high, wide * b.u(0.5, 1.0)), stone, turn)


def fence(b: Builder, length: float) -> None:
    """Along x: a wall, a hedge, boards, or posts with rails."""
    kind, high = b.rng.random(), b.u(0.6, 2.2)
    if kind < 0.3:
        b.box((0, high / 2, 0), (length, high, 0.2), stuff(b, b.pick(("bricks", "render", "rock"))))
        if b.chance(0.5):
            b.box((0, high, 0), (length, 0.08, 0.28), b.plain())
    elif kind < 0.65:
        deep = b.u(0.5, 1.2)
        b.box((0, high / 2, 0), (length, high, deep), stuff(b, "leaf"))
        b.limb((-length / 2, high, 0), (length / 2, high, 0), deep, stuff(b, "leaf"))
    elif kind < 0.8:
        b.box((0, high / 2, 0), (length, high, 0.05), stuff(b, "timber"))
    else:
        rail, high = stuff(b, "timber"), min(high, 1.3)
        for y in (0.4 * high, 0.9 * high):
            b.limb((-length / 2, y, 0), (length / 2, y, 0), 0.06, rail, box=True)
        posts = min(max(int(length / 2.5), 1), 8)
        for k in range(posts + 1):
            x = (k / posts - 0.5) * length
            b.limb((x, 0, 0), (x, high, 0), 0.09, rail, box=True)


def hills(b: Builder, eye: NDArray[np.float64], nearest_m: float, farthest_m: float, count: int) -> None:
    """A skyline ahead: wooded hills and mountains, the farther the higher, their feet in the ground."""
    for _ in range(count):
        away = float(np.exp(b.u(np.log(nearest_m), np.log(farthest_m))))
        wide, high = away * b.u(0.4, 1.6), away * b.u(0.02, 0.14)
        with clear_of(b, eye, 2.0), b.at(eye[0] + b.u(-0.8, 0.8) * away, 0, eye[2] + away, b.u(-0.3, 0.3)):
            if b.chance(0.35):
                _mountain(b, wide, high * b.u(1.0, 2.2))
            else:
                skin = stuff(b, b.pick(("leaf", "grass", "ground")), repeat=_coarse(b, away))
                deep, sunk = min(wide, away) * b.u(0.4, 1.0), b.u(0.0, 0.6)
                size = (wide, 2 * high / (1 - sunk), deep)
                b.ellipsoid((0, -high * sunk / (1 - sunk), 0), size, skin)


def _coarse(b: Builder, away: float) -> float:
    """Repeats a metre that show about as large in the picture wherever the thing stands."""
    return float(np.exp(b.u(-1, 1.5))) * 8 / away


def _mountain(b: Builder, wide: float, high: float) -> None:
    """Peaks side by side: cubes on their corners, squeezed, so that three faces of each can be seen."""
    skin = stuff(b, b.pick(("rock", "rock", "leaf", "grass")), repeat=_coarse(b, 2 * wide))
    on_corner = rotation_x(np.arctan(sqrt(0.5))) @ rotation_z(pi / 4)
    for _ in range(b.n(2, 5)):
        peak, side = high * b.u(0.5, 1.0), wide * b.u(0.25, 0.5)
        # A cube's corner stands sqrt(3) / 2 of its side above its middle.
        turn = squeezed((1, peak / (side * sqrt(0.75)), 1), rotation_y(b.u(0, pi)) @ on_corner)
        b.box((b.u(-0.4, 0.4) * wide, 0, b.u(-0.2, 0.2) * wide), (side, side, side), skin, turn)


def tree_line(b: Builder, length: float, high: float) -> None:
    """A wood's edge far off, along x."""
    leaf = stuff(b, "leaf", repeat=b.u(0.05, 0.3))
    b.box((0, high * 0.35, 0), (length, high * 0.7, high), leaf)
    for k in range(5):
        wide = length * b.u(0.15, 0.4)
        b.ellipsoid(((k / 4 - 0.5) * length, high * 0.6, 0), (wide, high * b.u(0.5, 1.0), high), leaf)


def passer_by(b: Builder) -> None:
    """A figure of few solids for some way off, 1.2 to 1.9 m tall, walking towards -z."""
    k = b.u(1.2, 1.9) if b.chance(0.2) else b.u(1.6, 1.9)
    skin = b.surface(
        "plain", dark=np.array([0.4, 0.24, 0.17]) * b.u(0.2, 1), light=np.array([0.8, 0.55, 0.42])
    )
    coat, trousers = b.surface(b.pick(("plain", "weave", "plaster"))), b.plain(b.u(0.05, 0.6))
    step, wide = b.u(-0.16, 0.16) * k, b.u(0.23, 0.29) * k
    long_coat = b.chance(0.25)
    low = 0.3 * k if long_coat else 0.45 * k
    b.cylinder((0, (low + 0.82 * k) / 2, 0), (wide, 0.82 * k - low, 0.14 * k), coat, top=b.u(0.85, 1.15))
    b.ellipsoid((0, 0.79 * k, 0), (wide * 1.1, 0.12 * k, 0.14 * k), coat)
    b.ellipsoid((0, 0.93 * k, -0.01), (0.09 * k, 0.13 * k, 0.11 * k), skin)
    b.ellipsoid((0, 0.955 * k, 0.012), (0.1 * k, 0.11 * k, 0.11 * k), b.plain(b.u(0.0, 0.5)))
    for side in (-1, 1):
        b.limb((side * 0.05 * k, 0.02, side * step), (side * 0.05 * k, 0.5 * k, 0), 0.085 * k, trousers, 1.25)
        hand = (side * (wide / 2 + 0.06), 0.45 * k, -side * step)
        b.limb(hand, (side * wide / 2, 0.79 * k, 0), 0.055 * k, coat, 1.3)
    if b.chance(0.25):
        b.box((wide / 2 + 0.1, 0.35 * k, 0), (0.12, 0.3, 0.3), b.surface())
