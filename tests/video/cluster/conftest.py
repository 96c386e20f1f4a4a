"""A film, its conversion on one machine, and the quickest network that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import Encoding, NetworkChoice
from shared.predictor import DepthPredictor
from tests.support.films import make_film
from tests.support.networks import save_onnx
from video.convert import ConvertSettings, convert

EXACT = ConvertSettings(encoding=Encoding(0, "ultrafast"))
"""Lossless, so that equal pictures are equal after decoding."""


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> NetworkChoice:
    return NetworkChoice(str(save_onnx(tmp_path_factory.mktemp("network") / "mean.onnx")), size=64)


@pytest.fixture(scope="session")
def whole(film: Path, network: NetworkChoice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine makes of the film."""
    output = tmp_path_factory.mktemp("whole") / "film-depth.mp4"
    predictor = DepthPredictor.from_weights(network.weights, size=network.size, threads=1)
    convert(film, output, EXACT, predictor=predictor)
    return output


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers in threads of ours set what is meant for a process of their own."""
    monkeypatch.setenv("DEPTH_FFMPEG_THREADS", "1")
