"""What changes a rendered picture anew at each use, with torchvision.transforms.v2. Imports torch.

Some pictures come twice: seen by a camera a hair further on, with other light, noise and compression. What
the network says of both must be the same, and where it is not, a video of it flickers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from shared.predictor import IMAGENET_MEAN_RGB, IMAGENET_STD_RGB

Picture = NDArray[Any]
Crop = tuple[float, float, float, float]
"""top, left, height, width in pixels of the picture."""

REAL_RECOLOURED = 0.5  # of the real pictures: the others keep the colours that rendered ones never have
FURTHEST_STEP = 0.03  # of the crop: how far a twin's crop is moved, and how much it is wider or narrower


@dataclass(frozen=True)
class Batch:
    """image_n3hw: normalised RGB; target_nhw: inverse depth in 1/m; both float32.

    twin_of_k23: the last k pictures are the first k seen again; for each, the affine map that takes places of
    the first (x, y in -1..1) to places of its twin, as `torch.nn.functional.affine_grid` takes it.

    real_m3hw: real pictures; real_target_mhw: what is known of their inverse depth, else NaN. The second half
    of them is the first seen again, real_twin_of_k23 as above.
    """

    image_n3hw: Tensor
    target_nhw: Tensor
    twin_of_k23: Tensor
    real_m3hw: Tensor
    real_target_mhw: Tensor
    real_twin_of_k23: Tensor

    def __len__(self) -> int:
        return len(self.image_n3hw)


class Augmentation:
    """Crops, flips and recolours; the depth follows the crop and the flip."""

    def __init__(self) -> None:
        self._colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(brightness=0.5, contrast=0.5, saturation=0.6, hue=0.15)], 0.8),
                v2.RandomApply([_RandomGamma(0.5)], 0.4),
                v2.RandomGrayscale(0.1),
                v2.RandomAutocontrast(0.15),
            ]
        )
        self._camera = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(brightness=0.15, contrast=0.15, saturation=0.15)], 0.5),
                v2.RandomApply([_Vignette()], 0.2),
                v2.RandomApply([v2.GaussianBlur(5, (0.2, 1.5))], 0.2),
                v2.RandomApply([v2.GaussianBlur((9, 1), (0.5, 2.5))], 0.05),  # a camera that is moved
                v2.RandomApply([v2.GaussianBlur((1, 9), (0.5, 2.5))], 0.05),
                v2.RandomAdjustSharpness(2.0, 0.15),
                v2.RandomAdjustSharpness(5.0, 0.05),  # with the halos of a telephone's own sharpening
                v2.RandomApply([v2.JPEG((30, 90))], 0.2),
            ]
        )

    def batch(
        self,
        pairs: list[tuple[Picture, Picture]],
        size_px: tuple[int, int],
        *,
        twins: int = 0,
        real: Sequence[tuple[Picture, Picture]] = (),
    ) -> Batch:
        """Pairs of (H, W, 3) uint8 BGR and (H, W) inverse depth -> a batch of that size, twins last.

        real: pairs too, of real pictures.
        """
        images, targets, maps = self._views(pairs, size_px, twins=twins)
        seen, known, real_maps = self._views(real, size_px, twins=len(real), recoloured=REAL_RECOLOURED)
        return Batch(
            image_n3hw=_normalised(images),
            target_nhw=torch.stack(targets),
            twin_of_k23=_as_maps(maps),
            real_m3hw=_normalised(seen) if real else torch.zeros(0, 3, *size_px),
            real_target_mhw=torch.stack(known) if real else torch.zeros(0, *size_px),
            real_twin_of_k23=_as_maps(real_maps),
        )

    def _views(
        self,
        pairs: Sequence[tuple[Picture, Picture]],
        size_px: tuple[int, int],
        *,
        twins: int,
        recoloured: float = 1.0,
    ) -> tuple[list[Tensor], list[Tensor], list[list[list[float]]]]:
        """A crop of each, then the first `twins` seen again: images, depths, and the maps to the twins."""
        seen, seen_again, maps = [], [], []
        for number, (image_bgr, inverse_depth) in enumerate(pairs):
            image, depth = _as_tensors(image_bgr, inverse_depth, flip=bool(torch.rand(()) < 0.5))
            image = self._colour(image) if torch.rand(()) < recoloured else image
            crop = _random_crop(depth.shape[-2:], size_px)
            seen.append(self._view(image, depth, crop, size_px))
            if number < twins:
                step = _a_hair_further(crop, depth.shape[-2:])
                seen_again.append(self._view(image, depth, step, size_px))
                maps.append(_map_between(crop, step))
        views = seen + seen_again
        return [image for image, _ in views], [depth for _, depth in views], maps

    def _view(
        self, image: Tensor, depth: Tensor, crop: Crop, size_px: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        top, left, height, width = (round(side) for side in crop)
        image = v2.functional.resized_crop(image, top, left, height, width, list(size_px), antialias=True)
        # As a mask it would be read half a pixel too far up and left: edges would lie beside the picture's.
        depth = v2.functional.resized_crop(
            depth.as_subclass(Tensor),
            *(top, left, height, width),
            list(size_px),
            interpolation=v2.InterpolationMode.NEAREST_EXACT,
        )
        return self._camera(image).as_subclass(Tensor), depth[0]


class _RandomGamma(v2.Transform):  # type: ignore[misc]
    """Another curve from light to value, by up to exp(widest) either way."""

    def __init__(self, widest: float) -> None:
        super().__init__()
        self._widest = widest

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"gamma": float(torch.empty(()).uniform_(-self._widest, self._widest).exp())}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(v2.functional.adjust_gamma, inpt, **params)


class _Vignette(v2.Transform):  # type: ignore[misc]
    """Darker towards the corners, by up to 60 % there."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"corners": 0.6 * float(torch.rand(()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        down = torch.linspace(-1, 1, inpt.shape[-2])[:, None].square()
        across = torch.linspace(-1, 1, inpt.shape[-1])[None].square()
        light = 1 - params["corners"] * (down + across) / 2
        return tv_tensors.wrap((inpt * light).to(inpt.dtype), like=inpt)


