"""All items in order, batch after batch, shared out over ranks; for validation and prediction."""

from __future__ import annotations

from collections.abc import Iterator

from dynaclr.base.fingerprint import fingerprint


class SequentialBatches:
    """Batches of consecutive numbers; the same in every epoch.

    Ranks take batches rank, rank + num_replicas, ...; all make the same number of steps. Where the
    batches do not come out even, the last ranks see first batches again (training loops must agree);
    with `pad=False` they see none (every item exactly once, for prediction). An item that would be alone
    in the last batch joins the one before, where a loss is to find negatives for it.

    Parameters
    ----------
    size
        Number of items: anchors in validation, observations in prediction.
    batch_size
        Items of a batch; the last may be smaller.
    num_replicas, rank
        Number of processes and this one's number.
    pad
        Whether ranks are made to have equally many batches.
    """

    def __init__(
        self, size: int, batch_size: int, num_replicas: int = 1, rank: int = 0, pad: bool = True
    ) -> None:
        self.size, self.batch_size = size, batch_size
        self.num_replicas, self.rank, self.pad = num_replicas, rank, pad
        self.seed, self.epoch = 0, 0

    @property
    def batches_per_epoch(self) -> int:
        """Batches over all ranks."""
        alone = self.pad and self.size > self.batch_size > 1 and self.size % self.batch_size == 1
        return -(-self.size // self.batch_size) - alone

    @property
    def sampler(self) -> SequentialBatches:
        """Itself: Lightning looks for `set_epoch` under this name."""
        return self

    @property
    def fingerprint(self) -> str:
        """A digest of all that the batches depend on, the same on every rank."""
        return fingerprint(self.size, self.batch_size, self.pad)

    def set_epoch(self, epoch: int) -> None:
        """Note the epoch; the batches do not depend on it."""
        self.epoch = int(epoch)

    def __len__(self) -> int:
        total = self.batches_per_epoch
        if self.pad:
            return -(-total // self.num_replicas)
        return len(range(self.rank, total, self.num_replicas))

    def batch(self, epoch: int, k: int) -> list[int]:
        """Return batch k; beyond the end it starts over."""
        place, total = k % self.batches_per_epoch, self.batches_per_epoch
        first = place * self.batch_size
        return list(range(first, self.size if place + 1 == total else first + self.batch_size))

    def iterate(self, epoch: int, start: int = 0) -> Iterator[list[int]]:
        """Yield this rank's batches from its `start`-th on."""
        for place in range(start, len(self)):
            yield self.batch(epoch, self.rank + place * self.num_replicas)

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.iterate(self.epoch)
