"""From process start to the first depth map: python tests/benchmarks/startup.py PICTURE [--rounds N].

The naive script, as everybody writes it, beside ours with an empty cache and with a filled one. Weights are
made up, in the official format, in a temporary folder: the size of the file is the real one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.machine import description, print_table

REPOSITORY = Path(__file__).parents[2]
NAIVE = """
import sys
import cv2
import torch
import torchvision.transforms
from shared.network.model import MidasSmall

model = MidasSmall()
model.load_state_dict(torch.load(sys.argv[1]))
model.eval()
image = cv2.cvtColor(cv2.imread(sys.argv[2]), cv2.COLOR_BGR2RGB) / 255.0
image = cv2.resize(image, (256, 192), interpolation=cv2.INTER_CUBIC)
image = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
with torch.no_grad():
    depth = model(torch.from_numpy(image.transpose(2, 0, 1)).float().unsqueeze(0))[0].numpy()
print(depth.shape, flush=True)
"""
OURS = """
import sys
import cv2
from shared.predictor import DepthPredictor

predictor = DepthPredictor.from_weights(sys.argv[1])
depth = predictor.predict(cv2.imread(sys.argv[2]))
print(depth.shape, flush=True)
"""
IMPORTS = """
import torch
import torchvision
import timm
print("imported", flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path, help="a photo")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(description(), "\n")
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments.picture.resolve(), Path(folder), arguments.rounds)


def measure(picture: Path, folder: Path, rounds: int) -> None:
    weights, cache = make_weights(folder / "made-up.pt"), folder / "cache"
    times_s: dict[str, list[float]] = {
        "imports alone": [],
        "naive script": [],
        "ours, cold": [],
        "ours, warm": [],
    }
    for _ in range(rounds):
        shutil.rmtree(cache, ignore_errors=True)
        times_s["imports alone"].append(first_line_s(IMPORTS, weights, picture, cache))
        times_s["naive script"].append(first_line_s(NAIVE, weights, picture, cache))
        times_s["ours, cold"].append(first_line_s(OURS, weights, picture, cache))
        times_s["ours, warm"].append(first_line_s(OURS, weights, picture, cache))
    naive_s = statistics.median(times_s["naive script"])
    rows = [
        [
            name,
            f"{statistics.median(times):.2f}",
            f"{min(times):.2f}",
            f"{statistics.median(times) / naive_s:.2f}",
        ]
        for name, times in times_s.items()
    ]
    print_table(["start", "s (median)", "s (best)", "of the naive script's"], rows)


def make_weights(path: Path) -> Path:
    """In a process of its own: this one shall not import torch while it measures."""
    code = (
        "import sys; from pathlib import Path; from shared.network.layout import MIDAS_V21_SMALL\n"
        "from tests.support.networks import save_checkpoint\n"
        "save_checkpoint(Path(sys.argv[1]), MIDAS_V21_SMALL)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=REPOSITORY, check=True)
    return path


def first_line_s(code: str, weights: Path, picture: Path, cache: Path) -> float:
    """Seconds until the script prints, which it does with its first depth map."""
    start_s = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(weights), str(picture)],
        cwd=REPOSITORY,
        env={**os.environ, "DEPTH_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken_s = time.perf_counter() - start_s
    if process.returncode != 0 or not line:
        raise SystemExit(f"the script failed with exit code {process.returncode}")
    return taken_s


if __name__ == "__main__":
    main()
