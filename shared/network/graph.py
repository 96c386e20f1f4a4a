"""OpenVINO's graph of the network, built from a checkpoint's entries without torch.

Batch norms are folded into the convolutions before them, and the decoder's 1x1 convolutions moved before the
enlargements, as `shared.network.folding` does for torch. Importing this module is cheap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.network.checkpoint import Entries
from shared.network.engine_openvino import import_openvino
from shared.network.layout import (
    ACTIVATION_CEILING,
    NORM_EPSILON,
    Block,
    Convolution,
    MidasSizes,
    encoder_blocks,
)

Node = Any  # an `openvino.Node`
Array = NDArray[np.floating[Any]]


def build_graph(entries: Entries, sizes: MidasSizes) -> Any:
    """Entries as `layout.expected_entries` lists them -> `openvino.Model`, (1, 3, h, w) -> (1, h, w) float32.

    h and w are open; they must be multiples of 32.
    """
    return _GraphBuilder(entries, sizes).model()


class _GraphBuilder:
    def __init__(self, entries: Entries, sizes: MidasSizes) -> None:
        self._openvino = import_openvino()
        from openvino import opset13

        self._ops = opset13
        self._entries, self._sizes = entries, sizes

    def model(self) -> Any:
        image = self._ops.parameter([1, 3, -1, -1], dtype=np.float32, name="image_rgb_13hw")
        features, path = [], image
        for blocks in encoder_blocks(self._sizes):
            for block in blocks:
                path = self._block(path, block)
            features.append(path)
        inverse_depth = self._ops.squeeze(self._head(image, self._fused(features)), np.array([1], np.int64))
        return self._openvino.Model([inverse_depth], [image], "midas_small")

    def _block(self, x: Node, block: Block) -> Node:
        y = x
        for convolution in block.convolutions:
            y = self._normed_convolution(y, convolution)
        return self._ops.add(x, y, name=f"{block.convolutions[-1].name}.sum") if block.residual else y

    def _normed_convolution(self, x: Node, convolution: Convolution) -> Node:
        """The batch norm's gain goes into the weights, the rest of it into a bias."""
        scale, shift, mean, variance = (
            self._entry(f"{convolution.norm}.{part}")
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = scale / np.sqrt(variance + NORM_EPSILON)
        weight = self._entry(f"{convolution.name}.weight") * gain[:, None, None, None]
        y = self._convolve(
            x,
            weight,
            shift - mean * gain,
            padding=_same_padding(convolution),
            stride=convolution.stride,
            depthwise=convolution.depthwise,
            name=convolution.name,
        )
        if not convolution.activated:
            return y
        return self._ops.clamp(y, 0.0, ACTIVATION_CEILING, name=f"{convolution.name}.clamp")

    def _fused(self, features: list[Node]) -> Node:
        path = None
        for index in (4, 3, 2, 1):
            path = self._fusion_block(f"scratch.refinenet{index}", path, self._skip(features, index))
        if not self._sizes.detail:
            return path
        return self._residual_unit("scratch.refine0", self._ops.add(path, self._skip(features, 0)))

    def _skip(self, features: list[Node], index: int) -> Node:
        return self._convolve(features[index], self._entry(f"scratch.layer{index}_rn.weight"))

    def _fusion_block(self, name: str, path: Node | None, skip: Node) -> Node:
        """As `shared.network.folding.FoldedFusionBlock`: the 1x1 first, composed with the second 3x3."""
        if path is not None:
            path = self._ops.add(path, self._residual_unit(f"{name}.resConfUnit1", skip))
        else:
            path = skip
        last, last_bias = self._entry(f"{name}.out_conv.weight"), self._entry(f"{name}.out_conv.bias")
        second = self._entry(f"{name}.resConfUnit2.conv2.weight")
        second_bias = self._entry(f"{name}.resConfUnit2.conv2.bias")
        composed = np.tensordot(last[:, :, 0, 0], second, axes=1)
        inner = self._ops.relu(self._named(self._ops.relu(path), f"{name}.resConfUnit2.conv1"))
        path = self._ops.add(
            self._convolve(path, last, last_bias + last[:, :, 0, 0] @ second_bias),
            self._convolve(inner, composed),
        )
        return self._twice_as_large(path, "align_corners")

    def _residual_unit(self, name: str, x: Node) -> Node:
        y = self._ops.relu(self._named(self._ops.relu(x), f"{name}.conv1"))
        return self._ops.add(x, self._named(y, f"{name}.conv2"))

    def _head(self, image: Node, fused: Node) -> Node:
        y = self._twice_as_large(self._named(fused, "scratch.output_conv.0"), "half_pixel")
        if self._sizes.detail:
            y = self._ops.concat([y, self._ops.relu(self._named(image, "scratch.detail_conv"))], axis=1)
        y = self._ops.relu(self._named(y, "scratch.output_conv.2"))
        return self._ops.relu(self._named(y, "scratch.output_conv.4"))

    def _named(self, x: Node, name: str) -> Node:
        return self._convolve(x, self._entry(f"{name}.weight"), self._entry(f"{name}.bias"))

    def _convolve(
        self,
        x: Node,
        weight: Array,
        bias: Array | None = None,
        *,
        padding: tuple[int, int] | None = None,
        stride: int = 1,
        depthwise: bool = False,
        name: str | None = None,
    ) -> Node:
        """padding: before and behind, both ways; None keeps the size."""
        before, behind = padding or (weight.shape[-1] // 2,) * 2
        kernel = weight[:, None] if depthwise else weight
        convolution = self._ops.group_convolution if depthwise else self._ops.convolution
        y = convolution(
            x, self._constant(kernel), [stride] * 2, [before] * 2, [behind] * 2, [1, 1], name=name
        )
        if bias is None:
            return y
        name = None if name is None else f"{name}.bias"
        return self._ops.add(y, self._constant(bias.reshape(1, -1, 1, 1)), name=name)

    def _twice_as_large(self, x: Node, corners: str) -> Node:
        return self._ops.interpolate(
            x,
            np.array([2, 2], np.float32),
            mode="linear_onnx",
            shape_calculation_mode="scales",
            axes=np.array([2, 3], np.int64),
            coordinate_transformation_mode=corners,
        )

    def _entry(self, name: str) -> Array:
        return self._entries[name].astype(np.float64)

    def _constant(self, numbers: Array) -> Node:
        return self._ops.constant(np.ascontiguousarray(numbers, np.float32))


def _same_padding(convolution: Convolution) -> tuple[int, int]:
    """TensorFlow's, before and behind: an even length at stride 2 gets less before."""
    both = convolution.kernel - convolution.stride
    return both // 2, both - both // 2
