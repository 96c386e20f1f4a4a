"""Both engines give the network's own numbers, and the cache behind them can be trusted or is rebuilt."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shared import UserError, cache
from shared.network import engine
from shared.network.engine import load_engine
from shared.network.engine_openvino import OpenVinoEngine
from shared.network.engine_torch import TorchEngine
from shared.network.folding import fold
from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL, MidasSizes
from shared.network.model import MidasSmall
from shared.network.weights import ChosenWeights, choose_weights
from shared.predictor import DepthPredictor
from tests.conftest import REPOSITORY
from tests.support.networks import (
    made_up_module,
    mean_network,
    openvino_engine,
    save_checkpoint,
    save_onnx,
    save_openvino,
)

SIZES_PX = [(192, 256), (256, 128), (32, 64)]
FRAME = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("weights") / "mine.safetensors", BUNDLED_SMALL)


@pytest.fixture
def chosen(checkpoint: Path) -> ChosenWeights:
    return choose_weights(str(checkpoint))


@pytest.fixture
def no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_accelerator", lambda: "cpu")


@pytest.fixture
def no_openvino(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "openvino", None)  # an import now raises ImportError
    return


def random_input(height_px: int, width_px: int) -> NDArray[np.float32]:
    return np.random.default_rng(height_px).normal(size=(1, 3, height_px, width_px)).astype(np.float32)


def own_answer(module: MidasSmall, network_input: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return module(torch.from_numpy(network_input))[0].numpy()


def relative_difference(got: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype == np.float32
    assert expected.std() > 0.01 * expected.max() > 0, "the made-up network answers something"
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def log_lines(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


@pytest.mark.parametrize("sizes", [MIDAS_V21_SMALL, BUNDLED_SMALL], ids=["midas", "bundled"])
def test_both_engines_answer_like_the_network(sizes: MidasSizes) -> None:
    module = made_up_module(sizes)
    engines = openvino_engine(module), TorchEngine.from_model(module)
    for height_px, width_px in SIZES_PX:
        network_input = random_input(height_px, width_px)
        expected = own_answer(module, network_input)
        for one in engines:
            assert relative_difference(one.infer(network_input), expected) < 1e-3


def test_answers_are_the_callers_own() -> None:
    for one in (openvino_engine, TorchEngine.from_model):
        loaded = one(made_up_module(BUNDLED_SMALL))
        first = loaded.infer(random_input(64, 96))
        kept = first.copy()
        loaded.infer(random_input(64, 96) + 1)
        assert np.array_equal(first, kept)
        first[:] = 0  # writable: whoever steadies it may work in place


def test_threads_may_share_an_engine() -> None:
    shared_engine = openvino_engine(made_up_module(BUNDLED_SMALL))
    inputs = [random_input(64, 96), random_input(96, 64)] * 8
    expected = [shared_engine.infer(network_input) for network_input in inputs]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(shared_engine.infer, inputs))
    assert all(np.array_equal(answer, one) for answer, one in zip(answers, expected, strict=True))


def test_folding_leaves_the_network_itself_alone() -> None:
    module = made_up_module(BUNDLED_SMALL)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    folded = fold(module)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    network_input = random_input(64, 96)
    assert relative_difference(own_answer(folded, network_input), own_answer(module, network_input)) < 1e-5


def test_threads_are_what_was_asked_for() -> None:
    loaded = openvino_engine(made_up_module(BUNDLED_SMALL), threads=1)
    loaded.infer(random_input(64, 96))
    (requests,) = loaded._requests.values()
    assert requests.get().get_compiled_model().get_property("INFERENCE_NUM_THREADS") == 1


@pytest.mark.usefixtures("no_accelerator")
@pytest.mark.parametrize(
    ("asked", "expected", "why"),
    [
        (("auto", "auto"), "openvino", "fastest on a CPU"),
        (("auto", "cpu"), "openvino", "fastest on a CPU"),
        (("openvino", "auto"), "openvino", "asked for"),
        (("torch", "auto"), "torch", "asked for"),
        (("torch", "cpu"), "torch", "asked for"),
    ],
)
def test_the_choice_of_engine_is_logged_with_its_reason(
    chosen: ChosenWeights,
    asked: tuple[str, str],
    expected: str,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    loaded = load_engine(chosen, engine=asked[0], device=asked[1])
    assert loaded.name == expected
    assert any(loaded.description in line and why in line for line in log_lines(caplog, logging.INFO))


@pytest.mark.parametrize(
    ("asked", "device", "message"),
    [
        ("auto", "tpu", "--device tpu"),
        ("torch", "gpu", "torch does not run on --device gpu"),
        ("auto", "cuda:x", "--device cuda:x"),
        ("openvino", "cuda", "not run on --device cuda"),
        ("torch", "cuda:99", "--device cuda:99 is not there"),
        ("auto", "cuda:99", "--device cuda:99 is not there"),
    ],
)
def test_a_device_that_cannot_be_had_is_an_error(
    chosen: ChosenWeights, asked: str, device: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_engine(chosen, engine=asked, device=device)


@pytest.mark.parametrize(
    ("built_for", "driver", "asked_torch"),
    [("13.2", True, True), ("13.2", False, False), (None, True, False)],
)
@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has no CUDA")
def test_torch_is_asked_for_cuda_only_where_it_may_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built_for: str | None, driver: bool, asked_torch: bool
) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("")
    (tmp_path / "torch" / "version.py").write_text(
        f"__version__ = '2.9.0'\ncuda: Optional[str] = {built_for!r}\nhip: Optional[str] = None\n"
    )
    monkeypatch.setitem(sys.modules, "torch", None)
    del sys.modules["torch"]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(engine, "_has_nvidia_driver", lambda: driver)
    asked = []
    monkeypatch.setattr(engine, "device_is_there", lambda device: asked.append(device) or True)
    assert engine.find_accelerator() == ("cuda" if asked_torch else "cpu")
    assert asked == (["cuda"] if asked_torch else [])


@pytest.mark.usefixtures("no_openvino", "no_accelerator")
def test_without_openvino_auto_takes_torch_with_a_warning(
    chosen: ChosenWeights, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_engine(chosen).name == "torch"
    (line,) = log_lines(caplog)
    assert "OpenVINO cannot run mine.safetensors" in line
    with pytest.raises(UserError, match="OpenVINO cannot run"):
        load_engine(chosen, engine="openvino")


@pytest.mark.usefixtures("no_accelerator")
def test_where_openvino_fails_auto_takes_torch_with_a_warning(
    chosen: ChosenWeights, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Exception from src/frontends:\nno rule for aten::new_operation\n")

    monkeypatch.setattr("shared.network.graph.build_graph", fail)
    assert load_engine(chosen).name == "torch"
    (line,) = log_lines(caplog)
    assert "no rule for aten::new_operation" in line


@pytest.mark.usefixtures("no_accelerator")
def test_damaged_weights_are_no_reason_to_change_the_engine(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match=r"mine\.pt"):
        load_engine(choose_weights(str(tmp_path / "mine.pt")))


@pytest.mark.parametrize("asked", [{"engine": "torch"}, {"device": "cuda"}, {"device": "mps"}])
def test_without_torch_what_needs_it_is_an_error_in_one_sentence(
    chosen: ChosenWeights, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match="torch or timm is not installed"):
        load_engine(chosen, **asked)


# The cache of converted networks. Where the network does not matter, a conversion is faked: it takes seconds.


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Stands in for reading the weights and converting; one item for each conversion."""
    done: list[object] = []

    def build(entries: object, sizes: object) -> object:
        done.append(entries)
        return mean_network()

    monkeypatch.setattr("shared.network.weights.load_entries", lambda chosen: (chosen, None))
    monkeypatch.setattr("shared.network.graph.build_graph", build)
    return done


