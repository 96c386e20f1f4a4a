"""Once a network is converted, a start waits for neither torch nor timm, and tells nobody of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.network.engine import load_engine
from shared.network.model import BUNDLED_SMALL
from shared.network.weights import choose_weights
from tests.conftest import REPOSITORY
from tests.support.networks import save_checkpoint

SLOW_TO_IMPORT = {"torch", "torchvision", "timm"}
REPORTS_USAGE = {"openvino_telemetry.main"}  # a blocked package appears by its own name, its modules do not


@pytest.fixture
def warm_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights whose converted network lies in an otherwise empty cache."""
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path / "cache"))
    path = save_checkpoint(tmp_path / "mine.safetensors", BUNDLED_SMALL)
    load_engine(choose_weights(str(path)), engine="openvino")
    return path


def imported_modules(arguments: list[str]) -> set[str]:
    """What `python -X importtime` says that a run imports, or tries to."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, "\n".join(
        line for line in done.stderr.splitlines() if not line.startswith("import time:")
    )
    return set(re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", done.stderr, flags=re.MULTILINE))


def test_a_first_depth_map_needs_no_torch(warm_weights: Path) -> None:
    code = (
        "import numpy\n"
        "from shared.predictor import DepthPredictor\n"
        f"predictor = DepthPredictor.from_weights({str(warm_weights)!r}, device='cpu')\n"
        "assert predictor.predict(numpy.zeros((90, 160, 3), numpy.uint8)).shape == (128, 256)\n"
        "assert predictor.predict(numpy.zeros((160, 90, 3), numpy.uint8)).shape == (256, 128)"
    )
    imported = imported_modules(["-c", code])
    assert {"openvino", "cv2"} <= imported
    assert not imported & (SLOW_TO_IMPORT | REPORTS_USAGE)


def test_a_conversion_needs_no_torch(
    warm_weights: Path, make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip = make_clip("startup.mp4", video="testsrc2=size=160x96:rate=10:duration=0.5")
    output = tmp_path / "depth.mp4"
    arguments = [str(clip), "-o", str(output), "--weights", str(warm_weights), "--device", "cpu", "--quiet"]
    imported = imported_modules(["-m", "video", *arguments])
    assert output.stat().st_size > 0
    assert "openvino" in imported
    assert not imported & (SLOW_TO_IMPORT | REPORTS_USAGE)
