"""What runs the network: network input in, inverse depth out. Which engine, where, and why.

Importing this module is cheap; `load_engine` imports what its choice needs. The way to OpenVINO on a CPU
imports neither torch nor timm.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import logging
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, UserError, cache
from shared.network.choosing import Choice, prove_now
from shared.network.engine_openvino import OpenVinoEngine, network_bytes, openvino_version
from shared.network.engine_torch import TorchEngine
from shared.network.verdicts import Subject

if TYPE_CHECKING:
    from shared.network.weights import ChosenWeights

logger = logging.getLogger(__name__)

CONVERSION_REVISION = 4
"""Raise it when the graph or the network's code changes: what was converted before is then not used."""

OpenVinoFailure = (ImportError, OSError, RuntimeError)
"""What a missing, broken or overtaxed OpenVINO raises."""


class Engine(Protocol):
    name: str

    @property
    def description(self) -> str: ...

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        """(1, 3, h, w) float32 normalised RGB -> (h, w) float32 inverse depth, the caller's own."""
        ...


@dataclass(frozen=True)
class Asked:
    """What the user said of the engine; see `load_engine`."""

    engine: str
    device: str
    precision: str
    size: int
    threads: int | None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"auto|cpu|gpu|npu|mps|cuda(:\d+)?", self.device):
            raise UserError(
                f"--device {self.device} is not known.", "Use auto, cpu, gpu, npu, cuda, cuda:N or mps."
            )
        if self.is_for_torch and self.precision not in ("auto", "f32"):
            raise UserError(
                f"--precision {self.precision} is for OpenVINO on a CPU.", "Use --engine openvino for it."
            )
        if self.engine == "torch" and self.device in ("gpu", "npu"):
            raise UserError(f"torch does not run on --device {self.device}.", "Leave --engine at auto.")
        if self.device in ("gpu", "npu") and self.precision != "auto":
            raise UserError(
                f"--precision {self.precision} is for the CPU; a GPU or an NPU chooses its own.",
                "Leave out one of the two.",
            )

    @property
    def is_for_torch(self) -> bool:
        return self.engine == "torch" or self.device.startswith(("cuda", "mps"))

    @property
    def is_for_openvino(self) -> bool:
        return self.engine == "openvino" or self.device in ("gpu", "npu") or self.is_by_name

    @property
    def is_by_name(self) -> bool:
        """Whether another candidate than float32 on the CPU was asked for."""
        return self.device in ("gpu", "npu") or self.precision not in ("auto", "f32")


def load_engine(
    chosen: ChosenWeights,
    *,
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    size: int = 256,
    threads: int | None = None,
) -> Engine:
    """engine: 'auto', 'openvino' or 'torch'; device: 'auto', 'cpu', 'gpu', 'npu', 'cuda', 'cuda:N' or 'mps'.

    precision: 'auto', 'f32' or 'bf16'. With 'auto' OpenVINO runs as what was proved to be fastest and right
    on this machine; where nothing was yet, in float32, and its `choice` is open: see `choosing.Choice`.
    size: longer side of the network's input in pixels, at which candidates are tried.
    threads: how many cores inference may use; None takes all. Raises UserError when what was asked for by
    name cannot be had; only 'auto' turns from OpenVINO to torch, with a warning.
    """
    asked = Asked(engine, device, precision, size, threads)
    if asked.is_for_openvino or chosen.is_openvino_file:
        loaded, why = _openvino_alone(chosen, asked), _why(chosen, asked)
    else:
        loaded, why = _torch_or_openvino(chosen, asked)
    logger.info("engine: %s (%s)", loaded.description, why)
    return loaded


def _why(chosen: ChosenWeights, asked: Asked) -> str:
    return "asked for" if asked.is_for_openvino else f"{chosen.path.name} is for OpenVINO"


def _openvino_alone(chosen: ChosenWeights, asked: Asked) -> Engine:
    if asked.engine == "torch":
        raise UserError(f"--engine torch cannot run {chosen.path.name}.", "Leave --engine at auto.")
    if asked.is_for_torch:
        raise UserError(f"OpenVINO does not run on --device {asked.device}.", "Use --engine torch for it.")
    try:
        return _openvino(chosen, asked)
    except OpenVinoFailure as error:
        raise UserError(
            f"OpenVINO cannot run {chosen.label}: {_line(error)}", "Try --engine torch."
        ) from error


