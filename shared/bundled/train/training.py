"""What a training run is made of: model, average, optimiser, clock; and its checkpoint. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from shared import UserError
from shared.bundled.train.augment import Batch
from shared.bundled.train.losses import (
    LOCAL_CHANNELS,
    local_geometry_loss,
    midas_loss,
    relative_loss,
    twin_loss,
)
from shared.bundled.train.weights import grown, imagenet_entries, read_weights
from shared.network import BUNDLED_SMALL
from shared.network.model import MidasSmall

# From which share of the time on which (height, width) are used: small first, the sizes of use at the end. A
# network that has only seen small pictures is lost in large ones, so the sizes grow in small steps.
SCHEDULE_PX = (
    (0.00, ((96, 128), (96, 96), (64, 128))),
    (0.30, ((128, 160), (96, 128), (128, 128))),
    (0.60, ((128, 192), (160, 192), (128, 160))),
    (0.88, ((192, 256), (160, 256), (128, 256), (192, 256), (64, 256), (256, 192))),
)
PEAK_RATE = 8e-4
ENCODER_SHARE = 0.35  # of the rate: it has seen a million photographs, and is to keep what it learnt
LOW_SHARE = 0.1  # of the rate, for the encoder's first stage: edges and colours are what they were
WARM_UP_STEPS = 200
GRADIENT_WEIGHT = 4.0
LOCAL_WEIGHT = 0.5
RELATIVE_WEIGHT = 1.0
TWIN_WEIGHT = 1.0
TWIN_SHARE = 0.25  # of the pictures of a batch are another's twin
REAL_PICTURES = 3  # in a batch, each with its twin, where there are panoramas
REAL_TWIN_WEIGHT = 0.5
TRACED_WEIGHT = 0.5  # of what is known of real pictures' depth: a dozen places, and traced by hand
STYLE_BETA = 0.3  # of the mixing share: mostly nearly one's own or nearly the other's
STATISTICS_BATCHES = 60
EMA_DECAY = 0.998
LOG_EVERY = 50


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
    most_pictures: int = 13_000
    gradient_weight: float = GRADIENT_WEIGHT
    peak_rate: float = PEAK_RATE
    start_from: Path | None = None
    towards_imagenet: float = 0.0
    surroundings: Path | None = None
    leave_out: Sequence[str] = ()
    mix_styles: float = 0.0
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
        for stage in (self.model.pretrained.layer1, self.model.pretrained.layer2):
            stage[-1].register_forward_hook(self._mix_styles)
        fused = BUNDLED_SMALL.features[0]
        self.local_head = nn.Sequential(nn.GroupNorm(1, fused), nn.Conv2d(fused, LOCAL_CHANNELS, 1))
        decoder = [*self.model.scratch.parameters(), *self.local_head.parameters()]
        low, *high = self.model.pretrained.children()
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decoder, "share": 1.0},
                {"params": [p for stage in high for p in stage.parameters()], "share": ENCODER_SHARE},
                {"params": list(low.parameters()), "share": LOW_SHARE},
            ],
            lr=PEAK_RATE,
            weight_decay=0.01,
        )
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

    def update(self, batch: Batch) -> float:
        twins, real = len(batch.twin_of_k23), len(batch.real_twin_of_k23)
        target_nhw = batch.target_nhw
        image_n3hw = torch.cat([batch.image_n3hw, batch.real_m3hw])
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate() * group["share"]
        self.model.train()
        for norm in _norms(self.model):
            norm.eval()  # what it knows of photographs, rendered pictures are not to replace
        with torch.autocast("cpu", torch.bfloat16):
            features = self.model.scratch.fuse(self.model.pretrained(image_n3hw))
            prediction = self.model.scratch.head(image_n3hw, features)
        features = features[: len(batch)]
        prediction, of_real = prediction.float().split([len(batch), len(batch.real_m3hw)])
        loss = self._depth_loss(prediction, target_nhw)
        loss = loss + LOCAL_WEIGHT * local_geometry_loss(self.local_head(features.float()), target_nhw)
        if twins:
            loss = loss + TWIN_WEIGHT * twin_loss(prediction[:twins], prediction[-twins:], batch.twin_of_k23)
        if real:
            loss = loss + REAL_TWIN_WEIGHT * twin_loss(of_real[:real], of_real[real:], batch.real_twin_of_k23)
            loss = loss + TRACED_WEIGHT * self._depth_loss(of_real, batch.real_target_mhw)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self._update_average()
        self.step += 1
        self.samples += len(batch)
        return loss.item()

    def _depth_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        weight = self.settings.gradient_weight
        relative = relative_loss(prediction, target, gradient_weight=weight)
        return midas_loss(prediction, target, gradient_weight=weight) + RELATIVE_WEIGHT * relative

    def _mix_styles(self, stage: nn.Module, _: object, features: Tensor) -> Tensor:
        """In that share of the batches, each picture's features take on some of another's mean and deviation.

        Rendered ones those of real pictures, too: light and surface are style, and depth is not to hang on
        them. Source: Zhou et al., "Domain generalization with MixStyle", ICLR 2021.
        """
        if not stage.training or torch.rand(()) >= self.settings.mix_styles:
            return features
        values = features.float()
        variance, mean = (part.detach() for part in torch.var_mean(values, dim=(2, 3), keepdim=True))
        deviation = (variance + 1e-6).sqrt()
        other = torch.randperm(len(values))
        share = torch.distributions.Beta(STYLE_BETA, STYLE_BETA).sample((len(values), 1, 1, 1))
        new_mean, new_deviation = (part.lerp(part[other], share) for part in (mean, deviation))
        return ((values - mean) / deviation * new_deviation + new_mean).to(features.dtype)

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

    def load_imagenet_encoder(self) -> None:
        """Starts the encoder from ImageNet's weights. Raises UserError without their package."""
        given = imagenet_entries()
        for model in (self.model, self.average):
            ours = model.pretrained.state_dict()
            model.pretrained.load_state_dict(dict(zip(ours, given, strict=False)))

    def return_towards_imagenet(self, share: float) -> None:
        """Takes the encoder that share of the way back to ImageNet's weights.

        What training on rendered pictures took from it shows on photographs only, and lies on that way
        (Wortsman et al., CVPR 2022). Its norms' statistics are those of neither afterwards: see
        `measure_statistics`. Raises UserError without the package.
        """
        given = imagenet_entries()
        for model in (self.model, self.average):
            ours = model.pretrained.state_dict()
            for entry, theirs in zip(ours.values(), given, strict=False):
                if entry.is_floating_point():
                    entry.lerp_(theirs, share)

    @torch.no_grad()
    def measure_statistics(self, batches: Iterable[Batch]) -> None:
        """The encoder's norms know the mean and deviation of these batches' pictures, and nothing else."""
        for norm in _norms(self.model):
            norm.reset_running_stats()
            norm.momentum = None  # all count alike
        self.model.pretrained.train()
        for batch in batches:
            self.model.pretrained(torch.cat([batch.image_n3hw, batch.real_m3hw]))
        self.average.load_state_dict(self.model.state_dict())

    def load_weights(self, path: Path) -> None:
        """Starts from another run's averaged weights, with a clock, an optimiser and steps of its own.

        path: a checkpoint of this program, or the float16 .safetensors that it writes. Weights from before
        `MidasSizes.detail` answer as they did until what is new has learnt something. Raises UserError where
        they are of another network.
        """
        state = read_weights(path)
        try:
            self.model.load_state_dict(grown(state, self.model.state_dict()))
        except (KeyError, RuntimeError) as error:
            raise UserError(
                f"{path} holds no weights of this network.", "Give a file that this program wrote."
            ) from error
        self.average.load_state_dict(self.model.state_dict())

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.local_head.load_state_dict(state["local_head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.step, self.samples, self.spent_s = state["step"], state["samples"], state["spent_s"]


def _norms(model: MidasSmall) -> Iterator[nn.BatchNorm2d]:
    return (module for module in model.pretrained.modules() if isinstance(module, nn.BatchNorm2d))


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
