from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.random import (
    BatchKey,
    KeyedBatch,
    Purpose,
    choose,
    generator,
    number_uniforms,
    shuffled,
    uniforms,
)

KEYS = st.builds(BatchKey, st.integers(0, 2**63 - 1), st.integers(0, 2**40), st.integers(0, 2**40))


@settings(deadline=None, max_examples=50)
@given(KEYS, st.sampled_from(list(Purpose)))
def test_same_key_same_numbers(key: BatchKey, purpose: Purpose) -> None:
    assert np.array_equal(uniforms(key, purpose, 5, 3), uniforms(key, purpose, 5, 3))


def test_every_word_of_the_key_matters() -> None:
    base = BatchKey(1, 2, 3)
    streams = [
        uniforms(base, Purpose.TAU, 50),
        uniforms(base._replace(seed=2), Purpose.TAU, 50),
        uniforms(base._replace(epoch=3), Purpose.TAU, 50),
        uniforms(base._replace(batch=4), Purpose.TAU, 50),
        uniforms(base, Purpose.CANDIDATE, 50),
        uniforms(base, Purpose.TAU, 50, slot=1),
    ]
    values = np.concatenate(streams).ravel()
    assert np.unique(values).size == values.size


def test_purposes_are_fixed_for_ever() -> None:
    expected = {"BATCH": 1, "TAU": 6, "CANDIDATE": 7, "SPLIT": 16}
    assert {name: Purpose[name].value for name in expected} == expected
    assert len({purpose.value for purpose in Purpose}) == len(Purpose)


def test_streams_of_batches_do_not_overlap() -> None:
    long = generator(BatchKey(0, 0, 0), Purpose.TAU).random(4000)
    assert np.intersect1d(long, generator(BatchKey(0, 0, 1), Purpose.TAU).random(4000)).size == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_row_uniforms_depend_on_the_row_alone(rows: list[int]) -> None:
    together = number_uniforms(5, Purpose.TAU, np.array(rows, dtype=np.int64), 2)
    alone = [number_uniforms(5, Purpose.TAU, np.array([row]), 2)[0] for row in rows]
    assert np.array_equal(together, np.array(alone).reshape(-1, 2))


def test_row_uniforms_of_neighbors_differ() -> None:
    block = number_uniforms(0, Purpose.TAU, np.arange(500), 4)
    assert np.unique(block).size == block.size


def test_choose_follows_weights_and_skips_zero() -> None:
    weights = np.array([0.0, 3.0, 0.0, 1.0])
    draw = generator(BatchKey(0, 0, 0), Purpose.AUDIT).random(40_000)
    counts = np.bincount(choose(np.cumsum(weights), draw), minlength=4)
    assert counts[0] == counts[2] == 0
    assert counts[1] / counts.sum() == pytest.approx(0.75, abs=0.01)
    rows = choose(np.tile(np.cumsum(weights), (draw.size, 1)), draw)
    assert np.array_equal(rows, choose(np.cumsum(weights), draw))


def test_choose_at_the_edges() -> None:
    cumulative = np.cumsum([1.0, 1.0, 0.0])
    assert choose(cumulative, np.array([0.0, 0.5, np.nextafter(1, 0)])).tolist() == [0, 1, 1]


def test_choose_refuses_no_weight() -> None:
    with pytest.raises(ValueError, match="positive sum"):
        choose(np.zeros(3), np.array([0.5]))


def test_shuffled_is_a_permutation() -> None:
    order = shuffled(100, uniforms(BatchKey(0, 0, 0), Purpose.BATCH, 100)[:, 0])
    assert sorted(order) == list(range(100))
    assert order.tolist() != list(range(100))


def test_keyed_batch_is_a_list_that_pickles_with_its_key() -> None:
    batch = KeyedBatch([3, 1], BatchKey(1, 2, 3))
    again = pickle.loads(pickle.dumps(batch))
    assert again == [3, 1]
    assert again.key == batch.key
    assert isinstance(again, list)
