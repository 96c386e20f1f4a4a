"""Streets at the eye level of somebody who drives or walks: a road to the horizon and what lines it."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np

from shared.bundled.render import Builder, Camera, Scene, rotation_x
from shared.bundled.scenes import outdoors, streetside, vehicles
from shared.bundled.scenes.houses import house
from shared.bundled.scenes.outdoors import clear_of, daylight, is_full, stuff
from shared.bundled.scenes.roads import Plan, Road, Style, plan_for, surface
from shared.bundled.scenes.surroundings import Room, finish, lens

WORLD = Room(2400, 300, 2400)
BEHIND_M = 1000.0  # how far the ground goes on behind the camera


def driver_street(b: Builder) -> Scene:
    """Seen from a car, a bus or a bicycle on the road."""
    style: Style = b.pick(("city", "city", "city", "suburb", "suburb", "suburb", "country", "motorway"))
    plan = plan_for(b, style)
    aside = plan.lane + b.u(-0.3, 0.3) * plan.half if b.chance(0.85) else b.u(-0.6, 0.6) * plan.half
    eye = np.array([aside, b.pick((b.u(1.2, 1.9), b.u(1.4, 1.7), b.u(1.8, 2.6))), BEHIND_M])
    camera = lens(b, Camera(eye=eye, yaw=b.rng.normal() * b.pick((0.03, 0.1, 0.3)), pitch=b.u(-0.12, 0.06)))
    camera = replace(camera, focal=float(np.exp(b.u(-0.6, 0.1))), roll=b.rng.normal() * 0.015, blur=0.0)
    if b.chance(0.1):
        _bonnet(b, eye)
    return _street(b, plan, camera)


def walker_street(b: Builder) -> Scene:
    """Seen by somebody on the pavement, at a crossing, or across the street."""
    style: Style = b.pick(("city", "city", "city", "suburb", "suburb"))
    plan = plan_for(b, style)
    side = b.pick((-1, 1))
    aside = side * (plan.half + b.u(-0.2, 1.0) * max(plan.pavement, 0.8))
    eye = np.array([aside, b.u(1.2, 1.85), BEHIND_M])
    turn = b.pick((b.u(-0.3, 0.3), b.u(-0.3, 0.3), -side * b.u(0.2, 1.3)))
    camera = lens(b, Camera(eye=eye, yaw=turn, pitch=b.u(-0.2, 0.12)))
    return _street(b, plan, replace(camera, roll=b.rng.normal() * 0.03))


def _street(b: Builder, plan: Plan, camera: Camera) -> Scene:
    eye = np.asarray(camera.eye, float)
    road = Road(b, float(eye[2]))
    ground = stuff(b, b.pick(("grass", "grass", "ground", "paving")))
    for piece in road.pieces:
        if piece.slope:
            road.strip(0, 500, 0.0, ground, (piece.from_m, piece.to_m))
    surface(b, road, plan)
    outdoors.hills(b, eye, 250, 900, b.pick((0, 1, 2, 3)))
    for side in (-1, 1):
        _row(b, road, plan, side, eye)
    if b.chance(0.25 if plan.style == "motorway" else 0.06):
        with clear_of(b, eye, 1.0):
            streetside.bridge(b, road, plan.half + plan.pavement)
    _traffic(b, road, plan, eye)
    _people(b, road, plan, eye)
    for side in (-1, 1):
        _poles(b, road, plan, side, eye)
    lights = daylight(b, b.u(150, 1500))
    return finish(b, WORLD, camera, lights, outdoors=True, walls=[ground] * 6)


def _bonnet(b: Builder, eye: np.ndarray) -> None:
    paint = b.plain()
    b.box((eye[0] + b.u(-0.4, 0.4), eye[1] - 0.65, eye[2] + 1.1), (1.7, 0.3, 1.4), paint, rotation_x(0.1))


def _traffic(b: Builder, road: Road, plan: Plan, eye: np.ndarray) -> None:
    """Cars in the lanes, and rows of parked ones along the kerbs."""
    own = 1 if plan.lane > 0 else -1
    for direction, most in ((own, 3), (-own, 3)):
        ahead = b.u(7, 45)
        for _ in range(b.n(0, most)):
            right = direction * plan.half * (b.pick((0.25, 0.7)) if plan.half > 6 else b.u(0.35, 0.55))
            with (
                clear_of(b, eye, 1.0),
                road.at(ahead, right, (pi if direction == own else 0) + b.u(-0.03, 0.03)),
            ):
                if b.chance(0.06):
                    vehicles.bicycle(b)
                else:
                    vehicles.vehicle(b, simple=ahead > 22)
            ahead += b.u(8, 50)
    if plan.style not in ("city", "suburb") or plan.half < 2.6:
        return
    for side in (-1, 1):
        if b.chance(0.35):
            continue
        ahead, shift = b.u(-4, 12), b.u(0.85, 1.1)
        for _ in range(b.n(2, 8)):
            gap = b.pick((b.u(0.5, 1.5), b.u(0.5, 1.5), b.u(2, 25)))
            with clear_of(b, eye, 1.2), road.at(ahead, side * (plan.half - shift), b.pick((0.0, pi))):
                vehicles.vehicle(b, simple=ahead > 14)
            ahead += 6.0 + gap


def _poles(b: Builder, road: Road, plan: Plan, side: int, eye: np.ndarray) -> None:
    """Trees, lamps, poles with wires, signs and traffic lights along one side."""
    right = side * (plan.half + min(0.3 * plan.pavement, 0.9) + (0.2 if plan.pavement else 1.5))
    if b.chance(0.5):
        step, tall, ahead = b.u(6, 16), b.u(4, 14), b.u(2, 14)
        for _ in range(b.n(2, 8)):
            with clear_of(b, eye, 0.8), road.at(ahead, right):
                outdoors.tree(b, tall * b.u(0.8, 1.2), simple=ahead > 35)
            ahead += step * b.u(0.8, 1.3)
    if b.chance(0.45):
        streetside.lamp_posts(b, road, right, side, eye)
    if b.chance(0.3):
        streetside.wires(b, road, right + side * 0.3, eye)
    for _ in range(b.pick((0, 1, 1, 2, 3))):
        with clear_of(b, eye, 0.6), road.at(b.u(4, 50), right, b.u(-0.3, 0.3)):
            streetside.sign(b)


def _people(b: Builder, road: Road, plan: Plan, eye: np.ndarray) -> None:
    if plan.style in ("country", "motorway"):
        return
    for _ in range(b.pick((0, 0, 1, 2, 4, 6))):
        ahead = float(np.exp(b.u(0.9, 3.9)))
        right = b.pick((-1, 1)) * (plan.half + b.u(0.1, 0.9) * max(plan.pavement, 1.0))
        if b.chance(0.15):
            right = b.u(-1, 1) * plan.half
        with clear_of(b, eye, 0.6), road.at(ahead, right, b.u(0, 2 * pi)):
            outdoors.passer_by(b)


BUILT = {"city": 0.95, "suburb": 0.75, "country": 0.12, "motorway": 0.15}
HEIGHTS_M = {"city": (6, 20), "suburb": (3, 8), "country": (3, 7), "motorway": (4, 15)}


def _row(b: Builder, road: Road, plan: Plan, side: int, eye: np.ndarray) -> None:
    """What lines one side: houses with gaps, walls, hedges, trees, nothing; it leaves solids for the rest."""
    gap = {"city": b.pick((0.0, 0.0, 0.2)), "suburb": b.u(2, 9), "country": b.u(5, 20), "motorway": 10.0}
    edge, ahead, near_left = plan.half + plan.pavement + 0.5, b.u(-25, -8), b.pick((0, 1, 1, 2))
    if plan.front > edge + 1 and b.chance(0.75):
        _boundary(b, road, side * (edge + 0.3), eye)
    while ahead < 250 and not is_full(b, 100 if side < 0 else 65):
        wide = (b.u(6, 20) if plan.style == "city" else b.u(7, 14)) * (1 + max(ahead, 0) / 100)
        middle = ahead + wide / 2
        with clear_of(b, eye, 0.9), road.at(middle, side * plan.front, side * pi / 2):
            if b.chance(BUILT[plan.style]):
                near = 2 < middle < 26 and near_left > 0
                near_left -= near
                house(b, wide, b.u(6, 13), b.u(*HEIGHTS_M[plan.style]), near=near)
            elif plan.style != "city" and b.chance(0.7):
                _plants(b, wide, simple=middle > 20)
        if plan.style == "suburb" and b.chance(0.3):
            with clear_of(b, eye, 0.4), road.at(middle, side * (edge + 0.5 * (plan.front - edge))):
                outdoors.bush(b, b.u(0.8, 2))
        ahead += wide + gap[plan.style] * b.u(0.3, 1.7)


def _plants(b: Builder, wide: float, *, simple: bool) -> None:
    for _ in range(b.n(1, 3)):
        with b.at(b.u(-0.5, 0.5) * wide, 0, b.u(0, 8)):
            if b.chance(0.7):
                outdoors.tree(b, b.u(3, 12), simple=simple)
            else:
                outdoors.bush(b, 2)


def _boundary(b: Builder, road: Road, right: float, eye: np.ndarray) -> None:
    """Fences, walls and hedges along the pavement, with gaps."""
    ahead, length = b.u(-8, 2), b.u(5, 25)
    for _ in range(b.n(1, 6)):
        with clear_of(b, eye, 0.7), road.at(ahead + length / 2, right, pi / 2):
            outdoors.fence(b, length)
        ahead += length + b.u(0.5, 5)


def square(b: Builder) -> Scene:
    """A market square or a pedestrian street: paving, stalls, people near and far, houses round about."""
    eye = np.array([0.0, b.u(1.2, 1.9), BEHIND_M])
    ground, wide, deep = stuff(b, b.pick(("paving", "paving", "asphalt"))), b.u(6, 30), b.u(15, 70)
    for _ in range(b.pick((1, 3, 5, 7))):
        away = float(np.exp(b.u(0.6, 3.4)))
        with clear_of(b, eye, 0.6), b.at(b.u(-0.5, 0.5) * away, 0, eye[2] + away, b.u(0, 2 * pi)):
            outdoors.passer_by(b)
    for _ in range(b.pick((0, 0, 2, 4))):
        with (
            clear_of(b, eye, 0.8),
            b.at(b.u(-0.8, 0.8) * wide, 0, eye[2] + b.u(3, 0.8 * deep), b.u(-0.5, 0.5)),
        ):
            streetside.stall(b)
    for _ in range(b.n(0, 4)):
        with clear_of(b, eye, 0.8), b.at(b.u(-0.9, 0.9) * wide, 0, eye[2] + b.u(4, deep)):
            b.pick(
                (streetside.bench, lambda k: outdoors.tree(k, k.u(4, 9)), streetside.sign, vehicles.bicycle)
            )(b)
    for side in (-1, 1):
        ahead = b.u(-20, -5)
        while ahead < deep and not is_full(b, 60):
            front = b.u(6, 16)
            with clear_of(b, eye, 0.4), b.at(side * wide, 0, eye[2] + ahead + front / 2, side * pi / 2):
                house(b, front, b.u(7, 12), b.u(6, 18), near=0 < ahead < 20 and not is_full(b, 90))
            ahead += front + b.pick((0.0, 0.0, 3.0))
    x = -wide
    while x < wide and not is_full(b, 12):
        front = b.u(6, 18)
        if b.chance(0.85):
            with b.at(x + front / 2, 0, eye[2] + deep):
                house(b, front, b.u(7, 12), b.u(6, 22), near=deep < 30 and not is_full(b, 60))
        x += front
    outdoors.hills(b, eye, 250, 900, b.n(0, 2))
    camera = lens(b, Camera(eye=eye, yaw=b.u(-0.6, 0.6), pitch=b.u(-0.15, 0.12)))
    camera = replace(camera, roll=b.rng.normal() * 0.04)
    return finish(b, WORLD, camera, daylight(b, b.u(200, 1500)), outdoors=True, walls=[ground] * 6)
