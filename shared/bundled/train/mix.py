"""Mixes weights that began alike: `python -m shared.bundled.train.mix --out FILE WEIGHTS:PARTS ...`.

Runs from one start end in one valley, and between them lie weights that know what each has learnt
(Wortsman et al., *Model soups*, ICML 2022).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from shared import UserError
from shared.bundled.train.weights import write_weights
from shared.console import run

HINT = "Give files that the training wrote, each with its parts: a.safetensors:1 b.safetensors:2"


def mix(weights: list[tuple[Path, float]], out: Path) -> None:
    """Writes the mean of the files' entries, each counted by its parts; steps and samples are added up.

    Raises UserError where a file cannot be read, or is of another network than the first.
    """
    files = [_read(path) for path, _ in weights]
    first = files[0]
    for (path, _), file in zip(weights, files, strict=True):
        if file.shapes != first.shapes:
            raise UserError(f"{path} holds weights of another network than {weights[0][0]}.", HINT)
    parts = torch.tensor([count for _, count in weights])
    shares = (parts / parts.sum()).tolist()
    mean = dict(first.entries)  # the norms' counters stay the first's: nothing reads them
    for name, entry in first.entries.items():
        if entry.is_floating_point():
            mean[name] = torch.stack(
                [share * file.entries[name].float() for share, file in zip(shares, files, strict=True)]
            ).sum(dim=0)
    write_weights(
        mean,
        out,
        encoder=first.told["encoder"],
        steps=sum(int(file.told["steps"]) for file in files),
        samples=sum(int(file.told["samples"]) for file in files),
    )


@dataclass(frozen=True)
class _WeightsFile:
    entries: dict[str, Tensor]
    told: dict[str, str]
    """What it says of itself: encoder, steps, samples."""

    @property
    def shapes(self) -> dict[str, torch.Size]:
        return {name: entry.shape for name, entry in self.entries.items()}


def _read(path: Path) -> _WeightsFile:
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            entries = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read as weights: {error}.", HINT) from error
    if not {"encoder", "steps", "samples"} <= told.keys():
        raise UserError(f"{path} does not say how it was trained.", HINT)
    return _WeightsFile(entries, told)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.bundled.train.mix", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    parser.add_argument("weights", nargs="+", type=_with_parts, metavar="WEIGHTS:PARTS")
    options = parser.parse_args(argv)

    def command() -> int:
        mix(options.weights, options.out)
        return 0

    return run(command, prog=parser.prog)


def _with_parts(text: str) -> tuple[Path, float]:
    path, _, parts = text.rpartition(":")
    try:
        count = float(parts)
    except ValueError:
        count = 0.0
    if not path or not 0 < count < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no WEIGHTS:PARTS, such as a.safetensors:2")
    return Path(path), count


if __name__ == "__main__":
    sys.exit(main())
