"""Training on real pictures, of whose depth little is known, and what keeps what photographs taught."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from shared import UserError
from shared.bundled.train.__main__ import main
from shared.bundled.train.augment import Augmentation, Batch
from shared.bundled.train.losses import twin_loss
from shared.bundled.train.panoramas import HEIGHT_PX, VIEWS_EACH, WIDTH_PX, panorama_views
from shared.bundled.train.training import Training, TrainSettings
from shared.bundled.train.weights import IMAGENET_PACKAGE

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(TrainSettings(1.0, tmp_path, None, tmp_path / "m.safetensors", resume=False, batch=2))


def random_batch(*, real: int = 2) -> Batch:
    twin = torch.eye(2, 3)[None]
    return Batch(
        torch.rand(3, 3, 64, 96),
        torch.rand(3, 64, 96),
        twin,
        torch.rand(2 * real, 3, 64, 96),
        torch.full((2 * real, 64, 96), torch.nan),
        twin.expand(real, 2, 3),
    )


def test_views_look_where_a_camera_does(tmp_path: Path) -> None:
    """Blue is the latitude: it grows downwards in every view, and the horizon is in the middle on average."""
    sphere_bgr = np.zeros((256, 512, 3), np.uint8)
    sphere_bgr[..., 0] = np.linspace(0, 255, 256)[:, None]
    sphere_bgr[..., 1] = np.where(np.arange(512) < 256, 0, 255)
    cv2.imwrite(str(tmp_path / "a.webp"), sphere_bgr, [cv2.IMWRITE_WEBP_QUALITY, 101])
    views = panorama_views(tmp_path)
    assert all(np.isnan(inverse_depth).all() for _, inverse_depth in views), "nobody has traced it"
    views_bgr = np.stack([image_bgr for image_bgr, _ in views])
    assert views_bgr.shape == (VIEWS_EACH, HEIGHT_PX, WIDTH_PX, 3)
    latitude = views_bgr[..., 0].mean(axis=2)
    assert (latitude[:, -1] > latitude[:, 0] + 20).all()
    assert abs(latitude[:, HEIGHT_PX // 2].mean() - 127.5) < 10
    sides = views_bgr[..., 1].mean(axis=(1, 2))
    assert {bool(side > 127) for side in sides} == {False, True}, "they are turned anywhere"


def test_a_file_that_is_no_panorama_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"a\.webp cannot be read"):
        panorama_views(tmp_path)


def test_a_real_picture_and_its_twin_show_the_same_places() -> None:
    torch.manual_seed(0)
    down, across = np.mgrid[0:240, 0:320]
    picture_bgr = np.stack([down / 240, across / 320, 0 * down], axis=-1)
    inverse_depth = np.where(down < 120, np.nan, across / 320).astype(np.float32)
    pictures = [((255 * picture_bgr).astype(np.uint8), inverse_depth)] * 8
    rendered = [(np.zeros((96, 128, 3), np.uint8), np.ones((96, 128), np.float32))]
    batch = Augmentation().batch(rendered, (96, 128), real=pictures)
    assert len(batch) == 1
    assert batch.real_m3hw.shape == (16, 3, 96, 128)
    first, again = batch.real_m3hw.mean(dim=1).split(8)
    exact = twin_loss(first, again, batch.real_twin_of_k23)
    assert exact < twin_loss(first, again, torch.eye(2, 3).expand(8, 2, 3))
    known = ~batch.real_target_mhw.isnan()
    assert 0 < known.float().mean() < 1, "the crop takes what is known along"
    assert Augmentation().batch(rendered, (96, 128)).real_m3hw.shape == (0, 3, 96, 128)


def test_the_norms_keep_what_they_know(training: Training) -> None:
    before = {name: entry.clone() for name, entry in training.model.state_dict().items()}
    training.update(random_batch())
    after = training.model.state_dict()
    running = [name for name in before if "running_" in name]
    assert running
    assert all(torch.equal(before[name], after[name]) for name in running)
    assert not torch.equal(before["scratch.layer1_rn.weight"], after["scratch.layer1_rn.weight"])


def test_real_pictures_are_asked_to_read_alike(training: Training) -> None:
    """The same weights and rendered pictures: the loss is higher by what their twins differ."""
    state = {name: entry.clone() for name, entry in training.model.state_dict().items()}
    with_real = random_batch()
    without = Batch(
        with_real.image_n3hw,
        with_real.target_nhw,
        with_real.twin_of_k23,
        with_real.real_m3hw[:0],
        with_real.real_target_mhw[:0],
        with_real.real_twin_of_k23[:0],
    )
    more = training.update(with_real)
    training.model.load_state_dict(state)
    assert more > training.update(without)


def test_what_is_traced_of_real_pictures_is_learnt(training: Training) -> None:
    state = {name: entry.clone() for name, entry in training.model.state_dict().items()}
    batch = random_batch()
    unknown = training.update(batch)
    training.model.load_state_dict(state)
    assert training.update(replace(batch, real_target_mhw=torch.rand(4, 64, 96))) > unknown
    assert all(entry.isfinite().all() for entry in training.model.state_dict().values())


def test_styles_are_mixed_in_training_only(tmp_path: Path) -> None:
    """What is told apart from the mean and deviation of others: the normalised features stay one's own."""
    always = TrainSettings(1.0, tmp_path, None, tmp_path / "m.safetensors", resume=False, mix_styles=1.0)
    model = Training(always).model
    stage, found = model.pretrained.layer1[-1], []
    stage.register_forward_hook(lambda *given: found.append(given[2]))
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.eval()
    images = torch.rand(4, 3, 64, 96) * torch.tensor([0.2, 1, 2, 3]).view(4, 1, 1, 1)
    with torch.no_grad():
        model(images)
        stage.eval()
        model(images)
    mixed, plain = found
    assert not torch.allclose(mixed.mean(dim=(2, 3)), plain.mean(dim=(2, 3)), atol=1e-3)
    first, second = ((f - f.mean((2, 3), keepdim=True)).flatten(2) for f in (mixed, plain))
    assert torch.nn.functional.cosine_similarity(first, second, dim=2).min() > 0.999


