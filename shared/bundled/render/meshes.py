"""Furniture made of triangles, beside the solids of `raycast`: read, placed in scenes, hit by rays.

Needs the packages trimesh and pycollada (reading) and embreex (rays); only training asks for any of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import UserError
from shared.bundled.render.textures import read_linear

SIDE_PX = 256
LEVELS = 6
Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A thing that stands on y = 0 about the origin, in metres, y up.

    vertices, normals (n, 3); uv (n, 2) with v down; faces (m, 3).
    pictures: number in the library of each face's, -1 for none.
    """

    vertices: Floats
    normals: Floats
    uv: Floats
    faces: NDArray[np.int32]
    pictures: NDArray[np.int32]  # (m,) per face


@dataclass(frozen=True, eq=False)
class MeshLibrary:
    """meshes by category. pictures: (n, texels, 3) uint8 linear RGB, all LEVELS one after the other."""

    categories: dict[str, list[Mesh]]
    pictures: NDArray[np.uint8]


@dataclass(frozen=True)
class Placed:
    """A mesh in a scene: world = turn @ vertex + shift. colour: (3,) what its picture is multiplied by."""

    mesh: Mesh
    turn: Floats
    shift: Floats
    colour: Floats


@dataclass(frozen=True)
class MeshHits:
    """t (P,) depth as in `raycast`, inf where missed; albedo and normal (3, P), the normal of length 1."""

    t: Floats
    albedo: Floats
    normal: Floats


# Name in the archives -> category and height in metres (0: as it is, in centimetres).
MODELS: dict[str, tuple[str, float]] = {
    "residential_ChairA_01": ("chair", 0),
    "residential_ChairD_01": ("chair", 0),
    "retail_ChairB_01": ("chair", 0),
    "residential_SofaB_01": ("armchair", 0),
    "retail_BookshelfC_01": ("armchair", 0),
    "residential_SofaC_01": ("sofa", 0),
    "residential_Sofa_01": ("sofa", 0),
    "residential_Bed_01": ("bed", 0),
    "residential_BalconyTable_01": ("low_table", 0),
    "residential_CoffeeTable_01": ("low_table", 0),
    "residential_KitchenTable_01": ("table", 0),
    "residential_ReadingDesk_01": ("table", 0),
    "retail_DeskA_01": ("counter", 0),
    "retail_DeskB_01": ("counter", 0),
    "retail_InfoDesk_01": ("counter", 0),
    "residential_KitchenCabinet_01": ("counter", 0),
    "residential_NightStand_01": ("cabinet", 0),
    "residential_TVCabinet_01": ("cabinet", 0),
    "residential_ShoeRack_01": ("cabinet", 0),
    "residential_Wardrobe_01": ("wardrobe", 0),
    "residential_Refrigerator_01": ("wardrobe", 0),
    "retail_BookshelfB_01": ("shelf", 0),
    "retail_BookC_01": ("shelf", 0),
    "retail_BookA_01": ("shelf", 0),
    "residential_FitnessEquipment_01": ("machine", 0),
    "retail_Bicycle_01": ("machine", 1.0),
    "residential_Rangehood_01": ("machine", 0),
    "retail_ColumnA_01": ("column", 0),
    "residential_TV_01": ("screen", 0),
    "residential_TV_02": ("screen", 0),
    "retail_Computer_01": ("screen", 0),
    "residential_Ball_01": ("small", 0.22),
    "residential_DeskPortraitA_01": ("small", 0),
    "residential_DeskPortraitB_01": ("small", 0),
    "residential_DeskPortraitC_01": ("small", 0),
    "residential_DeskPortraitD_01": ("small", 0),
    "residential_KitchenUtensils_01": ("small", 0),
    "residential_LightC_01": ("small", 0),
    "residential_Tableware_01": ("small", 0),
    "residential_Trash_01": ("small", 0),
    "residential_Vase_01": ("small", 0),
    "residential_Pillow_01": ("small", 0.3),
    "retail_Holder_01": ("small", 0),
    "retail_MagicCube_01": ("small", 0),
    "retail_SmartSpeakerTall_01": ("small", 0),
    "residential_SecurityCamera_01": ("small", 0),
    "retail_BookE_01": ("small", 0),
}
LARGEST_FACES = 25_000


