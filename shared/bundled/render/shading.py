"""How what is seen looks: texture, light, shadow, highlight, fog, sky. The light's columns are those of
`renderer._light_row`. Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from shared.bundled.render import raycast as rc
from shared.bundled.render.meshes import MeshScene
from shared.bundled.render.patterns import SIDE_PX
from shared.bundled.render.scene import Panorama
from shared.bundled.render.textures import LEVELS, Atlas

SHADOW_CASTERS = 12  # of either shape
MIRRORED = 24  # of either shape: the largest, as the camera sees them
TILE_PX = 3  # of the shadow's pixels: each looks at another place of the lamp, and all are averaged
MATT_SHININESS, SMOOTH_SHININESS = 5.0, 120.0


@dataclass
class MeshesSeen:
    """Where a mesh is seen instead of a solid: mask and t (1, P), albedo and normal (3, 1, P)."""

    mask: Tensor
    t: Tensor
    albedo: Tensor
    normal: Tensor
    meshes: MeshScene

    def occluded(self, start: Sequence[Tensor], towards: Sequence[Tensor]) -> Tensor:
        """(1, P) bool, for rays of (1, 1, P) a component."""
        origin, direction = (torch.cat(list(v)).reshape(3, -1).numpy() for v in (start, towards))
        return torch.from_numpy(self.meshes.occluded(origin, direction))[None]


@dataclass
class Seen:
    """What the camera's rays met.

    columns: the surfaces' table, one (B, P) tensor a column. t: (B, P) depth in metres. sky: (B, P) bool.
    panoramas: one a picture, None where the sky is a gradient.
    """

    columns: list[Tensor]
    rays: rc.Rays
    t: Tensor
    sky: Tensor
    size: tuple[int, int]
    atlas: Atlas
    panoramas: list[Panorama | None]
    meshes: MeshesSeen | None = None


Vector = list[Tensor]


def shade(seen: Seen, tables: dict[str, Tensor], lamp: Tensor | None) -> Tensor:
    """Linear RGB (B, 3, P): a shadowed key light with a highlight, a fill light, a two-coloured ambient, what
    shiny surfaces mirror, fog.

    lamp: (3, TILE_PX ** 2) normal noise, the places on the key light that shadows are looked for from, which
    softens them; None: as a mirror shows it, without shadows and without mirrors.
    """
    k, light = seen.columns, tables["lights"]
    view = [d.squeeze(1) for d in seen.rays.direction]
    t_near = torch.where(seen.sky, 1.0, seen.t)
    hit = [seen.rays.origin[i].squeeze(1) + t_near * view[i] for i in range(3)]
    offset = [hit[i] - k[9 + i] for i in range(3)]
    p = [_dot(k[3 * i : 3 * i + 3], offset) for i in range(3)]
    normal = _normal(k, p, view)
    inverse_length = torch.rsqrt(_dot(view, view))
    albedo = _albedo(
        k, p, t_near, -_dot(normal, view) * inverse_length, camera=tables["camera"], atlas=seen.atlas
    )
    matt = torch.zeros_like(t_near, dtype=torch.bool)
    if seen.meshes is not None:
        matt = seen.meshes.mask
        normal = [torch.where(matt, seen.meshes.normal[i], normal[i]) for i in range(3)]
        albedo = [torch.where(matt, seen.meshes.albedo[i], albedo[i]) for i in range(3)]

    key = [light[:, i, None] - hit[i] for i in range(3)]
    distance2 = _dot(key, key)
    unit = [c * torch.rsqrt(distance2) for c in key]
    start = [hit[i] + 2e-3 * (1 + t_near * 0.05) * normal[i] for i in range(3)]
    shadow = (
        0.0 if lamp is None else _shadow(tables, start, key, seen, light[:, 7, None, None] * lamp[:, None])
    )
    lit = 1.0 - light[:, 8, None] * shadow
    fade = lit / (1.0 + light[:, 6, None] * (distance2 - 1.0)).clamp_min(0.05)
    cosine = _dot(normal, unit).clamp_min(0.0)
    half = [unit[i] - view[i] * inverse_length for i in range(3)]
    gloss = (_dot(normal, half) * torch.rsqrt(_dot(half, half) + 1e-9)).clamp_min(1e-4)
    gloss = k[rc.SPECULAR] * torch.exp(k[rc.SHININESS] * torch.log(gloss)) * (cosine > 0) * ~matt
    emission = k[rc.EMISSION] * ~matt
    fill = _dot(normal, [light[:, i, None] for i in (9, 10, 11)]).clamp_min(0.0)
    up = 0.5 + 0.5 * normal[1]
    haze = 1.0 - torch.exp(-light[:, 24, None] * t_near / inverse_length)
    height = (view[1] * inverse_length).clamp(0, 1)
    sky = _panorama_sky(seen, view)
    mirrored = None if lamp is None else _mirrored(seen, tables, start, normal, ~matt)
    channels = []
    for c in range(3):
        of = [light[:, first + c, None] for first in (3, 12, 15, 18, 21, 25, 28)]
        received = of[0] * cosine * fade + of[1] * fill + of[2] * up + of[3] * (1 - up)
        colour = albedo[c] * (received + emission) + gloss * of[0] * fade
        if mirrored is not None:
            colour = colour + (mirrored[1][:, c] - colour) * mirrored[0]
        colour = colour + (of[4] - colour) * haze
        above = of[5] + (of[6] - of[5]) * height
        above = above if sky is None else torch.where(sky[0], sky[1][:, c], above)
        channels.append(torch.where(seen.sky, above, colour))
    return torch.stack(channels, 1)


def _panorama_sky(seen: Seen, view: Vector) -> tuple[Tensor, Tensor] | None:
    """(B, 1) whether a picture has one, and (B, 3, P) its colours in each pixel's direction."""
    if not any(seen.panoramas):
        return None
    has = torch.tensor([panorama is not None for panorama in seen.panoramas])[:, None].to(view[0].device)
    colours = [
        torch.zeros(3, view[0].shape[1]) if panorama is None else _look_up(seen.atlas, panorama, view, i)
        for i, panorama in enumerate(seen.panoramas)
    ]
    return has, torch.stack(colours).to(view[0].device)


