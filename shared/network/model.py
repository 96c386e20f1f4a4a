"""MiDaS v2.1 small: an EfficientNet-Lite encoder and a light fusion decoder (Ranftl et al., 2020).

The attribute names are those of the reference implementation, so that a `state_dict` has the keys of the
official checkpoint `midas_v21_small_256.pt`. No file is read here. Importing this module imports torch, and
building a network imports timm: both are slow, so only functions that need them import this module.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shared.network.layout import BEHIND_THE_STEM, MIDAS_V21_SMALL, MidasSizes, stride2_channels


class MidasSmall(nn.Module):
    """(N, 3, h, w) float32, RGB normalised by ImageNet's mean and deviation -> (N, h, w) inverse depth >= 0.

    h and w are multiples of 32.
    """

    def __init__(self, sizes: MidasSizes = MIDAS_V21_SMALL) -> None:
        super().__init__()
        self.sizes = sizes
        self.pretrained = Encoder(sizes)
        self.scratch = Decoder(sizes)

    def forward(self, image_rgb_n3hw: Tensor) -> Tensor:
        return self.scratch(image_rgb_n3hw, self.pretrained(image_rgb_n3hw))


class Encoder(nn.Module):
    """Image (N, 3, h, w) -> features at strides 2, 4, 8, 16, 32.

    timm's network has batch-norm eps 1e-3, ReLU6 and TensorFlow's same padding, as the checkpoint expects.
    """

    def __init__(self, sizes: MidasSizes) -> None:
        super().__init__()
        import timm

        net = timm.create_model(sizes.encoder, pretrained=False)
        end1, end2, end3, end4 = sizes.stage_ends
        # The checkpoint counts an activation at index 2; in today's timm the batch norm applies it.
        self.layer1 = nn.Sequential(net.conv_stem, net.bn1, nn.Identity(), *net.blocks[:end1])
        self.layer2 = nn.Sequential(*net.blocks[end1:end2])
        self.layer3 = nn.Sequential(*net.blocks[end2:end3])
        self.layer4 = nn.Sequential(*net.blocks[end3:end4])

    def forward(self, image_rgb_n3hw: Tensor) -> list[Tensor]:
        features = []
        x = image_rgb_n3hw
        stride2, stride4 = self.layer1[: BEHIND_THE_STEM + 1], self.layer1[BEHIND_THE_STEM + 1 :]
        for layer in (stride2, stride4, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """Image and features at strides 2 to 32 -> inverse depth (N, h, w), fused from the deepest up.

    With `detail`, which is not MiDaS's, stride 2 and the picture itself have a say in where edges lie.
    """

    def __init__(self, sizes: MidasSizes) -> None:
        super().__init__()
        f1, f2, f3, f4 = sizes.features
        t1, t2, t3, t4 = sizes.taps
        self.layer1_rn = _conv3x3(t1, f1, bias=False)
        self.layer2_rn = _conv3x3(t2, f2, bias=False)
        self.layer3_rn = _conv3x3(t3, f3, bias=False)
        self.layer4_rn = _conv3x3(t4, f4, bias=False)
        self.refinenet4 = FusionBlock(f4, f3)
        self.refinenet3 = FusionBlock(f3, f2)
        self.refinenet2 = FusionBlock(f2, f1)
        self.refinenet1 = FusionBlock(f1, f1)
        self.output_conv = nn.Sequential(
            _conv3x3(f1, sizes.head),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            _conv3x3(sizes.head + sizes.detail, sizes.head),
            nn.ReLU(),
            nn.Conv2d(sizes.head, 1, kernel_size=1),
            nn.ReLU(),
        )
        self.has_detail = sizes.detail > 0
        if self.has_detail:
            self.layer0_rn = _conv3x3(stride2_channels(sizes), f1, bias=False)
            self.refine0 = ResidualConvUnit(f1, inner_channels=sizes.head)
            self.detail_conv = _conv3x3(3, sizes.detail)
            for parameter in (*self.layer0_rn.parameters(), *self.refine0.conv2.parameters()):
                nn.init.zeros_(parameter)  # begins as if it were not there

    def forward(self, image_rgb_n3hw: Tensor, features: list[Tensor]) -> Tensor:
        return self.head(image_rgb_n3hw, self.fuse(features))

    def fuse(self, features: list[Tensor]) -> Tensor:
        """Features at strides 2, 4, 8, 16, 32 -> the fused features (N, f1, h / 2, w / 2)."""
        stride2, stride4, stride8, stride16, stride32 = features
        path = self.refinenet4(self.layer4_rn(stride32))
        path = self.refinenet3(path, self.layer3_rn(stride16))
        path = self.refinenet2(path, self.layer2_rn(stride8))
        path = self.refinenet1(path, self.layer1_rn(stride4))
        return self.refine0(path + self.layer0_rn(stride2)) if self.has_detail else path

    def head(self, image_rgb_n3hw: Tensor, fused: Tensor) -> Tensor:
        """Image (N, 3, h, w) and the fused features -> inverse depth (N, h, w)."""
        x = self.output_conv[:2](fused)
        if self.has_detail:
            x = torch.cat([x, torch.relu(self.detail_conv(image_rgb_n3hw))], dim=1)
        return self.output_conv[2:](x).squeeze(1)


class FusionBlock(nn.Module):
    """Adds a skip connection to the deeper path, refines, doubles the size, changes the channels.

    The deepest block has no skip; its `resConfUnit1` is in the checkpoint and stays unused.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.resConfUnit1 = ResidualConvUnit(in_channels)
        self.resConfUnit2 = ResidualConvUnit(in_channels)
        self.out_conv = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, path: Tensor, skip: Tensor | None = None) -> Tensor:
        if skip is not None:
            path = path + self.resConfUnit1(skip)
        path = self.resConfUnit2(path)
        path = F.interpolate(path, scale_factor=2.0, mode="bilinear", align_corners=True)
        return self.out_conv(path)


class ResidualConvUnit(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, plus its input; inner_channels: between the two, by default as outside."""

    def __init__(self, channels: int, *, inner_channels: int | None = None) -> None:
        super().__init__()
        self.conv1 = _conv3x3(channels, inner_channels or channels)
        self.conv2 = _conv3x3(inner_channels or channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(torch.relu(self.conv1(torch.relu(x))))


def _conv3x3(in_channels: int, out_channels: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=bias)
