"""Real pictures for training: views out of panoramas, with what a hand has traced of their depth."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import UserError
from shared.bundled.render import read_bgr, rotation_x, rotation_y, rotation_z
from shared.bundled.train.tracings import inverse_distance_of

WIDTH_PX, HEIGHT_PX = 320, 240
VIEWS_EACH = 100
View = tuple[NDArray[np.uint8], NDArray[np.float16]]
"""(240, 320, 3) BGR and (240, 320) inverse depth in 1/m, sky 0, NaN where it is not known."""
ENLARGED = 2  # a view of 1024 pixels all round is small: smooth when looked at as closely as training does


def panorama_views(folder: Path, *, without: Collection[str] = (), seed: int = 5) -> list[View]:
    """VIEWS_EACH views of each whole-sphere picture (equirectangular) in the folder but those named.

    Raises UserError where a file is no picture, or where there is none of a name.
    """
    paths = sorted(folder.glob("*.webp"))
    for name in without:
        if name not in {path.stem for path in paths}:
            raise UserError(f"{folder} holds no panorama {name}.webp.", "Check the names after --leave-out.")
    rng = np.random.default_rng(seed)
    return [view for path in paths if path.stem not in without for view in views_of(path, VIEWS_EACH, rng)]


def views_of(path: Path, count: int, rng: np.random.Generator) -> Iterator[View]:
    """Of one such picture: cameras of 55 to 105 degrees, turned anywhere, held as one holds them."""
    sphere_bgr = cv2.resize(read_bgr(path), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    inverse_distance = inverse_distance_of(path.stem, height_px=len(sphere_bgr))
    for _ in range(count):
        axis, rays = _random_rays(rng)
        image_bgr = _seen(sphere_bgr, rays, cv2.INTER_LINEAR)
        along_rays = _seen(inverse_distance, rays, cv2.INTER_NEAREST)
        yield image_bgr, (along_rays / (rays @ axis)).astype(np.float16)


def _random_rays(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A pinhole camera's axis (3,) and where each of its pixels looks, (h, w, 3), all of length 1.

    x right, y down, z ahead of the panorama.
    """
    focal_px = WIDTH_PX / 2 / np.tan(np.radians(rng.uniform(55, 105)) / 2)
    x, y = np.meshgrid(np.arange(WIDTH_PX) + 0.5 - WIDTH_PX / 2, np.arange(HEIGHT_PX) + 0.5 - HEIGHT_PX / 2)
    rays = np.stack([x / focal_px, y / focal_px, np.ones_like(x)], axis=-1)
    rolled, tilted = rotation_z(np.radians(rng.normal(0, 3))), rotation_x(np.radians(rng.normal(0, 13)))
    turned = rotation_y(rng.uniform(0, 2 * np.pi)) @ tilted @ rolled
    rays = rays @ turned.T
    return turned[:, 2], rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _seen(sphere: NDArray[Any], rays: NDArray[np.float64], interpolation: int) -> NDArray[Any]:
    height_px, width_px = sphere.shape[:2]
    longitude, latitude = np.arctan2(rays[..., 0], rays[..., 2]), np.arcsin(np.clip(rays[..., 1], -1, 1))
    x_px = (longitude / (2 * np.pi) + 0.5) * width_px - 0.5
    y_px = (latitude / np.pi + 0.5) * height_px - 0.5
    return cv2.remap(
        sphere,
        x_px.astype(np.float32),
        y_px.astype(np.float32),
        interpolation,
        borderMode=cv2.BORDER_WRAP,
    )
