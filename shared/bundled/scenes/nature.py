"""Out of doors and away from houses: parks and paths, woods, shores, fields, humps and rocks."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, sin, sqrt

import numpy as np

from shared.bundled.render import Builder, Camera, Scene, rotation_x, rotation_y
from shared.bundled.scenes import outdoors
from shared.bundled.scenes.houses import house
from shared.bundled.scenes.outdoors import clear_of, daylight, is_full, stuff
from shared.bundled.scenes.streetside import bench
from shared.bundled.scenes.surroundings import Room, finish, lens

WORLD = Room(4000, 300, 4000)
START_M = 1600.0  # how far the ground goes on behind the camera


class Terrain:
    """Flat ground with humps: ellipsoids that lie half in it. Things stand on top of them."""

    def __init__(self, b: Builder, skin: str) -> None:
        self.b, self.skin = b, skin
        self.humps: list[tuple[float, float, float, float, float]] = []

    def hump(self, x: float, z: float, wide: float, deep: float, high: float) -> None:
        self.humps.append((x, z, wide / 2, deep / 2, high))
        self.b.ellipsoid((x, 0, z), (wide, 2 * high, deep), stuff(self.b, self.skin))

    def height(self, x: float, z: float) -> float:
        heights = [0.0]
        for cx, cz, rx, rz, high in self.humps:
            inside = 1 - ((x - cx) / rx) ** 2 - ((z - cz) / rz) ** 2
            heights.append(high * sqrt(inside) if inside > 0 else 0.0)
        return max(heights)


def _camera(b: Builder, terrain: Terrain, pitch: tuple[float, float] = (-0.3, 0.1)) -> Camera:
    high = b.pick((b.u(0.3, 1.0), b.u(1.2, 1.9), b.u(1.3, 1.8), b.u(2, 5)))
    eye = np.array([0.0, terrain.height(0.0, START_M) + high, START_M])
    camera = lens(b, Camera(eye=eye, yaw=b.u(-0.3, 0.3), pitch=b.u(*pitch)))
    return replace(camera, roll=camera.roll / 2, blur=camera.blur if b.chance(0.4) else 0.0)


def _humps(b: Builder, terrain: Terrain, most: int) -> None:
    for _ in range(b.n(0, most)):
        away, wide = float(np.exp(b.u(0.7, 4.5))), float(np.exp(b.u(1.2, 4)))
        terrain.hump(
            b.u(-0.8, 0.8) * away, START_M + away, wide, wide * b.u(0.4, 1.5), wide * b.u(0.02, 0.12)
        )


def _scatter(b: Builder, terrain: Terrain, camera: Camera, makers: tuple[str, ...], count: int) -> None:
    """Things all over the ground, as many near as far in the picture."""
    eye = np.asarray(camera.eye, float)
    for _ in range(count):
        away = float(np.exp(b.u(0.4, 4.6)))
        x, z, kind = eye[0] + b.u(-0.75, 0.75) * away, eye[2] + away, b.pick(makers)
        if is_full(b, 12):
            return
        with clear_of(b, eye, 0.5), b.at(x, terrain.height(x, z) - 0.03, z, b.u(0, 2 * pi)):
            if kind == "tree":
                outdoors.tree(b, b.u(3, 16), simple=away > 30)
            elif kind == "bush":
                outdoors.bush(b, min(b.u(0.4, 2.5), 0.4 * away))
            elif kind == "rock":
                outdoors.rock(b, min(float(np.exp(b.u(-1.5, 1.3))), 0.4 * away))
            elif kind == "person":
                outdoors.passer_by(b)
            elif kind == "bench":
                bench(b)
            elif kind == "fence" and away > 5:
                outdoors.fence(b, b.u(3, 15))
            elif kind == "log" and away > 2.5:
                _log(b)


def _log(b: Builder) -> None:
    long, thick = b.u(0.8, 5), b.u(0.1, 0.5)
    b.limb(
        (-long / 2, thick * 0.4, 0),
        (long / 2, thick * b.u(0.3, 0.6), b.u(-0.5, 0.5)),
        thick,
        stuff(b, "bark"),
    )


def _path(b: Builder, wide: float) -> None:
    """A winding path over flat ground, in pieces."""
    skin, at, yaw = (
        stuff(b, b.pick(("ground", "sand", "asphalt", "paving"))),
        np.array([b.u(-2, 2), START_M - 5]),
        b.u(-0.3, 0.3),
    )
    for k in range(7):
        long = 9.0 * 1.35**k
        way = np.array([sin(yaw), cos(yaw)])
        middle = at + way * long / 2
        b.box(
            (middle[0], -0.1 + 0.012 + 0.001 * k, middle[1]),
            (wide, 0.2, long + wide * 0.7),
            skin,
            rotation_y(yaw),
        )
        at, yaw = at + way * long, yaw + b.u(-0.35, 0.35)


def _far_off(b: Builder, camera: Camera) -> None:
    """Woods' edges, hills, mountains behind one another; or none."""
    eye = np.asarray(camera.eye, float)
    for _ in range(b.pick((0, 0, 1, 2))):
        away = b.u(50, 400)
        with b.at(b.u(-0.5, 0.5) * away, 0, eye[2] + away, b.u(-0.3, 0.3)):
            outdoors.tree_line(b, away * b.u(0.3, 1.2), b.u(5, 18))
    outdoors.hills(b, eye, 150, 700, b.pick((0, 1, 2)))
    outdoors.hills(b, eye, 600, 5000, b.pick((0, 2, 4)))


