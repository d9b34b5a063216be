"""Keyed randomness: every random number is a pure function of (seed, epoch, batch, purpose, slot).

Knows no data. Nothing here keeps a generator: a generator is made from its key, used and dropped.

The bit generator is Philox 4x64 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011). The seed is its key; (purpose and slot, batch, epoch) are its upper three counter words.
Word 0 advances as numbers are drawn, so two keys never share a stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple, SupportsIndex

import numpy as np
import numpy.typing as npt

from dynaclr.base.numbering import AnchorNumber

FIXED_EPOCH = 2**62
"""Epoch word of everything that never changes between epochs (validation, plain lists of anchors)."""

_SLOT_BITS = 32
_UNIFORMS_PER_COUNTER = 4  # one Philox block gives four 64-bit words


class Purpose(IntEnum):
    """What numbers are drawn for. Values are fixed for ever: adding one moves no other."""

    BATCH = 1  # experiment, focal hour, anchors and order of a batch: one block, as a generator costs most
    TAU = 6  # offset of the positive
    CANDIDATE = 7  # which candidate at that offset
    NEGATIVE = 8
    AUGMENT_ANCHOR = 9
    AUGMENT_POSITIVE = 10
    AUGMENT_NEGATIVE = 11
    DROPOUT_ANCHOR = 12
    DROPOUT_POSITIVE = 13
    DROPOUT_NEGATIVE = 14
    AUDIT = 15  # samples drawn for reports
    SPLIT = 16  # which FOVs are held out
    INITIAL_WEIGHTS = 17
    NETWORK = 18  # what torch draws inside an encoder


class BatchKey(NamedTuple):
    """Address of a batch: `batch` is its number in the epoch over all ranks."""

    seed: int
    epoch: int
    batch: int


class KeyedBatch(list[AnchorNumber]):
    """Anchor numbers of a batch with the key they were drawn with; to others it is a plain list of int."""

    __slots__ = ("key",)

    def __init__(self, anchors: Iterable[int], key: BatchKey) -> None:
        super().__init__(map(AnchorNumber, anchors))
        self.key = key

    def __reduce_ex__(
        self, protocol: SupportsIndex, /
    ) -> tuple[type[KeyedBatch], tuple[list[AnchorNumber], BatchKey]]:
        """Pickle anchors and key together, so that process workers keep the key."""
        return (KeyedBatch, (list(self), self.key))


def generator(key: BatchKey, purpose: Purpose, slot: int = 0, start: int = 0) -> np.random.Generator:
    """Return the generator of one purpose of one batch.

    Parameters
    ----------
    key
        Address of the batch.
    purpose
        What the numbers are for.
    slot
        Which of several users of one purpose (the place of a transform in its list).
    start
        How many blocks of four uniforms to skip.
    """
    word = int(purpose) | (slot << _SLOT_BITS)
    counter = np.array([start, word, key.batch, key.epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key.seed, counter=counter))


def uniforms(
    key: BatchKey, purpose: Purpose, samples: int, columns: int = 1, slot: int = 0
) -> npt.NDArray[np.float64]:
    """Return uniforms in [0, 1) of shape (samples, columns); row j belongs to sample j."""
    return generator(key, purpose, slot).random((samples, columns))


def number_uniforms(
    seed: int, purpose: Purpose, numbers: npt.NDArray[np.integer], columns: int = 1
) -> npt.NDArray[np.float64]:
    """Return uniforms (len(numbers), columns) that depend on each number alone, not on its place.

    For draws that must not change with batch size, order or rank. At most four columns.
    """
    if columns > _UNIFORMS_PER_COUNTER:
        raise ValueError(f"at most {_UNIFORMS_PER_COUNTER} columns; found {columns}")
    numbers = np.asarray(numbers, dtype=np.int64)
    result = np.empty((numbers.size, columns))
    if not numbers.size:
        return result
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    key = BatchKey(seed, FIXED_EPOCH, 0)
    for first, last in zip(np.r_[0, breaks], np.r_[breaks, numbers.size], strict=True):
        block = generator(key, purpose, start=int(numbers[first]))
        result[first:last] = block.random((last - first, _UNIFORMS_PER_COUNTER))[:, :columns]
    return result


def torch_seed(key: BatchKey, purpose: Purpose, slot: int = 0) -> int:
    """Return a 63-bit seed for a generator that lives on a device and is dropped after one use."""
    return int(generator(key, purpose, slot).integers(0, 2**63 - 1))


def choose(cumulative: npt.NDArray[np.float64], uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Choose by inverse CDF, one choice a row.

    Parameters
    ----------
    cumulative
        Cumulative weights (n, k) or (k,); need not end at 1, must end above 0.
    uniform
        Uniforms (n,) in [0, 1).

    Returns
    -------
    Column numbers (n,). A column of weight 0 is never chosen.
    """
    total = cumulative[..., -1]
    if not np.all(total > 0):
        raise ValueError("weights must have a positive sum")
    target = uniform * total
    if cumulative.ndim == 1:
        return np.asarray(np.searchsorted(cumulative, target, side="right"), dtype=np.int64)
    return np.asarray((cumulative <= target[:, None]).sum(axis=1), dtype=np.int64)


def shuffled(size: int, uniform: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return a permutation of range(size) given by the order of `size` uniforms."""
    if uniform.shape != (size,):
        raise ValueError(f"expected {size} uniforms, found shape {uniform.shape}")
    return np.argsort(uniform, kind="stable").astype(np.int64)
