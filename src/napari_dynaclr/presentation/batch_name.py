"""What a training batch is called in the views; imports no Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchName:
    """A training batch: its key, and first digits of the digest of its pixels, "" before they are read."""

    seed: int
    epoch: int
    batch: int
    digest: str
