"""A frame goes in, its depth map comes out: the reference's small transform around an engine.

This is also the Python API. Importing it is cheap; `DepthPredictor.from_weights` loads what the choice needs.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from shared import DepthMap, FrameBGR, UserError, check_frame_bgr, halved_sizes

if TYPE_CHECKING:
    from shared.network import ChosenWeights, Engine

NETWORK_STRIDE_PX = 32
DEFAULT_SIZE_PX = 256
IMAGENET_MEAN_RGB = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD_RGB = np.array([0.229, 0.224, 0.225], np.float32)


def network_size(width_px: int, height_px: int, size: int = DEFAULT_SIZE_PX) -> tuple[int, int]:
    """(width, height) in pixels at which the network sees a frame.

    Source: the reference's small transform. The aspect is kept, each side is rounded to a multiple of 32
    (down where rounding would pass the upper bound `size`) and is at least 32.
    """
    scale = min(size / width_px, size / height_px)
    return _to_stride(width_px * scale, size), _to_stride(height_px * scale, size)


def _to_stride(length_px: float, upper_px: int) -> int:
    rounded = round(length_px / NETWORK_STRIDE_PX) * NETWORK_STRIDE_PX
    if rounded > upper_px:
        rounded = int(length_px // NETWORK_STRIDE_PX) * NETWORK_STRIDE_PX
    return max(rounded, NETWORK_STRIDE_PX)


def to_network_input(frame_bgr: FrameBGR, size: int = DEFAULT_SIZE_PX) -> NDArray[np.float32]:
    """(H, W, 3) uint8 BGR -> (1, 3, h, w) float32 RGB, normalised by ImageNet's mean and deviation.

    Source: the reference's small transform (cubic resize of floats, not clipped, no low-pass).
    """
    height_px, width_px = frame_bgr.shape[:2]
    return _resized_and_normalised(frame_bgr, network_size(width_px, height_px, size))


def _halved(frame_bgr: FrameBGR, target_px: tuple[int, int]) -> FrameBGR:
    """The means of each four pixels, again and again, while they stay as large as the target.

    The reference samples a large frame here and there: noise stays and thin things break. MiDaS's weights
    know no other pictures; the bundled ones learnt from averaged ones. On rendered scenes seen at 1024x768
    that gains 0.002 of rho, with a camera's noise 0.010, and takes less time than a large frame's floats.
    """
    height_px, width_px = frame_bgr.shape[:2]
    for half_px in halved_sizes((width_px, height_px), target_px):
        frame_bgr = cv2.resize(frame_bgr, half_px, interpolation=cv2.INTER_AREA)
    return frame_bgr


def _resized_and_normalised(frame_bgr: FrameBGR, target_px: tuple[int, int]) -> NDArray[np.float32]:
    small_bgr = cv2.resize(frame_bgr.astype(np.float32), target_px, interpolation=cv2.INTER_CUBIC)
    network_input = np.empty((1, 3, *small_bgr.shape[:2]), np.float32)
    for channel, (mean, std) in enumerate(zip(IMAGENET_MEAN_RGB, IMAGENET_STD_RGB, strict=True)):
        plane = network_input[0, channel]
        np.multiply(small_bgr[:, :, 2 - channel], 1.0 / (255.0 * std), out=plane)
        plane -= mean / std
    return network_input


class DepthPredictor:
    """Predicts one frame at a time.

    predictor = DepthPredictor.from_weights("auto")
    depth_map = predictor.predict(cv2.imread("photo.jpg"))
    """

    def __init__(self, engine: Engine, *, size: int = DEFAULT_SIZE_PX, weights: ChosenWeights | None = None):
        """weights: what the engine runs; the bundled ones see large frames averaged, see `_halved`."""
        self.engine = engine
        self.size = size
        self.weights = weights
        self.callers = 1
        self._frames_predicted = 0

    @classmethod
    def from_weights(
        cls,
        weights: str | None = None,
        *,
        size: int = DEFAULT_SIZE_PX,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> DepthPredictor:
        """Chooses weights ('auto', 'official', 'bundled' or a path; None asks DEPTH_WEIGHTS) and an engine.

        device: 'auto', 'cpu', 'gpu', 'npu', 'cuda', 'cuda:N' or 'mps'. precision: 'auto', 'f32' or 'bf16';
        auto is what was proved fastest and right on this machine, float32 before `proving` has found it out.
        threads: how many cores the network may use; None takes all.
        Raises UserError when the weights or the engine cannot be had.
        """
        from shared.network import choose_weights, load_engine

        chosen = choose_weights(weights)
        loaded = load_engine(
            chosen, engine=engine, device=device, precision=precision, size=size, threads=threads
        )
        return cls(loaded, size=size, weights=chosen)

    def proving(self, *, wait_s: float | None = None) -> AbstractContextManager[None]:
        """While the block runs, another process finds out what the engine runs fastest as, and right.

        Nothing is to be found out where it is known from before, or was asked for by name. wait_s: the block
        begins so much later at most, and the engine changes only before it; None: at once, whenever it may.
        """
        from shared.network import proving_beside

        return proving_beside(getattr(self.engine, "choice", None), wait_s=wait_s)

    def share_among(self, callers: int) -> None:
        """Lets so many threads call `predict` at once, where the engine can; then `callers` says so."""
        share = getattr(self.engine, "share_among", None)
        if share is not None:
            share(callers)
            self.callers = callers

    def map_size_px(self, frame_bgr: FrameBGR) -> tuple[int, int]:
        """(width, height) of this frame's depth map. Raises ValueError for anything that is no frame.

        A network that was exported for one size gets every frame at that size, whatever its aspect.
        """
        height_px, width_px = check_frame_bgr(frame_bgr).shape[:2]
        fixed_px: tuple[int, int] | None = getattr(self.engine, "fixed_size_px", None)
        return fixed_px or network_size(width_px, height_px, self.size)

    def predict(self, frame_bgr: FrameBGR) -> DepthMap:
        """(H, W, 3) uint8 BGR, 16x16 to 8K -> (h, w) float32 at network size.

        Raises ValueError for anything that is no frame, UserError when the network's output is not finite.
        """
        target_px = self.map_size_px(frame_bgr)
        if self.weights is not None and self.weights.is_bundled:
            frame_bgr = _halved(frame_bgr, target_px)
        depth_map = self.engine.infer(_resized_and_normalised(frame_bgr, target_px))
        self._frames_predicted += 1
        if not np.isfinite(depth_map).all():
            raise UserError(
                f"The network's output for inferred frame {self._frames_predicted} is not finite.",
                "The weights are probably damaged; try --weights bundled.",
                exit_code=1,
            )
        return depth_map
