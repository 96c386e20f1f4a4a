"""The reference network's numbers, and the made-up weights that they belong to.

tests/data/midas_small_golden.npz is the second of the two cases in ../shared/golden, whose README says how it
was made: `names`, `shapes` and `seed` of the weights, `image` (RGB), the network's `input`, its `output`.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[1] / "data" / "midas_small_golden.npz"


def load_golden() -> dict[str, NDArray]:
    with np.load(GOLDEN) as archive:
        return dict(archive)


def made_up_entry(name: str, shape: list[int], seed: int) -> NDArray:
    """One entry of the reference state dict, drawn as ../shared/golden's README says."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var"):
        entry = rng.uniform(0.5, 1.5, shape)
    elif name.endswith("running_mean"):
        entry = rng.normal(0, 0.1, shape)
    elif len(shape) == 4:
        entry = rng.normal(0, 1, shape) * np.sqrt(2 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        entry = rng.uniform(0.5, 1.5, shape)
    else:
        entry = rng.normal(0, 0.05, shape)
    return entry.astype(np.float32)


def made_up_state_dict(golden: dict[str, NDArray]) -> dict[str, NDArray]:
    names = [str(name) for name in golden["names"]]
    shapes = [json.loads(str(shape)) for shape in golden["shapes"]]
    seed = int(golden["seed"])
    return {name: made_up_entry(name, shape, seed) for name, shape in zip(names, shapes, strict=True)}
