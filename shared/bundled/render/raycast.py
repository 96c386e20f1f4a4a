"""Ray casting of a table of solids in torch, the same on a CPU and on CUDA.

A picture is a table of rows, one per solid, and every pixel tries every row: no tree, no mesh.
Rays are not normalised: their component along the camera axis is 1, so that the ray parameter `t` *is* the
depth along the camera axis in metres. World axes: x right, y up, z forward. Importing this
module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# Columns of a row. A solid maps the world to its own cube [-1, 1]^3 by local = M (world - centre).
M = slice(0, 9)
CENTRE = slice(9, 12)
ROUND = 12  # 0: box, 1: quadric x^2 + z^2 + a y^2 + b y + c = 0 with |y| <= 1 and flat caps
A, B, C = 13, 14, 15
SHELL = 16  # 1: a box that is seen from inside
HALF = slice(17, 20)  # half sizes in metres, for textures
TEXTURE, FIT, REPEAT, OFFSET = 20, 21, 22, 23
DARK = slice(24, 27)  # colour where the texture is 0, linear RGB
LIGHT = slice(27, 30)  # colour where the texture is 1
SPECULAR, SHININESS, EMISSION = 30, 31, 32
COLUMNS = 33

SHELLS = 2
SHELL_FACES = 6
HOLES = 4
NEAR_M = 0.06
FAR_M = 1.0e5
_ID_MASK = 255
SMALL_WINDOW_PX = 1500


@dataclass
class Rays:
    """Origins and directions, each component (B, 1, P) or broadcastable to it."""

    origin: Sequence[Tensor]
    direction: Sequence[Tensor]


Vector = Sequence[Tensor]
Numbers = Sequence[Tensor] | Sequence[float]
"""A part of a ray or of a row that may be the same for all pixels."""


def to_local(rows: Tensor, origin: Vector, direction: Vector) -> tuple[Vector, Vector]:
    """Rows (..., COLUMNS) with rays of broadcastable shapes -> origin and direction in the solids' cubes."""
    m = [rows[..., i] for i in range(9)]
    x, y, z = (origin[i] - rows[..., 9 + i] for i in range(3))
    u, v, w = direction
    local_o = tuple(m[3 * i] * x + m[3 * i + 1] * y + m[3 * i + 2] * z for i in range(3))
    local_d = tuple(m[3 * i] * u + m[3 * i + 1] * v + m[3 * i + 2] * w for i in range(3))
    return local_o, local_d


def slabs(o: Numbers, d: Vector) -> tuple[Tensor, Tensor]:
    """Where a ray enters and leaves the cube [-1, 1]^3; it misses where enter > leave."""
    enter = leave = None
    for i in range(3):
        inverse = 1.0 / torch.where(d[i].abs() < 1e-9, 1e-9, d[i])
        middle, half = -o[i] * inverse, inverse.abs()
        low, high = middle - half, middle + half
        enter = low if enter is None else torch.maximum(enter, low)
        leave = high if leave is None else torch.minimum(leave, high)
    return enter, leave  # type: ignore[return-value]


def hit_boxes(rows: Tensor, rays: Rays, near: float) -> Tensor:
    """(B, N, 1, COLUMNS) against (B, 1, P) -> t (B, N, P); FAR_M where missed."""
    return enter_box(*to_local(rows, rays.origin, rays.direction), near)


def enter_box(o: Numbers, d: Vector, near: float) -> Tensor:
    enter, leave = slabs(o, d)
    return torch.where((enter < leave) & (enter > near), enter, FAR_M)


def hit_rounds(rows: Tensor, rays: Rays, near: float) -> Tensor:
    """Capped quadrics: ellipsoids, cylinders, cones. Shapes as in `hit_boxes`."""
    o, d = to_local(rows, rays.origin, rays.direction)
    return enter_round(o, d, (rows[..., A], rows[..., B], rows[..., C]), near)