def the_entry(folder: Path) -> Path:
    (entry,) = (folder / "networks").glob("*.network")
    assert not list((folder / "networks").glob("*.tmp"))
    return entry


def test_the_second_load_converts_nothing_and_answers_the_same(
    chosen: ChosenWeights, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_engine(chosen, engine="openvino").infer(random_input(64, 96))
    the_entry(own_cache)
    monkeypatch.setattr("shared.network.graph.build_graph", None)
    second = load_engine(chosen, engine="openvino")
    assert np.array_equal(second.infer(random_input(64, 96)), first)
    expected = own_answer(made_up_half_module(), random_input(96, 64))
    assert relative_difference(second.infer(random_input(96, 64)), expected) < 1e-3, "at any size"


def made_up_half_module() -> MidasSmall:
    module = made_up_module(BUNDLED_SMALL)
    halved = MidasSmall(BUNDLED_SMALL).eval()
    halved.load_state_dict(
        {k: v.half().float() if v.is_floating_point() else v for k, v in module.state_dict().items()}
    )
    return halved


def flip_a_byte(entry: Path) -> None:
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 0x40
    entry.write_bytes(content)


def cut_in_half(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2])


def put_another_networks_entry(entry: Path) -> None:
    foreign = entry.with_name("foreign")
    cache.write_entry(foreign, "1 another-version another-hash", b"another network")
    foreign.replace(entry)


