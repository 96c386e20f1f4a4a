"""The bundled model: its file, its card's figures, its loss and its training."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from shared import DepthMap, FrameBGR, UserError
from shared.bundled import bundled_weights_path
from shared.bundled.train.augment import Augmentation, Batch
from shared.bundled.train.evaluate import score_photos, score_scenes
from shared.bundled.train.losses import (
    STEEPEST,
    align_robustly,
    gradient_loss,
    local_geometry,
    midas_loss,
    relative_loss,
    twin_loss,
)
from shared.bundled.train.scores import Scores, ramp, score, spearman
from shared.bundled.train.shards import ShardPool, write_shard
from shared.bundled.train.training import PEAK_RATE, Training, TrainSettings, sizes_at
from shared.network.layout import BUNDLED_SMALL
from shared.network.model import MidasSmall
from shared.predictor import DepthPredictor
from tests.conftest import REPOSITORY

CARD = REPOSITORY / "shared" / "bundled" / "MODEL_CARD.md"
LARGEST_BYTES = 8_100_000
TESTED_SCENES = 40
Predict = Callable[[FrameBGR], DepthMap]


@pytest.fixture(scope="module")
def predict() -> Predict:
    return DepthPredictor.from_weights("bundled").predict


def card_scores(name: str) -> Scores:
    """The row of the card's tables that begins with this name."""
    found = re.search(
        rf"^\| {re.escape(name)} \| ([\d.-]+) \| ([\d.-]+) \| ([\d.-]+) \|$", CARD.read_text("utf-8"), re.M
    )
    assert found, f"{CARD.name} has no row {name!r}"
    return Scores(*(float(value) for value in found.groups()))


def assert_same(measured: Scores, stated: Scores, tolerance: float = 0.01) -> None:
    for name in ("rho", "d1", "abs_rel"):
        assert getattr(measured, name) == pytest.approx(getattr(stated, name), abs=tolerance), name


# --- the file ---


def test_the_file_is_small_and_half_precision() -> None:
    path = bundled_weights_path()
    assert path.stat().st_size <= LARGEST_BYTES
    tensors = load_file(path)
    assert {tensor.dtype for tensor in tensors.values()} <= {torch.float16, torch.int64}
    assert tensors.keys() == MidasSmall(BUNDLED_SMALL).state_dict().keys()
    assert all(torch.isfinite(tensor.float()).all() for tensor in tensors.values())


def test_the_file_says_what_it_is() -> None:
    with safe_open(bundled_weights_path(), "pt") as file:
        told = file.metadata()
    assert told["encoder"] == BUNDLED_SMALL.encoder
    assert int(told["samples"]) > 10_000


# --- the card's figures ---


def test_the_card_states_the_scores_on_held_back_scenes(predict: Predict) -> None:
    own, baseline = score_scenes(predict, TESTED_SCENES)
    assert_same(own, card_scores(f"{TESTED_SCENES} scenes"))
    assert_same(baseline, card_scores(f"{TESTED_SCENES} scenes, ramp"))
    assert own.rho > baseline.rho
    assert own.d1 > baseline.d1
    assert own.abs_rel < baseline.abs_rel


def test_the_card_states_the_scores_on_photos(predict: Predict, reference_folder: Path) -> None:
    photos = score_photos(predict, reference_folder / "rgbd")
    for name, (own, _) in photos.items():
        assert_same(own, card_scores(name))
    assert_same(Scores.mean([own for own, _ in photos.values()]), card_scores("photos"))
    assert_same(Scores.mean([baseline for _, baseline in photos.values()]), card_scores("photos, ramp"))


# --- scores ---


def test_a_perfect_prediction_scores_perfectly() -> None:
    inverse_depth = np.random.default_rng(0).uniform(0.2, 2, (30, 40)).astype(np.float32)
    valid = np.ones_like(inverse_depth, bool)
    found = score(3 * inverse_depth + 5, inverse_depth, valid)
    assert found.rho == pytest.approx(1)
    assert found.d1 == 1
    assert found.abs_rel == pytest.approx(0, abs=1e-4)


def test_a_reversed_prediction_has_no_rank_correlation_left() -> None:
    inverse_depth = ramp(30, 40) + 0.3
    assert score(-inverse_depth, inverse_depth, inverse_depth > 0).rho == pytest.approx(-1)


