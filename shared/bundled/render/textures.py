"""Textures with mip levels in one flat byte tensor: procedural ones from a fixed seed, and photographed ones.

A texture blends two colours of the surface that wears it, so 0 and 1 mean 'first' and 'second' colour, per
channel; only posters, book spines, screens and photographs bring hues of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import UserError
from shared.bundled.render.patterns import MAKERS, SIDE_PX, Picture

LEVELS = 6
SEED = 20260101
OPEN_SKIES_RAD = {
    "dikhololo_night": 0.3, "immenstadter_horn": 0.75, "kiara_1_dawn": 0.15, "rooitou_park": 0.2,
}  # fmt: skip
"""Panoramas without a roof or trees overhead: from where above the horizon there is nothing but sky."""
_SKY_PX = (512, 1024)


@dataclass(frozen=True, eq=False)
class Atlas:
    """texels_u8: all textures at all levels, flat, 3 bytes a texel, linear; groups: texture numbers by name.

    photographs: numbers of photographed surfaces by their kind. mean_levels: (count,) each texture's mean.
    panoramas: (n, 3, h, w) linear RGB of the whole sphere, north pole in the first row. skies_rad: numbers of
    those with an open sky, and from where above the horizon there is nothing but sky.
    """

    texels_u8: NDArray[np.uint8]
    count: int
    groups: dict[str, list[int]]
    photographs: dict[str, list[int]] = field(default_factory=dict)
    mean_levels: NDArray[np.floating] = field(default_factory=lambda: np.zeros(0))
    panoramas: NDArray[np.float16] = field(default_factory=lambda: np.zeros((0, 3, 1, 2), np.float16))
    skies_rad: dict[int, float] = field(default_factory=dict)

    @property
    def level_starts(self) -> list[int]:
        """First texel of each level; level k holds `count` squares of SIDE_PX >> k."""
        sizes = [self.count * (SIDE_PX >> level) ** 2 for level in range(LEVELS)]
        return [sum(sizes[:level]) for level in range(LEVELS)]


@lru_cache(maxsize=1)
def atlas() -> Atlas:
    """The project's own textures (about 200)."""
    pictures, groups = _procedural()
    return _pack(pictures, groups)


@lru_cache(maxsize=1)
def photographed_atlas(textures: Path | None, surroundings: Path | None) -> Atlas:
    """The project's own and photographs beside them.

    textures: a folder with a folder of pictures for each kind of surface. surroundings: a folder of panoramas
    (equirectangular), which are skies and, in pieces, what posters and screens show. Either may be None.
    """
    pictures, groups = _procedural()
    photographs: dict[str, list[int]] = {}
    for path in sorted(textures.glob("*/*.webp")) if textures else ():
        photographs.setdefault(path.parent.name, []).append(len(pictures))
        pictures.append(_square(read_linear(path)))
    paths = sorted(surroundings.glob("*.webp")) if surroundings else []
    panoramas = [cv2.resize(read_linear(path), _SKY_PX[::-1], interpolation=cv2.INTER_AREA) for path in paths]
    names = [path.stem.removesuffix("_1k") for path in paths]
    skies_rad = {i: OPEN_SKIES_RAD[name] for i, name in enumerate(names) if name in OPEN_SKIES_RAD}
    rng = np.random.default_rng(SEED)
    for panorama in panoramas:
        for name in ("poster", "poster", "poster", "screen"):
            groups[name].append(len(pictures))
            pictures.append(_piece(panorama, rng))
    return replace(_pack(pictures, groups, photographs, panoramas), skies_rad=skies_rad)


def _procedural() -> tuple[list[Picture], dict[str, list[int]]]:
    rng = np.random.default_rng(SEED)
    pictures: list[Picture] = []
    groups: dict[str, list[int]] = {}
    for name, (make, count) in MAKERS.items():
        groups[name] = list(range(len(pictures), len(pictures) + count))
        pictures += [_as_rgb(make(rng)) for _ in range(count)]
    return pictures, groups


def _pack(
    pictures: list[Picture],
    groups: dict[str, list[int]],
    photographs: dict[str, list[int]] | None = None,
    panoramas: Sequence[Picture] = (),
) -> Atlas:
    texels = []
    for level in range(LEVELS):
        side = SIDE_PX >> level
        texels += [cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA).reshape(-1, 3) for p in pictures]
    flat = np.concatenate(texels)
    return Atlas(
        (flat.clip(0, 1) * 255).round().astype(np.uint8),
        len(pictures),
        groups,
        photographs or {},
        np.array([picture.mean() for picture in pictures]),
        np.array([p.transpose(2, 0, 1) for p in panoramas], np.float16).reshape(len(panoramas), 3, *_SKY_PX),
    )


def read_linear(path: Path) -> Picture:
    """(h, w, 3) float32 linear RGB in 0..1."""
    return (read_bgr(path)[:, :, ::-1].astype(np.float32) / 255) ** 2.2


def read_bgr(path: Path) -> NDArray[np.uint8]:
    """(h, w, 3). Raises UserError where it is no picture."""
    picture_bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture_bgr is None:
        raise UserError(f"{path} cannot be read as a picture.", "Unpack its folder again.")
    return picture_bgr


def _square(picture: Picture) -> Picture:
    """The middle of a picture at the textures' size."""
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    middle = picture[top : top + side, left : left + side]
    return cv2.resize(middle, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)


def _piece(panorama: Picture, rng: np.random.Generator) -> Picture:
    """What hangs framed on walls: a part about the horizon."""
    side = int(rng.uniform(0.3, 0.6) * panorama.shape[0])
    top = int(rng.uniform(0.2, 0.4) * panorama.shape[0])
    left = int(rng.uniform(0, panorama.shape[1] - side))
    return _square(panorama[top : top + side, left : left + side])


def _as_rgb(picture: Picture) -> Picture:
    picture = picture.astype(np.float32)
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