def _end(b: Builder, camera: Camera, ground: str, clear_m: float) -> Scene:
    skin = stuff(b, ground)
    return finish(b, WORLD, camera, daylight(b, clear_m), outdoors=True, walls=[skin] * 6)


def park(b: Builder) -> Scene:
    """Lawns, a path, trees, bushes, benches, people."""
    terrain = Terrain(b, "grass")
    camera = _camera(b, terrain)
    if b.chance(0.75):
        _path(b, b.u(0.6, 4))
    _scatter(b, terrain, camera, ("tree", "tree", "bush", "person", "bench", "fence", "rock"), b.n(4, 26))
    _far_off(b, camera)
    return _end(b, camera, "grass", b.u(150, 2000))


def wood(b: Builder) -> Scene:
    """Trunks near and far, leaves above, bushes and logs between; a path as often as not."""
    terrain = Terrain(b, b.pick(("ground", "grass")))
    _humps(b, terrain, 3)
    camera = _camera(b, terrain)
    eye = np.asarray(camera.eye, float)
    if b.chance(0.4) and not terrain.humps:
        _path(b, b.u(0.6, 3))
    bark, thick, leafy = stuff(b, "bark"), b.u(0.12, 0.45), b.chance(0.7)
    for _ in range(b.n(20, 80)):
        away = float(np.exp(b.u(0.95, 4.3)))
        x, z = b.u(-0.8, 0.8) * away, eye[2] + away
        foot, tall = terrain.height(x, z), b.u(10, 22)
        lean = b.rng.normal(size=2) * 0.03 * tall
        with clear_of(b, eye, 0.4):
            b.limb(
                (x, foot - 0.1, z), (x + lean[0], foot + tall, z + lean[1]), thick * b.u(0.4, 1.6), bark, 0.5
            )
            if away < 15 and b.chance(0.4):
                high = foot + b.u(1.5, 5)
                b.limb((x, high, z), (x + b.u(-2, 2), high + b.u(0, 1.5), z + b.u(-2, 2)), 0.05, bark, 0.4)
    leaf = stuff(b, "leaf", repeat=b.u(0.1, 0.5))
    for _ in range(b.n(3, 9) if leafy else 0):
        away, wide = b.u(8, 70), b.u(8, 25)
        with clear_of(b, eye, 1.0):
            b.ellipsoid((b.u(-0.7, 0.7) * away, b.u(7, 14), eye[2] + away), (wide, b.u(3, 7), wide), leaf)
    _scatter(b, terrain, camera, ("bush", "bush", "log", "rock"), b.n(2, 16))
    for k in range(5):
        with b.at((k - 2) * 45, 0, eye[2] + b.u(75, 100)):
            outdoors.tree_line(b, 60, b.u(10, 22)) if k % 2 else b.box((0, 7, 0), (60, 14, 5), leaf)
    return _end(b, camera, terrain.skin, b.u(80, 600))


