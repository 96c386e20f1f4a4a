"""The network: its keys and shapes are the checkpoint's, its numbers the reference's."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL, MidasSizes
from shared.network.model import MidasSmall
from tests.support.golden import load_golden, made_up_state_dict


def test_state_dict_has_the_checkpoints_keys_and_shapes() -> None:
    golden = load_golden()
    expected = {
        str(name): json.loads(str(shape))
        for name, shape in zip(golden["names"], golden["shapes"], strict=True)
    }
    assert {name: list(entry.shape) for name, entry in MidasSmall().state_dict().items()} == expected


def test_output_is_the_references() -> None:
    golden = load_golden()
    module = MidasSmall().eval()
    module.load_state_dict(
        {name: torch.from_numpy(entry) for name, entry in made_up_state_dict(golden).items()}, strict=True
    )
    with torch.inference_mode():
        output = module(torch.from_numpy(golden["input"])[None])[0].numpy()
    expected = golden["output"]
    assert np.abs(output - expected).max() / np.abs(expected).max() < 5e-4


@pytest.mark.parametrize("sizes", [MIDAS_V21_SMALL, BUNDLED_SMALL], ids=["midas", "bundled"])
@pytest.mark.parametrize(("height_px", "width_px"), [(32, 32), (64, 96), (96, 64)])
def test_any_multiple_of_32_comes_back_at_its_own_size(
    sizes: MidasSizes, height_px: int, width_px: int
) -> None:
    module = MidasSmall(sizes).eval()
    with torch.inference_mode():
        inverse_depth = module(torch.zeros(2, 3, height_px, width_px))
    assert inverse_depth.shape == (2, height_px, width_px)
    assert (inverse_depth >= 0).all()