def _torch_or_openvino(chosen: ChosenWeights, asked: Asked) -> tuple[Engine, str]:
    if asked.engine == "torch":
        return _torch(chosen, asked.device, asked.threads), "asked for"
    if asked.is_for_torch:
        return _torch(chosen, asked.device, asked.threads), f"--device {asked.device}"
    if asked.device == "auto" and (accelerator := find_accelerator()) != "cpu":
        return _torch(chosen, accelerator, asked.threads), f"{accelerator} is there"
    try:
        return _openvino(chosen, asked), "the fastest on a CPU"
    except OpenVinoFailure as error:
        logger.warning("OpenVINO cannot run %s (%s); torch does, more slowly.", chosen.label, _line(error))
        return _torch(chosen, "cpu", asked.threads), "OpenVINO failed"


def _torch(chosen: ChosenWeights, device: str, threads: int | None) -> TorchEngine:
    from shared.network.weights import load_module

    if not _are_installed("torch", "timm"):
        raise UserError(
            "What was chosen runs in torch, and torch or timm is not installed.",
            "Install both, or use --engine openvino --device cpu.",
        )
    if device == "auto":
        device = find_accelerator()
    elif not device_is_there(device):
        raise UserError(f"--device {device} is not there, as far as torch can see.", "Use --device cpu.")
    return TorchEngine.from_model(load_module(chosen), device=device, threads=threads)


def _openvino(chosen: ChosenWeights, asked: Asked) -> OpenVinoEngine:
    """In float32, or as what is already proved, or was asked for by name."""
    if chosen.is_openvino_file:
        loaded = OpenVinoEngine.from_file(chosen.path, threads=asked.threads)
        subject = Subject(chosen.path, "", chosen.sha256, asked.size)
    else:
        key = f"{CONVERSION_REVISION} {openvino_version()} {chosen.sha256}"
        path = cache.cache_folder() / "networks" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.network"
        loaded = OpenVinoEngine.from_bytes(_converted(chosen, path, key), threads=asked.threads)
        subject = Subject(path, key, chosen.sha256, asked.size)
    if asked.precision != "f32":
        choice = Choice(loaded, subject, device=asked.device, precision=asked.precision)
        if choice.is_open and asked.is_by_name:
            prove_now(choice)
        loaded.choice = choice
    return loaded


def _converted(chosen: ChosenWeights, path: Path, key: str) -> NDArray[np.uint8]:
    """From the cache, where it is."""
    content = cache.read_entry(path, key)
    if content is None:
        from shared.network.graph import build_graph
        from shared.network.weights import load_entries

        logger.info("building %s for OpenVINO; later starts will find it in %s", chosen.label, path)
        made = network_bytes(build_graph(*load_entries(chosen)))
        cache.write_entry(path, key, made)
        content = np.frombuffer(bytearray(made), np.uint8)
    return content


def find_accelerator() -> str:
    """'cuda', 'mps' or 'cpu': the best place that torch can use.

    torch is imported only if the machine has something for it, so that a CPU's start does not wait for it.
    """
    if sys.platform == "darwin":
        candidate = "mps" if platform.machine() == "arm64" else "cpu"
    else:
        candidate = "cuda" if _torch_is_built_for_cuda() and _has_nvidia_driver() else "cpu"
    return candidate if candidate != "cpu" and device_is_there(candidate) else "cpu"


def device_is_there(device: str) -> bool:
    """Whether torch can use 'cpu', 'cuda', 'cuda:N' or 'mps'. Imports torch."""
    import torch

    kind, _, index = device.partition(":")
    if kind == "cuda":
        return int(index or 0) < torch.cuda.device_count()
    return kind == "cpu" or torch.backends.mps.is_available()


def _are_installed(*packages: str) -> bool:
    """Whether they can be imported; a package that the process has barred counts as missing."""
    try:
        return all(importlib.util.find_spec(package) is not None for package in packages)
    except ValueError:
        return False


def _torch_is_built_for_cuda() -> bool:
    """Reads it from torch's own file of versions: most builds for Windows are not, on machines that could."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    versions = Path(found.origin).with_name("version.py").read_text("utf-8")
    return re.search(r"^cuda\b.*= None$", versions, flags=re.MULTILINE) is None


def _has_nvidia_driver() -> bool:
    """Asks the driver's library itself: milliseconds, where torch takes seconds."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        return driver.cuInit(0) == 0
    except (OSError, AttributeError):
        return False


def _line(error: BaseException) -> str:
    """The last line of an error that may have many: OpenVINO puts the reason there."""
    lines = str(error).split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), type(error).__name__)