def _look_up(atlas: Atlas, panorama: Panorama, view: Vector, i: int) -> Tensor:
    """(3, P). The seam lies behind whoever looks along z at yaw 0, as in equirectangular pictures."""
    x, y, z = (c[i].cpu() for c in view)
    across = (torch.atan2(x, z) + panorama.yaw) / np.pi
    across = across - 2 * torch.round(across / 2)
    up = torch.atan2(y, torch.sqrt(x * x + z * z)) * 2 / np.pi
    lift = panorama.lift * 2 / np.pi
    down = -(lift + up.clamp_min(0.0) * (1 - lift)) if lift else -up
    picture = torch.from_numpy(atlas.panoramas[panorama.number]).float()[None]
    place = torch.stack([across, down], -1)[None, None]
    found = F.grid_sample(picture, place, padding_mode="border", align_corners=False)
    return found[0, :, 0] * panorama.gain


def _dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _mirrored(
    seen: Seen, tables: dict[str, Tensor], start: Vector, normal: Vector, solid: Tensor
) -> tuple[Tensor, Tensor] | None:
    """(B, P) share of what is seen that is mirrored, and its colours (B, 3, P); None where hardly any is.

    Traced at every second pixel each way, among the largest solids; rough surfaces mirror softly. The share
    is Schlick's ("An inexpensive BRDF model for physically-based rendering", 1994).
    """
    view = [d.squeeze(1) for d in seen.rays.direction]
    specular, shininess = seen.columns[rc.SPECULAR], seen.columns[rc.SHININESS]
    smooth = torch.log(shininess.clamp_min(1.0) / MATT_SHININESS) / np.log(SMOOTH_SHININESS / MATT_SHININESS)
    smooth = smooth.clamp(0.0, 1.0) * (specular > 0) * solid * ~seen.sky
    if float((smooth > 0.1).float().mean()) < 0.01:
        return None
    towards = _dot(normal, view)
    facing = (-towards * torch.rsqrt(_dot(view, view))).clamp(0.0, 1.0)
    straight_on = 0.03 + 0.35 * specular.square()
    share = smooth * (straight_on + (1 - straight_on) * (1 - facing) ** 5)
    half = _half(seen.size)
    rays = rc.Rays(
        [_thin(c, seen.size) for c in start],
        [_thin(view[i] - 2 * towards * normal[i], seen.size) for i in range(3)],
    )
    eye = tables["camera"][:, None, :3]
    boxes, rounds = (_largest(tables[name], eye, MIRRORED) for name in ("boxes", "rounds"))
    t, columns = with_shells(tables, boxes, rounds, rays, rc.nearest(boxes, rounds, rays, 1e-3))
    there = shade(Seen(columns, rays, t, t >= rc.FAR_M, half, seen.atlas, seen.panoramas), tables, None)
    sharp = there.reshape(-1, 3, *half)
    soft = F.avg_pool2d(F.pad(sharp, (3,) * 4, mode="replicate"), 7, stride=1)
    sharp, soft = (_enlarged(image, seen.size) for image in (sharp, soft))
    return share, soft + (sharp - soft) * smooth[:, None].square()


