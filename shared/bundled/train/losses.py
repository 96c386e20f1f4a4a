"""MiDaS's training objective. Source: Ranftl et al., TPAMI 2020, equations 3 to 11. Imports torch.

All functions take inverse depth of shape (N, h, w), float32. A target is NaN where nothing is known; a local
geometry's is known everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

GRADIENT_SCALES = 4
ANCHOR_WEIGHT = 0.02
FARTHEST_INVERSE_DEPTH = 1 / 80  # 1/m: beyond 80 m a slope says nothing
STEEPEST = 0.25  # of the logarithm, per pixel at half size
EDGE = 0.1  # a step of the logarithm, over a pixel or two of half size: one thing ends before another
EDGE_REACH_PX = 2
EDGE_WEIGHT = 3.0
LOCAL_CHANNELS = 3
DEEPEST = 20  # the range of depths within a picture, from what is near on, that relative error is asked of


def align_robustly(inverse_depth: Tensor, known: Tensor) -> Tensor:
    """Takes out shift (the mean of the middle fifth) and scale (the mean absolute deviation), per picture.

    known: (N, h, w) bool; the others count for neither.

    The paper's shift is the median. Its gradient falls on the one pixel that happens to be the median, with
    the weight of thousands, and drowned what the others said in the encoder's gradients.
    """
    flat, known = inverse_depth.flatten(1), known.flatten(1)
    count = known.sum(dim=1, keepdim=True)
    in_order = flat.masked_fill(~known, torch.inf).sort(dim=1).values
    place = torch.arange(flat.shape[1], device=flat.device)
    middle = (place >= (0.4 * count).long()) & (place < (0.6 * count).long().clamp_min(1)) & (count > 0)
    shift = _mean(in_order.masked_fill(~middle, 0), middle)
    scale = _mean((flat - shift).abs(), known).clamp_min(1e-4)
    return ((flat - shift) / scale).view_as(inverse_depth)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """(n, pixels) -> (n, 1): the mean where `where`; 0 where that is nowhere."""
    return (values * where).sum(dim=1, keepdim=True) / where.sum(dim=1, keepdim=True).clamp_min(1)


def gradient_loss(residual: Tensor, known: Tensor, scales: int = GRADIENT_SCALES) -> Tensor:
    """Mean absolute gradient of the residual at halved resolutions: depth edges lie where they belong.

    Only between neighbours that are both known.
    """
    total = residual.new_zeros(())
    for scale in range(scales):
        step = 2**scale
        r, k = residual[:, ::step, ::step], known[:, ::step, ::step]
        total = total + _mean_all(r.diff(dim=2).abs(), k[:, :, 1:] & k[:, :, :-1])
        total = total + _mean_all(r.diff(dim=1).abs(), k[:, 1:] & k[:, :-1])
    return total / scales


def _mean_all(values: Tensor, where: Tensor) -> Tensor:
    """The mean of all that is known, in whichever picture: one of which little is known says little."""
    return (values * where).sum() / where.sum().clamp_min(1)


def relative_loss(prediction: Tensor, target: Tensor, *, gradient_weight: float) -> Tensor:
    """Mean absolute difference of log depth after the fit of scale and shift, and of its gradients.

    Pixels near edges count again, by a mean of their own. The residual of inverse depth is nearly all of what
    is near: of two houses down a street the one may lie at twice the distance of the other at no cost. Scores
    and eyes ask for ratios. Fitted by least squares to inverse depth, as the scores do. Beyond DEEPEST times
    the nearest, and in the sky, it is enough to be far.
    """
    known = ~target.isnan()
    nearest = target.flatten(1).nanquantile(0.98, dim=1, keepdim=True).nan_to_num()
    floor = (nearest / DEEPEST).clamp_min(FARTHEST_INVERSE_DEPTH)
    target = target.nan_to_num()
    flat, truth = prediction.flatten(1), target.flatten(1)
    aligned = _fitted(flat, truth, known.flatten(1) & (truth > FARTHEST_INVERSE_DEPTH))
    # Below the floor a straight line goes on where the logarithm would end.
    logarithm = torch.where(
        aligned > floor, aligned.clamp_min(floor).log(), floor.log() + aligned / floor - 1
    )
    residual = logarithm - truth.clamp_min(floor).log()
    residual = torch.where(truth > floor, residual, residual.clamp_min(0))
    residual = residual.view_as(target)
    edge_error = _mean_all(residual.abs(), known & _near_edges(target, known, floor[..., None]))
    mean_error = _mean_all(residual.abs(), known)
    return mean_error + EDGE_WEIGHT * edge_error + gradient_weight * gradient_loss(residual, known)


def _near_edges(target: Tensor, known: Tensor, floor: Tensor) -> Tensor:
    """(n, h, w): within EDGE_REACH_PX of where one thing is known to end before another.

    Few pixels lie there, and a mean over the picture hardly asks for them: what is drawn soft is soft there.
    """
    logarithm = target.maximum(floor).log()
    steps = torch.zeros_like(target)
    steps[:, :, 1:] = logarithm.diff(dim=2).abs() * (known[:, :, 1:] & known[:, :, :-1])
    steps[:, 1:] = steps[:, 1:].maximum(logarithm.diff(dim=1).abs() * (known[:, 1:] & known[:, :-1]))
    return F.max_pool2d((steps > EDGE).float()[:, None], 2 * EDGE_REACH_PX + 1, 1, EDGE_REACH_PX)[:, 0] > 0


def _fitted(flat: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """(n, pixels) times the scale plus the shift that fit it best to truth where known."""
    weight = known.float()
    weight = weight / weight.sum(dim=1, keepdim=True).clamp_min(1)
    mean, true_mean = (weight * flat).sum(1, keepdim=True), (weight * truth).sum(1, keepdim=True)
    away = flat - mean
    variance = (weight * away.square()).sum(1, keepdim=True).clamp_min(1e-6)
    return (weight * away * (truth - true_mean)).sum(1, keepdim=True) / variance * away + true_mean


def scale_anchor(prediction: Tensor) -> Tensor:
    """Squared logarithm of each picture's mean: keeps the scale, which nothing else holds, near 1.

    Without it the invariant loss lets the decoder's weights grow (to outputs of 10^4 within 700 steps), and
    with them the steps of the optimiser lose their meaning.
    """
    return prediction.flatten(1).mean(dim=1).clamp_min(1e-3).log().square().mean()


def midas_loss(prediction: Tensor, target: Tensor, *, gradient_weight: float) -> Tensor:
    """Scale- and shift-invariant loss plus the weighted multi-scale gradient term.

    The paper leaves out the fifth of a picture that is furthest off, against wrong ground truth. Rendered
    depth is exact, and furthest off are the edges and the one near thing in the picture: all of it counts.
    """
    known = ~target.isnan()
    residual = align_robustly(prediction, known) - align_robustly(target.nan_to_num(), known)
    shape = _mean_all(residual.abs(), known) / 2 + gradient_weight * gradient_loss(residual, known)
    return shape + ANCHOR_WEIGHT * scale_anchor(prediction)


def local_geometry(inverse_depth: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes of the logarithm (N, 2, h/2 - 2, w/2 - 2), x before y, in STEEPEST; edges, 1 where it steps.

    Both can be seen in a small neighbourhood and neither knows scale: a floor slopes, a wall that faces the
    camera does not, a thing ends in a step.
    """
    logarithm = F.avg_pool2d(inverse_depth.clamp_min(FARTHEST_INVERSE_DEPTH).log()[:, None], 2)[:, 0]
    step_x = (logarithm[:, :, 2:] - logarithm[:, :, :-2])[:, 1:-1]
    step_y = (logarithm[:, 2:] - logarithm[:, :-2])[:, :, 1:-1]
    slopes = torch.stack([step_x, step_y], dim=1) / 2
    edges = (step_x.abs() > EDGE) | (step_y.abs() > EDGE)
    return slopes.clamp(-STEEPEST, STEEPEST) / STEEPEST, edges.float()


