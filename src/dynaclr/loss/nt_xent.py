"""Weighted NT-Xent as one function of unit vectors, with its gradient."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

_SAFE_EXPONENT = 40.0
"""exp(40 s) of cosines s, and sums of millions of them, neither overflow nor vanish in float32."""

_BLOCK_ELEMENTS = 2**17
"""Half a MiB of float32: such a block stays in the caches of a core."""


class Groups(NamedTuple):
    """Rows that share a label.

    Attributes
    ----------
    labels
        The labels (N,) that the groups were made from.
    members
        (N, c): all rows of the row's own label, itself among them; padded with the row itself.
    positive
        (N, c) float32: 1 where the member is a positive, 0 where it is the row itself.
    pairs
        Number of positive pairs, both directions counted.
    sizes
        (N,) float32: rows of the row's own label.
    """

    labels: Tensor
    members: Tensor
    positive: Tensor
    pairs: int
    sizes: Tensor


class Comparison(NamedTuple):
    """Who is compared with whom: N rows of this process, M candidates (N in one process).

    Attributes
    ----------
    unit, candidates
        Unit vectors (N, D) and (M, D).
    members, positive, pairs
        As in `Groups`; members are places among the candidates.
    left_out
        (N, M): candidates that are no negatives beside the members; None for none.
    counts
        (N,) floating point: negatives of each row.
    """

    unit: Tensor
    candidates: Tensor
    members: Tensor
    positive: Tensor
    pairs: int
    left_out: Tensor | None
    counts: Tensor


def label_groups(labels: Tensor) -> Groups | None:
    """Return who shares a label, by sorting and so without a matrix; None if nobody does."""
    order = labels.argsort(stable=True)
    _, group, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    pairs = int((counts * (counts - 1)).sum())
    if not pairs:
        return None
    sizes = counts[group]
    start = (counts.cumsum(0) - counts)[group]
    offset = torch.arange(int(counts.max()), device=labels.device)
    own = torch.arange(len(labels), device=labels.device)[:, None]
    inside = offset < sizes[:, None]
    members = torch.where(inside, order[(start[:, None] + offset).clamp_max(len(labels) - 1)], own)
    return Groups(labels.clone(), members, (members != own).float(), pairs, sizes.float())


def nt_xent(comparison: Comparison, *, temperature: float, beta: float) -> Tensor:
    """Return the mean over positive pairs (i, p) of log(1 + weighted negatives of i / positive), a scalar.

    Memory is that of one matrix (N, M), and of a second one in the backward pass. It cannot be
    differentiated twice.

    Parameters
    ----------
    comparison
        Who is compared with whom.
    temperature, beta
        Both finite; temperature above 0, beta 0 or more.
    """
    value: Tensor = _WeightedNTXent.apply(*comparison, temperature, beta)
    return value


class _WeightedNTXent(torch.autograd.Function):
    """One node for the whole loss: few passes over (N, M), and no graph of them is kept."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        unit: Tensor,
        candidates: Tensor,
        members: Tensor,
        positive: Tensor,
        pairs: int,
        left_out: Tensor | None,
        counts: Tensor,
        temperature: float,
        beta: float,
    ) -> Tensor:
        cosines = unit @ candidates.T  # (N, M)
        positives = cosines.gather(1, members)  # (N, c)
        cosines.scatter_(1, members, -math.inf)
        if left_out is not None:
            cosines.masked_fill_(left_out, -math.inf)
        negatives = _log_negatives(cosines, counts, 1 / temperature, beta)  # (N, 1)
        excess = negatives - positives / temperature  # (N, c)
        ctx.save_for_backward(unit, candidates, members, positive, excess, cosines)
        ctx.settings = (pairs, temperature, beta)  # type: ignore[attr-defined]  # torch's way to keep plain values
        return (F.softplus(excess, threshold=_SAFE_EXPONENT) * positive).sum() / pairs

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pairs, temperature, beta = ctx.settings  # type: ignore[attr-defined]  # set in forward
        unit, candidates, members, positive, excess, cosines = ctx.saved_tensors  # type: ignore[attr-defined]
        slope = torch.sigmoid(excess) * positive * (gradients[0] / pairs)  # (N, c): d loss / d excess
        slopes = _slopes(cosines, slope.sum(dim=1, keepdim=True), 1 / temperature, beta)
        slopes.scatter_add_(1, members, slope / -temperature)
        return slopes @ candidates, slopes.T @ unit, *(None,) * 7


def _exponentials(cosines: Tensor, factor: float, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return exp(factor * cosines) up to a shift of each row, (n, M), its row sums and their log, (n, 1).

    Cosines are -inf where they do not count. Their bound makes the usual shift by the row's maximum
    needless for moderate factors. The sum of a row without negatives is tiny, so that its log is finite.
    The first result lies in the first rows of `out`.
    """
    tiny, out = torch.finfo(cosines.dtype).tiny, out[: cosines.shape[0]]
    if factor <= _SAFE_EXPONENT:
        terms = torch.mul(cosines, factor, out=out).exp_()
        total = terms.sum(dim=1, keepdim=True).clamp_min_(tiny)
        return terms, total, total.log()
    peak = cosines.amax(dim=1, keepdim=True).clamp_min_(-1)
    terms = torch.sub(cosines, peak, out=out).mul_(factor).exp_()
    total = terms.sum(dim=1, keepdim=True).clamp_min_(tiny)
    return terms, total, total.log().add_(peak, alpha=factor)


def _blocks(cosines: Tensor) -> list[slice]:
    """Cut rows into blocks that stay in a CPU's cache while several operators pass over them."""
    rows, columns = cosines.shape
    step = rows if cosines.is_cuda else max(1, _BLOCK_ELEMENTS // columns)
    return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]


def _log_negatives(cosines: Tensor, counts: Tensor, sharpness: float, beta: float) -> Tensor:
    """Return log of the weighted sum of exp(s / T) over the negatives of each row, (N, 1)."""
    blocks, log_counts = _blocks(cosines), counts.log()[:, None]
    scratch = torch.empty_like(cosines[blocks[0]])
    parts = []
    for block in blocks:
        result = _exponentials(cosines[block], sharpness + beta, scratch)[2]
        if beta:
            # Weights exp(beta s) rescaled to sum to the number of negatives: add log(count / their sum).
            result.sub_(_exponentials(cosines[block], beta, scratch)[2]).add_(log_counts[block])
        parts.append(result)
    return torch.cat(parts)


def _slopes(cosines: Tensor, row: Tensor, sharpness: float, beta: float) -> Tensor:
    """Return d loss / d cosines of the negatives (N, M), given d loss / d their log sums `row` (N, 1)."""
    blocks = _blocks(cosines)
    scratch, slopes = torch.empty_like(cosines[blocks[0]]), torch.empty_like(cosines)
    for block in blocks:
        terms, total, _ = _exponentials(cosines[block], sharpness + beta, scratch)
        torch.mul(terms, row[block] * (sharpness + beta) / total, out=slopes[block])
        if beta:
            terms, total, _ = _exponentials(cosines[block], beta, scratch)
            slopes[block].addcmul_(terms, row[block] * -beta / total)
    return slopes
