"""A keyed permutation of 0..n-1 whose entries can be computed one by one.

A balanced Feistel network over the next power of four, walked until the value is below n (Black and
Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). Cost does not depend on n.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_ROUNDS = 4  # a pseudorandom permutation from four rounds on (Luby and Rackoff, SIAM J. Comput. 1988) ...
_BITS_MIXED = 24  # ... of wide halves; narrow ones take more rounds until so many bits are mixed


def permuted(places: npt.NDArray[np.integer], size: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return the entries of the permutation of range(size) at some places.

    Parameters
    ----------
    places
        (k,) numbers in 0..size-1.
    size
        Length of the permutation.
    seed, epoch
        Its key.
    """
    values = np.asarray(places, dtype=np.uint64)
    if values.size and int(values.max()) >= size:
        raise ValueError(f"places must lie in 0..{size - 1}")
    half = np.uint64(max((max(size - 1, 1).bit_length() + 1) // 2, 1))
    mask = np.uint64((1 << int(half)) - 1)
    keys = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, epoch])).integers(
        0, 2**64, size=max(_ROUNDS, _BITS_MIXED // int(half)), dtype=np.uint64
    )
    result = _encrypt(values, half, mask, keys)
    outside = np.flatnonzero(result >= size)
    while outside.size:
        result[outside] = _encrypt(result[outside], half, mask, keys)
        outside = outside[result[outside] >= size]
    return result.astype(np.int64)


def _encrypt(
    values: npt.NDArray[np.uint64], half: np.uint64, mask: np.uint64, keys: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    left, right = values >> half, values & mask
    top = np.uint64(64) - half
    for key in keys:
        left, right = right, left ^ (_mix(right ^ key) >> top)
    return (left << half) | right


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Finaliser of splitmix64 (Steele, Lea, Flood, OOPSLA 2014), whose upper bits are used."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)


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
