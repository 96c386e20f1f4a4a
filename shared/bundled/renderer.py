"""Scenes to pictures with exact inverse depth: one pass of `raycast`, one shadow ray a pixel, one shading pass.

Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from shared.bundled import raycast as rc
from shared.bundled.builder import Camera, Scene
from shared.bundled.textures import LEVELS, SIDE_PX, atlas

Frames = dict[str, Tensor]
SHADOW_CASTERS = 12  # of either shape


def to_tensors(scenes: Sequence[Scene], device: str = "cpu") -> Frames:
    """Stacks scenes; tables are padded with solids that no ray can hit."""

    def stack(tables: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(tables)).to(device)

    return {
        "boxes": stack(_pad([scene.boxes for scene in scenes])),
        "rounds": stack(_pad([scene.rounds for scene in scenes])),
        "shells": stack([scene.shells for scene in scenes]),
        "faces": stack([scene.faces for scene in scenes]),
        "sky": stack([scene.sky[None] for scene in scenes]),
        "holes": stack([scene.holes for scene in scenes]),
        "open": stack([scene.open_faces for scene in scenes]),
        "lights": stack([_light_row(scene) for scene in scenes]),
        "axes": stack([scene.camera.axes().astype(np.float32) for scene in scenes]),
        "camera": stack([_camera_row(scene) for scene in scenes]),
    }


def _pad(tables: list[np.ndarray]) -> list[np.ndarray]:
    rows = max(max(len(t) for t in tables), 1)
    nowhere = np.zeros((1, rc.COLUMNS), np.float32)
    nowhere[0, rc.M] = np.eye(3).ravel() * 1e3
    nowhere[0, rc.CENTRE] = 0.0, -1e4, 0.0
    nowhere[0, [rc.A, rc.C]] = 1.0, -1.0
    return [np.concatenate([t.reshape(-1, rc.COLUMNS), np.repeat(nowhere, rows - len(t), 0)]).astype(np.float32) for t in tables]


def _light_row(scene: Scene) -> np.ndarray:
    k = scene.lights
    values = [
        *k.position, *k.colour, k.falloff, k.radius, k.shadow, *k.fill_direction, *k.fill_colour,
        *k.ambient_up, *k.ambient_down, *k.fog_colour, k.fog_per_m, *k.sky_low, *k.sky_high,
    ]  # fmt: skip
    return np.asarray(values, np.float32)


def _camera_row(scene: Scene) -> np.ndarray:
    c = scene.camera
    return np.asarray([*c.eye, c.focal, c.distortion, c.blur, c.focus], np.float32)


def render(
    scenes: Sequence[Scene], width_px: int, height_px: int, *, seed: int = 0, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Scenes -> pictures (B, 3, H, W) uint8 RGB and inverse depth along the camera axis (B, H, W) float32 in 1/m.

    The sky is 0. seed: of the noise that softens shadows. A GPU takes the scenes as one batch and tries every
    solid at every pixel; a CPU goes picture by picture and tries a solid only where it can be seen.
    """
    groups = [[scene] for scene in scenes] if device == "cpu" else [list(scenes)]
    generator = torch.Generator().manual_seed(seed)
    done = [_render_group(group, width_px, height_px, generator, device) for group in groups]
    return torch.cat([image for image, _ in done]), torch.cat([inverse_depth for _, inverse_depth in done])


@torch.inference_mode()
def _render_group(scenes: list[Scene], width_px: int, height_px: int, generator: torch.Generator, device: str) -> tuple[Tensor, Tensor]:
    tables = to_tensors(scenes, device)
    size = (height_px, width_px)
    image, inverse_depth = _passes(tables, size, generator, scenes[0] if device == "cpu" else None)
    image = image.reshape(len(scenes), 3, *size)
    inverse_depth = inverse_depth.reshape(len(scenes), *size)
    image = _defocus(image, inverse_depth, tables["camera"])
    return (tone(image) * 255.0).round().to(torch.uint8), inverse_depth


@lru_cache(maxsize=8)
def _grid(width_px: int, height_px: int, device: str) -> tuple[Tensor, Tensor]:
    """(P,) right and down of each pixel's centre, in picture widths from the middle."""
    x = (torch.arange(width_px, device=device) + 0.5 - width_px / 2) / width_px
    y = (torch.arange(height_px, device=device) + 0.5 - height_px / 2) / width_px
    return x.repeat(height_px), y.repeat_interleave(width_px)


@lru_cache(maxsize=4)
def _texels(device: str) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(atlas().texels_u8).to(device), torch.tensor(atlas().level_starts, device=device)


