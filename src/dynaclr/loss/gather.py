"""Rows of all ranks of a distributed run, with gradients."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


class _GatherRows(torch.autograd.Function):
    """All ranks' rows of equal number; the gradient of a row is the sum of what all ranks send back.

    `torch.distributed.nn.functional.all_gather` does the same, but its backward needs a collective that
    not every backend has.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows)
        return torch.stack(parts)  # (ranks, N, ...)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[dist.get_rank()]


def gather_rows(rows: Tensor) -> tuple[Tensor, int]:
    """Return the rows of all ranks in rank order, and where those of this rank begin.

    Ranks may hold different numbers of rows. Without a process group it returns `rows` and 0.

    Parameters
    ----------
    rows
        (N, ...); all axes but the first are equal on all ranks.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return rows, 0
    own = torch.tensor([rows.shape[0]], device=rows.device)
    sizes = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, own)
    counts = [int(size) for size in sizes]
    padding = rows.new_zeros(max(counts) - rows.shape[0], *rows.shape[1:])
    padded = torch.cat([rows, padding]).contiguous()
    gathered = _GatherRows.apply(padded)
    everyone = torch.cat([part[:count] for part, count in zip(gathered, counts, strict=True)])
    return everyone, sum(counts[: dist.get_rank()])
