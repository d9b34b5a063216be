"""Composition against plain loops over the drawn pairs."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.composition import (
    Composition,
    Crossing,
    HourHistogram,
    Intensities,
    Pool,
    as_text,
    compose,
    condition_confounds,
    facts,
    table,
)
from dynaclr.composition.pool import hour_bins
from dynaclr.dataset.pairs import PairDraw
from dynaclr.index.anchors import Exclusion
from dynaclr.options.fold import pipeline_config
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.inspector import BatchInspector

pytestmark = pytest.mark.filterwarnings("ignore:sampler:UserWarning")  # small data sets make it give way

BATCHES = 40


def opened(source: Path, **options: object) -> BatchInspector:
    config = pipeline_config(
        str(source),
        (0, 2),
        (32, 32),
        (24, 24),
        [],
        no_validation=True,
        channel_dropout_prob=0.0,
        **{"batch_size": 12, "leaky": 0.25, "temporal_enrichment": True, "seed": 5, **options},
    )
    pipeline = Pipeline(config)
    pipeline.setup()
    return BatchInspector(pipeline)


@pytest.fixture(scope="module")
def inspector(synthetic_source: Path) -> BatchInspector:
    return opened(synthetic_source, temporal_window_hours=0.6)


@pytest.fixture(scope="module")
def composition(inspector: BatchInspector) -> Composition:
    return inspector.composition(1, BATCHES)


@pytest.fixture(scope="module")
def batches(inspector: BatchInspector) -> list[KeyedBatch]:
    return list(inspector.batches(1, BATCHES))


def test_many_batches_are_drawn_as_each_alone(inspector: BatchInspector, batches: list[KeyedBatch]) -> None:
    mixed = [*batches[:3], [4, 9, 9]]
    together = inspector.dataset.draw_many(mixed)
    alone = [inspector.dataset.draw(batch) for batch in mixed]
    for name in PairDraw.__slots__:
        joined = np.concatenate([getattr(draw, name) for draw in alone])
        assert np.array_equal(getattr(together, name), joined), name


def test_axes_count_what_frames_say(
    inspector: BatchInspector, batches: list[KeyedBatch], composition: Composition
) -> None:
    frame = inspector.dataset.index.valid_anchors
    frame = frame.assign(well=frame.experiment.astype(str) + "/" + frame.well_name.astype(str))
    frame = frame.assign(fov_name=frame.experiment.astype(str) + "/" + frame.fov_name.astype(str))
    for name in ("experiment", "condition", "well", "fov_name"):
        axis = composition.axes[name]
        for place, label in enumerate(axis.labels):
            assert axis.pool[place] == (frame[name] == label).sum()
            for number, batch in enumerate(batches):
                assert axis.counts[number, place] == (frame[name].iloc[list(batch)] == label).sum()


def test_hours_fall_into_round_bins(
    inspector: BatchInspector, batches: list[KeyedBatch], composition: Composition
) -> None:
    axis = composition.axes["hours"]
    hours = inspector.dataset.index.valid_anchors.hours_post_infection.to_numpy()
    spans = [tuple(map(float, label.removesuffix(" h").split("-"))) for label in axis.labels]
    assert spans[0][0] <= hours.min()
    assert spans[-1][1] > hours.max()
    for place, (low, high) in enumerate(spans):
        assert axis.pool[place] == ((hours >= low - 1e-6) & (hours < high - 1e-6)).sum()
    assert axis.counts.sum(axis=1).tolist() == [len(batch) for batch in batches]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-3, 30), min_size=1, max_size=20), st.integers(1, 5))
def test_every_hour_has_a_bin(hours: list[float], count: int) -> None:
    edges = np.linspace(min(hours), max(hours) + 1.0, count + 1)
    for hour, place in zip(hours, hour_bins(np.array(hours), edges).tolist(), strict=True):
        assert edges[place] <= hour + 1e-6
        assert hour <= edges[place + 1] + 1e-6


def test_lineages_duplicates_and_pairs(
    inspector: BatchInspector, batches: list[KeyedBatch], composition: Composition
) -> None:
    frame = inspector.dataset.index.valid_anchors
    root = frame.lineage_id.astype(str).to_numpy()
    axis = composition.axes["lineage"]
    drawn = Counter(root[list(itertools.chain(*batches))])
    most = sorted(drawn.values(), reverse=True)[: len(axis.labels) - 1]
    assert axis.counts.sum(axis=0)[:-1].tolist() == most
    assert axis.pool.sum() == len(frame)
    for place in range(len(axis.labels) - 1):
        experiment, row, column, field, _, track = axis.labels[place].replace("/", " ").split()
        name = f"{experiment}_{row}/{column}/{field}_{track}"
        assert axis.pool[place] == (root == name).sum()
    for number, batch in enumerate(batches):
        assert composition.duplicates[number] == len(batch) - len(set(batch))
        pairs = sum(root[a] == root[b] for a, b in itertools.combinations(batch, 2))
        assert composition.lineage_pairs[number] == pairs


def test_expected_pairs_of_one_lineage_are_those_of_random_anchors(
    inspector: BatchInspector, batches: list[KeyedBatch], composition: Composition
) -> None:
    frame = inspector.dataset.index.valid_anchors
    root = frame.lineage_id.cat.codes.to_numpy()
    cell = (frame.experiment.astype(str) + frame.condition.astype(str)).to_numpy()
    chance = {}
    for name in np.unique(cell):
        mine = root[cell == name]
        same = sum(a == b for a, b in itertools.combinations(mine.tolist(), 2))
        chance[name] = same / (mine.size * (mine.size - 1) / 2)
    for number, batch in enumerate(batches[:10]):
        pairs = itertools.combinations(cell[list(batch)], 2)
        assert composition.expected_lineage_pairs[number] == pytest.approx(
            sum(chance[a] for a, b in pairs if a == b)
        )


def test_the_sampler_says_how_batches_came_about(
    inspector: BatchInspector, batches: list[KeyedBatch], composition: Composition
) -> None:
    frame = inspector.dataset.index.valid_anchors
    hours, experiment = frame.hours_post_infection.to_numpy(), frame.experiment.astype(str).to_numpy()
    near, leaked = [], []
    for batch in batches:
        rows, account = inspector.sampler.account(batch.key.epoch, batch.key.batch)
        assert rows == batch
        near += [abs(hours[row] - account.focal_hours) <= 0.6 + 1e-4 for row in batch]
        home = inspector.sampler.group.labels[account.group]
        leaked += [experiment[row] != home for row in batch]
    draws = composition.draws
    assert draws is not None
    assert draws.focal_realized == pytest.approx(np.mean(near))
    assert draws.focal_realized >= draws.focal_requested - draws.widened == pytest.approx(0.7 - draws.widened)
    assert draws.leaked_realized == pytest.approx(np.mean(leaked)) == pytest.approx(0.25)
    assert compose(inspector.dataset, batches).draws is None


def test_too_few_anchors_are_told(synthetic_source: Path) -> None:
    with pytest.warns(UserWarning, match="anchors repeat"):
        inspector = opened(synthetic_source, batch_size=600, leaky=0.0, temporal_enrichment=False)
    with pytest.warns(UserWarning, match="drawn with replacement"):
        composition = inspector.composition(0, 4)
    assert composition.draws is not None
    assert composition.draws.replaced > 0
    assert composition.duplicates.max() > 0
    assert any(fact.flagged and fact.name == "drawn with replacement" for fact in facts(composition))


def test_tau_is_counted_for_each_experiment(inspector: BatchInspector, composition: Composition) -> None:
    index = inspector.dataset.index
    draws = [inspector.dataset.draw(batch) for batch in inspector.batches(1, BATCHES)]
    assert [item.interval_hours for item in composition.tau] == [0.5, 0.25]
    for code, item in enumerate(composition.tau):
        realized: Counter[int] = Counter()
        requested: Counter[int] = Counter()
        moved = 0
        for draw in draws:
            mine = index.fov_experiment[index.table.fov_of(draw.anchor)] == code
            realized.update(draw.tau_frames[mine].tolist())
            requested.update(draw.requested_frames[mine].tolist())
            moved += int((draw.tau_frames != draw.requested_frames)[mine].sum())
        frames = item.frames.tolist()
        assert item.realized.tolist() == [realized[frame] for frame in frames]
        assert item.requested.tolist() == [requested[frame] for frame in frames]
        assert (item.moved, item.pairs) == (moved, realized.total())
        weights = np.exp(-2.0 * np.arange(len(frames)) / (frames[-1] - frames[0]))
        assert item.law == pytest.approx(weights / weights.sum())
        assert not item.collapsed


def test_patches_at_borders_and_exclusions(inspector: BatchInspector, composition: Composition) -> None:
    index = inspector.dataset.index
    draws = [inspector.dataset.draw(batch) for batch in inspector.batches(1, BATCHES)]
    anchors = np.concatenate([index.near_border(draw.anchor) for draw in draws])
    positives = np.concatenate([index.near_border(draw.positive) for draw in draws])
    border = composition.border
    assert (border.anchors, border.positives, border.pairs) == (
        pytest.approx(anchors.mean()),
        pytest.approx(positives.mean()),
        pytest.approx(np.mean(anchors | positives)),
    )
    exclusions = composition.exclusions
    frame = index.tracks
    for e, experiment in enumerate(exclusions.experiments):
        for c, condition in enumerate(exclusions.conditions):
            mine = ((frame.experiment == experiment) & (frame.condition == condition)).to_numpy()
            for cause in Exclusion:
                assert exclusions.counts[e, c, cause] == (index.exclusion[mine] == cause).sum()


def test_coverage_follows_the_batches(
    inspector: BatchInspector, batches: list[KeyedBatch], composition: Composition
) -> None:
    seen: set[int] = set()
    for number, batch in enumerate(batches):
        seen |= set(batch)
        assert composition.coverage.seen[number] == len(seen)
    repeats = Counter(itertools.chain(*batches))
    assert composition.max_repeats == max(repeats.values())
    steps = list(zip(batches[0::2], batches[1::2], strict=True))
    shared = [len(set(a) & set(b)) for a, b in steps]
    assert composition.coverage.shared_anchors == pytest.approx(np.mean(shared))
    assert composition.coverage.same_batches == 0
    again = compose(inspector.dataset, [batches[0], batches[0], *batches[2:4]])
    assert again.coverage.same_batches == 1
    whole = [set(itertools.chain(*inspector.batches(epoch, inspector.batches_per_epoch))) for epoch in (1, 2)]
    assert composition.coverage.distinct_per_epoch == pytest.approx(
        np.mean([len(rows) for rows in whole][: BATCHES // inspector.batches_per_epoch])
    )


def test_epochs_until_all_are_seen(synthetic_source: Path) -> None:
    plain = opened(
        synthetic_source,
        experiment_aware=False,
        condition_balanced=False,
        leaky=0.0,
        temporal_enrichment=False,
    )
    measured = plain.composition(0, plain.batches_per_epoch).coverage
    assert not measured.estimated
    assert measured.epochs_to_goal <= 1
    assert measured.max_repeats == 1
    uniform = opened(synthetic_source, experiment_aware=False, leaky=0.0, temporal_enrichment=False)
    guessed = uniform.composition(0, 20).coverage
    assert guessed.estimated
    true = uniform.composition(0, 8 * uniform.batches_per_epoch).coverage
    assert not true.estimated
    assert guessed.epochs_to_goal == pytest.approx(true.epochs_to_goal, rel=0.25)
    one = opened(
        synthetic_source,
        leaky=0.0,
        temporal_enrichment=False,
        experiment_weights={"dengue_june": 1.0},
    )
    assert one.composition(0, 10).coverage.epochs_to_goal == float("inf")


def test_a_condition_in_one_experiment_is_a_confound() -> None:
    crossing = Crossing(("a", "b"), ("c", "d"), np.zeros((2, 2), dtype=np.int64), np.array([[5, 0], [3, 4]]))
    assert crossing.confounded == (("d", "b"),)
    assert replace(crossing, experiments=("b",), pool=np.array([[3, 4]])).confounded == ()


def test_overlap_of_hours() -> None:
    drawn = np.array([[4, 4, 0], [0, 2, 2], [0, 0, 0]])
    overlap = HourHistogram(np.arange(4.0), ("a", "b", "c"), drawn, drawn).overlap
    assert overlap[0, 1] == pytest.approx(0.5)
    assert overlap[0, 0] == pytest.approx(1)
    assert np.isnan(overlap[0, 2])


def test_confounds_are_seen_only_where_they_are(inspector: BatchInspector) -> None:
    index = inspector.dataset.index
    even = {item.source: item for item in condition_confounds(index, inspector.dataset.rows)}
    assert 0.4 < even["experiment"].auroc < 0.6
    assert 0.3 < even["hours"].auroc < 0.7
    assert even["FOV"].auroc == pytest.approx(1)
    assert (even["hours"].grouped_by, even["FOV"].grouped_by) == ("FOV", "lineage")
    fov = index.table.fov_of(inspector.dataset.rows)
    split = (index.fov_experiment[fov] == 0) == (index.fov_condition[fov] == 0)
    confounded = {item.source: item for item in condition_confounds(index, inspector.dataset.rows[split])}
    assert confounded["experiment"].auroc == pytest.approx(1)


def brightness(inspector: BatchInspector, means: np.ndarray, stds: float | np.ndarray = 1.0) -> Intensities:
    """Return what was measured of all anchors: one channel."""
    index, rows = inspector.dataset.index, inspector.dataset.rows
    experiment = index.fov_experiment[index.table.fov_of(rows)]
    spread = np.broadcast_to(stds, means.shape)[:, None].astype(float)
    return Intensities(tuple(index.registry.names), ("GFP",), rows, experiment, means[:, None], spread)


def test_brightness_that_gives_the_condition_away_is_a_confound(inspector: BatchInspector) -> None:
    index, rows = inspector.dataset.index, inspector.dataset.rows
    condition = index.fov_condition[index.table.fov_of(rows)]
    noise = np.random.default_rng(0).normal(size=rows.size)
    for means, least, most in ((noise, 0.3, 0.7), (5 * condition + noise, 0.95, 1.0)):
        measured = brightness(inspector, means)
        found = {item.source: item for item in condition_confounds(index, rows, measured)}
        assert least <= found["mean intensity"].auroc <= most
        assert found["mean intensity"].grouped_by == "FOV"
    assert "mean intensity" not in {item.source for item in condition_confounds(index, rows)}


@pytest.mark.parametrize(
    ("shift", "spread", "flagged"), [(0.0, 1.0, False), (3.0, 1.0, True), (0.0, 5.0, True)]
)
def test_experiments_that_look_different_after_normalization_are_flagged(
    inspector: BatchInspector, composition: Composition, shift: float, spread: float, flagged: bool
) -> None:
    index, rows = inspector.dataset.index, inspector.dataset.rows
    other = index.fov_experiment[index.table.fov_of(rows)] == 1
    measured = brightness(inspector, shift * other, np.where(other, spread, 1.0))
    told = [fact for fact in facts(replace(composition, intensities=measured)) if fact.section == "intensity"]
    assert [fact.name for fact in told] == [f"{name}, GFP" for name in index.registry.names]
    assert told[1].value == f"mean {shift:.3g}, std {spread:.3g}"
    assert any(fact.flagged for fact in told) is flagged
    assert not [fact for fact in facts(composition) if fact.section == "intensity"]


def test_everything_is_in_the_table(composition: Composition, inspector: BatchInspector) -> None:
    composition.confounds = condition_confounds(inspector.dataset.index, composition.rows)
    rows = table(composition)
    assert {row["section"] for row in rows} >= {
        *composition.axes,
        *("conditions", "hours", "sampler", "tau", "batch", "border", "lost", "coverage", "confound"),
    }
    text = as_text(composition)
    assert all(fact.value in text for fact in facts(composition))
    assert len({tuple(row) for row in rows}) == 1


def test_the_pool_is_counted_once(inspector: BatchInspector) -> None:
    pool = Pool(inspector.dataset)
    first, second = inspector.composition(0, 2, pool=pool), inspector.composition(0, 2)
    assert first.records() == second.records()
    keys = [BatchKey(5, 0, 0), BatchKey(5, 0, 1)]
    told: list[int] = []
    compose(inspector.dataset, [KeyedBatch([0, 1], key) for key in keys], told.append, pool)
    assert told == [2]
    with pytest.raises(ValueError, match="no batches"):
        compose(inspector.dataset, [])