@lru_cache(maxsize=1)
def load_meshes(folder: Path) -> MeshLibrary:
    """Reads what MODELS names from a folder into which the archives were unpacked. Raises UserError."""
    try:
        import embreex  # noqa: F401
        import trimesh  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"Meshes need the package {error.name}.", 'Install it with: pip install -e ".[train]"'
        ) from None
    categories: dict[str, list[Mesh]] = {}
    pictures: list[NDArray[np.uint8]] = []
    for name, (category, height_m) in MODELS.items():
        for model in sorted(folder.glob(f"models/*{name}")):
            mesh = _read_model(model, height_m, pictures)
            if mesh is not None:
                categories.setdefault(category, []).append(mesh)
    if not categories:
        raise UserError(f"There are no meshes in {folder}.", "Unpack the archives there; see the model card.")
    return MeshLibrary(categories, np.stack(pictures))


def _read_model(model: Path, height_m: float, pictures: list[NDArray[np.uint8]]) -> Mesh | None:
    """The last of the model's COLLADA files, z up there; None where it has no triangles of use."""
    import trimesh

    path = sorted(model.glob("meshes/*.DAE"))[-1]
    scene: Any = trimesh.load(path, force="scene")
    images = sorted(path for path in model.glob("materials/textures/*") if path.suffix in (".png", ".jpg"))
    parts, first = [], len(pictures)
    for number, part in enumerate(scene.dump()):
        uv = getattr(part.visual, "uv", None)
        if uv is None or len(part.faces) < 12 or "UCX" in str(part.metadata.get("name", "")):
            continue
        picture = first + min(number, len(images) - 1) if images else -1
        vertices = np.asarray(part.vertices)[:, [0, 2, 1]]
        faces = np.asarray(part.faces)[:, ::-1]
        parts.append((vertices, _smooth_normals(vertices, faces), np.asarray(uv), faces, picture))
    if not parts or sum(len(part[3]) for part in parts) > LARGEST_FACES:
        return None
    pictures += [_pyramid(image) for image in images]
    counts = np.cumsum([0] + [len(part[0]) for part in parts])
    vertices = np.concatenate([part[0] for part in parts])
    return Mesh(
        _stand(vertices, height_m),
        np.concatenate([part[1] for part in parts]).astype(np.float32),
        (np.concatenate([part[2] for part in parts]) * (1, -1) + (0, 1)).astype(np.float32),
        np.concatenate([part[3] + start for part, start in zip(parts, counts, strict=False)]).astype(
            np.int32
        ),
        np.concatenate([np.full(len(part[3]), part[4]) for part in parts]).astype(np.int32),
    )


