from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.thread_buffer import ThreadDataLoader

from dynaclr.errors import ConfigError, RunError
from dynaclr.loader import BatchLoader
from dynaclr.sequential import SequentialBatches


class Rows:
    """A dataset whose batch is its rows; slower for early rows, so that order is no accident."""

    def __init__(self, size: int = 40, fails_at: int | None = None) -> None:
        self.size, self.fails_at = size, fails_at
        self.calls: list[list[int]] = []

    def __len__(self) -> int:
        return self.size

    def __getitems__(self, rows: list[int]) -> dict[str, Any]:
        self.calls.append(list(rows))
        time.sleep(0.002 * (rows[0] % 5 == 0))
        if self.fails_at in rows:
            raise OSError("chunk 7 of A/1/0 is damaged")
        return {"rows": torch.tensor(rows)}


class Shuffled(SequentialBatches):
    """Batches that differ between epochs."""

    def batch(self, epoch: int, k: int) -> list[int]:
        return [(row * 7 + epoch) % self.size for row in super().batch(epoch, k)]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def rows_of(loader: BatchLoader) -> list[list[int]]:
    return [batch["rows"].tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_same_batches_for_any_number_of_workers(workers: int) -> None:
    batches = Shuffled(40, 8)
    assert rows_of(BatchLoader(Rows(), batches, workers)) == list(batches.iterate(0))


def test_it_is_a_thread_data_loader() -> None:
    loader = BatchLoader(Rows(), Shuffled(40, 8), 2)
    assert isinstance(loader, ThreadDataLoader)
    assert loader.num_workers == 0
    assert loader.collate_fn.__name__ == "same_batch"


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_an_error_reaches_the_consumer(workers: int) -> None:
    seen = []
    with pytest.raises(OSError, match="A/1/0 is damaged"):
        for batch in BatchLoader(Rows(fails_at=20), SequentialBatches(40, 8), workers):
            seen.append(batch["rows"][0].item())
    assert seen == [0, 8]


def test_global_seeds_are_left_alone() -> None:
    torch.manual_seed(7)
    state = np.random.get_state()[1].copy()
    rows_of(BatchLoader(Rows(), Shuffled(40, 8), 3))
    assert torch.initial_seed() == 7
    assert np.array_equal(np.random.get_state()[1], state)


def test_reading_ahead_is_bounded() -> None:
    data = Rows(400)
    iterator = iter(BatchLoader(data, SequentialBatches(400, 8), 2, prefetch_batches=3))
    next(iterator)
    time.sleep(0.2)
    assert len(data.calls) <= 2 + 3 + 1
    iterator.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle(workers: int) -> None:
    batches = Shuffled(40, 8)
    batches.set_epoch(3)
    first = BatchLoader(Rows(), batches, workers)
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    state = first.state_dict()
    iterator.close()
    assert state["done"] == 2

    data = Rows()
    again = BatchLoader(data, Shuffled(40, 8), workers)
    again.load_state_dict(state)
    iterator = iter(again)
    again.batch_sampler.set_epoch(99)  # what a trainer says after it made the iterator
    assert [batch["rows"].tolist() for batch in iterator] == list(batches.iterate(3, 2))
    assert len(data.calls) == 3
    assert rows_of(again) == list(batches.iterate(99))


def test_a_state_of_other_data_is_refused() -> None:
    state = BatchLoader(Rows(), SequentialBatches(40, 8)).state_dict()
    with pytest.raises(RunError, match="batch_size 8 there, 10 here"):
        BatchLoader(Rows(), SequentialBatches(40, 10)).load_state_dict(state)


def test_a_state_at_the_end_of_an_epoch_starts_the_next() -> None:
    loader = BatchLoader(Rows(), Shuffled(40, 8))
    rows_of(loader)
    state = loader.state_dict()
    fresh = BatchLoader(Rows(), Shuffled(40, 8))
    fresh.load_state_dict(state)
    fresh.batch_sampler.set_epoch(1)
    assert rows_of(fresh) == list(Shuffled(40, 8).iterate(1))


def test_observer_sees_what_is_handed_over() -> None:
    seen: list[Any] = []
    loader = BatchLoader(Rows(), SequentialBatches(40, 8), 2, observer=seen.append)
    assert rows_of(loader) == [batch["rows"].tolist() for batch in seen]


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_workers"):
        BatchLoader(Rows(), SequentialBatches(40, 8), -1)


def test_ranks_share_and_wrap() -> None:
    ranks = [SequentialBatches(50, 10, 2, rank) for rank in range(2)]
    assert [len(item) for item in ranks] == [3, 3]
    assert {row for item in ranks for batch in item for row in batch} == set(range(50))
    exact = [SequentialBatches(50, 10, 2, rank, pad=False) for rank in range(2)]
    rows = [row for item in exact for batch in item for row in batch]
    assert sorted(rows) == list(range(50))
