"""What the networks are made of, as data: sizes, layers, and the entries that a checkpoint must hold.

Both the torch module and OpenVINO's graph go by it. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Four = tuple[int, int, int, int]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class MidasSizes:
    """The network's sizes as data.

    encoder: name of a timm network with a stem and stages in the manner of EfficientNet.
    stage_ends: how many of its stages lie before each tap, at strides 4, 8, 16 and 32.
    taps: channels there.
    features: channels of the decoder at those strides.
    head: channels between the decoder and the one output channel.
    detail: channels seen at the picture's full size and carried to the head; 0: none, and none from stride 2,
        as in MiDaS, whose finest view is a fourth of the picture and whose edges are about as wide.
    """

    encoder: str
    stage_ends: Four
    taps: Four
    features: Four
    head: int
    detail: int = 0


MIDAS_V21_SMALL = MidasSizes(
    encoder="tf_efficientnet_lite3",
    stage_ends=(2, 3, 5, 7),
    taps=(32, 48, 136, 384),
    features=(64, 128, 256, 512),
    head=32,
)
BUNDLED_SMALL = MidasSizes(
    encoder="tf_efficientnet_lite0",
    stage_ends=(2, 3, 5, 7),
    taps=(24, 40, 112, 320),
    features=(32, 48, 64, 96),
    head=16,
    detail=8,
)


@dataclass(frozen=True)
class Convolution:
    """A convolution without bias and the batch norm behind it; names are those of the state dict."""

    name: str
    norm: str
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False
    activated: bool = True

    @property
    def weight_shape(self) -> Shape:
        return (self.outputs, 1 if self.depthwise else self.inputs, self.kernel, self.kernel)

    def under(self, prefix: str) -> Convolution:
        """The same with longer names."""
        return Convolution(**{**vars(self), "name": prefix + self.name, "norm": prefix + self.norm})


@dataclass(frozen=True)
class Block:
    convolutions: tuple[Convolution, ...]
    residual: bool = False


NORM_EPSILON = 1e-3
ACTIVATION_CEILING = 6.0
STEM_CHANNELS = 32
BEHIND_THE_STEM = 3
"""The first stage's number in the state dict: before it come stem, norm and activation."""
LITE_STAGES = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6), (5, 2, 6), (3, 1, 6))
"""Kernel, stride and expansion of EfficientNet-Lite's stages (Tan and Le, 2019, table 1)."""
LITE_ENCODERS = {
    "tf_efficientnet_lite0": ((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)),
    "tf_efficientnet_lite3": ((24, 32, 48, 96, 136, 232, 384), (1, 3, 3, 5, 5, 6, 1)),
}
"""Channels and number of blocks of each stage."""


def _encoder_stages(sizes: MidasSizes) -> list[list[Block]]:
    """All stages; the names in a block begin there."""
    inputs, stages = STEM_CHANNELS, []
    for (kernel, stride, expansion), outputs, count in zip(
        LITE_STAGES, *LITE_ENCODERS[sizes.encoder], strict=True
    ):
        blocks = []
        for step in [stride] + [1] * (count - 1):
            convolutions = _inverted_residual(inputs, outputs, kernel, step, expansion)
            blocks.append(Block(convolutions, residual=step == 1 and inputs == outputs))
            inputs = outputs
        stages.append(blocks)
    return stages


def _inverted_residual(
    inputs: int, outputs: int, kernel: int, stride: int, expansion: int
) -> tuple[Convolution, ...]:
    if expansion == 1:
        return (
            Convolution("conv_dw", "bn1", inputs, inputs, kernel, stride, depthwise=True),
            Convolution("conv_pw", "bn2", inputs, outputs, activated=False),
        )
    wide = inputs * expansion
    return (
        Convolution("conv_pw", "bn1", inputs, wide),
        Convolution("conv_dw", "bn2", wide, wide, kernel, stride, depthwise=True),
        Convolution("conv_pwl", "bn3", wide, outputs, activated=False),
    )


def stride2_channels(sizes: MidasSizes) -> int:
    """Of the encoder's first stage."""
    return LITE_ENCODERS[sizes.encoder][0][0]


def encoder_blocks(sizes: MidasSizes) -> list[list[Block]]:
    """The blocks up to the features at strides 2, 4, 8, 16, 32, under the names of the state dict."""
    stem = Convolution("pretrained.layer1.0", "pretrained.layer1.1", 3, STEM_CHANNELS, 3, 2)
    strides: list[list[Block]] = [[Block((stem,))], [], [], [], []]
    stages = _encoder_stages(sizes)
    begin = 0
    for tap, end in enumerate(sizes.stage_ends, start=1):
        first = BEHIND_THE_STEM if tap == 1 else 0
        for index, stage in enumerate(stages[begin:end], start=first):
            at_stride2 = tap == 1 and index == BEHIND_THE_STEM
            for number, block in enumerate(stage):
                prefix = f"pretrained.layer{tap}.{index}.{number}."
                named = tuple(convolution.under(prefix) for convolution in block.convolutions)
                strides[0 if at_stride2 else tap].append(Block(named, block.residual))
        begin = end
    return strides


def expected_entries(sizes: MidasSizes) -> dict[str, Shape]:
    """Name and shape of all that a checkpoint of these sizes holds, no more and no less."""
    return {**dict(_encoder_entries(sizes)), **dict(_decoder_entries(sizes))}


def _encoder_entries(sizes: MidasSizes) -> Iterator[tuple[str, Shape]]:
    for blocks in encoder_blocks(sizes):
        for convolution in (one for block in blocks for one in block.convolutions):
            yield f"{convolution.name}.weight", convolution.weight_shape
            for part in ("weight", "bias", "running_mean", "running_var"):
                yield f"{convolution.norm}.{part}", (convolution.outputs,)
            yield f"{convolution.norm}.num_batches_tracked", ()


def _decoder_entries(sizes: MidasSizes) -> Iterator[tuple[str, Shape]]:
    for index, (features, taps) in enumerate(zip(sizes.features, sizes.taps, strict=True), start=1):
        yield f"scratch.layer{index}_rn.weight", (features, taps, 3, 3)
        block = f"scratch.refinenet{index}"
        for unit in ("resConfUnit1.conv1", "resConfUnit1.conv2", "resConfUnit2.conv1", "resConfUnit2.conv2"):
            yield from _with_bias(f"{block}.{unit}", features, features, 3)
        yield from _with_bias(f"{block}.out_conv", sizes.features[max(index - 2, 0)], features, 1)
    if sizes.detail:
        yield "scratch.layer0_rn.weight", (sizes.features[0], stride2_channels(sizes), 3, 3)
        yield from _with_bias("scratch.refine0.conv1", sizes.head, sizes.features[0], 3)
        yield from _with_bias("scratch.refine0.conv2", sizes.features[0], sizes.head, 3)
        yield from _with_bias("scratch.detail_conv", sizes.detail, 3, 3)
    yield from _with_bias("scratch.output_conv.0", sizes.head, sizes.features[0], 3)
    yield from _with_bias("scratch.output_conv.2", sizes.head, sizes.head + sizes.detail, 3)
    yield from _with_bias("scratch.output_conv.4", 1, sizes.head, 1)


def _with_bias(name: str, outputs: int, inputs: int, kernel: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", (outputs, inputs, kernel, kernel)
    yield f"{name}.bias", (outputs,)