def local_geometry_loss(guess: Tensor, target: Tensor) -> Tensor:
    """guess: (N, LOCAL_CHANNELS, h/2, w/2), two slopes and the logit of an edge."""
    slopes, edges = local_geometry(target)
    guess = guess[:, :, 1:-1, 1:-1]
    slope_error = (guess[:, :2] - slopes).abs().mean()
    return slope_error + 0.5 * F.binary_cross_entropy_with_logits(guess[:, 2], edges)


def twin_loss(prediction: Tensor, again: Tensor, twin_of_k23: Tensor) -> Tensor:
    """How far the network's word about a picture is from its word about the same one, seen again.

    prediction, again: (k, h, w). twin_of_k23: see `augment.Batch`. Mean absolute difference where both see
    the place, in the prediction's own mean absolute deviation: scale and shift must not change either.
    """
    grid = F.affine_grid(twin_of_k23, [len(again), 1, *again.shape[1:]], align_corners=False)
    warped = F.grid_sample(again[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
    seen = (grid.abs() < 1).all(dim=-1).float()
    flat = prediction.detach().flatten(1)
    spread = (flat - flat.mean(dim=1, keepdim=True)).abs().mean(dim=1).clamp_min(1e-4)
    difference = (seen * (prediction - warped).abs()).flatten(1).sum(dim=1) / seen.flatten(1).sum(dim=1)
    return (difference / spread).mean()