def _passes(tables: Frames, size: tuple[int, int], generator: torch.Generator, single: Scene | None) -> tuple[Tensor, Tensor]:
    boxes, rounds, camera, axes = tables["boxes"], tables["rounds"], tables["camera"], tables["axes"]
    x, y = _grid(size[1], size[0], str(boxes.device))
    right, down = _lens(x, y, camera)
    direction = [
        axes[:, i, 0:1, None] * right[:, None] + axes[:, i, 1:2, None] * down[:, None] + axes[:, i, 2:3, None]
        for i in range(3)
    ]
    rays = rc.Rays([camera[:, i, None, None] for i in range(3)], direction)
    if single is None:
        t, row = rc.nearest(boxes, rounds, rays, rc.NEAR_M)
    else:
        solids = torch.cat([boxes[0], rounds[0]])
        seen = windows(solids.numpy(), single.camera, *size)
        t, row = rc.nearest_in_windows(solids, seen, camera[0, :3], torch.cat(direction)[:, 0].view(3, *size))
        t, row = t.view(1, -1), row.view(1, -1)
    t_shell, face = rc.hit_shells(tables["shells"], tables["holes"], tables["open"], rays)
    row = torch.where(t < t_shell, row, face + boxes.shape[1] + rounds.shape[1])
    t = torch.minimum(t, t_shell)
    sky = t >= rc.FAR_M
    inverse_depth = torch.where(sky, 0.0, 1.0 / t)
    surfaces = torch.cat([boxes, rounds, tables["faces"], tables["sky"]], 1)
    flat = row.long() + surfaces.shape[1] * torch.arange(row.shape[0], device=row.device)[:, None]
    k = list(surfaces.reshape(-1, rc.COLUMNS).T.contiguous()[:, flat].unbind(0))
    jitter = torch.randn((3, *t.shape), generator=generator).to(t.device)
    return _shade(k, rays, t, sky, tables, jitter, size), inverse_depth


def windows(solids: np.ndarray, camera: Camera, height_px: int, width_px: int) -> Tensor:
    """(N, COLUMNS) -> the pixels that each solid may cover: (N, 4) left, top, right, bottom."""
    to_world = np.linalg.inv(solids[:, rc.M].reshape(-1, 3, 3).astype(np.float64))
    corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], float)
    world = solids[:, None, rc.CENTRE] + np.einsum("nij,cj->nci", to_world, corners)
    x, y, z = np.moveaxis((world - np.asarray(camera.eye)) @ camera.axes(), 2, 0)
    depth = np.maximum(z, rc.NEAR_M / 2)
    slack = 1.0 + 2.5 * abs(camera.distortion)
    bounds = []
    for side, length_px in ((x, width_px), (y, height_px)):
        place = camera.focal * side / depth * slack
        place = np.stack([place, place / slack**2])
        bounds.append((place.min((0, 2)) * width_px + length_px / 2 - 1, place.max((0, 2)) * width_px + length_px / 2 + 1))
    (left, right), (top, bottom) = bounds
    straddles = (z.min(1) < rc.NEAR_M) & (z.max(1) > rc.NEAR_M)
    behind = z.max(1) <= rc.NEAR_M
    found = np.stack([np.floor(left), np.floor(top), np.ceil(right), np.ceil(bottom)], 1)
    found[straddles] = 0, 0, width_px, height_px
    found[behind] = 0
    found = found.clip(0, (width_px, height_px, width_px, height_px)).astype(np.int64)
    found[(found[:, 2] <= found[:, 0]) | (found[:, 3] <= found[:, 1])] = 0
    return torch.from_numpy(found)


def _lens(x: Tensor, y: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
    stretch = (1.0 + camera[:, 4:5] * 4 * (x * x + y * y)) / camera[:, 3:4]
    return x * stretch, y * stretch


def _shade(k: list[Tensor], rays: rc.Rays, t: Tensor, sky: Tensor, tables: Frames, jitter: Tensor, size: tuple[int, int]) -> Tensor:
    """Phong with one shadowed key light, a fill light, a two-coloured ambient, emission, fog and a sky."""
    light = tables["lights"]
    view = [d.squeeze(1) for d in rays.direction]
    t_near = torch.where(sky, 1.0, t)
    hit = [rays.origin[i].squeeze(1) + t_near * view[i] for i in range(3)]
    offset = [hit[i] - k[9 + i] for i in range(3)]
    p = [k[3 * i] * offset[0] + k[3 * i + 1] * offset[1] + k[3 * i + 2] * offset[2] for i in range(3)]
    normal = _normal(k, p, view)
    inverse_length = torch.rsqrt(view[0] ** 2 + view[1] ** 2 + view[2] ** 2)
    facing = -(normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]) * inverse_length
    albedo = _albedo(k, p, t_near, facing, tables["camera"])

    key = [light[:, i, None] + light[:, 7, None] * jitter[i] - hit[i] for i in range(3)]
    distance2 = key[0] ** 2 + key[1] ** 2 + key[2] ** 2
    unit = [c * torch.rsqrt(distance2) for c in key]
    start = [hit[i] + 2e-3 * (1 + t_near * 0.05) * normal[i] for i in range(3)]
    dark = _shadow(tables, start, key, size)
    lit = 1.0 - light[:, 8, None] * dark
    fade = lit / (1.0 + light[:, 6, None] * (distance2 - 1.0)).clamp_min(0.05)
    cosine = (normal[0] * unit[0] + normal[1] * unit[1] + normal[2] * unit[2]).clamp_min(0.0)
    half = [unit[i] - view[i] * inverse_length for i in range(3)]
    half_length = torch.rsqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2 + 1e-9)
    gloss = ((normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2]) * half_length).clamp_min(1e-4)
    gloss = k[rc.SPECULAR] * torch.exp(k[rc.SHININESS] * torch.log(gloss)) * (cosine > 0)
    fill = (normal[0] * light[:, 9, None] + normal[1] * light[:, 10, None] + normal[2] * light[:, 11, None]).clamp_min(0.0)
    up = 0.5 + 0.5 * normal[1]
    haze = 1.0 - torch.exp(-light[:, 24, None] * t_near / inverse_length)
    height = (view[1] * inverse_length).clamp(0, 1)
    channels = []
    for c in range(3):
        received = (
            light[:, 3 + c, None] * cosine * fade + light[:, 12 + c, None] * fill
            + light[:, 15 + c, None] * up + light[:, 18 + c, None] * (1 - up)
        )  # fmt: skip
        colour = albedo[c] * (received + k[rc.EMISSION]) + gloss * light[:, 3 + c, None] * fade
        colour = colour + (light[:, 21 + c, None] - colour) * haze
        blue = light[:, 25 + c, None] + (light[:, 28 + c, None] - light[:, 25 + c, None]) * height
        channels.append(torch.where(sky, blue, colour))
    return torch.stack(channels, 1)