def test_ties_share_their_rank() -> None:
    assert spearman(np.array([1.0, 1, 2, 3]), np.array([5.0, 5, 6, 7])) == pytest.approx(1)
    assert spearman(np.zeros(4), np.arange(4.0)) == 0


def test_the_ramp_scores_on_the_photos_what_their_read_me_says(reference_folder: Path) -> None:
    found = score_photos(lambda frame_bgr: ramp(*frame_bgr.shape[:2]), reference_folder / "rgbd")
    mean = Scores.mean([own for own, _ in found.values()])
    # It says rho 0.545, which leaves the ties of a ramp in some order; with mean ranks it is 0.535.
    assert_same(mean, Scores(0.535, 0.607, 0.219), 0.001)


# --- loss ---


def test_the_loss_does_not_see_scale_and_shift() -> None:
    generator = torch.Generator().manual_seed(0)
    target, guess = (torch.rand((2, 48, 64), generator=generator) for _ in range(2))
    known = torch.ones_like(target, dtype=torch.bool)
    residual = align_robustly(guess, known) - align_robustly(target, known)
    rescaled = align_robustly(7 * guess + 3, known) - align_robustly(0.1 * target + 2, known)
    assert torch.allclose(residual, rescaled, atol=1e-4)
    assert (align_robustly(2 * target + 1, known) - align_robustly(target, known)).abs().mean() < 1e-5