def enter_round(o: Numbers, d: Vector, abc: Numbers, near: float) -> Tensor:
    """The nearest crossing of the side with |y| <= 1, or of the cap that faces the ray."""
    (ox, oy, oz), (dx, dy, dz), (a, b, c) = o, d, abc
    qa = dx * dx + dz * dz + a * dy * dy
    qa = torch.where(qa.abs() < 1e-9, 1e-9, qa)
    qb = ox * dx + oz * dz + (a * oy + 0.5 * b) * dy
    qc = ox * ox + oz * oz + (a * oy + b) * oy + c
    disc = qb * qb - qa * qc
    root = torch.sqrt(disc.clamp_min(0.0))
    best = torch.full_like(disc, FAR_M)
    for sign in (-1.0, 1.0):
        t = (sign * root - qb) / qa
        fine = (disc > 0) & (t > near) & ((oy + t * dy).abs() <= 1.0)
        best = torch.where(fine, torch.minimum(best, t), best)
    cap = -torch.sign(dy)
    t = (cap - oy) / torch.where(dy.abs() < 1e-9, 1e-9, dy)
    x, z = ox + t * dx, oz + t * dz
    fine = (t > near) & (x * x + z * z + a + b * cap + c <= 0)
    return torch.where(fine, torch.minimum(best, t), best)


