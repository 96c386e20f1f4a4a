"""A road that bends and rises in straight pieces, and what is on its surface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import atan, cos, sin
from typing import Literal

import numpy as np

from shared.bundled.render import Builder, Surface, rotation_x
from shared.bundled.scenes.outdoors import stuff

END_M = 1200.0
Style = Literal["city", "suburb", "country", "motorway"]


@dataclass
class Piece:
    """A straight part of a road: it starts at x, y, z, runs to yaw, rises by slope a metre."""

    start: np.ndarray
    yaw: float
    slope: float
    from_m: float
    to_m: float


class Road:
    """A road in pieces; a place on it is metres ahead of the camera and metres to the right of its middle."""

    def __init__(self, b: Builder, eye_z: float) -> None:
        self.b, start = b, np.array([0.0, 0.0, eye_z])
        bend, rise = b.pick((0.0, 0.0, b.u(-0.16, 0.16))), b.pick((0.0, 0.0, 0.0, b.u(0.01, 0.035)))
        self.pieces: list[Piece] = []
        at, yaw, slope = 0.0, 0.0, 0.0
        for _ in range(4 if bend or rise else 1):
            to = at + b.u(15, 50) if bend or rise else END_M
            self.pieces.append(Piece(start, yaw, slope, at, to))
            way = np.array([sin(yaw), slope, cos(yaw)])
            start, at, yaw, slope = start + way * (to - at), to, yaw + bend, slope + rise
        self.pieces[0].from_m, self.pieces[-1].to_m = -60.0, END_M / 2 if bend or rise else END_M
        self.pieces[0].start = self.pieces[0].start - (0.0, 0.0, 60.0)

    @contextmanager
    def at(self, ahead: float, right: float, yaw: float = 0.0) -> Iterator[None]:
        """The builder's axes upright on the ground there, z along the road."""
        piece = next(p for p in self.pieces if ahead <= p.to_m or p is self.pieces[-1])
        x, y, z = piece.start
        with (
            self.b.at(x, y, z, piece.yaw),
            self.b.at(right, (ahead - piece.from_m) * piece.slope, ahead - piece.from_m, yaw),
        ):
            yield

    def strip(
        self,
        right: float,
        wide: float,
        high: float,
        surface: Surface,
        span: tuple[float, float] = (-60.0, 1e9),
    ) -> None:
        """A band along the road, its top `high` above the ground."""
        for i, piece in enumerate(self.pieces):
            low, end = max(piece.from_m, span[0]), min(piece.to_m, span[1])
            if end <= low:
                continue
            turn = piece.yaw - self.pieces[i - 1].yaw if i else 0.0
            lap = (abs(right) + wide / 2) * abs(turn) / 2
            length, middle = end - low + 2 * lap, (low + end) / 2 - piece.from_m
            x, y, z = piece.start
            with self.b.at(x, y, z, piece.yaw):
                self.b.box(
                    (right, high - 0.15 + middle * piece.slope, middle),
                    (wide, 0.3, length),
                    surface,
                    rotation_x(-atan(piece.slope)),
                )


@dataclass
class Plan:
    """Metres to the right of the road's middle: half the road, pavements behind it, fronts of the houses."""

    style: Style
    half: float
    pavement: float
    front: float
    keep_left: bool

    @property
    def lane(self) -> float:
        """The middle of the camera's own lane."""
        return (-0.5 if self.keep_left else 0.5) * self.half


def plan_for(b: Builder, style: Style) -> Plan:
    half, pavement, front = {
        "city": (b.u(2.8, 7.5), b.u(1.5, 4.5), b.u(0, 1.5)),
        "suburb": (b.u(2.4, 4.5), b.u(0, 2.5), b.u(2, 9)),
        "country": (b.u(2.4, 4), 0.0, b.u(4, 20)),
        "motorway": (b.u(5, 9), 0.0, b.u(6, 30)),
    }[style]
    return Plan(style, half, pavement, half + pavement + front, b.chance(0.3))


def surface(b: Builder, road: Road, plan: Plan) -> None:
    """The carriageway with its marks, rails, crossings; kerbs, pavements, crash barriers."""
    half, tar = plan.half, stuff(b, b.pick(("asphalt", "asphalt", "asphalt", "paving")))
    road.strip(0, 2 * half, 0.01, tar)
    if plan.pavement > 0.5:
        stones, kerb = stuff(b, b.pick(("paving", "paving", "asphalt"))), stuff(b, "paving")
        for side in (-1, 1):
            road.strip(side * (half + plan.pavement / 2 + 0.1), plan.pavement, 0.12, stones)
            road.strip(side * (half + 0.08), 0.16, 0.13, kerb)
    _marks(b, road, plan)
    if plan.style == "city" and b.chance(0.3):
        steel = b.surface("plain", dark=(0.25, 0.25, 0.26), light=(0.5, 0.5, 0.5), specular=0.8)
        for track in (-0.45, 0.45) if half > 4.5 else (0.0,):
            for rail in (-0.72, 0.72):
                road.strip(track * half + rail, 0.08, 0.018, steel)
    if plan.style == "motorway" or (plan.style == "country" and b.chance(0.4)):
        for side in (-1, 1):
            _crash_barrier(b, road, side * (half + 0.8))


def _marks(b: Builder, road: Road, plan: Plan) -> None:
    """Lines between the lanes and along the edges, a crossing."""
    white, half = b.plain(b.pick((0.95, 0.85, 0.7))), plan.half
    lanes = (0.0,) if plan.style != "motorway" else (-half / 3, half / 3)
    dashed, long, wide = b.chance(0.65), b.u(1.5, 5), b.u(0.1, 0.2)
    for x in lanes if b.chance(0.65) else ():
        if not dashed:
            road.strip(x, wide, 0.016, white)
        for k in range(8 if dashed else 0):
            start = b.u(0, 1) + (k - 0.5) * 2.4 * long
            road.strip(x, wide, 0.016, white, (start, start + long))
    if plan.style == "motorway" or b.chance(0.3):
        for side in (-1, 1):
            road.strip(side * (half - b.u(0.2, 0.5)), 0.14, 0.016, white)
    if b.chance(0.25):
        ahead = b.u(4, 35)
        for k in range(int(2 * half)):
            with road.at(ahead, -half + 0.5 + k):
                b.box((0, 0.01, 0), (0.5, 0.02, b.u(2.9, 3.1)), white)


def _crash_barrier(b: Builder, road: Road, right: float) -> None:
    steel = b.plain(b.u(0.5, 0.9))
    road.strip(right, 0.08, 0.75, steel)
    for k in range(6):
        with road.at(4 + 6 * k, right):
            b.box((0, 0.35, 0), (0.12, 0.7, 0.08), steel)
