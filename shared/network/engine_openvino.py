"""The network in OpenVINO: the default on CPUs, in float32 until another candidate is proved.

Importing this module is cheap; making an engine imports openvino.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import tempfile
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, UserError
from shared.network.candidates import FLOAT32, Candidate

if TYPE_CHECKING:
    from shared.network.choosing import Choice

logger = logging.getLogger(__name__)

_LENGTH_BYTES = 8
SHAPES_KEPT = 4
"""Each input shape is a compiled network of its own, of some 70 MB with MiDaS small."""


class OpenVinoEngine:
    """One network, compiled once for each input size that comes.

    Its precision is always asked for by name: left to itself OpenVINO takes bfloat16 where the CPU has it,
    which with the bundled weights is off by 0.3 to 7 % of the range.
    """

    name = "openvino"

    def __init__(self, network: Any, *, name: str = "the network", threads: int | None = None) -> None:
        """network: an `openvino.Model` with one input (1, 3, h, w), where h and w may be open.

        threads: how many of the CPU's cores inference may use; None takes all.
        """
        self._network = network
        self._name = name
        self.fixed_size_px = _fixed_size_px(network)
        self._threads = threads
        self._candidate = FLOAT32
        self._may_fall_back = False
        self._callers = 1
        self._requests: OrderedDict[tuple[int, ...], SimpleQueue[Any]] = OrderedDict()
        self._turn = threading.Lock()
        self._content: NDArray[np.uint8] | None = None
        self.choice: Choice | None = None

    @classmethod
    def from_bytes(cls, content: NDArray[np.uint8], *, threads: int | None = None) -> OpenVinoEngine:
        """From what `to_bytes` made. The constants stay where they are, in `content`."""
        engine = cls(_read(content), threads=threads)
        engine._content = content  # the network does not keep it alive
        return engine

    @classmethod
    def from_file(cls, path: Path, *, threads: int | None = None) -> OpenVinoEngine:
        """From an ONNX file or OpenVINO's .xml with its .bin beside it.

        Raises UserError when it cannot be read or is not one image in, one depth map out.
        """
        try:
            network = openvino_core().read_model(path)
        except RuntimeError as error:
            raise UserError(
                f"{path.name} is damaged, or no network that OpenVINO can read.",
                "Export it again, or use --weights auto.",
            ) from error
        _check_ends(network, path.name)
        engine = cls(network, name=path.name, threads=threads)
        if engine.fixed_size_px is not None:
            logger.info(
                "%s sees every frame at %dx%d pixels; it takes no other.", path.name, *engine.fixed_size_px
            )
        return engine

    @property
    def description(self) -> str:
        return f"OpenVINO {openvino_version()} on {self._candidate.name}"

    def run_as(self, candidate: Candidate, *, or_float32: bool = False) -> None:
        """From now on; who is inferring ends as before. or_float32: where it cannot be compiled after all."""
        with self._turn:
            if self._content is not None:  # only what is ours knows parts
                self._network = _read(self._content, float_parts=candidate.float_parts)
            self._candidate, self._may_fall_back = candidate, or_float32
            self._requests.clear()

    def infer(self, network_input: NDArray[np.float32]) -> DepthMap:
        """(1, 3, h, w) float32 normalised RGB -> (h, w) float32 inverse depth.

        Raises UserError when the network cannot take this size or answers with another.
        """
        shape = network_input.shape
        requests = self._requests_for(shape)
        request = requests.get()  # a request takes one caller at a time
        try:
            output = request.infer([network_input], share_inputs=True)[0]
        finally:
            requests.put(request)
        return output.reshape(shape[2:]).astype(np.float32, copy=False)

    def share_among(self, callers: int) -> None:
        """From now on so many callers infer at the same time, each on its share of the threads.

        Not to be called while somebody infers.
        """
        self._callers = callers
        self._requests.clear()

    def _requests_for(self, shape: tuple[int, ...]) -> SimpleQueue[Any]:
        with self._turn:
            if shape not in self._requests:
                compiled = self._compiled(shape)
                self._requests[shape] = SimpleQueue()
                for _ in range(self._callers):
                    self._requests[shape].put(compiled.create_infer_request())
                if len(self._requests) > SHAPES_KEPT:
                    self._requests.popitem(last=False)
            self._requests.move_to_end(shape)
            return self._requests[shape]

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        height_px, width_px = shape[2:]
        try:
            compiled = self._compile(shape)
            answer = compiled.output(0).get_shape()
        except RuntimeError as error:
            if self._may_fall_back and self._candidate != FLOAT32:
                logger.warning("%s cannot be compiled after all; float32 runs.", self._candidate.name)
                self._candidate = FLOAT32
                return self._compiled(shape)
            raise UserError(
                f"OpenVINO cannot run {self._name} at {width_px}x{height_px} pixels.",
                "Try another --size, or --engine torch.",
            ) from error
        if tuple(answer)[-2:] != shape[2:] or math.prod(answer) != height_px * width_px:
            raise UserError(
                f"{self._name} answers {width_px}x{height_px} pixels with {list(answer)}, no depth map.",
                "Use a network whose output is (1, height, width), as large as its input.",
            )
        return compiled

    def _compile(self, shape: tuple[int, ...]) -> Any:
        network = self._network.clone()
        network.reshape(list(shape))
        settings = self._candidate.settings()
        if self._threads is not None and self._candidate.device == "cpu":
            settings["INFERENCE_NUM_THREADS"] = str(self._threads)
        if self._callers > 1:
            settings["NUM_STREAMS"] = str(self._callers)
        return openvino_core().compile_model(network, self._candidate.device.upper(), settings)


def network_bytes(network: Any) -> bytes:
    """An `openvino.Model`: length of its graph (XML), its graph, its constants."""
    openvino = import_openvino()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.xml"
        openvino.save_model(network, path, compress_to_fp16=False)
        graph, constants = path.read_bytes(), path.with_suffix(".bin").read_bytes()
    graph += b" " * (-(_LENGTH_BYTES + len(graph)) % 64)  # keeps the constants aligned
    return len(graph).to_bytes(_LENGTH_BYTES, "little") + graph + constants


def _read(content: NDArray[np.uint8], *, float_parts: int = 0) -> Any:
    """From `network_bytes`; the first parts of the encoder stay in float32 whatever is asked for."""
    openvino = import_openvino()
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES].tobytes(), "little")
    graph = content[_LENGTH_BYTES:start].tobytes()
    if float_parts:
        graph = _marked(graph, tuple(f"pretrained.layer{part}." for part in range(1, float_parts + 1)))
    return openvino_core().read_model(graph, openvino.Tensor(content[start:], shared_memory=True))


def _marked(graph: bytes, names: tuple[str, ...]) -> bytes:
    """The graph (XML) with OpenVINO's mark for 'no lower precision here' on the layers of these names.

    The Python package can set it in no other way.
    """
    tree = ElementTree.fromstring(graph)
    for layer in tree.iterfind("layers/layer"):
        if layer.get("name", "").startswith(names) and (output := layer.find("output")) is not None:
            marks = ElementTree.Element("rt_info")
            ElementTree.SubElement(marks, "attribute", name="precise", version="0")
            layer.insert(list(layer).index(output), marks)
    return ElementTree.tostring(tree)


def _fixed_size_px(network: Any) -> tuple[int, int] | None:
    """(width, height) where the network takes no other, else None."""
    height_px, width_px = network.input(0).get_partial_shape()[2], network.input(0).get_partial_shape()[3]
    if height_px.is_dynamic or width_px.is_dynamic:
        return None
    return width_px.get_length(), height_px.get_length()


def _check_ends(network: Any, name: str) -> None:
    """One image (1, 3, h, w) must go in, one map (1, h, w) or (1, 1, h, w) come out."""
    shapes = [end.partial_shape for end in (*network.inputs, *network.outputs)]
    one_each = len(network.inputs) == len(network.outputs) == 1
    if not one_each or not shapes[0].compatible(import_openvino().PartialShape([1, 3, -1, -1])):
        raise UserError(
            f"{name} takes and gives {', '.join(map(str, shapes))}, not one image and one depth map.",
            "Use a network with one input (1, 3, height, width) and one output (1, height, width).",
        )


def import_openvino() -> Any:
    """The openvino package, without the usage reports that importing it sends to its makers.

    OpenVINO takes the reports' own package for not installed, which it allows for, and starts 0.14 s sooner.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@cache
def openvino_core() -> Any:
    """OpenVINO's core, one for the whole process, with the plugin for CPUs loaded and never dropped.

    That plugin gives the thread that loads it another stack for signals, with room for AMX's registers, and
    takes the memory away when it is dropped, by whatever thread. Python's handlers run on that stack: loaded
    by the main thread and dropped by another, the next Ctrl-C was a segmentation fault. So a thread loads it
    that ends at once.
    """
    core = import_openvino().Core()
    with ThreadPoolExecutor(1) as loader:
        loader.submit(core.get_property, "CPU", "FULL_DEVICE_NAME").result()
    return core


def openvino_version() -> str:
    """OpenVINO's version with its build, such as 2026.4.1-22000-0123abcd."""
    return import_openvino().get_version()


def processor() -> str:
    """The CPU's name, its number of cores, and what OpenVINO can do on it."""
    core = openvino_core()
    capabilities = sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    return f"{core.get_property('CPU', 'FULL_DEVICE_NAME')} {os.cpu_count()} {' '.join(capabilities)}"
