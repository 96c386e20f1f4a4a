"""The transform is the reference's; the predictor takes any frame and refuses what is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shared import DepthMap, UserError
from shared.network.weights import choose_weights
from shared.predictor import DepthPredictor, network_size, to_network_input
from tests.support.golden import load_golden


class MeanEngine:
    """Answers with the mean of the three channels."""

    name = "mean"
    description = "mean of the channels"

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        return network_input[0].mean(axis=0)


class NanEngine(MeanEngine):
    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        return np.full(network_input.shape[2:], np.nan, np.float32)


@pytest.mark.parametrize(
    ("frame_px", "network_px"),
    [
        ((640, 480), (256, 192)),
        ((1280, 720), (256, 128)),
        ((1920, 1080), (256, 128)),
        ((1080, 1920), (128, 256)),
        ((768, 432), (256, 128)),
        ((500, 333), (256, 160)),
        ((256, 256), (256, 256)),
        ((2560, 1080), (256, 96)),
        ((100, 1000), (32, 256)),
    ],
)
def test_network_size_is_the_references(frame_px: tuple[int, int], network_px: tuple[int, int]) -> None:
    assert network_size(*frame_px) == network_px


def test_transform_is_the_references() -> None:
    golden = load_golden()
    network_input = to_network_input(np.ascontiguousarray(golden["image"][:, :, ::-1]))
    assert network_input.dtype == np.float32
    assert np.abs(network_input[0] - golden["input"]).max() < 1e-3


def test_transform_turns_bgr_into_normalised_rgb() -> None:
    frame_bgr = np.full((64, 64, 3), (0, 0, 255), np.uint8)
    red, green, blue = to_network_input(frame_bgr)[0].mean(axis=(1, 2))
    assert red == pytest.approx((1 - 0.485) / 0.229, abs=1e-5)
    assert green == pytest.approx(-0.456 / 0.224, abs=1e-5)
    assert blue == pytest.approx(-0.406 / 0.225, abs=1e-5)


def test_the_bundled_weights_see_the_mean_of_a_noisy_frame_and_no_others() -> None:
    noise_bgr = np.random.default_rng(0).integers(0, 256, (720, 1283, 3), dtype=np.uint8)
    reference = to_network_input(noise_bgr)[0].mean(axis=0)
    sampled = DepthPredictor(MeanEngine()).predict(noise_bgr)
    averaged = DepthPredictor(MeanEngine(), weights=choose_weights("bundled")).predict(noise_bgr)
    assert np.array_equal(sampled, reference)
    assert averaged.std() < 0.4 * sampled.std(), "four by four pixels are one"
    assert averaged.mean() == pytest.approx(sampled.mean(), abs=0.05)


@pytest.mark.parametrize("width_px", [511, 512, 513])
def test_averaging_moves_nothing(width_px: int) -> None:
    """A bright half begins in the middle, whatever the width."""
    frame_bgr = np.zeros((384, width_px, 3), np.uint8)
    frame_bgr[:, width_px // 2 :] = 255
    if width_px % 2:
        frame_bgr[:, width_px // 2] = 128
    depth_map = DepthPredictor(MeanEngine(), weights=choose_weights("bundled")).predict(frame_bgr)
    low, high = depth_map[:, 0].mean(), depth_map[:, -1].mean()
    bright_px = ((depth_map - low) / (high - low)).sum(axis=1)
    assert np.abs(bright_px - depth_map.shape[1] / 2).max() < 0.3


@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 4000, 3), (1080, 1920, 3), (4320, 7680, 3)])
def test_any_frame_from_16_pixels_to_8k(shape: tuple[int, int, int]) -> None:
    depth_map = DepthPredictor(MeanEngine()).predict(np.full(shape, 90, np.uint8))
    width_px, height_px = network_size(shape[1], shape[0])
    assert depth_map.shape == (height_px, width_px)


@pytest.mark.parametrize(
    ("frame", "what_came"),
    [
        (np.zeros((64, 64), np.uint8), r"\(64, 64\) uint8"),
        (np.zeros((64, 64, 4), np.uint8), r"\(64, 64, 4\) uint8"),
        (np.zeros((64, 64, 3), np.float32), "float32"),
        (np.zeros((15, 64, 3), np.uint8), "64x15"),
        ("photo.jpg", "str"),
    ],
)
def test_what_is_no_frame_is_refused_with_what_came(frame: object, what_came: str) -> None:
    with pytest.raises(ValueError, match=what_came):
        DepthPredictor(MeanEngine()).predict(frame)  # type: ignore[arg-type]


def test_non_finite_output_names_the_frame() -> None:
    with pytest.raises(UserError, match="inferred frame 1") as caught:
        DepthPredictor(NanEngine()).predict(np.zeros((64, 64, 3), np.uint8))
    assert caught.value.exit_code == 1
