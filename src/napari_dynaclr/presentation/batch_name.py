"""Name of a training batch in the views."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchName:
    """A training batch: its address, and the first digits of its pixel hash, "" before they are read."""

    seed: int
    epoch: int
    batch: int
    digest: str
