"""The network in torch: for CUDA and MPS, and for CPUs where OpenVINO is missing or fails.

Importing this module is cheap; making an engine imports torch.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shared.network.model import MidasSmall


class TorchEngine:
    """Folded, channels last, and on a CPU traced and frozen for each input size."""

    name = "torch"

    def __init__(self, module: nn.Module, device: str) -> None:
        import torch

        self.description = f"torch {torch.__version__} on {device}"
        self._device = torch.device(device)
        self._module = module.to(self._device).to(memory_format=torch.channels_last)
        self._frozen: dict[tuple[int, ...], nn.Module] = {}

    @classmethod
    def from_model(
        cls, module: MidasSmall, *, device: str = "cpu", threads: int | None = None
    ) -> TorchEngine:
        """threads: how many the CPU may use, for the whole process; None leaves torch's own choice."""
        import torch

        from shared.network.folding import fold

        if threads is not None:
            torch.set_num_threads(threads)
        return cls(fold(module), device)

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        """(1, 3, h, w) float32 normalised RGB -> (h, w) float32 inverse depth."""
        import torch

        with torch.inference_mode():
            image = torch.from_numpy(network_input).to(self._device, memory_format=torch.channels_last)
            return self._for_input(image)(image)[0].cpu().numpy()

    def _for_input(self, image: Tensor) -> nn.Module:
        if self._device.type != "cpu":
            return self._module
        shape = tuple(image.shape)
        if shape not in self._frozen:
            self._frozen[shape] = _freeze(self._module, image)
        return self._frozen[shape]


def _freeze(module: nn.Module, image: Tensor) -> nn.Module:
    import torch

    with warnings.catch_warnings():
        # torch's tracer is in maintenance, and same padding looks at sizes: fixed here, one trace each.
        warnings.simplefilter("ignore")
        return torch.jit.freeze(torch.jit.trace(module, image, check_trace=False))
