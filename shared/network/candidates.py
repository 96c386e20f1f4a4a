"""The ways in which OpenVINO may run a network: on which device, in which precision.

Importing this module is cheap.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

PARTS = 4
"""Of the encoder: what lies before its taps at strides 4, 8, 16 and 32."""
FLOAT_PARTS = (0, 2, 3)
"""How many of them bfloat16 is tried without; docs/measurements.md has what each layer costs."""
DEVICES = ("cpu", "gpu", "npu")


@dataclass(frozen=True)
class Candidate:
    """device: 'cpu', 'gpu', 'npu', by OpenVINO's names in small letters.

    precision: 'f32', 'bf16', or 'own', which is what the device itself likes best.
    float_parts: of the encoder, so many of the first parts stay in float32.
    """

    device: str = "cpu"
    precision: str = "f32"
    float_parts: int = 0

    @property
    def name(self) -> str:
        if self.precision == "own":
            return self.device
        kept = f" after {self.float_parts} of {PARTS} encoder parts in f32" if self.float_parts else ""
        return f"{self.device} {self.precision}{kept}"

    def settings(self) -> dict[str, str]:
        """For `compile_model`, as far as they follow from the candidate."""
        settings = {"PERFORMANCE_HINT": "LATENCY"}
        if self.device == "cpu":
            # Pinned to their cores, threads wait there for whatever else runs: with one busy neighbour on
            # two cores an inference took a third longer, and on an idle machine no less.
            settings["ENABLE_CPU_PINNING"] = "NO"
        if self.precision != "own":
            settings["INFERENCE_PRECISION_HINT"] = self.precision
        return settings


FLOAT32 = Candidate()
"""The reference: what the others must answer like."""


def candidates_here(
    devices: Collection[str], cpu_can: Collection[str], *, has_parts: bool
) -> list[Candidate]:
    """The candidates beside FLOAT32, the least exact of each device first.

    devices: OpenVINO's list, such as CPU, GPU.0, GPU.1, NPU. cpu_can: its OPTIMIZATION_CAPABILITIES.
    has_parts: the network is ours, so that parts of it can be kept in float32.
    """
    found = []
    if "BF16" in cpu_can:  # without such instructions it would be float32, or slow
        found += [Candidate("cpu", "bf16", parts) for parts in (FLOAT_PARTS if has_parts else (0,))]
    names = {device.split(".")[0].lower() for device in devices}
    return found + [Candidate(name, "own") for name in DEVICES[1:] if name in names]


def may_run(candidate: Candidate, device: str, precision: str) -> bool:
    """Whether it is among what the user asked for; both may be 'auto'.

    What a GPU or an NPU calculates in is its own affair: asking for a precision leaves them out.
    """
    return device in ("auto", candidate.device) and precision in ("auto", candidate.precision)
