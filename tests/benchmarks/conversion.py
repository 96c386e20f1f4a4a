"""Our conversion against the loop that everybody writes: python tests/benchmarks/conversion.py CLIP...

A clip is a file, or one of three that are made for it and that carrying depth along cannot gain from: noise,
slides (a cut every ten frames) and pan (40 pixels a frame).

Both run the same network (MiDaS small's sizes, made-up weights; --bundled: the bundled model) and write H.264
with the same encoder settings. Ours runs as what is proved here; made-up weights prove nothing, so
--precision bf16 shows what MiDaS's own come to where they are right in it. Each run is a process of its own;
what is timed is the conversion, from the first frame read to the finished file, without the start. The ways
take turns, at least three rounds. CPU seconds, ffmpeg's included, say more where others use the machine;
torch's threads spin there while they wait for each other: give the naive loop one of them, OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import get_args

import cv2
import imageio_ffmpeg
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared import Encoding, FrameBGR, Look, Preset, View
from shared.media import VideoWriter
from shared.network.layout import MIDAS_V21_SMALL
from shared.network.model import MidasSmall
from shared.network.weights import choose_weights, load_module
from shared.predictor import DepthPredictor, network_size
from shared.tuning import keep_freed_memory, share_cores
from tests.benchmarks.machine import description, print_table
from tests.support.networks import save_checkpoint
from video.batch import SIDE_BY_SIDE
from video.convert import ConvertSettings, convert
from video.settings import DEFAULT_EVERY

SIZE_PX = 256
PROOF_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", metavar="CLIP", help="a file, noise, slides or pan")
    parser.add_argument("--frames", type=int, default=150, help="of the clip, made 1280x720 (default 150)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, nargs="*", default=[1, DEFAULT_EVERY])
    parser.add_argument("--views", nargs="*", default=["depth", "side-by-side"])
    parser.add_argument("--preset", choices=get_args(Preset), default=Encoding.preset)
    parser.add_argument("--bundled", action="store_true")
    parser.add_argument("--precision", choices=("auto", "f32", "bf16"), default="auto")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # one way, in a process of its own
    parser.add_argument("--weights", default="bundled", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(run_one(arguments)))
        return
    print(description(), "\n")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DEPTH_CACHE"] = str(Path(folder) / "cache")
        if not arguments.bundled:
            arguments.weights = str(save_checkpoint(Path(folder) / "made-up.pt", MIDAS_V21_SMALL))
        print(proved(arguments).engine.description, "\n")
        rows = []
        for number, name in enumerate(arguments.clips):
            clip = Path(folder) / f"{number}.mp4"
            if name in MADE:
                make(MADE[name], clip, arguments.frames)
            else:
                as_720p(Path(name), clip, arguments.frames)
            rows += measure(clip, Path(name).stem, arguments)
    print_table(
        ["clip", "view", "way", "s (median)", "frames/s", "times naive", "of every 1's time", "CPU s"], rows
    )


def noise(index: int) -> FrameBGR:
    return soft(index, (90, 160))


def slides(index: int) -> FrameBGR:
    return soft(index // 10, (18, 32))


def pan(index: int) -> FrameBGR:
    wide_bgr = soft(0, (18, 200), size_px=(8000, 720))
    left_px = 40 * index % (8000 - 1280)
    return np.ascontiguousarray(wide_bgr[:, left_px : left_px + 1280])


@lru_cache(maxsize=1)
def soft(seed: int, grains: tuple[int, int], size_px: tuple[int, int] = (1280, 720)) -> FrameBGR:
    """Random colours in so many rows and columns, enlarged."""
    grains_bgr = np.random.default_rng(seed).integers(0, 256, (*grains, 3), np.uint8)
    return cv2.resize(grains_bgr, size_px, interpolation=cv2.INTER_CUBIC)


MADE: dict[str, Callable[[int], FrameBGR]] = {"noise": noise, "slides": slides, "pan": pan}


def make(picture: Callable[[int], FrameBGR], output: Path, frames: int) -> None:
    with VideoWriter(output, 1280, 720, Fraction(30), encoding=Encoding(18, "fast")) as writer:
        for index in range(frames):
            writer.write(picture(index))


def as_720p(clip: Path, output: Path, frames: int) -> Path:
    """The clip's first frames at 1280x720, as a camera would have written them."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-i", str(clip)]
    command += ["-vf", "scale=1280:720,setsar=1", "-an", "-frames:v", str(frames), "-c:v", "libx264"]
    subprocess.run([*command, "-preset", "fast", "-crf", "18", str(output)], check=True)
    return output


