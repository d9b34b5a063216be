"""Draws distinct numbers from given uniforms; knows nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ("distinct_ranks",)


def distinct_ranks(uniform: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.int64]:
    """Return numbers in 0..size-1, one a uniform: distinct if size allows, else as evenly as possible.

    Floyd's algorithm (Bentley and Floyd, "Programming pearls: a sample of brilliance", CACM 1987): one
    uniform a number, never a second try, every subset equally likely. With fewer numbers than uniforms,
    every number is used floor(k / size) times and the rest is drawn without replacement.
    """
    count = uniform.size
    if size < 1:
        raise ValueError("nothing to draw from")
    if size <= count:
        full = np.tile(np.arange(size), count // size)
        rest = uniform[full.size :]
        return np.concatenate([full, distinct_ranks(rest, size)]) if rest.size else full
    top = np.arange(size - count, size)
    candidates = np.minimum((uniform * (top + 1)).astype(np.int64), top)
    if np.unique(candidates).size == count:
        return candidates
    chosen: set[int] = set()
    ranks = candidates.tolist()
    for place, limit in enumerate(top.tolist()):
        if ranks[place] in chosen:
            ranks[place] = limit
        chosen.add(ranks[place])
    return np.array(ranks, dtype=np.int64)
