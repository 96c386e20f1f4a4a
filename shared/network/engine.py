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
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, UserError, cache
from shared.network.engine_openvino import OpenVinoEngine, openvino_version
from shared.network.engine_torch import TorchEngine

if TYPE_CHECKING:
    from shared.network.weights import ChosenWeights

logger = logging.getLogger(__name__)

CONVERSION_REVISION = 3
"""Raise it when the graph or the network's code changes: what was converted before is then not used."""

OpenVinoFailure = (ImportError, OSError, RuntimeError)
"""What a missing, broken or overtaxed OpenVINO raises."""


class Engine(Protocol):
    name: str
    description: str

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        """(1, 3, h, w) float32 normalised RGB -> (h, w) float32 inverse depth, the caller's own."""
        ...


def load_engine(
    chosen: ChosenWeights, *, engine: str = "auto", device: str = "auto", threads: int | None = None
) -> Engine:
    """engine: 'auto', 'openvino' or 'torch'; device: 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'.

    threads: how many cores inference may use; None takes all. Raises UserError when what was asked for by
    name cannot be had; only 'auto' turns from OpenVINO to torch, with a warning.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise UserError(f"--device {device} is not known.", "Use auto, cpu, cuda, cuda:N or mps.")
    if engine == "openvino" or chosen.is_openvino_file:
        loaded, why = _openvino_alone(chosen, engine, device, threads), _asked(engine, chosen)
    else:
        loaded, why = _torch_or_openvino(chosen, engine, device, threads)
    logger.info("engine: %s (%s)", loaded.description, why)
    return loaded


def _asked(engine: str, chosen: ChosenWeights) -> str:
    return "asked for" if engine == "openvino" else f"{chosen.path.name} is for OpenVINO"


def _openvino_alone(chosen: ChosenWeights, engine: str, device: str, threads: int | None) -> Engine:
    if engine == "torch":
        raise UserError(f"--engine torch cannot run {chosen.path.name}.", "Leave --engine at auto.")
    if device not in ("auto", "cpu"):
        raise UserError(f"OpenVINO runs on the CPU, not on --device {device}.", "Use --engine torch for it.")
    try:
        return _openvino(chosen, threads)
    except OpenVinoFailure as error:
        raise UserError(
            f"OpenVINO cannot run {chosen.label}: {_line(error)}", "Try --engine torch."
        ) from error


def _torch_or_openvino(
    chosen: ChosenWeights, engine: str, device: str, threads: int | None
) -> tuple[Engine, str]:
    if engine == "torch":
        return _torch(chosen, device, threads), "asked for"
    if device.startswith(("cuda", "mps")):
        return _torch(chosen, device, threads), f"--device {device}"
    if device == "auto" and (accelerator := find_accelerator()) != "cpu":
        return _torch(chosen, accelerator, threads), f"{accelerator} is there"
    try:
        return _openvino(chosen, threads), "the fastest on a CPU"
    except OpenVinoFailure as error:
        logger.warning("OpenVINO cannot run %s (%s); torch does, more slowly.", chosen.label, _line(error))
        return _torch(chosen, "cpu", threads), "OpenVINO failed"


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


def _openvino(chosen: ChosenWeights, threads: int | None) -> OpenVinoEngine:
    if chosen.is_openvino_file:
        return OpenVinoEngine.from_file(chosen.path, threads=threads)
    key = f"{CONVERSION_REVISION} {openvino_version()} {chosen.sha256}"
    path = cache.cache_folder() / "networks" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.network"
    content = cache.read_entry(path, key)
    if content is not None:
        return OpenVinoEngine.from_bytes(content, threads=threads)
    from shared.network.graph import build_graph
    from shared.network.weights import load_entries

    logger.info("building %s for OpenVINO; later starts will find it in %s", chosen.label, path)
    engine = OpenVinoEngine(build_graph(*load_entries(chosen)), threads=threads)
    cache.write_entry(path, key, engine.to_bytes())
    return engine


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