def test_no_single_pixel_bears_the_gradient_of_the_alignment() -> None:
    prediction = torch.rand(1, 48, 64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    ramp_down = torch.linspace(0, 1, 48)[None, :, None].expand(1, 48, 64).square()
    known = torch.ones_like(ramp_down, dtype=torch.bool)
    (align_robustly(prediction, known) - align_robustly(ramp_down, known)).abs().mean().backward()
    assert prediction.grad is not None
    gradient = prediction.grad.abs()
    assert gradient.max() < 0.01 * gradient.sum()


def test_a_slanted_plane_is_a_slope_and_a_step_is_an_edge() -> None:
    column = torch.exp(0.01 * torch.arange(64.0))
    plane = column.expand(1, 48, 64)
    slopes, edges = local_geometry(plane)
    torch.testing.assert_close(slopes[:, 0], torch.full((1, 22, 30), 0.02 / STEEPEST))
    assert not slopes[:, 1].any()
    assert not edges.any()
    step = plane.clone()
    step[:, :, 32:] *= 2
    assert local_geometry(step)[1].sum(dim=2).tolist() == [[2.0] * 22]


def test_the_loss_prefers_a_sharp_edge_in_its_place() -> None:
    target = torch.zeros((1, 64, 64))
    target[:, :, 32:] = 1
    blurred = torch.from_numpy(cv2.GaussianBlur(target[0].numpy(), (0, 0), 4))[None]
    shifted = torch.roll(target, 6, dims=2)
    for worse in (blurred, shifted):
        known = torch.ones_like(target, dtype=torch.bool)
        assert gradient_loss(worse - target, known) > gradient_loss(target - target, known)
        assert midas_loss(worse + 1, target, gradient_weight=1) > midas_loss(
            target + 1, target, gradient_weight=1
        )


@pytest.mark.parametrize("loss", [midas_loss, relative_loss])
def test_what_is_not_known_is_not_asked_for(loss: Callable[..., torch.Tensor]) -> None:
    """Whatever the prediction is there, as long as its mean stays; of one picture nothing is known."""
    target = torch.rand((3, 48, 64), generator=torch.Generator().manual_seed(2)) + 0.1
    target[0, 10:30, 20:40] = torch.nan
    target[1] = torch.nan
    guess = torch.rand((3, 48, 64), generator=torch.Generator().manual_seed(3)).requires_grad_()
    otherwise = guess.detach().clone()
    otherwise[0, 10:30, 20:40] = otherwise[0, 10:30, 20:40].flip(0)
    otherwise[1] = otherwise[1].flip(1)
    found = loss(guess, target, gradient_weight=4.0)
    found.backward()
    assert guess.grad is not None
    assert guess.grad.isfinite().all()
    assert float(loss(otherwise, target, gradient_weight=4.0)) == pytest.approx(found.item())
    known_otherwise = otherwise.clone()
    known_otherwise[0, :10] = otherwise[0, :10].flip(1)
    assert float(loss(known_otherwise, target, gradient_weight=4.0)) != pytest.approx(found.item())


def test_the_relative_loss_asks_for_ratios_whatever_scale_and_shift() -> None:
    """Fronts at 20 and 40 m behind a near wall: to mix them up costs; the sky need only be far."""
    target = torch.full((1, 48, 64), 0.5)
    target[:, :16], target[:, 16:24], target[:, 24:32] = 0, 1 / 40, 1 / 20
    assert relative_loss(7 * target + 3, target, gradient_weight=1) < 1e-4
    farther_sky, nearer_sky, no_houses = target.clone(), target.clone(), target.clone()
    farther_sky[:, :16], nearer_sky[:, :16], no_houses[:, 16:32] = -0.2, 1 / 10, 3 / 80
    assert relative_loss(farther_sky, target, gradient_weight=0) < 1e-4
    assert relative_loss(nearer_sky, target, gradient_weight=0) > 0.2
    uneven_wall = target.clone()  # by as much in 1/m, on as many pixels
    uneven_wall[:, 32:, ::2] += 1 / 80
    uneven_wall[:, 32:, 1::2] -= 1 / 80
    mixed_up = relative_loss(no_houses, target, gradient_weight=0)
    assert mixed_up > 5 * relative_loss(uneven_wall, target, gradient_weight=0)


def test_the_same_error_costs_more_beside_an_edge() -> None:
    target = torch.full((1, 48, 64), 0.1)
    target[:, :, 32:] = 1.0
    beside, away = target.clone(), target.clone()
    beside[:, :, 30:32] *= 1.5
    away[:, :, 8:10] *= 1.5
    losses = [relative_loss(guess, target, gradient_weight=0) for guess in (target, away, beside)]
    assert losses[0] < 1e-4
    assert losses[2] > 2 * losses[1] > 0


def test_the_relative_loss_has_a_gradient_wherever_a_guess_is_wrong() -> None:
    target = torch.linspace(0.02, 0.5, 48)[None, :, None].expand(1, 48, 64)
    for guess in (-target, torch.zeros(1, 48, 64) + 0.1, target.roll(20, dims=1)):
        prediction = guess.clone().requires_grad_()
        relative_loss(prediction, target, gradient_weight=0.5).backward()
        assert prediction.grad is not None
        assert prediction.grad.isfinite().all()


def test_depth_ends_where_the_picture_does() -> None:
    """The lower half is bright and near: over many crops both begin in the same row, in the mean."""
    torch.manual_seed(4)
    picture = np.zeros((288, 384, 3), np.uint8)
    picture[144:] = 200
    inverse_depth = (picture[..., 0] > 0).astype(np.float32)
    batch = Augmentation().batch([(picture, inverse_depth)] * 64, (192, 256))
    apart_px = []
    for image_3hw, target in zip(batch.image_n3hw, batch.target_nhw, strict=True):
        light = image_3hw.mean(dim=0).median(dim=1).values
        dark_rows = int((light < (light[0] + light[-1]) / 2).sum())
        far_rows = int((target[:, 0] < 0.5).sum())
        if 8 < far_rows < 184:
            apart_px.append(far_rows - dark_rows)
    assert len(apart_px) > 32
    assert abs(np.mean(apart_px)) < 0.15


def test_twins_show_the_same_places() -> None:
    """The map between two crops is exact: a depth that is a place is read alike after warping by it."""
    torch.manual_seed(3)
    x = np.linspace(0.2, 1.0, 256, dtype=np.float32)
    depth = np.repeat(x[None], 192, 0) + np.linspace(0, 0.5, 192, dtype=np.float32)[:, None]
    pictures = [(np.zeros((192, 256, 3), np.uint8), depth)] * 8
    batch = Augmentation().batch(pictures, (96, 128), twins=8)
    first, again = batch.target_nhw[:8], batch.target_nhw[8:]
    assert len(batch) == 16
    assert (first - again).abs().mean() > 0.005
    exact = twin_loss(first, again, batch.twin_of_k23)
    assert exact < 0.02  # the nearest pixel of a crop is up to half a pixel off
    assert twin_loss(first, again, torch.eye(2, 3).expand(8, 2, 3)) > 3 * exact
    assert twin_loss(first, 1.2 * again, batch.twin_of_k23) > 3 * exact


# --- training ---


def settings(folder: Path, **changes: object) -> TrainSettings:
    values = {
        "minutes": 1.0,
        "data": folder,
        "held_back": None,
        "out": folder / "m.safetensors",
        "resume": False,
        "batch": 2,
    }
    return TrainSettings(**(values | changes))  # type: ignore[arg-type]


def test_the_learning_rate_warms_up_and_ends_at_nothing(tmp_path: Path) -> None:
    training = Training(settings(tmp_path))
    assert training.learning_rate() < PEAK_RATE / 100
    training.step = 10_000
    assert training.learning_rate() == pytest.approx(PEAK_RATE)
    training.spent_s = 60.0
    assert training.learning_rate() == pytest.approx(0, abs=1e-9)


def test_the_sizes_end_with_those_of_use() -> None:
    assert max(sizes_at(0.0)) == (96, 128)
    assert (192, 256) in sizes_at(1.0)


def test_a_checkpoint_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = Training(settings(tmp_path))
    twin = torch.eye(2, 3)[None]
    batch = Batch(
        *(torch.rand(3, 3, 64, 96), torch.rand(3, 64, 96), twin),
        *(torch.rand(2, 3, 64, 96), torch.rand(2, 64, 96), twin),
    )
    first.update(batch)
    first.save(tmp_path / "a.ckpt")
    second = Training(settings(tmp_path, seed=9))
    second.load(tmp_path / "a.ckpt")
    assert second.step == 1
    assert second.samples == 3
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name])
    assert first.update(batch) == pytest.approx(second.update(batch), rel=1e-3)


