from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.base.permutation import distinct_ranks, permuted
from dynaclr.sampler import FlexibleBatchSampler
from dynaclr.sampler.axes import largest_remainder


def frame(sizes: dict[tuple[str, str], int], hours: float = 24.0) -> pd.DataFrame:
    """Anchors by (experiment, condition), hours spread evenly."""
    rows = [
        {"experiment": e, "condition": c, "hours_post_infection": hours * i / max(n - 1, 1)}
        for (e, c), n in sizes.items()
        for i in range(n)
    ]
    return pd.DataFrame(rows)


BIG = frame({(e, c): 400 for e in ("a", "b", "c") for c in ("u", "i")})


def test_all_axes_hold_together() -> None:
    sampler = FlexibleBatchSampler(
        BIG,
        120,
        leaky=0.25,
        temporal_enrichment=True,
        temporal_window_hours=2.0,
        temporal_global_fraction=0.3,
    )
    for k in range(30):
        rows = BIG.iloc[sampler.batch(0, k)]
        assert len(rows) == rows.index.nunique() == 120
        assert rows.condition.value_counts().to_dict() == {"u": 60, "i": 60}
        main = rows.experiment.value_counts()
        assert main.iloc[0] == 90
        near = max(
            np.sum(np.abs(rows.hours_post_infection - hour) <= 2.0) for hour in rows.hours_post_infection
        )
        assert near >= 84


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 60),
    st.floats(0, 1),
    st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 999),
)
def test_batches_are_valid_whatever_the_axes(
    size: int, leaky: float, fraction: float, aware: bool, balanced: bool, enriched: bool, k: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = FlexibleBatchSampler(
            BIG, size, aware, leaky, None, balanced, None, enriched, 3.0, fraction, seed=3
        )
    batch = sampler.batch(k, k % len(sampler))
    assert len(batch) == size
    assert len(set(batch)) == size
    assert batch == sampler.batch(k, k % len(sampler))
    if balanced:
        counts = BIG.iloc[batch].condition.value_counts()
        assert counts.max() - counts.min() <= 1
    if aware:
        assert BIG.iloc[batch].experiment.value_counts().get("a", 0) <= size


@pytest.mark.parametrize(
    ("size", "leaky", "own"), [(100, 0.3, 70), (100, 0.29, 71), (8, 0.2, 6), (8, 0.05, 8)]
)
def test_leaked_rows_come_from_other_experiments_exactly(size: int, leaky: float, own: int) -> None:
    """The leaked share is the nearest whole number of rows."""
    weights = {"a": 1.0}
    sampler = FlexibleBatchSampler(
        BIG, size, leaky=leaky, experiment_weights=weights, condition_balanced=False
    )
    for k in range(10):
        assert BIG.iloc[sampler.batch(0, k)].experiment.value_counts()["a"] == own


def test_experiment_weights_and_default_by_size() -> None:
    data = frame({("a", "u"): 3000, ("b", "u"): 1000})

    def share(sampler: FlexibleBatchSampler) -> float:
        return float(np.mean([data.experiment.iloc[sampler.batch(0, k)[0]] == "a" for k in range(600)]))

    assert share(FlexibleBatchSampler(data, 8)) == pytest.approx(0.75, abs=0.06)
    assert share(FlexibleBatchSampler(data, 8, experiment_weights={"a": 1, "b": 4})) == pytest.approx(
        0.2, abs=0.06
    )


def test_condition_ratio() -> None:
    sampler = FlexibleBatchSampler(BIG, 100, condition_ratio={"u": 3, "i": 1})
    assert BIG.iloc[sampler.batch(1, 2)].condition.value_counts().to_dict() == {"u": 75, "i": 25}


def test_plain_epoch_is_a_permutation_and_epochs_differ() -> None:
    sampler = FlexibleBatchSampler(BIG, 100, experiment_aware=False, condition_balanced=False)
    first = [row for batch in sampler for row in batch]
    assert sorted(first) == list(range(len(BIG)))
    sampler.set_epoch(1)
    assert [row for batch in sampler for row in batch] != first


def test_last_batch_without_drop_last() -> None:
    sampler = FlexibleBatchSampler(
        BIG, 999, experiment_aware=False, condition_balanced=False, drop_last=False
    )
    assert [len(batch) for batch in sampler] == [999, 999, 402]


def test_ranks_take_turns_and_make_equal_steps() -> None:
    ranks = [FlexibleBatchSampler(BIG, 100, num_replicas=5, rank=rank) for rank in range(5)]
    assert {len(sampler) for sampler in ranks} == {4}
    keys = [batch.key.batch for sampler in ranks for batch in sampler]
    assert sorted(keys) == list(range(20))
    assert [batch.key.batch for batch in ranks[3]] == [3, 8, 13, 18]
    alone = FlexibleBatchSampler(BIG, 100)
    assert all(batch == alone.batch(0, batch.key.batch) for sampler in ranks for batch in sampler)


def test_ranks_that_wait_start_over_and_no_anchor_is_left_out() -> None:
    few = frame({("a", "u"): 25})
    switches = {"experiment_aware": False, "condition_balanced": False, "drop_last": False}
    ranks = [FlexibleBatchSampler(few, 10, num_replicas=2, rank=rank, **switches) for rank in range(2)]
    first, second = (list(sampler) for sampler in ranks)
    assert [len(batch) for batch in (*first, *second)] == [10, 5, 10, 10]
    assert sorted(row for batch in (*first, second[0]) for row in batch) == list(range(25))
    assert list(second[1]) == list(first[0])


def test_leaked_rows_do_not_count_against_a_small_stratum() -> None:
    uneven = frame({("a", "u"): 40, ("a", "i"): 400, ("b", "u"): 400, ("b", "i"): 400})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FlexibleBatchSampler(uneven, 100, leaky=0.5)  # a's own share of u is 25
    with pytest.warns(UserWarning, match="40 anchors for a share of 50"):
        FlexibleBatchSampler(uneven, 100)


def test_a_shortage_is_told_once() -> None:
    with pytest.warns(UserWarning) as told:
        sampler = FlexibleBatchSampler(frame({("a", "u"): 5}), 20)
        for k in range(10):
            sampler.batch(0, k)
    assert [str(item.message).rpartition(": ")[2] for item in told] == [
        "anchors repeat.",
        "drawn with replacement ('u' of 'a').",
    ]


def test_the_focal_hour_is_that_of_a_condition_with_weight() -> None:
    early = frame({("a", "u"): 300}, hours=10.0)
    late = frame({("a", "i"): 300}, hours=10.0).assign(
        hours_post_infection=lambda t: t.hours_post_infection + 90
    )
    anchors = pd.concat([early, late], ignore_index=True)
    sampler = FlexibleBatchSampler(
        anchors,
        16,
        condition_ratio={"u": 1.0, "i": 0.0},
        temporal_enrichment=True,
        temporal_global_fraction=0.0,
    )
    for k in range(30):  # an hour of the other condition would leave no row near it, and be told
        hours = anchors.hours_post_infection[sampler.batch(0, k)]
        assert hours.max() - hours.min() <= 4.0


def test_places_in_a_batch_and_the_stratum_that_leaks_are_drawn() -> None:
    anchors = frame({(e, c): 400 for e in ("a", "b") for c in ("u", "i", "w")})
    sampler = FlexibleBatchSampler(
        anchors, 9, leaky=1 / 9, experiment_weights={"a": 1.0}, condition_ratio={"u": 1, "i": 1, "w": 1}
    )
    batches = [anchors.iloc[sampler.batch(0, k)] for k in range(60)]
    leaked = {batch.condition[batch.experiment == "b"].item() for batch in batches}
    assert leaked == {"u", "i", "w"}
    assert {batch.condition.iloc[0] for batch in batches} == {"u", "i", "w"}


def test_a_leaked_place_that_falls_back_repeats_no_row() -> None:
    anchors = frame({("a", "u"): 200, ("a", "i"): 10, ("b", "u"): 200})  # nobody else has i
    sampler = FlexibleBatchSampler(anchors, 20, leaky=0.5, experiment_weights={"a": 1.0})
    with pytest.warns(UserWarning, match="no anchor in the other experiments"):
        batches = [sampler.batch(0, k) for k in range(20)]
    for batch in batches:
        assert (anchors.condition[batch] == "i").sum() == 10
        assert len(set(batch)) == 20


def test_iteration_from_the_middle_equals_the_rest() -> None:
    sampler = FlexibleBatchSampler(BIG, 100, leaky=0.1)
    assert list(sampler.iterate(3, start=7)) == list(sampler.iterate(3))[7:]


def test_lightning_finds_set_epoch() -> None:
    sampler = FlexibleBatchSampler(BIG, 100)
    sampler.sampler.set_epoch(4)
    assert next(iter(sampler)).key.epoch == 4


def test_one_experiment_with_leaky_warns_and_works() -> None:
    data = frame({("a", "u"): 50, ("a", "i"): 50})
    with pytest.warns(UserWarning, match="leaky = 0.5 has no effect"):
        sampler = FlexibleBatchSampler(data, 10, leaky=0.5)
    assert len(set(sampler.batch(0, 0))) == 10


def test_small_strata_repeat_rows_and_say_so() -> None:
    data = frame({("a", "u"): 100, ("a", "i"): 3})
    with pytest.warns(UserWarning, match=r"'a', 'i': 3 anchors for a share of 10"):
        sampler = FlexibleBatchSampler(data, 20)
    with pytest.warns(UserWarning, match="drawn with replacement"):
        batch = sampler.batch(0, 0)
    rows = data.iloc[batch]
    assert (rows.condition == "i").sum() == 10
    assert rows[rows.condition == "i"].index.value_counts().max() <= 4


def test_a_condition_that_an_experiment_lacks() -> None:
    data = frame({("a", "u"): 100, ("b", "u"): 100, ("b", "i"): 100})
    with pytest.warns(UserWarning, match=r"'a' has no anchor of i"):
        sampler = FlexibleBatchSampler(data, 20, experiment_weights={"a": 1, "b": 0})
    assert set(data.iloc[sampler.batch(0, 0)].condition) == {"u"}


@pytest.mark.filterwarnings("ignore:.*temporal_global_fraction is 1")
def test_enrichment_window_and_extremes() -> None:
    for fraction, near_rows in ((0.0, 50), (1.0, 0)):
        sampler = FlexibleBatchSampler(
            BIG, 50, temporal_enrichment=True, temporal_window_hours=1.5, temporal_global_fraction=fraction
        )
        spans = [np.ptp(BIG.hours_post_infection.iloc[sampler.batch(0, k)]) for k in range(20)]
        assert all(span <= 3.0 for span in spans) == (near_rows == 50)


def test_the_focal_hour_is_that_of_any_anchor() -> None:
    """Every anchor of the batch's experiment is as likely: early hours as late ones."""
    sampler = FlexibleBatchSampler(BIG, 10, experiment_aware=False, temporal_enrichment=True)
    hours = [sampler.account(0, k)[1].focal_hours for k in range(400)]
    assert np.histogram(hours, 4, (0.0, 24.0))[0] == pytest.approx(100, abs=35)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"experiment_aware": False, "leaky": 0.5, "experiment_weights": {"z": 1}},
            "leaky, experiment_weights have no effect: experiment_aware is off",
        ),
        (
            {"experiment_aware": False, "group_by": ["nope"]},
            "group_by has no effect: experiment_aware is off",
        ),
        (
            {"condition_balanced": False, "condition_ratio": {"u": 1}},
            "condition_ratio has no effect: condition_balanced is off",
        ),
        (
            {"temporal_window_hours": 1.0, "temporal_global_fraction": 0.0},
            "temporal_window_hours, temporal_global_fraction have no effect: temporal_enrichment is off",
        ),
        (
            {"temporal_enrichment": True, "temporal_global_fraction": 1.0},
            "temporal_enrichment has no effect: temporal_global_fraction is 1",
        ),
        ({"experiment_weights": {"a": 1}}, "experiment_weights leaves out 'b', 'c', never drawn"),
        ({"condition_ratio": {"u": 1}}, "condition_ratio leaves out 'i', never drawn"),
    ],
)
def test_what_has_no_effect_is_told_once(options: dict[str, object], message: str) -> None:
    with pytest.warns(UserWarning, match=message) as told:
        FlexibleBatchSampler(BIG, **{"batch_size": 20, **options})
    assert len(told) == 1


