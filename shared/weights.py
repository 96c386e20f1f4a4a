"""Which weights: a given path, the cache, a download, or the bundled model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shared.model import MidasSmall


@dataclass(frozen=True)
class ChosenWeights:
    kind: Literal["official", "bundled", "file"]
    path: Path
    sha256: str
    label: str
    why: str

    @property
    def is_bundled(self) -> bool:
        return self.kind == "bundled"


def choose_weights(spec: str | None = None) -> ChosenWeights:
    return ChosenWeights("bundled", Path("bundled"), "", "bundled demo model", "stub until the weights exist")


def load_module(chosen: ChosenWeights) -> MidasSmall:
    import torch

    from shared.model import BUNDLED_SMALL, MidasSmall

    torch.manual_seed(0)
    return MidasSmall(BUNDLED_SMALL)
