"""MiDaS's training objective. Source: Ranftl et al., TPAMI 2020, equations 3 to 11. Imports torch.

All functions take inverse depth of shape (N, h, w), float32; every pixel is known.
"""

from __future__ import annotations

from torch import Tensor

GRADIENT_SCALES = 4
ANCHOR_WEIGHT = 0.02
# The paper trims 20 % against wrong ground truth. Rendered depth is exact, and what is furthest off is often
# the one near thing in the picture, which is what we are after: trim little.
TRIM = 0.05


def align_robustly(inverse_depth: Tensor) -> Tensor:
    """Takes out shift (the median) and scale (the mean absolute deviation from it), per picture."""
    flat = inverse_depth.flatten(1)
    shift = flat.median(dim=1, keepdim=True).values
    scale = (flat - shift).abs().mean(dim=1, keepdim=True).clamp_min(1e-4)
    return ((flat - shift) / scale).view_as(inverse_depth)


def trimmed_loss(residual: Tensor, trim: float = TRIM) -> Tensor:
    """Half the mean absolute residual, the largest `trim` share of each picture left out."""
    flat = residual.abs().flatten(1)
    kept = int(flat.shape[1] * (1 - trim))
    limit = flat.detach().kthvalue(kept, dim=1, keepdim=True).values
    return (flat * (flat <= limit)).mean() / 2


def gradient_loss(residual: Tensor, scales: int = GRADIENT_SCALES) -> Tensor:
    """Mean absolute gradient of the residual at halved resolutions: depth edges lie where they belong."""
    total = residual.new_zeros(())
    for scale in range(scales):
        step = 2**scale
        r = residual[:, ::step, ::step]
        total = total + (r[:, :, 1:] - r[:, :, :-1]).abs().mean() + (r[:, 1:] - r[:, :-1]).abs().mean()
    return total / scales


def scale_anchor(prediction: Tensor) -> Tensor:
    """Squared logarithm of each picture's mean: keeps the scale, which nothing else holds, near 1.

    Without it the invariant loss lets the decoder's weights grow (to outputs of 10^4 within 700 steps), and
    with them the steps of the optimiser lose their meaning.
    """
    return prediction.flatten(1).mean(dim=1).clamp_min(1e-3).log().square().mean()


def midas_loss(prediction: Tensor, target: Tensor, *, gradient_weight: float) -> Tensor:
    """Scale- and shift-invariant trimmed loss plus the weighted multi-scale gradient term."""
    residual = align_robustly(prediction) - align_robustly(target)
    shape = trimmed_loss(residual) + gradient_weight * gradient_loss(residual)
    return shape + ANCHOR_WEIGHT * scale_anchor(prediction)
