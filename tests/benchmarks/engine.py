"""How long one inference takes in each engine: python tests/benchmarks/engine.py [--rounds N] [--bundled].

MiDaS small's sizes with made-up weights, of which the proof says nothing; --bundled: the bundled model. Each
way that OpenVINO has here is timed, right or not, beside eager torch, as everybody calls it, and the floor:
the network's multiplications at the best rate at which torch multiplied large matrices meanwhile. The engines
take turns, so that a slow second meets all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared.network.candidates import FLOAT32
from shared.network.engine import load_engine
from shared.network.engine_openvino import OpenVinoEngine
from shared.network.engine_torch import TorchEngine
from shared.network.folding import fold
from shared.network.layout import MIDAS_V21_SMALL
from shared.network.model import MidasSmall
from shared.network.verdicts import candidates_of, load_subject, read_verdict
from shared.network.weights import ChosenWeights, choose_weights, load_module
from tests.benchmarks.machine import description, milliseconds, print_table
from tests.support.networks import save_checkpoint

SIZES_PX = [(256, 192), (256, 128), (384, 288)]
MATRIX_SIDE = 1536

Infer = Callable[[NDArray[np.float32]], object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--bundled", action="store_true", help="the bundled model, not MiDaS small's sizes")
    arguments = parser.parse_args()
    print(description(), "\n")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DEPTH_CACHE"] = folder  # the proof is had anew
        made_up = Path(folder) / "made-up.pt"
        weights = "bundled" if arguments.bundled else str(save_checkpoint(made_up, MIDAS_V21_SMALL))
        measure(choose_weights(weights), arguments.rounds)


def measure(chosen: ChosenWeights, rounds: int) -> None:
    module = load_module(chosen)
    ways: dict[str, Infer] = {
        "eager torch": eager(module),
        "TorchEngine": TorchEngine.from_model(module).infer,
        **openvino_ways(chosen),
    }
    rows = []
    for width_px, height_px in SIZES_PX:
        network_input = np.random.default_rng(0).normal(size=(1, 3, height_px, width_px)).astype(np.float32)
        times_s, flop_per_s = take_turns(ways, network_input, rounds)
        floor_s = flop(module, network_input) / flop_per_s
        folded_share = flop(fold(module), network_input) / flop(module, network_input)
        eager_s = statistics.median(times_s["eager torch"])
        rows += [
            [
                f"{width_px}x{height_px}",
                name,
                milliseconds(times),
                f"{eager_s / statistics.median(times):.2f}",
                f"{floor_s / statistics.median(times):.0%}",
            ]
            for name, times in times_s.items()
        ]
        rows.append(
            [
                f"{width_px}x{height_px}",
                f"floor: {flop(module, network_input) / 1e9:.2f} GFLOP at {flop_per_s / 1e9:.0f} GFLOP/s",
                milliseconds([floor_s]),
                f"{eager_s / floor_s:.2f}",
                "100%",
            ]
        )
    print_table(["input", "engine", "ms (median)", "times eager", "share of the floor"], rows)
    print(f"\nBoth engines run the folded network: {folded_share:.0%} of the floor's multiplications.")


def openvino_ways(chosen: ChosenWeights) -> dict[str, Infer]:
    """All that OpenVINO has here; prints what the proof says of them."""
    engine = load_engine(chosen, engine="openvino")
    assert isinstance(engine, OpenVinoEngine)
    assert engine.choice is not None
    begun_s = time.perf_counter()
    engine.choice.prove(threading.Event())
    print(f"The proof took {time.perf_counter() - begun_s:.1f} s:\n")
    engine.choice.adopt()
    subject = engine.choice.subject
    for trial in read_verdict(subject).trials:
        print(f"    {trial.line()}")
    print(f"\nChosen: {engine.description}\n")
    ways = {}
    for candidate in (FLOAT32, *candidates_of(subject)):
        one = load_subject(subject)
        one.run_as(candidate)
        ways[f"OpenVINO, {candidate.name}"] = one.infer
    return ways


def eager(module: MidasSmall) -> Infer:
    def infer(network_input: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return module(torch.from_numpy(network_input))[0].numpy()

    return infer


def take_turns(
    ways: dict[str, Infer], network_input: NDArray[np.float32], rounds: int
) -> tuple[dict[str, list[float]], float]:
    """Seconds of each way in each round, and the best rate of a matrix product in FLOP/s."""
    matrix = torch.randn(MATRIX_SIDE, MATRIX_SIDE)
    times_s: dict[str, list[float]] = {name: [] for name in ways}
    products_s = []
    for infer in ways.values():
        infer(network_input)  # compiles or traces
    for _ in range(rounds):
        for name, infer in ways.items():
            infer(network_input)  # the caches are its own when it is timed
            times_s[name].append(seconds(lambda infer=infer: infer(network_input)))  # type: ignore[misc]
        products_s.append(seconds(lambda: torch.mm(matrix, matrix)))
    return times_s, 2 * MATRIX_SIDE**3 / min(products_s)


def seconds(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


def flop(module: MidasSmall, network_input: NDArray[np.float32]) -> float:
    """Multiplications and additions of all convolutions."""
    total = 0.0

    def count(convolution: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(convolution, torch.nn.Conv2d)
        total += 2 * output.numel() * convolution.weight[0].numel()

    hooks = [
        part.register_forward_hook(count) for part in module.modules() if isinstance(part, torch.nn.Conv2d)
    ]
    eager(module)(network_input)
    for hook in hooks:
        hook.remove()
    return total


if __name__ == "__main__":
    main()
