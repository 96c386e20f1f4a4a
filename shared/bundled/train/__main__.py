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
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from shared import UserError
from shared.bundled.train.augment import Augmentation, Batch
from shared.bundled.train.panoramas import panorama_views
from shared.bundled.train.render_shards import add_photograph_options
from shared.bundled.train.scores import Scores, score_rendered
from shared.bundled.train.shards import ShardPool, read_shard
from shared.bundled.train.training import (
    LOG_EVERY,
    PEAK_RATE,
    REAL_PICTURES,
    STATISTICS_BATCHES,
    TWIN_SHARE,
    Training,
    TrainSettings,
    sizes_at,
)
from shared.bundled.train.weights import write_weights
from shared.console import run
from shared.network.model import MidasSmall
from shared.predictor import to_network_input

logger = logging.getLogger(__name__)

SAVE_EVERY_S = 180.0


def train(settings: TrainSettings) -> Training:
    """Trains until the time is spent; leaves a checkpoint, a log (JSON lines) and the float16 weights."""
    torch.set_num_threads(settings.threads)
    training = Training(settings)
    if settings.resume:
        training.load(settings.checkpoint)
    elif settings.start_from is not None:
        training.load_weights(settings.start_from)
        if settings.towards_imagenet:
            training.return_towards_imagenet(settings.towards_imagenet)
    else:
        training.load_imagenet_encoder()
    pool = ShardPool(settings.data, most_pictures=settings.most_pictures)
    _wait_for_pictures(pool)
    losses: list[float] = []
    saved_s = time.monotonic()
    with prepared_batches(training, pool) as batches:
        if settings.towards_imagenet and not settings.resume:
            training.measure_statistics(islice(batches, STATISTICS_BATCHES))
        while training.progress < 1:
            losses.append(_one_step(training, next(batches)))
            if training.step % settings.log_every == 0:
                pool.refresh(most_new=32)
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
    folder, left_out = training.settings.surroundings, training.settings.leave_out
    views = panorama_views(folder, without=left_out) if folder else []

    def prepare() -> Batch:
        skipped = training.settings.schedule_from
        sizes = sizes_at(skipped + (1 - skipped) * training.progress)
        size_px = sizes[training.rng.integers(len(sizes))]
        twins = int(TWIN_SHARE * training.settings.batch)
        pictures = pool.draw(training.settings.batch - twins, training.rng, shape=size_px)
        rows = training.rng.integers(len(views), size=REAL_PICTURES) if views else ()
        real = [views[row] for row in rows]
        return augmentation.batch(pictures, size_px, twins=twins, real=real)

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
    loss = training.update(batch)
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
    write_weights(
        training.average.state_dict(),
        settings.out,
        encoder=training.average.sizes.encoder,
        steps=training.step,
        samples=training.samples,
    )
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


@contextmanager
def rendering(folder: Path, photographs: list[str]) -> Iterator[None]:
    """A process of its own renders into the folder until the block ends; what is there already is kept.

    photographs: options of `render_shards` that name folders of them.
    """
    command = [
        sys.executable,
        "-m",
        "shared.bundled.train.render_shards",
        "--out",
        str(folder),
        "--pictures",
        "32",
        *photographs,
    ]
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
        "--towards-imagenet",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="with --start-from: of the way, how far the encoder goes back before it learns on",
    )
    parser.add_argument(
        "--schedule-from", type=float, default=0.0, help="share of the schedule of sizes to skip"
    )
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument("--log-every", type=int, default=LOG_EVERY, metavar="STEPS")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--most-pictures", type=int, default=13_000, help="kept in memory (553 KB each)")
    parser.add_argument("--threads", type=int, default=1)
    add_photograph_options(parser)
    parser.add_argument(
        "--leave-out",
        nargs="+",
        default=[],
        metavar="NAME",
        help="panoramas of --surroundings not to learn from, so that they can be scored on",
    )
    parser.add_argument(
        "--mix-styles",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the batches, in how many pictures take on the style of others",
    )
    parser.add_argument("--seed", type=int, default=1)
    return run(lambda: _command(parser.parse_args(argv)), prog=parser.prog)


def _command(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.towards_imagenet and options.start_from is None:
        raise UserError(
            "--towards-imagenet is a way back, and training without --start-from begins there.",
            "Name the weights to go back from with --start-from.",
        )
    if options.leave_out and options.surroundings is None:
        raise UserError(
            "--leave-out names panoramas, and there are none without --surroundings.",
            "Name their folder with --surroundings.",
        )
    photographs = []
    for name in ("textures", "surroundings", "meshes"):
        folder = getattr(options, name)
        photographs += [f"--{name}", str(folder)] if folder else []
    del options.textures, options.meshes
    if options.data is not None:
        train(TrainSettings(**vars(options)))
        return 0
    options.data = options.out.parent / "shards"
    with rendering(options.data, photographs):
        train(TrainSettings(**vars(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
