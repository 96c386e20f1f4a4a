"""What runs the network: network input in, inverse depth out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap

if TYPE_CHECKING:
    from shared.model import MidasSmall
    from shared.weights import ChosenWeights


class Engine(Protocol):
    name: str
    description: str

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        """(1, 3, h, w) float32 normalised RGB -> (h, w) float32 inverse depth."""
        ...


class TorchEngine:
    name = "torch"

    def __init__(self, module: MidasSmall) -> None:
        self._module = module
        self.description = "torch on cpu"

    @classmethod
    def from_model(cls, module: MidasSmall) -> TorchEngine:
        return cls(module.eval())

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        import torch

        with torch.inference_mode():
            return self._module(torch.from_numpy(network_input))[0].numpy()


def load_engine(chosen: ChosenWeights, *, engine: str = "auto", device: str = "auto") -> Engine:
    from shared.weights import load_module

    return TorchEngine.from_model(load_module(chosen))