def _shadow(tables: Frames, start: list[Tensor], towards: list[Tensor], size: tuple[int, int]) -> Tensor:
    """(B, P) share of the key light that is blocked, found at every second pixel each way and enlarged."""
    half = (-(-size[0] // 2), -(-size[1] // 2))

    def thin(values: Tensor) -> Tensor:
        return values.reshape(-1, *size)[:, ::2, ::2].reshape(-1, 1, half[0] * half[1])

    rays = rc.Rays([thin(c) for c in start], [thin(c) for c in towards])
    eye = tables["camera"][:, None, :3]
    dark = rc.occluded(_largest(tables["boxes"], eye), _largest(tables["rounds"], eye), rays)
    t_wall, wall = rc.hit_shells(tables["shells"], tables["holes"], tables["open"], rays)
    dark = dark | ((t_wall < 0.999) & (wall < rc.SHELL_FACES))
    dark = dark.float().reshape(-1, 1, *half)
    return F.interpolate(dark, size=size, mode="bilinear", align_corners=False).reshape(-1, size[0] * size[1])


def _largest(rows: Tensor, eye: Tensor) -> Tensor:
    """The solids that look largest to the camera: the others throw no shadow."""
    seen = rows[..., rc.HALF].norm(dim=-1) / ((rows[..., rc.CENTRE] - eye).norm(dim=-1) + 0.3)
    chosen = seen.topk(min(SHADOW_CASTERS, rows.shape[1]), dim=1).indices
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
    length = torch.rsqrt(world[0] ** 2 + world[1] ** 2 + world[2] ** 2 + 1e-12)
    against = -torch.sign(world[0] * view[0] + world[1] * view[1] + world[2] * view[2]) * length
    return [c * against for c in world]


def _albedo(k: list[Tensor], p: list[Tensor], t: Tensor, facing: Tensor, camera: Tensor) -> list[Tensor]:
    """The texture at each pixel, from the mip level whose texels are about as large as the pixel."""
    texels, starts = _texels(str(t.device))
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
    level = torch.log2(SIDE_PX * pixel_m / side_m / facing.clamp_min(0.15).sqrt()).round().clamp(0, LEVELS - 1).long()
    side = (SIDE_PX / torch.exp2(level.float())).long()
    column = ((u - torch.floor(u)) * side).long().clamp(min=0, max=SIDE_PX - 1)
    row = ((v - torch.floor(v)) * side).long().clamp(min=0, max=SIDE_PX - 1)
    column, row = torch.minimum(column, side - 1), torch.minimum(row, side - 1)
    index = starts[level] + (k[rc.TEXTURE].long() * side + row) * side + column
    texel = texels[index].float() / 255.0
    return [k[rc.DARK.start + c] + (k[rc.LIGHT.start + c] - k[rc.DARK.start + c]) * texel[..., c] for c in range(3)]


def _defocus(image: Tensor, inverse_depth: Tensor, camera: Tensor) -> Tensor:
    """Blurs what is out of focus; the circle of confusion grows with the difference of inverse depths."""
    if not bool((camera[:, 5] > 0).any()):
        return image
    radius = camera[:, 5, None, None] * image.shape[-1] * (inverse_depth - camera[:, 6, None, None]).abs().clamp_max(1.0)
    soft = image
    for size in (3, 5):
        soft = F.avg_pool2d(F.pad(soft, (size // 2,) * 4, mode="replicate"), size, stride=1)
        weight = (radius / (size / 2) - 0.3).clamp(0, 1)[:, None]
        image = image + (soft - image) * weight
    return image


def tone(image: Tensor) -> Tensor:
    """Linear light to display values in 0..1 (sRGB's curve, about), exposed for the picture's own brightness."""
    level = image.mean((1, 2, 3), keepdim=True).clamp_min(1e-4)
    exposed = image * (0.22 / level)
    return exposed.clamp(0.0, 1.0) ** (1 / 2.2)