def _normalised(images: list[Tensor]) -> Tensor:
    """(3, h, w) RGB of 0..255 each -> (n, 3, h, w), noisy, by ImageNet's mean and deviation."""
    image_n3hw = torch.stack(images).float().div_(255)
    mean = torch.from_numpy(IMAGENET_MEAN_RGB).view(1, 3, 1, 1)
    std = torch.from_numpy(IMAGENET_STD_RGB).view(1, 3, 1, 1)
    noisy = (image_n3hw + _sensor_noise(image_n3hw.shape)).clamp_(0, 1)
    return ((noisy - mean) / std).contiguous(memory_format=torch.channels_last)


def _as_maps(maps: list[list[list[float]]]) -> Tensor:
    return torch.tensor(maps, dtype=torch.float32).reshape(-1, 2, 3)


def _sensor_noise(shape: tuple[int, ...]) -> Tensor:
    """(n, 3, h, w): a sensor's grain and the coloured blotches that a camera's own denoising leaves of it."""
    count, channels, height_px, width_px = shape
    grain = torch.randn(shape) * torch.rand(count, 1, 1, 1).pow(3) * 0.08
    coarse = torch.randn(count, channels, -(-height_px // 3), -(-width_px // 3))
    blotches = nn.functional.interpolate(coarse, (height_px, width_px), mode="bilinear", align_corners=False)
    return grain + blotches * torch.rand(count, 1, 1, 1).pow(6) * 0.08


def _as_tensors(image_bgr: Picture, inverse_depth: Picture, *, flip: bool) -> tuple[Tensor, Tensor]:
    if flip:
        image_bgr, inverse_depth = image_bgr[:, ::-1], inverse_depth[:, ::-1]
    image_rgb = np.ascontiguousarray(image_bgr[:, :, ::-1].transpose(2, 0, 1))
    depth = torch.from_numpy(inverse_depth.astype(np.float32))
    return tv_tensors.Image(image_rgb), tv_tensors.Mask(depth[None])


def _random_crop(picture_px: tuple[int, ...], size_px: tuple[int, int]) -> Crop:
    """40 to 100 % of the largest part of this shape, its sides stretched by up to a sixth."""
    ratio = size_px[1] / size_px[0]
    height_px, width_px = picture_px
    largest_h = min(height_px, width_px / ratio)
    height = largest_h * float(torch.empty(()).uniform_(0.4, 1.0).sqrt())
    width = min(height * ratio * float(torch.empty(()).uniform_(-0.16, 0.16).exp()), width_px)
    top = float(torch.rand(())) * (height_px - height)
    left = float(torch.rand(())) * (width_px - width)
    return _whole(top, left, height, width)


def _a_hair_further(crop: Crop, picture_px: tuple[int, ...]) -> Crop:
    """Moved and zoomed a little, inside the picture."""
    top, left, height, width = crop
    zoom = float(torch.empty(()).uniform_(-FURTHEST_STEP, FURTHEST_STEP).exp())
    down, right = torch.empty(2).uniform_(-FURTHEST_STEP, FURTHEST_STEP).tolist()
    height, width = min(height * zoom, picture_px[0]), min(width * zoom, picture_px[1])
    top = min(max(top + down * height, 0.0), picture_px[0] - height)
    left = min(max(left + right * width, 0.0), picture_px[1] - width)
    return _whole(top, left, height, width)


def _whole(top: float, left: float, height: float, width: float) -> Crop:
    """In whole pixels, so that the map between two crops is exact."""
    return float(int(top)), float(int(left)), float(max(int(height), 1)), float(max(int(width), 1))


def _map_between(first: Crop, second: Crop) -> list[list[float]]:
    """Places (x, y in -1..1) of the first crop to places of the second: a (2, 3) affine map."""
    (top1, left1, height1, width1), (top2, left2, height2, width2) = first, second
    return [
        [width1 / width2, 0.0, (2 * left1 + width1 - 2 * left2 - width2) / width2],
        [0.0, height1 / height2, (2 * top1 + height1 - 2 * top2 - height2) / height2],
    ]