@pytest.mark.parametrize(
    "harm",
    [
        flip_a_byte,
        cut_in_half,
        put_another_networks_entry,
        lambda entry: entry.write_bytes(b""),
        lambda entry: entry.write_bytes(b"PK\x03\x04 something else entirely"),
    ],
    ids=["damaged", "half-written", "foreign", "empty", "no entry at all"],
)
def test_a_useless_entry_is_rebuilt_with_one_log_line(
    chosen: ChosenWeights,
    own_cache: Path,
    conversions: list[object],
    harm: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = load_engine(chosen, engine="openvino").infer(random_input(64, 96))
    entry = the_entry(own_cache)
    whole = entry.read_bytes()
    harm(entry)
    answer = load_engine(chosen, engine="openvino").infer(random_input(64, 96))
    assert np.array_equal(answer, expected)
    (line,) = log_lines(caplog)
    assert str(entry) in line
    assert the_entry(own_cache).stat().st_size == len(whole)
    load_engine(chosen, engine="openvino")
    assert len(log_lines(caplog)) == 1, "rebuilt: nothing more to say"
    assert len(conversions) == 2


def test_other_weights_or_another_version_get_another_entry(
    tmp_path: Path,
    chosen: ChosenWeights,
    own_cache: Path,
    conversions: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_engine(chosen, engine="openvino")
    (tmp_path / "other.pt").write_bytes(b"other weights")
    load_engine(choose_weights(str(tmp_path / "other.pt")), engine="openvino")
    monkeypatch.setattr(engine, "openvino_version", lambda: "2031.0")
    load_engine(chosen, engine="openvino")
    assert len(conversions) == len(list((own_cache / "networks").glob("*.network"))) == 3


def test_a_folder_that_cannot_be_written_only_costs_the_speed(
    chosen: ChosenWeights, own_cache: Path, conversions: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file stands where the folder should be")  # holds for root too, unlike rights
    for start in (1, 2):
        answer = load_engine(chosen, engine="openvino").infer(random_input(64, 96))
        assert answer.max() > 0
        assert len(conversions) == start
    line, _ = log_lines(caplog)
    assert "cannot be written" in line
    assert "DEPTH_CACHE" in line


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="rights do not bind this user")
def test_a_read_only_folder_is_still_read(
    chosen: ChosenWeights, own_cache: Path, conversions: list[object]
) -> None:
    load_engine(chosen, engine="openvino")
    (own_cache / "networks").chmod(0o500)
    load_engine(chosen, engine="openvino")
    (own_cache / "networks").chmod(0o700)
    assert len(conversions) == 1


def test_two_processes_with_an_empty_cache_both_work(checkpoint: Path, own_cache: Path) -> None:
    code = (
        "import sys, numpy, hashlib\n"
        "from shared.predictor import DepthPredictor\n"
        f"predictor = DepthPredictor.from_weights({str(checkpoint)!r}, engine='openvino')\n"
        "frame = numpy.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=numpy.uint8)\n"
        "print(hashlib.sha256(predictor.predict(frame).tobytes()).hexdigest())"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    predictor = DepthPredictor.from_weights(str(checkpoint), engine="openvino")
    expected = hashlib.sha256(predictor.predict(FRAME).tobytes()).hexdigest()
    assert [out.strip() for out, _ in answers] == [expected, expected]
    the_entry(own_cache)


def test_old_entries_and_abandoned_pieces_are_cleared(tmp_path: Path) -> None:
    abandoned = tmp_path / "killed.tmp"
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (0, 0))
    for index in range(cache.ENTRIES_KEPT + 2):
        path = tmp_path / f"{index}.network"
        cache.write_entry(path, "key", bytes(100))
        os.utime(path, (index + 1, index + 1))
    cache.write_entry(tmp_path / "last.network", "key", b"payload")
    kept = sorted(path.stem for path in tmp_path.glob("*.network"))
    assert kept == ["3", "4", "5", "last"]
    assert not abandoned.exists()
    payload = cache.read_entry(tmp_path / "last.network", "key")
    assert payload is not None
    assert payload.tobytes() == b"payload"


# Networks of the user's own


@pytest.mark.parametrize("depth", [(1, "h", "w"), (1, 1, "h", "w")], ids=["1hw", "11hw"])
def test_an_onnx_file_runs_at_any_size(tmp_path: Path, depth: tuple[int | str, ...]) -> None:
    path = save_onnx(tmp_path / "mean.onnx", depth=depth)
    predictor = DepthPredictor.from_weights(str(path))
    assert predictor.engine.name == "openvino"
    for shape in ((64, 96), (96, 64)):
        frame_bgr = np.full((*shape, 3), 255, np.uint8)
        white = np.mean([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
        assert predictor.predict(frame_bgr) == pytest.approx(white, abs=1e-4)


def test_an_openvino_file_runs(tmp_path: Path) -> None:
    predictor = DepthPredictor.from_weights(str(save_openvino(tmp_path / "mean.xml")))
    assert predictor.predict(FRAME).shape == (160, 256)


def test_a_network_of_one_size_sees_every_frame_at_it(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "fixed.onnx", image=(1, 3, 64, 96), depth=(1, 64, 96))
    predictor = DepthPredictor.from_weights(str(path))
    assert predictor.predict(FRAME).shape == (64, 96)
    assert predictor.predict(np.zeros((90, 50, 3), np.uint8)).shape == (64, 96)


@pytest.mark.parametrize(
    ("image", "depth"),
    [((1, 4, "h", "w"), (1, "h", "w")), ((1, 3), (1,)), ((2, 3, 64, 64), (2, 64, 64))],
    ids=["four channels", "no image", "two images"],
)
def test_a_network_of_another_kind_is_refused(
    tmp_path: Path, image: tuple[int | str, ...], depth: tuple[int | str, ...]
) -> None:
    path = save_onnx(tmp_path / "other.onnx", image=image, depth=depth)
    with pytest.raises(UserError, match=r"other\.onnx takes and gives"):
        load_engine(choose_weights(str(path)))


@pytest.mark.parametrize("name", ["damaged.onnx", "damaged.xml"])
def test_a_damaged_network_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>nothing of the kind</html>")
    with pytest.raises(UserError, match=f"{name} is damaged"):
        load_engine(choose_weights(str(tmp_path / name)))


def test_an_openvino_file_without_its_constants_is_refused(tmp_path: Path) -> None:
    path = save_openvino(tmp_path / "mean.xml")
    path.with_suffix(".bin").unlink()
    with pytest.raises(UserError, match=r"mean\.xml"):
        DepthPredictor.from_weights(str(path)).predict(FRAME)


def test_a_network_that_answers_no_depth_map_is_refused(tmp_path: Path) -> None:
    import openvino
    from openvino import opset13 as ops

    parameter = ops.parameter([1, 3, -1, -1], dtype=np.float32)
    pooled = openvino.Model([ops.reduce_mean(parameter, [2, 3], keep_dims=True)], [parameter], "pool")
    path = save_openvino(tmp_path / "pool.xml", pooled)
    with pytest.raises(UserError, match=r"pool\.xml answers 256x160 pixels with \[1, 3, 1, 1\]"):
        DepthPredictor.from_weights(str(path)).predict(FRAME)


def test_torch_cannot_run_an_onnx_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--engine torch cannot run"):
        load_engine(choose_weights(str(save_onnx(tmp_path / "mean.onnx"))), engine="torch")


def test_only_the_shapes_used_last_stay_compiled() -> None:
    from shared.network.engine_openvino import SHAPES_KEPT

    loaded = OpenVinoEngine(mean_network())
    for number in range(2, SHAPES_KEPT + 5):
        loaded.infer(np.zeros((1, 3, 32, 32 * number), np.float32))
    assert len(loaded._requests) == SHAPES_KEPT
    assert loaded.infer(np.ones((1, 3, 32, 64), np.float32)).shape == (32, 64)


DROPPED_ELSEWHERE = """
import gc, os, signal, threading
import numpy as np
from shared.network.engine_openvino import OpenVinoEngine
from tests.support.networks import mean_network

engines = [OpenVinoEngine(mean_network()), OpenVinoEngine(mean_network())]
for engine in engines:
    engine.infer(np.zeros((1, 3, 32, 32), np.float32))
del engine
thread = threading.Thread(target=lambda: (engines.clear(), gc.collect()))
thread.start()
thread.join()
signal.signal(signal.SIGINT, lambda *_: os._exit(7))
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_is_heard_when_another_thread_has_dropped_an_engine() -> None:
    """In a process of its own, which it once ended by a segmentation fault."""
    done = subprocess.run([sys.executable, "-c", DROPPED_ELSEWHERE], cwd=REPOSITORY, check=False)
    assert done.returncode == 7
