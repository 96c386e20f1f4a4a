"""Trains the bundled network: `python -m shared.bundled.train --minutes M --out FILE`.

Objective and alignment are MiDaS's (Ranftl et al., 2020). Pictures are rendered by a process of their own
into a folder of shards and read as they come; each is cropped, flipped and recoloured anew at each use.
The run is cut by processor time, so that the learning rate always reaches its end and neither a pause nor
a busy machine takes from it; --resume goes on from a checkpoint.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shared.bundled.augment import Augmentation
from shared.bundled.losses import LOCAL_CHANNELS, local_geometry_loss, midas_loss
from shared.bundled.scores import Scores, score_rendered
from shared.bundled.shards import ShardPool, read_shard
from shared.model import BUNDLED_SMALL, MidasSmall
from shared.predictor import to_network_input

logger = logging.getLogger(__name__)

Batch = tuple[Tensor, Tensor]  # pictures (N, 3, h, w) and inverse depth (N, h, w)

# From which share of the time on which (height, width) are used: small first, the sizes of use at the end. A
# network that has only seen small pictures is lost in large ones, so the sizes grow in small steps.
SCHEDULE_PX = (
    (0.00, ((96, 128), (96, 96), (64, 128))),
    (0.30, ((128, 160), (96, 128), (128, 128))),
    (0.60, ((128, 192), (160, 192), (128, 160))),
    (0.88, ((192, 256), (160, 256), (128, 256))),
)
PEAK_RATE = 1.5e-3
WARM_UP_STEPS = 200
GRADIENT_WEIGHT = 0.3
LOCAL_WEIGHT = 0.5
EMA_DECAY = 0.998
LOG_EVERY = 50
SAVE_EVERY_S = 180.0


@dataclass(frozen=True)
class TrainSettings:
    minutes: float
    data: Path
    held_back: Path | None
    out: Path
    resume: bool
    batch: int = 24
    threads: int = 1
    seed: int = 1
    most_pictures: int = 30_000
    gradient_weight: float = GRADIENT_WEIGHT
    peak_rate: float = PEAK_RATE
    start_from: Path | None = None
    schedule_from: float = 0.0
    log_every: int = LOG_EVERY

    @property
    def checkpoint(self) -> Path:
        return self.out.with_suffix(".ckpt")


class Training:
    """Model, average, optimiser and clock; what a checkpoint holds."""

    def __init__(self, settings: TrainSettings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.model = MidasSmall(BUNDLED_SMALL).to(memory_format=torch.channels_last)
        self.average = deepcopy(self.model)
        _keep_depthwise_in_float32(self.model)
        fused = BUNDLED_SMALL.features[0]
        self.local_head = nn.Sequential(nn.GroupNorm(1, fused), nn.Conv2d(fused, LOCAL_CHANNELS, 1))
        learnt = [*self.model.parameters(), *self.local_head.parameters()]
        self.optimiser = torch.optim.AdamW(learnt, lr=PEAK_RATE, weight_decay=0.01)
        self.rng = np.random.default_rng(settings.seed)
        self.step = 0
        self.samples = 0
        self.spent_s = 0.0

    @property
    def progress(self) -> float:
        return min(self.spent_s / (60 * self.settings.minutes), 1.0)

    def learning_rate(self) -> float:
        """A short warm-up, then a cosine to zero over the time given."""
        warm = min((self.step + 1) / WARM_UP_STEPS, 1.0)
        return self.settings.peak_rate * warm * 0.5 * (1 + math.cos(math.pi * self.progress))

    def update(self, image_n3hw: Tensor, target_nhw: Tensor) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16):
            features = self.model.scratch.fuse(self.model.pretrained(image_n3hw))
            prediction = self.model.scratch.output_conv(features).squeeze(1)
        loss = midas_loss(prediction.float(), target_nhw, gradient_weight=self.settings.gradient_weight)
        loss = loss + LOCAL_WEIGHT * local_geometry_loss(self.local_head(features.float()), target_nhw)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self._update_average()
        self.step += 1
        self.samples += len(image_n3hw)
        return loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(EMA_DECAY, (self.step + 1) / (self.step + 10))
        for mean, value in zip(
            self.average.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "local_head": self.local_head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "step": self.step,
            "samples": self.samples,
            "spent_s": self.spent_s,
        }
        unfinished = path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def load_weights(self, path: Path) -> None:
        """Starts from another run's averaged weights, with a clock, an optimiser and steps of its own.

        path: a checkpoint of this program, or the float16 .safetensors that it writes.
        """
        if path.suffix == ".safetensors":
            state = {
                name: entry.float() if entry.is_floating_point() else entry
                for name, entry in load_file(path).items()
            }
        else:
            state = torch.load(path, weights_only=True)["average"]
        self.model.load_state_dict(state)
        self.average.load_state_dict(state)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.local_head.load_state_dict(state["local_head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.step, self.samples, self.spent_s = state["step"], state["samples"], state["spent_s"]


def _keep_depthwise_in_float32(model: nn.Module) -> None:
    """Takes depthwise convolutions out of autocast.

    oneDNN has no fast bfloat16 gradient for them on a CPU: the 19 of this network took half of a step (one
    of 5x5, stride 2, 257 ms against 10 ms in float32, measured with torch 2.15 on an EPYC with AVX512-BF16).
    """

    def outside_autocast(plain: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def forward(x: Tensor) -> Tensor:
            with torch.autocast("cpu", enabled=False):
                return plain(x.float())

        return forward

    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.forward = outside_autocast(module.forward)  # type: ignore[method-assign,assignment]


def sizes_at(progress: float) -> tuple[tuple[int, int], ...]:
    return [sizes for start, sizes in SCHEDULE_PX if progress >= start][-1]


def train(settings: TrainSettings) -> Training:
    """Trains until the time is spent; leaves a checkpoint, a log (JSON lines) and the float16 weights."""
    torch.set_num_threads(settings.threads)
    training = Training(settings)
    if settings.resume:
        training.load(settings.checkpoint)
    elif settings.start_from is not None:
        training.load_weights(settings.start_from)
    pool = ShardPool(settings.data, most_pictures=settings.most_pictures)
    _wait_for_pictures(pool)
    losses: list[float] = []
    saved_s = time.monotonic()
    with prepared_batches(training, pool) as batches:
        while training.progress < 1:
            losses.append(_one_step(training, next(batches)))
            if training.step % settings.log_every == 0:
                pool.refresh()
                _log(training, pool, float(np.mean(losses)))
                losses.clear()
            if time.monotonic() - saved_s > SAVE_EVERY_S:
                _finish_round(training)
                saved_s = time.monotonic()
    _finish_round(training)
    return training


@contextmanager
def prepared_batches(training: Training, pool: ShardPool) -> Iterator[Iterator[Batch]]:
    """Endless batches, each cropped and recoloured on a thread of its own while the one before is learnt."""
    augmentation = Augmentation()

    def prepare() -> Batch:
        skipped = training.settings.schedule_from
        sizes = sizes_at(skipped + (1 - skipped) * training.progress)
        size_px = sizes[training.rng.integers(len(sizes))]
        return augmentation.batch(pool.draw(training.settings.batch, training.rng), size_px)

    def batches() -> Iterator[Batch]:
        following = helper.submit(prepare)
        while True:
            ready = following.result()
            following = helper.submit(prepare)
            yield ready

    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as helper:
        yield batches()


def _one_step(training: Training, batch: Batch) -> float:
    start_s = time.thread_time()
    loss = training.update(*batch)
    training.spent_s += time.thread_time() - start_s
    return loss


def _wait_for_pictures(pool: ShardPool) -> None:
    while not pool.refresh(most_new=1000):
        time.sleep(0.5)


def _log(training: Training, pool: ShardPool, loss: float) -> None:
    row = {
        "step": training.step,
        "minutes": round(training.spent_s / 60, 2),
        "samples": training.samples,
        "pictures": pool.pictures_seen,
        "loss": round(loss, 4),
    }
    with training.settings.out.with_suffix(".log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    logger.info("%s", row)


def _finish_round(training: Training) -> None:
    """Checkpoint, held-back scores and the weights as they stand."""
    settings = training.settings
    training.save(settings.checkpoint)
    export(training.average, settings.out, steps=training.step, samples=training.samples)
    if settings.held_back is not None:
        scores = held_back_scores(training.average, settings.held_back, most=60)
        logger.info("step %d held back: %s", training.step, scores)
        with settings.out.with_suffix(".log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": training.step, "held_back": asdict(scores)}) + "\n")


@torch.inference_mode()
def held_back_scores(model: MidasSmall, folder: Path, *, most: int | None = None) -> Scores:
    """Mean scores over rendered pictures that no training reads."""
    model.eval()
    scores: list[Scores] = []
    for path in sorted(folder.glob("*.npz")):
        for image_bgr, inverse_depth in zip(*read_shard(path), strict=True):
            if most is not None and len(scores) >= most:
                break
            prediction = model(torch.from_numpy(to_network_input(image_bgr)))[0].numpy()
            scores.append(score_rendered(prediction, inverse_depth.astype(np.float32)))
    return Scores.mean(scores)


def export(model: MidasSmall, path: Path, *, steps: int, samples: int) -> None:
    """Writes float16 safetensors, whole or not at all."""
    tensors = {
        name: (entry.half() if entry.is_floating_point() else entry).contiguous()
        for name, entry in model.state_dict().items()
    }
    unfinished = path.with_suffix(".part")
    save_file(
        tensors,
        unfinished,
        metadata={"encoder": model.sizes.encoder, "steps": str(steps), "samples": str(samples)},
    )
    unfinished.replace(path)


@contextmanager
def rendering(folder: Path) -> Iterator[None]:
    """A process of its own renders into the folder until the block ends; what is there already is kept."""
    command = [sys.executable, "-m", "shared.bundled.render_shards", "--out", str(folder), "--pictures", "32"]
    with subprocess.Popen(command) as renderer:
        try:
            yield
        finally:
            renderer.terminate()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.bundled.train", description=__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        required=True,
        help="processor time to train, rendering not counted",
    )
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file to write")
    parser.add_argument(
        "--data", type=Path, help="folder of shards (default: 'shards' beside OUT, rendered as it trains)"
    )
    parser.add_argument("--held-back", type=Path, help="folder of shards to score on")
    parser.add_argument("--resume", action="store_true", help="go on from OUT's checkpoint")
    parser.add_argument("--start-from", type=Path, help="checkpoint or .safetensors to start from")
    parser.add_argument(
        "--schedule-from", type=float, default=0.0, help="share of the schedule of sizes to skip"
    )
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument("--log-every", type=int, default=LOG_EVERY, metavar="STEPS")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.data is not None:
        train(TrainSettings(**vars(options)))
        return 0
    options.data = options.out.parent / "shards"
    with rendering(options.data):
        train(TrainSettings(**vars(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
