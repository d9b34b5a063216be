"""Hands out batches read ahead by threads, in order, with errors, resumable.

A subclass of MONAI's ThreadDataLoader, of which it keeps the type and none of the buffering: MONAI's
buffer thread swallows loading errors, and its thread workers reseed the process and break signals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from monai.data.thread_buffer import ThreadDataLoader

from dynaclr.base.errors import ConfigError, RunError, TrainingError, listing, problem

_MUST_AGREE = ("seed", "world_size", "batch_size", "fingerprint", "rows")


def same_batch(batch: Any) -> Any:
    """Return a batch that the dataset has put together already."""
    return batch


class BatchLoader(ThreadDataLoader):
    """Batches of a dataset in the order of a batch sampler.

    Parameters
    ----------
    dataset
        Answers `__getitems__(rows)` with a batch; called from several threads.
    batch_sampler
        Gives `iterate(epoch, start)`, `epoch`, `set_epoch`, `seed`, `batch_size`, `num_replicas`, `len`.
    num_workers
        Concurrent batch reads (threads); 0 reads in the main thread.
    prefetch_batches
        Finished batches that may wait, besides those being read.
    observer
        Called with every batch as it is handed over.
    fingerprint
        A digest of what the batches are drawn from: a state of another one is refused.
    same_epoch
        Whether every epoch has the batches of the first.
    taken
        How many batches of an epoch are asked for; None for all.
    """

    def __init__(
        self,
        dataset: Any,
        batch_sampler: Any,
        num_workers: int = 0,
        prefetch_batches: int = 2,
        observer: Callable[[dict[str, Any]], None] | None = None,
        fingerprint: str = "",
        same_epoch: bool = False,
        taken: int | None = None,
    ) -> None:
        if num_workers < 0 or prefetch_batches < 0:
            found = f"{num_workers} and {prefetch_batches}"
            raise ConfigError(
                problem(
                    "value out of range", field="num_workers, prefetch_batches", expected=">= 0", found=found
                )
            )
        super().__init__(dataset, num_workers=0, batch_sampler=batch_sampler, collate_fn=same_batch)
        self.rows: Any = dataset
        self.order: Any = batch_sampler
        self.readers, self.prefetch_batches = num_workers, prefetch_batches
        self.observer = observer
        self.fingerprint, self.same_epoch, self.taken = fingerprint, same_epoch, taken
        self.handed_over = 0
        self._epoch = int(batch_sampler.epoch)
        self._resume: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield the batches of the sampler's epoch, or the rest of the epoch that was resumed.

        Nothing is drawn before the first batch is asked for: Lightning makes the iterator before it
        sets the epoch.

        Raises
        ------
        TrainingError
            If the sampler gave fewer batches than its length says.
        """
        resumed, self._resume = self._resume, None
        now = 0 if self.same_epoch else self.order.epoch
        self._epoch = now if resumed is None else resumed["epoch"]
        self.handed_over = 0 if resumed is None else resumed["done"]
        indices = self.order.iterate(self._epoch, self.handed_over)
        for batch in self._read_ahead(indices) if self.readers else map(self.rows.__getitems__, indices):
            self.handed_over += 1
            if self.observer is not None:
                self.observer(batch)
            yield batch
        if self.handed_over != len(self):
            raise TrainingError(
                problem("epoch ended early", field="batches", expected=len(self), found=self.handed_over)
            )

    def _read_ahead(self, indices: Iterator[Any]) -> Iterator[Any]:
        """Yield batches in order while the next ones are being read; an error reaches the consumer."""
        pool = ThreadPoolExecutor(max_workers=self.readers, thread_name_prefix="dynaclr-read")
        waiting: deque[Future[Any]] = deque()
        try:
            for rows in indices:
                waiting.append(pool.submit(self.rows.__getitems__, rows))
                if len(waiting) >= self.readers + self.prefetch_batches:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            pool.shutdown(wait=True, cancel_futures=True)

    def state_dict(self) -> dict[str, Any]:
        """Return where in which epoch this rank is: batches handed over, not batches read."""
        return {
            "epoch": self._epoch,
            "done": self.handed_over,
            "whole": len(self) if self.taken is None else min(self.taken, len(self)),
            "seed": int(self.order.seed),
            "world_size": int(self.order.num_replicas),
            "batch_size": int(self.order.batch_size),
            "fingerprint": self.fingerprint,
            "rows": len(self.rows),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken, at the next iteration; what was skipped is not read.

        Raises
        ------
        RunError
            If the state is of other data, another seed, batch size or number of ranks.
        """
        mine = self.state_dict()
        wrong = [
            f"{name} {state.get(name)} there, {mine[name]} here"
            for name in _MUST_AGREE
            if state.get(name) != mine[name]
        ]
        if wrong:
            raise RunError(
                problem(
                    "the checkpoint was made with different data or sampling",
                    found=listing(wrong),
                    fix="Use the run's own config.yaml, or start a new run.",
                )
            )
        self._resume = state if state["done"] < state.get("whole", len(self)) else None


class PlainBatches:
    """The batches of a loader as a plain iterable, whose batch sampler Lightning does not replace."""

    def __init__(self, loader: BatchLoader) -> None:
        self._loader = loader

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._loader)