def test_many_groups_that_lack_a_condition_are_one_warning() -> None:
    counts = {(f"e{number}", "u"): 100 for number in range(9)} | {("f", "i"): 100, ("f", "u"): 100}
    with pytest.warns(UserWarning, match=r"'e4' has no anchor of i; and 4 more: the other") as told:
        FlexibleBatchSampler(frame(counts), 20)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": True}, "batch_size: value out of range.*found True"),
        ({"experiment_weights": {"z": 1}}, "experiment_weights.*unknown name.*'z'"),
        ({"experiment_weights": {"a": 0}}, "all weights are 0"),
        ({"condition_ratio": {"u": -1}}, "weight of 'u'"),
        ({"condition_ratio": {"u": float("nan")}}, "weight of 'u'"),
        ({"leaky": 1.5}, "leaky"),
        ({"temporal_global_fraction": -0.1}, "temporal_global_fraction"),
        ({"temporal_window_hours": 0.0}, "temporal_window_hours"),
        ({"batch_size": 0}, "batch_size"),
        ({"num_replicas": 50}, "more ranks than batches"),
        ({"rank": 1}, "rank"),
        ({"group_by": ["plate"]}, "experiment_aware needs the column 'plate'"),
        ({"stratify_by": ["drug"]}, "condition_balanced needs the column 'drug'"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FlexibleBatchSampler(BIG, **{"batch_size": 100, **options})


def test_columns_are_asked_for_only_by_the_axis_that_needs_them() -> None:
    FlexibleBatchSampler(BIG[["experiment"]], 10, condition_balanced=False)
    FlexibleBatchSampler(BIG[["condition"]], 10, experiment_aware=False)
    with pytest.raises(ConfigError, match="temporal_enrichment needs the column 'hours_post_infection'"):
        FlexibleBatchSampler(BIG[["experiment", "condition"]], 10, temporal_enrichment=True)


def test_several_columns_make_an_axis() -> None:
    sampler = FlexibleBatchSampler(
        BIG, 60, experiment_aware=False, stratify_by=["experiment", "condition"], condition_ratio=None
    )
    assert BIG.iloc[sampler.batch(0, 0)].groupby(["experiment", "condition"]).size().tolist() == [10] * 6


def test_fewer_anchors_than_a_batch() -> None:
    with pytest.raises(ConfigError, match="fewer anchors than the batch size"):
        FlexibleBatchSampler(BIG[:5], 10, experiment_aware=False, condition_balanced=False)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 500), st.lists(st.floats(0, 10), min_size=1, max_size=9), st.integers(0, 2**32))
