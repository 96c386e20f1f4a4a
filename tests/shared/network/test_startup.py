"""A start waits for neither torch nor timm, not even the first, and tells nobody of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.network.layout import BUNDLED_SMALL
from tests.conftest import REPOSITORY
from tests.support.networks import save_checkpoint

SLOW_TO_IMPORT = {"torch", "torchvision", "timm"}
REPORTS_USAGE = {"openvino_telemetry.main"}  # a blocked package appears by its own name, its modules do not


@pytest.fixture
def weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights that no cache knows yet."""
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path / "cache"))
    return save_checkpoint(tmp_path / "mine.pt", BUNDLED_SMALL)


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


def test_a_first_depth_map_needs_no_torch(weights_file: Path) -> None:
    code = (
        "import numpy\n"
        "from shared.predictor import DepthPredictor\n"
        f"predictor = DepthPredictor.from_weights({str(weights_file)!r}, device='cpu')\n"
        "assert predictor.predict(numpy.zeros((90, 160, 3), numpy.uint8)).shape == (128, 256)\n"
        "assert predictor.predict(numpy.zeros((160, 90, 3), numpy.uint8)).shape == (256, 128)"
    )
    imported = imported_modules(["-c", code])
    assert {"openvino", "cv2"} <= imported
    assert not imported & (SLOW_TO_IMPORT | REPORTS_USAGE)


def test_a_conversion_needs_no_torch(
    weights_file: Path, make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip = make_clip("startup.mp4", video="testsrc2=size=160x96:rate=10:duration=0.5")
    output = tmp_path / "depth.mp4"
    arguments = [str(clip), "-o", str(output), "--weights", str(weights_file), "--device", "cpu", "--quiet"]
    imported = imported_modules(["-m", "video", *arguments])
    assert output.stat().st_size > 0
    assert "openvino" in imported
    assert not imported & (SLOW_TO_IMPORT | REPORTS_USAGE)
