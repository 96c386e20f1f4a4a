"""Scenes to pictures with exact inverse depth: `raycast` finds what is seen, `shading` how it looks.

Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from shared.bundled.render import raycast as rc
from shared.bundled.render.meshes import MeshScene
from shared.bundled.render.scene import Camera, Scene
from shared.bundled.render.shading import TILE_PX, MeshesSeen, Seen, shade, with_shells

Frames = dict[str, Tensor]


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
    rows = max(*(len(t) for t in tables), 1)
    nowhere = np.zeros((1, rc.COLUMNS), np.float32)
    nowhere[0, rc.M] = np.eye(3).ravel() * 1e3
    nowhere[0, rc.CENTRE] = 0.0, -1e4, 0.0
    nowhere[0, [rc.A, rc.C]] = 1.0, -1.0
    return [
        np.concatenate([t.reshape(-1, rc.COLUMNS), np.repeat(nowhere, rows - len(t), 0)]).astype(np.float32)
        for t in tables
    ]


def _light_row(scene: Scene) -> np.ndarray:
    k = scene.lights
    values = [
        *k.position, *k.colour, k.falloff, k.radius, k.shadow, *k.fill_direction, *k.fill_colour,
        *k.ambient_up, *k.ambient_down, *k.fog_colour, k.fog_per_m, *k.sky_low, *k.sky_high,
        k.occlusion,
    ]  # fmt: skip
    return np.asarray(values, np.float32)


def _camera_row(scene: Scene) -> np.ndarray:
    c = scene.camera
    return np.asarray([*c.eye, c.focal, c.distortion, c.blur, c.focus], np.float32)


def render(
    scenes: Sequence[Scene], width_px: int, height_px: int, *, seed: int = 0, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Scenes -> pictures (B, 3, H, W) uint8 RGB and inverse depth (B, H, W) float32 in 1/m.

    Depth is along the camera's axis, the sky is 0. seed: of the noise that softens shadows. A GPU takes the
    scenes as one batch and tries every solid at every pixel; a CPU goes picture by picture and tries a solid
    only where it can be seen, and meshes, which are hit on a CPU only.
    """
    if device != "cpu" and any(scene.placed for scene in scenes):
        raise ValueError("render: meshes are hit on a CPU only; leave them out of the scenes, or use the CPU")
    groups = [[scene] for scene in scenes] if device == "cpu" else [list(scenes)]
    generator = torch.Generator().manual_seed(seed)
    done = [_render_group(group, width_px, height_px, generator, device) for group in groups]
    return torch.cat([image for image, _ in done]), torch.cat([inverse_depth for _, inverse_depth in done])


@torch.inference_mode()
def _render_group(
    scenes: list[Scene], width_px: int, height_px: int, generator: torch.Generator, device: str
) -> tuple[Tensor, Tensor]:
    tables = to_tensors(scenes, device)
    size = (height_px, width_px)
    image, inverse_depth = _passes(scenes, tables, size, generator, windowed=device == "cpu")
    image = image.reshape(len(scenes), 3, *size)
    inverse_depth = inverse_depth.reshape(len(scenes), *size)
    image = image * _openness(inverse_depth, tables["lights"][:, 31])
    image = _defocus(image, inverse_depth, tables["camera"])
    return (tone(image) * 255.0).round().to(torch.uint8), inverse_depth


@lru_cache(maxsize=8)
def _grid(width_px: int, height_px: int, device: str) -> tuple[Tensor, Tensor]:
    """(P,) right and down of each pixel's centre, in picture widths from the middle."""
    x = (torch.arange(width_px, device=device) + 0.5 - width_px / 2) / width_px
    y = (torch.arange(height_px, device=device) + 0.5 - height_px / 2) / width_px
    return x.repeat(height_px), y.repeat_interleave(width_px)