def test_quotas_are_within_one_of_the_share(total: int, weights: list[float], seed: int) -> None:
    shares = np.array(weights)
    if not shares.sum() > 1e-6:
        return
    quota = largest_remainder(total, shares, np.random.default_rng(seed).random(shares.size))
    assert quota.sum() == total
    assert np.all(np.abs(quota - total * shares / shares.sum()) < 1 + 1e-6)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 3000), st.integers(0, 2**40), st.integers(0, 100))
def test_permutation_visits_all(size: int, seed: int, epoch: int) -> None:
    assert sorted(permuted(np.arange(size), size, seed, epoch)) == list(range(size))


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 50), st.integers(1, 80), st.integers(0, 2**32))
def test_distinct_ranks(count: int, size: int, seed: int) -> None:
    ranks = np.array(distinct_ranks(np.random.default_rng(seed).random(count).tolist(), size))
    assert ranks.size == count
    assert ranks.min() >= 0
    assert ranks.max() < size
    repeats = np.bincount(ranks, minlength=size)
    assert repeats.max() - repeats.min() <= 1


def test_distinct_ranks_are_uniform() -> None:
    draws = np.random.default_rng(0).random((6000, 3))
    counts = np.bincount(np.concatenate([distinct_ranks(draw, 5) for draw in draws]), minlength=5)
    assert counts / counts.sum() == pytest.approx([0.2] * 5, abs=0.01)


def test_switches_are_kept_and_cannot_be_set() -> None:
    options = {
        "batch_size": 4,
        "experiment_aware": True,
        "leaky": 0.25,
        "experiment_weights": {"a": 1.0, "b": 2.0},
        "condition_balanced": True,
        "condition_ratio": {"x": 1.0, "y": 1.0},
        "temporal_enrichment": True,
        "temporal_window_hours": 3.0,
        "temporal_global_fraction": 0.5,
        "num_replicas": 2,
        "rank": 1,
        "seed": 9,
        "drop_last": False,
    }
    anchors = pd.DataFrame(
        {
            "experiment": np.repeat(["a", "b"], 40),
            "condition": np.tile(["x", "y"], 40),
            "hours_post_infection": np.tile(np.arange(40) / 4, 2),
        }
    )
    sampler = FlexibleBatchSampler(valid_anchors=anchors, **options)
    assert {name: getattr(sampler, name) for name in options} == options
    assert sampler.valid_anchors is anchors
    assert tuple(sampler.group_by) == ("experiment",)
    for name in (*options, "group_by"):
        with pytest.raises(AttributeError, match=f"FlexibleBatchSampler.{name} is given once"):
            setattr(sampler, name, 1)
