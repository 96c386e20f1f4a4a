"""How a scene becomes a picture with exact depth: solids, rays, light, surfaces."""

from shared.bundled.render.builder import Builder
from shared.bundled.render.meshes import MeshLibrary, holds, load_meshes
from shared.bundled.render.renderer import render
from shared.bundled.render.scene import (
    Camera,
    Lights,
    Panorama,
    Scene,
    Surface,
    Triple,
    rotation_x,
    rotation_y,
    rotation_z,
    shell_row,
    surface_row,
)
from shared.bundled.render.textures import Atlas, atlas, photographed_atlas, read_bgr

__all__ = [
    "Atlas",
    "Builder",
    "Camera",
    "Lights",
    "MeshLibrary",
    "Panorama",
    "Scene",
    "Surface",
    "Triple",
    "atlas",
    "holds",
    "load_meshes",
    "photographed_atlas",
    "read_bgr",
    "render",
    "rotation_x",
    "rotation_y",
    "rotation_z",
    "shell_row",
    "surface_row",
]