def measure(clip: Path, name: str, arguments: argparse.Namespace) -> list[list[str]]:
    ways = ["naive", *(f"every {every}" for every in dict.fromkeys(arguments.every))]
    rows = []
    for view in arguments.views:
        times_s: dict[str, list[float]] = {way: [] for way in ways}
        cpu_s: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way in ways:
                elapsed_s, used_s = in_own_process(clip, way, view, arguments)
                times_s[way].append(elapsed_s)
                cpu_s[way].append(used_s)
        medians_s = {way: statistics.median(times) for way, times in times_s.items()}
        for way, middle_s in medians_s.items():
            of_each_frame = middle_s / medians_s.get("every 1", float("nan"))
            rows.append(
                [
                    name,
                    view,
                    way,
                    f"{middle_s:.1f}",
                    f"{arguments.frames / middle_s:.1f}",
                    f"{medians_s['naive'] / middle_s:.2f}",
                    f"{of_each_frame:.2f}",
                    f"{statistics.median(cpu_s[way]):.1f}",
                ]
            )
    return rows


def in_own_process(clip: Path, way: str, view: str, arguments: argparse.Namespace) -> tuple[float, float]:
    """Seconds by the clock and of all processors."""
    command = [sys.executable, __file__, str(clip), "--one", way, "--views", view]
    command += ["--preset", arguments.preset, "--weights", arguments.weights]
    command += ["--precision", arguments.precision]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    elapsed_s, used_s = json.loads(done.stdout)
    return elapsed_s, used_s


def run_one(arguments: argparse.Namespace) -> tuple[float, float]:
    """Seconds of one conversion, the network loaded and warm, by the clock and of all processors."""
    view = arguments.views[0]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "x.mp4"
        if arguments.one == "naive":
            module = load_module(choose_weights(arguments.weights))
            return naive(Path(arguments.clips[0]), output, module, view, arguments.preset)
        return ours(arguments, output, view)


class Clock:
    """Runs from its making on."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), self._used_s()

    def read_s(self) -> tuple[float, float]:
        """By the wall, and of all processors, ended children included."""
        return time.perf_counter() - self._began[0], self._used_s() - self._began[1]

    @staticmethod
    def _used_s() -> float:
        return sum(os.times()[:4])


def proved(arguments: argparse.Namespace) -> DepthPredictor:
    """Runs as what is found right here, in this process and in those that come after."""
    predictor = DepthPredictor.from_weights(
        arguments.weights, engine="openvino", precision=arguments.precision, size=SIZE_PX
    )
    with predictor.proving(wait_s=PROOF_S):
        return predictor


def ours(arguments: argparse.Namespace, output: Path, view: View) -> tuple[float, float]:
    share_cores()
    keep_freed_memory()
    predictor = proved(arguments)
    predictor.share_among(SIDE_BY_SIDE)
    predictor.predict(np.zeros((720, 1280, 3), np.uint8))
    settings = ConvertSettings(
        Look(view), every=int(arguments.one.split()[1]), encoding=Encoding(preset=arguments.preset)
    )
    clock = Clock()
    convert(Path(arguments.clips[0]), output, settings, predictor=predictor)
    return clock.read_s()


def naive(clip: Path, output: Path, module: MidasSmall, view: str, preset: str) -> tuple[float, float]:
    """What is found in most notebooks: floats, eager torch, enlarged floats, min and max per frame."""
    import torch

    module.eval()
    with torch.no_grad():
        module(torch.zeros(1, 3, *reversed(network_size(1280, 720, SIZE_PX))))
    clock = Clock()
    capture = cv2.VideoCapture(str(clip))
    writer = open_encoder(output, capture, view, preset)
    assert writer.stdin is not None
    while True:
        is_frame, frame_bgr = capture.read()
        if not is_frame:
            break
        frame_rgb = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2RGB) / 255.0
        width_px, height_px = network_size(frame_bgr.shape[1], frame_bgr.shape[0], SIZE_PX)
        small_rgb = cv2.resize(frame_rgb, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
        small_rgb = (small_rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        batch = torch.from_numpy(small_rgb.transpose(2, 0, 1).astype(np.float32)).unsqueeze(0)
        with torch.no_grad():
            prediction = module(batch)
            prediction = torch.nn.functional.interpolate(
                prediction.unsqueeze(1), size=frame_bgr.shape[:2], mode="bicubic", align_corners=False
            ).squeeze()
        depth = prediction.numpy()
        depth = (depth - depth.min()) / (depth.max() - depth.min() + 1e-6)
        picture = cv2.applyColorMap((depth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        if view == "side-by-side":
            picture = np.hstack([frame_bgr, picture])
        writer.stdin.write(picture.tobytes())
    writer.stdin.close()
    writer.wait()
    return clock.read_s()


def open_encoder(output: Path, capture: cv2.VideoCapture, view: str, preset: str) -> subprocess.Popen[bytes]:
    """The encoder that our writer uses, with its settings."""
    size = f"{1280 * (2 if view == 'side-by-side' else 1)}x720"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
    command += ["-s", size, "-r", str(capture.get(cv2.CAP_PROP_FPS)), "-i", "pipe:0", "-pix_fmt", "yuv420p"]
    command += ["-c:v", "libx264", "-crf", str(Encoding.crf), "-preset", preset, "-bf", "0"]
    return subprocess.Popen([*command, str(output)], stdin=subprocess.PIPE)


if __name__ == "__main__":
    main()