def nearest_in_windows(
    solids: Tensor, windows: Tensor, eye: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """One picture, each solid only where it can be seen: the same answer as `nearest`, on a CPU much sooner.

    solids: (N, COLUMNS). windows: (N, 4) left, top, right, bottom in pixels. direction: (3, H, W).
    Returns t (H, W) and row number (H, W).
    """
    return _Windowed(solids, windows, eye, direction).nearest()


class _Windowed:
    """Solids with large windows go one by one, as blocks; those with small ones together, as pixel lists."""

    def __init__(self, solids: Tensor, windows: Tensor, eye: Tensor, direction: Tensor) -> None:
        self.solids, self.windows, self.direction = solids, windows, direction
        self.turns = solids[:, M].reshape(-1, 3, 3)
        self.origins = torch.einsum("nij,nj->ni", self.turns, eye - solids[:, CENTRE])
        self.best = torch.full(direction.shape[1:], FAR_M)
        self.row = torch.zeros(direction.shape[1:], dtype=torch.int64)

    def nearest(self) -> tuple[Tensor, Tensor]:
        left, top, right, bottom = self.windows.unbind(1)
        area = (right - left) * (bottom - top)
        for i in (area > SMALL_WINDOW_PX).nonzero()[:, 0].tolist():
            self._try_one(i)
        small = (area > 0) & (area <= SMALL_WINDOW_PX)
        is_round = self.solids[:, ROUND] > 0.5
        self._try_many((small & ~is_round).nonzero()[:, 0], is_round=False)
        self._try_many((small & is_round).nonzero()[:, 0], is_round=True)
        return self.best, self.row

    def _try_one(self, i: int) -> None:
        left, top, right, bottom = self.windows[i].tolist()
        part = (slice(top, bottom), slice(left, right))
        rays = self.direction[:, part[0], part[1]]
        d = torch.mm(self.turns[i], rays.reshape(3, -1)).view(rays.shape).unbind(0)
        o = self.origins[i].tolist()
        is_round, *abc = self.solids[i, ROUND : C + 1].tolist()
        t = enter_round(o, d, abc, NEAR_M) if is_round else enter_box(o, d, NEAR_M)
        nearer = t < self.best[part]
        self.best[part] = torch.where(nearer, t, self.best[part])
        self.row[part].masked_fill_(nearer, i)

    def _try_many(self, chosen: Tensor, *, is_round: bool) -> None:
        window, pixel = _pairs(self.windows[chosen], self.direction.shape[2])
        solid = chosen[window]
        d = torch.einsum("kij,jk->ik", self.turns[solid], self.direction.reshape(3, -1)[:, pixel]).unbind(0)
        o = self.origins[solid].unbind(1)
        abc = self.solids[solid, A : C + 1].unbind(1)
        t = enter_round(o, d, abc, NEAR_M) if is_round else enter_box(o, d, NEAR_M)
        best, row = self.best.view(-1), self.row.view(-1)
        hit = (t < best[pixel]).nonzero()[:, 0]
        solid, pixel, t = solid[hit], pixel[hit], t[hit]
        best.scatter_reduce_(0, pixel, t, "amin")
        mine = (t == best[pixel]).nonzero()[:, 0]
        row[pixel[mine]] = solid[mine]


def _pairs(windows: Tensor, width_px: int) -> tuple[Tensor, Tensor]:
    """Every pixel of every window: number of the window and number of the pixel, flat."""
    left, top, right, bottom = windows.unbind(1)
    wide = right - left
    count = wide * (bottom - top)
    window = torch.repeat_interleave(torch.arange(len(windows)), count)
    place = torch.arange(len(window)) - (count.cumsum(0) - count)[window]
    wide = wide[window]
    down = torch.div(place, wide, rounding_mode="floor")
    return window, (top[window] + down) * width_px + left[window] + place - down * wide


def nearest(boxes: Tensor, rounds: Tensor, rays: Rays, near: float) -> tuple[Tensor, Tensor]:
    """(B, Nb, COLUMNS), (B, Nr, COLUMNS) -> t (B, P) and row number (B, P) int32, rounds after boxes."""
    t_box, key_box = _reduce(hit_boxes(boxes[:, :, None], rays, near), 0)
    t_round, key_round = _reduce(hit_rounds(rounds[:, :, None], rays, near), boxes.shape[1])
    return torch.minimum(t_box, t_round), torch.minimum(key_box, key_round) & _ID_MASK


def _reduce(t_bnp: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """Smallest t and a key that carries the row in its low bits.

    Positive floats keep their order when read as integers, so one integer minimum finds the row too.
    """
    rows = torch.arange(t_bnp.shape[1], device=t_bnp.device, dtype=torch.int32)[None, :, None] + first
    key = (t_bnp.contiguous().view(torch.int32) & ~_ID_MASK) | rows
    return t_bnp.amin(1), key.amin(1)


def occluded(boxes: Tensor, rounds: Tensor, rays: Rays) -> Tensor:
    """(B, P) bool: something lies between the origin and origin + direction."""
    near = 1e-5  # of the way to the light: the sun is far, and a car's shadow begins under it
    t = torch.minimum(
        hit_boxes(boxes[:, :, None], rays, near).amin(1), hit_rounds(rounds[:, :, None], rays, near).amin(1)
    )
    return t < 1.0


def hit_shells(shells: Tensor, holes: Tensor, open_faces: Tensor, rays: Rays) -> tuple[Tensor, Tensor]:
    """The room around and the world outside it.

    shells: (B, SHELLS, COLUMNS), the inner first. holes: (B, HOLES, 5) in the inner shell: face, u0, u1,
    v0, v1 in its cube's coordinates. open_faces: (B, SHELLS * SHELL_FACES), 1 where a face is the sky.
    Returns t (B, P), FAR_M for the sky, and face number (B, P): 0..5 inner, 6..11 outer, 12 sky.
    """
    t, face, u, v = _leave(shells[:, 0, None, None], rays)
    if bool((holes[..., 0] >= 0).any()):
        hole = torch.zeros_like(t, dtype=torch.bool)
        for i in range(HOLES):
            side, u0, u1, v0, v1 = (holes[:, i, None, None, k] for k in range(5))
            hole = hole | ((face == side) & (u > u0) & (u < u1) & (v > v0) & (v < v1))
        t_out, face_out, _, _ = _leave(shells[:, 1, None, None], rays)
        t, face = torch.where(hole, t_out, t), torch.where(hole, face_out + SHELL_FACES, face)
    t, face = t.squeeze(1), face.squeeze(1)
    sky = torch.gather(open_faces, 1, face.long()) > 0.5
    return torch.where(sky, FAR_M, t), torch.where(sky, SHELLS * SHELL_FACES, face)


def _leave(rows: Tensor, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    o, d = to_local(rows, rays.origin, rays.direction)
    _, t = slabs(o, d)
    x, y, z = (o[i] + t * d[i] for i in range(3))
    axis = dominant_axis(x, y, z)
    along = torch.where(axis == 0, x, torch.where(axis == 1, y, z))
    face = 2 * axis + (along > 0).int()
    u = torch.where(axis == 0, z, x)
    v = torch.where(axis == 1, z, y)
    return torch.where(t > 0, t, FAR_M), face, u, v


def dominant_axis(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """0, 1 or 2 (int32): the axis of the cube's face nearest to the point."""
    ax, ay, az = x.abs(), y.abs(), z.abs()
    return torch.where((ax >= ay) & (ax >= az), 0, torch.where(ay >= az, 1, 2)).int()