def test_statistics_are_those_of_the_batches(training: Training) -> None:
    batches = [random_batch(), random_batch()]
    training.measure_statistics(batches)
    stem, norm = training.model.pretrained.layer1[0], training.model.pretrained.layer1[1]
    pictures = [torch.cat([batch.image_n3hw, batch.real_m3hw]) for batch in batches]
    with torch.no_grad():
        expected = torch.stack([stem(images).mean(dim=(0, 2, 3)) for images in pictures]).mean(dim=0)
    assert torch.allclose(norm.running_mean, expected, atol=1e-4)
    assert torch.equal(training.average.pretrained.layer1[1].running_mean, norm.running_mean)


@pytest.mark.skipif(importlib.util.find_spec(IMAGENET_PACKAGE) is None, reason="the extra train is absent")
def test_the_way_back_to_imagenet(training: Training) -> None:
    theirs = Training(training.settings)
    theirs.load_imagenet_encoder()
    weight = "layer4.0.1.conv_pw.weight"
    own = training.model.pretrained.state_dict()[weight].clone()
    target = theirs.model.pretrained.state_dict()[weight]
    training.return_towards_imagenet(0.5)
    assert torch.allclose(training.model.pretrained.state_dict()[weight], (own + target) / 2, atol=1e-6)
    training.return_towards_imagenet(1.0)
    assert torch.allclose(training.average.pretrained.state_dict()[weight], target, atol=1e-6)


def test_a_way_back_needs_a_place_to_come_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--minutes", "1", "--out", str(tmp_path / "m.safetensors"), "--towards-imagenet", "0.5"]
    assert main(options) == 2
    assert "--start-from" in capsys.readouterr().err


def test_what_is_left_out_lies_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--minutes", "1", "--out", str(tmp_path / "m.safetensors"), "--leave-out", "a"]
    assert main(options) == 2
    assert "--surroundings" in capsys.readouterr().err
