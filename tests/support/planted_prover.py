"""`shared.proving` with a fault planted into the first candidate; PLANTED names it.

PLANTED_DEVICES: what OpenVINO shall have listed, such as 'CPU GPU.0 NPU'. No such device is needed: every
candidate but float32 answers what float32 would, unless it is spoilt.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, proving
from shared.network.candidates import FLOAT32, candidates_here
from shared.network.engine_openvino import OpenVinoEngine

SLOW_S = 0.02
DEVICES = os.environ.get("PLANTED_DEVICES", "CPU").split()
TRIED = candidates_here(DEVICES, [] if len(DEVICES) > 1 else ["BF16"], has_parts=True)[:2]

real_infer = OpenVinoEngine.infer
real_compile = OpenVinoEngine._compile


def infer(self: OpenVinoEngine, network_input: NDArray[np.float32]) -> DepthMap:
    fault = os.environ["PLANTED"]
    depth_map = real_infer(self, network_input) if self._candidate == FLOAT32 else mean(network_input)
    if self._candidate == FLOAT32:
        time.sleep(SLOW_S)
    elif fault == "slow":
        time.sleep(2 * SLOW_S)
    elif self._candidate == TRIED[0]:
        if fault == "crash at compile":
            real_infer(self, network_input)
        depth_map = spoilt(depth_map, fault)
    return depth_map


def compile_or_die(self: OpenVinoEngine, shape: tuple[int, ...]) -> Any:
    if self._candidate == TRIED[0]:
        os.abort()
    return real_compile(self, shape)


def mean(network_input: NDArray[np.float32]) -> DepthMap:
    return np.asarray(network_input.mean(axis=1)[0], np.float32)


def spoilt(depth_map: DepthMap, fault: str) -> DepthMap:
    if fault == "crash":
        os.abort()
    if fault == "hang":
        time.sleep(600)
    if fault == "raise":
        raise RuntimeError("Exception from somewhere:\nthe driver is too old\n")
    if fault == "shape":
        return depth_map[1:]
    if fault == "nan":
        return np.full_like(depth_map, np.nan)
    if fault == "noise":
        return np.random.default_rng(0).normal(size=depth_map.shape).astype(np.float32)
    return 3 * depth_map + 5  # depth is relative


def main() -> int:
    planted: Any = proving
    OpenVinoEngine.infer = infer  # type: ignore[method-assign]
    OpenVinoEngine._compile = compile_or_die  # type: ignore[method-assign]
    planted.candidates_of = lambda subject: TRIED
    planted.LONGEST_TRIAL_S = float(os.environ.get("LONGEST_TRIAL_S", "60"))
    return proving.main()


if __name__ == "__main__":
    sys.exit(main())
