"""Real pictures for training: views out of panoramas, of whose depth nothing is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.bundled.render import read_bgr, rotation_x, rotation_y, rotation_z

WIDTH_PX, HEIGHT_PX = 320, 240
VIEWS_EACH = 100
ENLARGED = 2  # a view of 1024 pixels all round is small: smooth when looked at as closely as training does


def panorama_views(folder: Path, *, seed: int = 5) -> NDArray[np.uint8]:
    """VIEWS_EACH views of each whole-sphere picture (equirectangular) in the folder: (n, 240, 320, 3) BGR.

    Cameras of 55 to 105 degrees, turned anywhere, tilted and rolled as one holds them. Raises UserError where
    a file is no picture.
    """
    rng = np.random.default_rng(seed)
    views = []
    for path in sorted(folder.glob("*.webp")):
        sphere_bgr = cv2.resize(read_bgr(path), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        for _ in range(VIEWS_EACH):
            views.append(_view(sphere_bgr, _random_rays(rng)))
    return np.array(views, np.uint8).reshape(-1, HEIGHT_PX, WIDTH_PX, 3)


def _random_rays(rng: np.random.Generator) -> NDArray[np.float64]:
    """(h, w, 3): where each pixel of a pinhole camera looks; x right, y down, z ahead; of length 1."""
    focal_px = WIDTH_PX / 2 / np.tan(np.radians(rng.uniform(55, 105)) / 2)
    x, y = np.meshgrid(np.arange(WIDTH_PX) + 0.5 - WIDTH_PX / 2, np.arange(HEIGHT_PX) + 0.5 - HEIGHT_PX / 2)
    rays = np.stack([x / focal_px, y / focal_px, np.ones_like(x)], axis=-1)
    rolled, tilted = rotation_z(np.radians(rng.normal(0, 3))), rotation_x(np.radians(rng.normal(0, 13)))
    rays = rays @ (rotation_y(rng.uniform(0, 2 * np.pi)) @ tilted @ rolled).T
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _view(sphere_bgr: NDArray[np.uint8], rays: NDArray[np.float64]) -> NDArray[np.uint8]:
    height_px, width_px = sphere_bgr.shape[:2]
    longitude, latitude = np.arctan2(rays[..., 0], rays[..., 2]), np.arcsin(np.clip(rays[..., 1], -1, 1))
    x_px = (longitude / (2 * np.pi) + 0.5) * width_px - 0.5
    y_px = (latitude / np.pi + 0.5) * height_px - 0.5
    return cv2.remap(
        sphere_bgr,
        x_px.astype(np.float32),
        y_px.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