@pytest.mark.parametrize(
    "smaller", [{"detail": 0}, {"features": (32, 32, 48, 64)}, {"detail": 0, "features": (16, 32, 64, 96)}]
)
def test_weights_of_a_smaller_network_answer_as_they_did(tmp_path: Path, smaller: dict[str, Any]) -> None:
    before = MidasSmall(dataclasses.replace(BUNDLED_SMALL, **smaller)).eval()
    torch.save({"average": before.state_dict()}, tmp_path / "before.ckpt")
    training = Training(settings(tmp_path))
    training.load_weights(tmp_path / "before.ckpt")
    image_n3hw = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        # Channels of weight nothing change the order of sums, and with it the last digit.
        torch.testing.assert_close(
            training.average.eval()(image_n3hw), before(image_n3hw), rtol=1e-4, atol=1e-5
        )


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"average": MidasSmall().state_dict()}, tmp_path / "midas.ckpt")
    with pytest.raises(UserError, match=r"midas\.ckpt holds no weights of this network"):
        Training(settings(tmp_path)).load_weights(tmp_path / "midas.ckpt")


def test_the_pool_takes_new_shards_and_drops_old_ones(tmp_path: Path) -> None:
    images, depths = np.zeros((4, 6, 8, 3), np.uint8), np.ones((4, 6, 8), np.float32)
    write_shard(tmp_path / "a.npz", images, depths)
    pool = ShardPool(tmp_path, most_pictures=8)
    assert pool.refresh() == 4
    for name, shade in (("b", 1), ("c", 2)):
        write_shard(tmp_path / f"{name}.npz", images + np.uint8(shade), depths)
    assert pool.refresh() == 8
    assert pool.pictures_seen == 12
    drawn = pool.draw(50, np.random.default_rng(0))
    assert {int(image[0, 0, 0]) for image, _ in drawn} == {1, 2}
    assert not list(tmp_path.glob("*.part"))


def test_training_from_nothing_lowers_the_loss(tmp_path: Path) -> None:
    """The command on a fresh folder: it renders its own pictures, logs, and leaves weights that work."""
    out = tmp_path / "run" / "model.safetensors"
    command = [sys.executable, "-m", "shared.bundled.train", "--minutes", "0.5", "--out", str(out)]
    command += ["--batch", "4", "--log-every", "4"]
    subprocess.run(command, check=True, cwd=REPOSITORY, timeout=280, capture_output=True)
    log = [json.loads(line) for line in out.with_suffix(".log.jsonl").read_text("utf-8").splitlines()]
    losses = [row["loss"] for row in log]
    assert len(losses) >= 3
    assert np.mean(losses[-2:]) < losses[0]
    depth_map = DepthPredictor.from_weights(str(out)).predict(np.zeros((48, 64, 3), np.uint8))
    assert depth_map.shape == (192, 256)