def shore(b: Builder) -> Scene:
    """Water to the horizon or to the other bank; a beach, a quay or rocks on this side."""
    terrain = Terrain(b, b.pick(("sand", "sand", "ground", "grass")))
    water, reach = stuff(b, "water"), b.u(4, 40)
    edge = b.u(-0.5, 0.5)
    with b.at(0, 0, START_M, edge):
        b.box((0, -0.49, reach + 1000), (6000, 1.0, 2000), water)
        for _ in range(b.n(0, 6)):
            place = (b.u(-1, 1) * reach * 1.5, 0, reach + b.u(-2, 1))
            b.ellipsoid(place, (b.u(3, 15), b.u(0.1, 0.7), b.u(2, 6)), stuff(b, terrain.skin))
    camera = _camera(b, terrain, (-0.25, 0.08))
    eye = np.asarray(camera.eye, float)
    _scatter(b, terrain, camera, ("rock", "rock", "rock", "bush", "person", "log"), b.n(0, 18))
    if b.chance(0.5):
        away = b.u(60, 600)
        for _ in range(b.n(1, 4)):
            with b.at(b.u(-0.8, 0.8) * away, 0, eye[2] + away * b.u(0.9, 1.3), b.u(-0.3, 0.3)):
                outdoors.tree_line(b, away * b.u(0.2, 0.8), b.u(4, 15))
    for _ in range(b.pick((0, 0, 1, 2))):
        away = b.u(8, 150) + reach
        with clear_of(b, eye, 1.0), b.at(b.u(-0.5, 0.5) * away, 0, eye[2] + away, b.u(0, 2 * pi)):
            boat(b)
    outdoors.hills(b, eye, 400, 5000, b.pick((0, 1, 3, 5)))
    return _end(b, camera, terrain.skin, b.u(200, 4000))


def boat(b: Builder) -> None:
    hull, long = b.plain(), b.u(3, 9)
    b.ellipsoid((0, 0.35, 0), (long * 0.3, 1.0, long), hull)
    b.box((0, 0.9, 0.1 * long), (long * 0.2, 0.7, long * 0.3), b.plain(0.9))
    if b.chance(0.6):
        b.limb((0, 0.4, 0), (0, long * 1.2, 0), 0.1, b.plain())
        if b.chance(0.6):
            b.box((0, long * 0.7, long * 0.15), (0.03, long * 0.9, long * 0.35), b.plain(0.95))


def fields(b: Builder) -> Scene:
    """Fields and meadows of many colours, fences, bales, trees, a farm, hills and mountains far off."""
    terrain = Terrain(b, b.pick(("grass", "grass", "ground")))
    camera = _camera(b, terrain, (-0.2, 0.08))
    eye = np.asarray(camera.eye, float)
    if b.chance(0.5):
        _path(b, b.u(1, 4))
    turn = b.u(-0.8, 0.8)
    for k in range(b.n(1, 8)):
        away, x = float(np.exp(b.u(2, 5.7))), b.u(-0.8, 0.8)
        skin = stuff(b, b.pick(("grass", "ground", "grass", "sand")))
        if b.chance(0.4):
            skin = b.surface("stripes", dark=skin.dark, light=skin.light, repeat=b.u(0.1, 0.6))
        size = (away * b.u(0.4, 1.5), 0.2, away * b.u(0.4, 1.5))
        b.box((x * away, -0.1 + 0.02 + 0.003 * k, eye[2] + away), size, skin, rotation_y(turn))
    _scatter(b, terrain, camera, ("fence", "bush", "tree", "rock", "person"), b.n(1, 14))
    for _ in range(b.pick((0, 0, 3, 8))):
        away = float(np.exp(b.u(1.5, 4.5)))
        with clear_of(b, eye, 0.8), b.at(b.u(-0.7, 0.7) * away, 0, eye[2] + away, b.u(0, pi)):
            b.cylinder((0, 0.65, 0), (1.3, 1.2, 1.3), stuff(b, "sand"), rotation_x(pi / 2))
    if b.chance(0.4):
        away = b.u(30, 200)
        with b.at(b.u(-0.6, 0.6) * away, 0, eye[2] + away, b.u(-1, 1)):
            house(b, b.u(8, 25), b.u(7, 12), b.u(3, 6))
    _far_off(b, camera)
    outdoors.hills(b, eye, 500, 5000, b.n(0, 4))
    return _end(b, camera, terrain.skin, b.u(300, 5000))


def humps_and_rocks(b: Builder) -> Scene:
    """Open ground with humps and boulders: dunes, moors, slopes below mountains."""
    terrain = Terrain(b, b.pick(("grass", "ground", "sand", "rock")))
    _humps(b, terrain, 14)
    camera = _camera(b, terrain)
    makers = b.pick((("rock",), ("rock", "bush"), ("rock", "rock", "tree", "person"), ("bush", "tree")))
    _scatter(b, terrain, camera, makers, b.n(3, 40))
    _far_off(b, camera)
    return _end(b, camera, terrain.skin, b.u(200, 5000))
