"""Renders training pictures ahead.

`python -m shared.bundled.train.render_shards --out FOLDER --seed-from N`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.bundled.render import Atlas, MeshLibrary, load_meshes, photographed_atlas
from shared.bundled.scenes import random_scene
from shared.bundled.train.shards import write_shard

FORMATS_PX = ((384, 288),) * 7 + ((480, 168),) * 2 + ((288, 384),)
"""(width, height) of the pictures, a shard after the other: what webcams, films and telephones give.

Half as large again as the network's input: a crop is then as sharp as a photo that was made smaller, and
edges learnt on enlarged, soft pictures are soft.
"""
HELD_BACK_SEED = 10_000_000
"""Seeds from here on are for scores; training uses those below."""


def render_seeds(
    first_seed: int,
    count: int,
    width_px: int = 192,
    height_px: int = 144,
    *,
    atlas: Atlas | None = None,
    meshes: MeshLibrary | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """`count` scenes -> pictures (n, H, W, 3) uint8 BGR and inverse depth (n, H, W) float32 in 1/m, sky 0."""
    from shared.bundled.render import render

    images, inverse_depths = [], []
    for seed in range(first_seed, first_seed + count):
        image_rgb, inverse_depth = render(
            [random_scene(seed, atlas=atlas, meshes=meshes)], width_px, height_px, seed=seed
        )
        images.append(image_rgb[0].numpy()[::-1].transpose(1, 2, 0))
        inverse_depths.append(inverse_depth[0].numpy())
    return np.stack(images), np.stack(inverse_depths)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.bundled.train.render_shards", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--seed-from", type=int, default=0)
    parser.add_argument("--shards", type=int, default=1_000_000, help="how many to write before it ends")
    parser.add_argument("--pictures", type=int, default=128, help="in a shard")
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="default: several")
    add_photograph_options(parser)
    parser.add_argument("--prefix", default="s")
    options = parser.parse_args(argv)

    import torch

    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    atlas, meshes = photographs_from(options)
    for number in range(options.shards):
        seed = options.seed_from + number * options.pictures
        path = options.out / f"{options.prefix}{seed:09d}.npz"
        size_px = options.size or FORMATS_PX[number % len(FORMATS_PX)]
        if not path.exists():
            write_shard(path, *render_seeds(seed, options.pictures, *size_px, atlas=atlas, meshes=meshes))
    return 0


def add_photograph_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--textures", type=Path, metavar="FOLDER", help="photographs of surfaces, by kind")
    parser.add_argument("--surroundings", type=Path, metavar="FOLDER", help="panoramas, for skies")
    parser.add_argument("--meshes", type=Path, metavar="FOLDER", help="furniture: the unpacked archives")


def photographs_from(options: argparse.Namespace) -> tuple[Atlas | None, MeshLibrary | None]:
    """What the options of `add_photograph_options` name; None for what they do not."""
    has_pictures = options.textures or options.surroundings
    return (
        photographed_atlas(options.textures, options.surroundings) if has_pictures else None,
        load_meshes(options.meshes) if options.meshes else None,
    )


if __name__ == "__main__":
    sys.exit(main())