def with_shells(
    tables: dict[str, Tensor], boxes: Tensor, rounds: Tensor, rays: rc.Rays, met: tuple[Tensor, Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """The nearer of the solids met and of the shells.

    met: t (B, P) and row number (B, P), as `raycast.nearest` gives them. Returns t, FAR_M for the sky, and
    the columns of what is met, (B, P) each.
    """
    t, row = met
    t_shell, face = rc.hit_shells(tables["shells"], tables["holes"], tables["open"], rays)
    row = torch.where(t < t_shell, row, face + boxes.shape[1] + rounds.shape[1])
    surfaces = torch.cat([boxes, rounds, tables["faces"], tables["sky"]], 1)
    flat = row.long() + surfaces.shape[1] * torch.arange(row.shape[0], device=row.device)[:, None]
    columns = surfaces.reshape(-1, rc.COLUMNS).T.contiguous()[:, flat]
    return torch.minimum(t, t_shell), list(columns.unbind(0))


def _half(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // 2), -(-size[1] // 2)


def _thin(values: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, P) -> every second pixel each way, (B, 1, P / 4)."""
    return values.reshape(-1, *size)[:, ::2, ::2].flatten(1)[:, None]


def _enlarged(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, h, w) -> (B, C, P)."""
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False).flatten(2)


def _shadow(tables: dict[str, Tensor], start: Vector, towards: Vector, seen: Seen, spread: Tensor) -> Tensor:
    """(B, P) share of the key light that is blocked, found at every second pixel each way and enlarged.

    spread: (3, B, TILE_PX ** 2) metres. The pixels of a tile look at a place on the lamp each, and the mean
    over a tile is what the lamp as a whole gives (interleaved sampling: Keller and Heidrich, 2001).
    """
    half = _half(seen.size)
    tiles = [-(-side // TILE_PX) for side in half]
    places = (
        spread.reshape(3, -1, TILE_PX, TILE_PX).repeat(1, 1, *tiles)[..., : half[0], : half[1]].flatten(2)
    )
    rays = rc.Rays(
        [_thin(c, seen.size) for c in start],
        [_thin(c, seen.size) + place[:, None] for c, place in zip(towards, places, strict=True)],
    )
    eye = tables["camera"][:, None, :3]
    boxes, rounds = (_largest(tables[name], eye, SHADOW_CASTERS) for name in ("boxes", "rounds"))
    dark = rc.occluded(boxes, rounds, rays)
    t_wall, wall = rc.hit_shells(tables["shells"], tables["holes"], tables["open"], rays)
    dark = dark | ((t_wall < 0.999) & (wall < rc.SHELL_FACES))
    if seen.meshes is not None:
        dark = dark | seen.meshes.occluded(rays.origin, rays.direction)
    share = dark.float().reshape(-1, 1, *half)
    for _ in range(2):  # the second mends the steps that the tiles leave
        share = F.pad(share, (TILE_PX // 2,) * 4, mode="replicate")
        share = F.avg_pool2d(share, TILE_PX, stride=1)
    return _enlarged(share, seen.size)[:, 0]


def _largest(rows: Tensor, eye: Tensor, count: int) -> Tensor:
    """The solids that look largest to the camera: the others throw no shadow and are in no mirror."""
    half = rows[..., rc.HALF]
    seen = half.norm(dim=-1) / ((rows[..., rc.CENTRE] - eye).norm(dim=-1) + 0.3)
    seen = seen * (half[..., 1] > 0.004 * half.amax(-1))  # roads, lawns, rugs: nothing lies under them
    chosen = seen.topk(min(count, rows.shape[1]), dim=1).indices
    return torch.gather(rows, 1, chosen[..., None].expand(-1, -1, rows.shape[2]))


def _normal(k: list[Tensor], p: list[Tensor], view: list[Tensor]) -> list[Tensor]:
    axis = rc.dominant_axis(*p)
    is_round = k[rc.ROUND] > 0.5
    cap = (p[1].abs() > 0.9995) & (k[rc.A] < 0.5)
    slope = torch.where(cap, torch.sign(p[1]), k[rc.A] * p[1] + 0.5 * k[rc.B])
    side = torch.where(cap, 0.0, 1.0)
    n = [
        torch.where(is_round, p[0] * side, torch.sign(p[0]) * (axis == 0)),
        torch.where(is_round, slope, torch.sign(p[1]) * (axis == 1)),
        torch.where(is_round, p[2] * side, torch.sign(p[2]) * (axis == 2)),
    ]
    world = [k[i] * n[0] + k[3 + i] * n[1] + k[6 + i] * n[2] for i in range(3)]
    against = -torch.sign(_dot(world, view)) * torch.rsqrt(_dot(world, world) + 1e-12)
    return [c * against for c in world]


def _albedo(
    k: list[Tensor], p: list[Tensor], t: Tensor, facing: Tensor, *, camera: Tensor, atlas: Atlas
) -> list[Tensor]:
    """The texture at each pixel, from the mip level whose texels are about as large as the pixel."""
    texels, starts = _texels(atlas, str(t.device))
    axis = rc.dominant_axis(*p)
    is_round = k[rc.ROUND] > 0.5
    metres = [p[i] * k[17 + i] for i in range(3)]
    around = torch.atan2(p[2], p[0]) / (2 * np.pi)
    fit = k[rc.FIT] > 0.5
    u_fit = torch.where(axis == 0, p[2], p[0]) * 0.5 + 0.5
    v_fit = 0.5 - 0.5 * torch.where(axis == 1, p[2], p[1])
    u = torch.where(axis == 0, metres[2], metres[0]) * k[rc.REPEAT]
    v = -torch.where(axis == 1, metres[2], metres[1]) * k[rc.REPEAT]
    around_count = torch.where(fit, 1.0, torch.round(6.3 * k[rc.HALF.start] * k[rc.REPEAT]).clamp_min(1.0))
    u = torch.where(is_round, around * around_count, torch.where(fit, u_fit, u)) + k[rc.OFFSET] * (~fit)
    v = torch.where(fit, v_fit, v) + k[rc.OFFSET] * (~fit)
    pixel_m = t / (256.0 * camera[:, 3:4])
    side_m = torch.where(fit, 2.0 * k[rc.HALF.start + 1].clamp_min(0.05), 1.0 / k[rc.REPEAT])
    texels_a_pixel = SIDE_PX * pixel_m / side_m / facing.clamp_min(0.15).sqrt()
    level = torch.log2(texels_a_pixel).round().clamp(0, LEVELS - 1).long()
    side = (SIDE_PX / torch.exp2(level.float())).long()
    column = ((u - torch.floor(u)) * side).long().clamp(min=0, max=SIDE_PX - 1)
    row = ((v - torch.floor(v)) * side).long().clamp(min=0, max=SIDE_PX - 1)
    column, row = torch.minimum(column, side - 1), torch.minimum(row, side - 1)
    index = starts[level] + (k[rc.TEXTURE].long() * side + row) * side + column
    texel = texels[index].float() / 255.0
    return [
        k[rc.DARK.start + c] + (k[rc.LIGHT.start + c] - k[rc.DARK.start + c]) * texel[..., c]
        for c in range(3)
    ]


@lru_cache(maxsize=4)
def _texels(atlas: Atlas, device: str) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(atlas.texels_u8).to(device), torch.tensor(atlas.level_starts, device=device)
