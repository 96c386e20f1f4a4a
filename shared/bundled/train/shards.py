"""Rendered pictures on disk: written ahead by one process, read by the training as they come.

A shard is NAME.npz with image_bgr_u8 (n, H, W, 3) and inverse_depth_f16 (n, H, W) in 1/m, sky = 0. It appears
under its name only when whole.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_LIKE = 0.66
Shard = tuple[NDArray[np.uint8], NDArray[np.float16]]


def write_shard(path: Path, image_bgr_u8: NDArray[np.uint8], inverse_depth: NDArray[np.floating]) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, image_bgr_u8=image_bgr_u8, inverse_depth_f16=inverse_depth.astype(np.float16))
    os.replace(unfinished, path)


def read_shard(path: Path) -> Shard:
    with np.load(path) as archive:
        return archive["image_bgr_u8"], archive["inverse_depth_f16"]


class ShardPool:
    """The newest shards of a growing folder, in memory; `draw` picks pictures evenly among them."""

    def __init__(self, folder: Path, *, most_pictures: int) -> None:
        self._folder = folder
        self._most_pictures = most_pictures
        self._shards: dict[str, Shard] = {}
        self._read: set[str] = set()
        self.pictures_seen = 0

    def refresh(self, *, most_new: int = 4) -> int:
        """Reads up to most_new shards that are new, drops the oldest past the bound; the pictures held."""
        new = [path for path in self._folder.glob("*.npz") if path.name not in self._read]
        for path in sorted(new, key=lambda path: path.stat().st_mtime)[:most_new]:
            self._read.add(path.name)
            self._shards[path.name] = read_shard(path)
            self.pictures_seen += len(self._shards[path.name][0])
            while self._held() > self._most_pictures and len(self._shards) > 1:
                del self._shards[next(iter(self._shards))]
        return self._held()

    def _held(self) -> int:
        return sum(len(images) for images, _ in self._shards.values())

    def draw(
        self, count: int, rng: np.random.Generator, *, shape: tuple[int, int] | None = None
    ) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """`count` pairs of image (H, W, 3) uint8 BGR and inverse depth (H, W) float16.

        shape: (height, width); pictures of about this aspect are preferred, where there are any.
        """
        shards = list(self._shards.values())
        if shape is not None:
            shards = [shard for shard in shards if _is_like(shard[0].shape[1:3], shape)] or shards
        weights = np.array([len(images) for images, _ in shards], float)
        pairs = []
        for index in rng.choice(len(shards), count, p=weights / weights.sum()):
            images, inverse_depths = shards[index]
            row = rng.integers(len(images))
            pairs.append((images[row], inverse_depths[row]))
        return pairs


def _is_like(picture_px: tuple[int, ...], shape: tuple[int, int]) -> bool:
    """Whether at least two thirds of one's aspect is the other's."""
    ratio = (picture_px[1] / picture_px[0]) / (shape[1] / shape[0])
    return LEAST_LIKE < ratio < 1 / LEAST_LIKE
