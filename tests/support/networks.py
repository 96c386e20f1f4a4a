"""Networks with made-up weights, and the smallest files that OpenVINO takes for a depth network."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.golden import made_up_entry

if TYPE_CHECKING:
    from shared.network.engine_openvino import OpenVinoEngine
    from shared.network.layout import MidasSizes
    from shared.network.model import MidasSmall

Shape = tuple[int | str, ...]


@lru_cache(maxsize=4)
def made_up_module(sizes: MidasSizes, seed: int = 7) -> MidasSmall:
    """Weights drawn like the golden ones, so that the output is far from zero everywhere."""
    import torch

    from shared.network.model import MidasSmall

    module = MidasSmall(sizes).eval()
    entries = {
        name: torch.from_numpy(made_up_entry(name, list(entry.shape), seed))
        for name, entry in module.state_dict().items()
    }
    module.load_state_dict(entries, strict=True)
    return module


def openvino_engine(module: MidasSmall, *, threads: int | None = None) -> OpenVinoEngine:
    """An engine that runs what OpenVINO's graph makes of a torch network's entries."""
    from shared.network.engine_openvino import OpenVinoEngine
    from shared.network.graph import build_graph

    entries = {name: entry.numpy() for name, entry in module.state_dict().items()}
    return OpenVinoEngine(build_graph(entries, module.sizes), threads=threads)


def save_checkpoint(path: Path, sizes: MidasSizes, seed: int = 7) -> Path:
    """In the official format, or as safetensors in float16, by the path's suffix."""
    import torch
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    entries = made_up_module(sizes, seed).state_dict()
    if path.suffix == ".safetensors":
        save_file({k: v.half() if v.is_floating_point() else v for k, v in entries.items()}, path)
    else:
        torch.save(entries, path)
    return path


def save_onnx(path: Path, image: Shape = (1, 3, "h", "w"), depth: Shape = (1, "h", "w")) -> Path:
    """An ONNX network that answers with the mean of the three channels (protocol buffers by hand)."""
    axes = _text(1, "axes") + _number(8, 1) + _number(20, 7)
    keep = _text(1, "keepdims") + _number(3, len(depth) == len(image)) + _number(20, 2)
    node = _text(1, "image") + _text(2, "depth") + _text(4, "ReduceMean") + _bytes(5, axes) + _bytes(5, keep)
    graph = (
        _bytes(1, node)
        + _text(2, "mean")
        + _bytes(11, _tensor("image", image))
        + _bytes(12, _tensor("depth", depth))
    )
    path.write_bytes(_number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13)))
    return path


def mean_network(image: tuple[int, ...] = (1, 3, -1, -1)) -> Any:
    """The same network as an `openvino.Model`."""
    import openvino
    from openvino import opset13 as ops

    parameter = ops.parameter(list(image), dtype=np.float32, name="image")
    weight = ops.constant(np.float32([1.0]))
    mean = ops.reduce_mean(ops.multiply(parameter, weight), 1, keep_dims=False)
    return openvino.Model([mean], [parameter], "mean")


def save_openvino(path: Path, network: Any = None) -> Path:
    """OpenVINO's .xml with its .bin."""
    import openvino

    openvino.save_model(network or mean_network(), path, compress_to_fp16=False)
    return path


def _tensor(name: str, shape: Shape) -> bytes:
    dimensions = b"".join(
        _bytes(1, _text(2, length) if isinstance(length, str) else _number(1, length)) for length in shape
    )
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dimensions)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
