from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.sampler.sequential import SequentialBatches


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 7))
def test_prediction_sees_every_row_once_in_order(size: int, batch_size: int, ranks: int) -> None:
    parts = [SequentialBatches(size, batch_size, ranks, rank, pad=False) for rank in range(ranks)]
    batches = [list(part) for part in parts]
    assert [len(part) for part in parts] == [len(items) for items in batches]
    rows = sorted(row for items in batches for batch in items for row in batch)
    assert rows == list(range(size))
    for rank, items in enumerate(batches):
        for place, batch in enumerate(items):
            first = (rank + place * ranks) * batch_size
            assert batch == list(range(first, min(first + batch_size, size)))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 7))
def test_padded_ranks_make_equal_steps_and_miss_nothing(size: int, batch_size: int, ranks: int) -> None:
    parts = [SequentialBatches(size, batch_size, ranks, rank) for rank in range(ranks)]
    assert len({len(part) for part in parts}) == 1
    batches = [list(part) for part in parts]
    assert {len(items) for items in batches} == {len(parts[0])}
    assert {row for items in batches for batch in items for row in batch} == set(range(size))


def test_epochs_are_alike_and_can_be_entered_in_the_middle() -> None:
    batches = SequentialBatches(25, 4, 2, 1)
    first = list(batches)
    batches.sampler.set_epoch(7)
    assert batches.epoch == 7
    assert list(batches) == first
    assert list(batches.iterate(3, start=2)) == first[2:]


@pytest.mark.parametrize("other", [(24, 4, True), (25, 5, True), (25, 4, False)])
def test_the_fingerprint_tells_sizes_apart_and_ranks_not(other: tuple[int, int, bool]) -> None:
    own = SequentialBatches(25, 4, 2, 0).fingerprint
    assert own == SequentialBatches(25, 4, 2, 1).fingerprint
    size, batch_size, pad = other
    assert own != SequentialBatches(size, batch_size, 2, 0, pad).fingerprint
