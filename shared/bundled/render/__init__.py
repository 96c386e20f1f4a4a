"""How a scene becomes a picture with exact depth: solids, rays, light, surfaces."""

from shared.bundled.render.builder import (
    Builder,
    Camera,
    Lights,
    Scene,
    Surface,
    Triple,
    rotation_x,
    rotation_y,
    rotation_z,
    shell_row,
    surface_row,
)
from shared.bundled.render.renderer import render

__all__ = [
    "Builder",
    "Camera",
    "Lights",
    "Scene",
    "Surface",
    "Triple",
    "render",
    "rotation_x",
    "rotation_y",
    "rotation_z",
    "shell_row",
    "surface_row",
]
