"""What changes a rendered picture anew at each use, with torchvision.transforms.v2. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from shared.predictor import IMAGENET_MEAN_RGB, IMAGENET_STD_RGB

Picture = NDArray[Any]


class Augmentation:
    """Crops, flips and recolours; the depth follows the crop and the flip."""

    def __init__(self) -> None:
        self._colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(brightness=0.5, contrast=0.5, saturation=0.6, hue=0.15)], 0.8),
                v2.RandomGrayscale(0.1),
                v2.RandomAutocontrast(0.15),
                v2.RandomAdjustSharpness(2.0, 0.15),
                v2.RandomApply([v2.GaussianBlur(5, (0.2, 1.5))], 0.2),
                v2.RandomApply([v2.JPEG((30, 90))], 0.2),
            ]
        )

    def batch(self, pairs: list[tuple[Picture, Picture]], size_px: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Pairs of (H, W, 3) uint8 BGR and (H, W) inverse depth -> (N, 3, h, w) and (N, h, w) float32."""
        height_px, width_px = size_px
        ratio = width_px / height_px
        place = v2.Compose(
            [
                v2.RandomResizedCrop(size_px, scale=(0.4, 1.0), ratio=(0.85 * ratio, 1.18 * ratio)),
                v2.RandomHorizontalFlip(),
            ]
        )
        images, targets = zip(*(self._one(image, depth, place) for image, depth in pairs), strict=True)
        image_n3hw = torch.stack(images).float().div_(255)
        noise = torch.randn_like(image_n3hw) * torch.rand(len(images), 1, 1, 1).pow(3) * 0.08
        mean = torch.from_numpy(IMAGENET_MEAN_RGB).view(1, 3, 1, 1)
        std = torch.from_numpy(IMAGENET_STD_RGB).view(1, 3, 1, 1)
        normalised = ((image_n3hw + noise).clamp_(0, 1) - mean) / std
        return normalised.contiguous(memory_format=torch.channels_last), torch.stack(targets)

    def _one(self, image_bgr: Picture, inverse_depth: Picture, place: v2.Compose) -> tuple[Tensor, Tensor]:
        image_rgb = np.ascontiguousarray(image_bgr[:, :, ::-1].transpose(2, 0, 1))
        depth = torch.from_numpy(inverse_depth.astype(np.float32))
        image, mask = place(tv_tensors.Image(image_rgb), tv_tensors.Mask(depth[None]))
        return self._colour(image).as_subclass(Tensor), mask.as_subclass(Tensor)[0]
