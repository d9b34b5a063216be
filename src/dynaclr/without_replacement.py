"""Draws distinct numbers from given uniforms; knows nothing else."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ("distinct_ranks",)


def distinct_ranks(uniform: Sequence[float], size: int) -> list[int]:
    """Return numbers in 0..size-1, one a uniform: distinct if size allows, else as evenly as possible.

    Floyd's algorithm (Bentley and Floyd, "Programming pearls: a sample of brilliance", CACM 1987): one
    uniform a number, never a second try, every subset equally likely. With fewer numbers than uniforms,
    every number is used floor(k / size) times and the rest is drawn without replacement.

    Raises
    ------
    ValueError
        If size is below 1.
    """
    count = len(uniform)
    if size < 1:
        raise ValueError("nothing to draw from")
    if size <= count:
        rounds, rest = divmod(count, size)
        return [*range(size)] * rounds + (distinct_ranks(uniform[count - rest :], size) if rest else [])
    chosen: set[int] = set()
    ranks = []
    for limit, draw in enumerate(uniform, size - count):
        rank = min(int(draw * (limit + 1)), limit)
        if rank in chosen:
            rank = limit
        chosen.add(rank)
        ranks.append(rank)
    return ranks