def _smooth_normals(vertices: Floats, faces: NDArray[np.integer]) -> Floats:
    """(n, 3): at each vertex the mean of its faces', by their areas."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    of_faces = np.cross(b - a, c - a)
    normals = np.zeros(vertices.shape)
    for k in range(3):
        np.add.at(normals, faces[:, k], of_faces)
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)


def _stand(vertices: Floats, height_m: float) -> Floats:
    low, high = vertices.min(0), vertices.max(0)
    scale = height_m / (high - low)[1] if height_m else 0.01
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    return ((vertices - foot) * scale).astype(np.float32)


def _pyramid(path: Path) -> NDArray[np.uint8]:
    linear = read_linear(path)
    levels = [
        cv2.resize(linear, (SIDE_PX >> k,) * 2, interpolation=cv2.INTER_AREA).reshape(-1, 3)
        for k in range(LEVELS)
    ]
    return (np.concatenate(levels) * 255).round().astype(np.uint8)


def holds(placed: Placed, point: Floats, margin_m: float = 0.15) -> bool:
    """Whether a point lies in the upright box around a placed mesh, or nearer than the margin."""
    world = placed.mesh.vertices @ placed.turn.T + placed.shift
    return bool((world.min(0) - margin_m < point).all() and (point < world.max(0) + margin_m).all())


class MeshScene:
    """The placed meshes of one scene, ready for rays."""

    def __init__(self, placed: Sequence[Placed], library: MeshLibrary) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        counts = np.cumsum([0] + [len(it.mesh.vertices) for it in placed])
        world = [it.mesh.vertices @ it.turn.T + it.shift for it in placed]
        self._vertices = np.concatenate(world).astype(np.float32)
        self._normals = np.concatenate([it.mesh.normals @ it.turn.T for it in placed]).astype(np.float32)
        self._uv = np.concatenate([it.mesh.uv for it in placed])
        self._faces = np.concatenate(
            [it.mesh.faces + start for it, start in zip(placed, counts, strict=False)]
        )
        self._pictures = np.concatenate([it.mesh.pictures for it in placed])
        self._colours = np.concatenate([np.tile(it.colour, (len(it.mesh.faces), 1)) for it in placed])
        self._library = library
        self._rays = EmbreeScene()
        TriangleMesh(self._rays, self._vertices, self._faces)

    def hit(self, origin: Floats, direction: Floats, pixel: float) -> MeshHits:
        """origin (3,), direction (3, P) not normalised. pixel: a pixel's width at depth 1."""
        towards = np.ascontiguousarray(direction.T, np.float32)
        start = np.broadcast_to(np.asarray(origin, np.float32), towards.shape).copy()
        found = self._rays.run(start, towards, output=1)
        hit = np.flatnonzero((found["primID"] >= 0) & (found["tfar"] > 0.06))
        t = np.full(len(towards), np.inf, np.float32)
        t[hit] = found["tfar"][hit]
        albedo, normal = np.zeros((3, len(t)), np.float32), np.zeros((3, len(t)), np.float32)
        face = found["primID"][hit]
        weights = np.stack([1 - found["u"][hit] - found["v"][hit], found["u"][hit], found["v"][hit]], 1)
        corners = self._faces[face]
        albedo[:, hit] = self._colour(
            face, np.einsum("nk,nkc->nc", weights, self._uv[corners]), t[hit] * pixel
        ).T
        smooth = np.einsum("nk,nkc->nc", weights, self._normals[corners])
        smooth *= -np.sign(
            np.einsum("nc,nc->n", found["Ng"][hit], towards[hit])
            * np.einsum("nc,nc->n", found["Ng"][hit], smooth)
        )[:, None]
        normal[:, hit] = (smooth / (np.linalg.norm(smooth, axis=1, keepdims=True) + 1e-9)).T
        return MeshHits(t, albedo, normal)

    def occluded(self, origin: Floats, towards: Floats) -> NDArray[np.bool_]:
        """(3, P) each: whether something lies between origin and origin + towards."""
        starts, rays = (np.ascontiguousarray(v.T, np.float32) for v in (origin, towards))
        return self._rays.run(starts, rays, query="DISTANCE") < 1.0

    def _colour(self, face: NDArray[np.integer], uv: Floats, pixel_m: Floats) -> Floats:
        """(n, 3) from the picture's level whose texels are about as large as the pixel."""
        a, b, c = (self._vertices[self._faces[face, k]] for k in range(3))
        p, q, r = (self._uv[self._faces[face, k]] for k in range(3))
        area_m2 = np.linalg.norm(np.cross(b - a, c - a), axis=1) + 1e-9
        area_uv = np.abs((q - p)[:, 0] * (r - p)[:, 1] - (q - p)[:, 1] * (r - p)[:, 0])
        texels = SIDE_PX * np.sqrt(area_uv / area_m2) * pixel_m
        level = np.log2(np.maximum(texels, 1)).round().clip(0, LEVELS - 1).astype(int)
        side = SIDE_PX >> level
        column, row = ((uv % 1.0) * side[:, None]).astype(int).clip(0, (side - 1)[:, None]).T
        starts = np.cumsum([0] + [(SIDE_PX >> k) ** 2 for k in range(LEVELS)])
        picture = self._pictures[face]
        texel = self._library.pictures[picture, starts[level] + row * side + column] / np.float32(255)
        return np.where(picture[:, None] >= 0, texel, 0.5) * self._colours[face]