def _passes(
    scenes: list[Scene], tables: Frames, size: tuple[int, int], generator: torch.Generator, *, windowed: bool
) -> tuple[Tensor, Tensor]:
    boxes, rounds, camera, axes = tables["boxes"], tables["rounds"], tables["camera"], tables["axes"]
    x, y = _grid(size[1], size[0], str(boxes.device))
    right, down = _lens(x, y, camera)
    direction = [
        axes[:, i, 0:1, None] * right[:, None] + axes[:, i, 1:2, None] * down[:, None] + axes[:, i, 2:3, None]
        for i in range(3)
    ]
    rays = rc.Rays([camera[:, i, None, None] for i in range(3)], direction)
    if not windowed:
        t, row = rc.nearest(boxes, rounds, rays, rc.NEAR_M)
    else:
        solids = torch.cat([boxes[0], rounds[0]])
        windows_px = windows(solids.numpy(), scenes[0].camera, *size)
        t, row = rc.nearest_in_windows(
            solids, windows_px, camera[0, :3], torch.cat(direction)[:, 0].view(3, *size)
        )
        t, row = t.view(1, -1), row.view(1, -1)
    t, columns = with_shells(tables, boxes, rounds, rays, (t, row))
    meshes = _meshes(scenes[0], torch.cat(direction)[:, 0], t[0]) if windowed else None
    if meshes is not None:
        t = torch.where(meshes.mask, meshes.t, t)
    sky = t >= rc.FAR_M
    inverse_depth = torch.where(sky, 0.0, 1.0 / t)
    lamp = torch.randn((3, TILE_PX**2), generator=generator).to(t.device)
    panoramas = [scene.panorama for scene in scenes]
    seen = Seen(columns, rays, t, sky, size, scenes[0].atlas, panoramas, meshes)
    return shade(seen, tables, lamp), inverse_depth


def _meshes(scene: Scene, direction: Tensor, t: Tensor) -> MeshesSeen | None:
    """What a scene's meshes show where they are nearer than t (P,); direction: (3, P)."""
    if not scene.placed or scene.meshes is None:
        return None
    meshes = MeshScene(scene.placed, scene.meshes)
    pixel = 1.0 / (256.0 * scene.camera.focal)
    hits = meshes.hit(np.asarray(scene.camera.eye), direction.numpy(), pixel)
    t_mesh, albedo, normal = (torch.from_numpy(v) for v in (hits.t, hits.albedo, hits.normal))
    return MeshesSeen((t_mesh < t)[None], t_mesh[None], albedo[:, None], normal[:, None], meshes)


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
        bounds.append(
            (
                place.min((0, 2)) * width_px + length_px / 2 - 1,
                place.max((0, 2)) * width_px + length_px / 2 + 1,
            )
        )
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


def _openness(inverse_depth: Tensor, strength: Tensor) -> Tensor:
    """(B, 1, H, W): the share of soft light that reaches corners, gaps and what lies close behind an edge.

    From the depth buffer alone: dark where it lies behind its surroundings' mean (Luft, Colditz and Deussen,
    'Image Enhancement by Unsharp Masking the Depth Buffer', 2006).
    """
    depth = inverse_depth[:, None]
    light = torch.ones_like(depth)
    if not bool((strength > 0).any()):
        return light
    for share in (0.015, 0.05):
        half = max(int(share * depth.shape[-1]), 1)
        padded = F.pad(depth, (half,) * 4, mode="replicate")
        rows = F.avg_pool2d(padded, (2 * half + 1, 1), stride=1)  # both ways at once costs the square
        mean = F.avg_pool2d(rows, (1, 2 * half + 1), stride=1)
        behind = ((mean - depth) / mean.clamp_min(1e-3)).clamp(0.0, 0.25)
        light = light - strength[:, None, None, None] * 2.5 * behind * (depth > 0)
    return light.clamp_min(0.0)


def _defocus(image: Tensor, inverse_depth: Tensor, camera: Tensor) -> Tensor:
    """Blurs what is out of focus; the circle of confusion grows with the difference of inverse depths."""
    if not bool((camera[:, 5] > 0).any()):
        return image
    radius = (
        camera[:, 5, None, None]
        * image.shape[-1]
        * (inverse_depth - camera[:, 6, None, None]).abs().clamp_max(1.0)
    )
    soft = image
    for size in (3, 5):
        soft = F.avg_pool2d(F.pad(soft, (size // 2,) * 4, mode="replicate"), size, stride=1)
        weight = (radius / (size / 2) - 0.3).clamp(0, 1)[:, None]
        image = image + (soft - image) * weight
    return image


def tone(image: Tensor) -> Tensor:
    """Linear light to display values in 0..1 (sRGB's curve, about), exposed for the picture's brightness."""
    level = image.mean((1, 2, 3), keepdim=True).clamp_min(1e-4)
    exposed = image * (0.22 / level)
    return exposed.clamp(0.0, 1.0) ** (1 / 2.2)
