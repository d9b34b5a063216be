"""What can be a positive, and why not, against the draws and plain reasoning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dynaclr.base.random import BatchKey, Purpose, uniforms
from dynaclr.dataset.pairs import TauLaw, draw_pairs
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.anchors import Exclusion
from dynaclr.index.options import IndexOptions
from dynaclr.tracks import Relation, RelativeLookup
from napari_dynaclr.presentation.lineage_layout import family_layout
from napari_dynaclr.presentation.positives import BARRIER_TEXT, LOSS_TEXT, Barrier, positives_of


def make_index(path: Path, relation: str) -> MultiExperimentIndex:
    options = IndexOptions(relation=relation)
    return MultiExperimentIndex(
        ExperimentRegistry.from_yaml(path), (0, 1), (16, 16), (0.5, 1.0), options=options
    )


def barrier_of(index: MultiExperimentIndex, law: TauLaw, anchor: int, other: int) -> Barrier:
    """Return what keeps a row from being the positive, one comparison at a time."""
    table, relation = index.table, index.relation
    a, b = int(table.track[anchor]), int(table.track[other])
    line = [b]
    while table.forest.parent[line[-1]] >= 0:
        line.append(int(table.forest.parent[line[-1]]))
    reached = {
        Relation.TRACK: a == b,
        Relation.DESCENDANT: a in line,
        Relation.LINEAGE: True,
        Relation.SELF: anchor == other,
    }[relation]
    low, high = law.tau_frames[table.fov_of(np.array([anchor]))[0]]
    tau = int(table.t[other]) - int(table.t[anchor])
    if anchor == other and relation is not Relation.SELF:
        return Barrier.ITSELF
    if not reached:
        return Barrier.UNRELATED
    if tau < low:
        return Barrier.TOO_EARLY
    return Barrier.TOO_LATE if tau > high else Barrier.NONE


@pytest.mark.parametrize("relation", [relation.value for relation in Relation])
def test_barriers_equal_plain_reasoning(coded_source: Path, relation: str) -> None:
    index = make_index(coded_source, relation)
    law = TauLaw(index.tau_frames)
    for row in range(0, len(index.table), 3):
        layout = family_layout(index, row)
        found = positives_of(index, law, layout, row)
        expected = [barrier_of(index, law, row, other) for other in layout.row.tolist()]
        assert [Barrier(code) for code in found.barrier.tolist()] == expected
        assert sorted(found.rows.tolist()) == sorted(layout.row[found.barrier == Barrier.NONE].tolist())
        assert found.loss == index.exclusion[row]
        assert (found.rows.size > 0) == (found.loss == Exclusion.NONE)


def test_probabilities_are_the_frequencies_of_the_draws(coded_source: Path) -> None:
    index = make_index(coded_source, "descendant")
    law = TauLaw(index.tau_frames, 2.0)
    table = index.table
    mother = int(
        np.flatnonzero((table.fov_of() == 3) & (table.track_id[table.track] == 1) & (table.t == 2))[0]
    )
    found = positives_of(index, law, family_layout(index, mother), mother)
    assert len(set(found.tau_frames.tolist())) > 1
    assert found.probability.sum() == pytest.approx(1)
    count = 20_000
    uniform = uniforms(BatchKey(1, 0, 0), Purpose.TAU, count, 2)
    drawn = draw_pairs(index.lookup, law, np.full(count, mother), uniform).positive
    assert set(drawn.tolist()) == set(found.rows.tolist())
    for row, probability in zip(found.rows, found.probability, strict=True):
        assert np.mean(drawn == row) == pytest.approx(probability, abs=0.015)


def test_rows_that_are_left_out(coded_source: Path) -> None:
    index = make_index(coded_source, "descendant")
    law = TauLaw(index.tau_frames)
    anchor = int(index.anchor_rows[0])
    layout = family_layout(index, anchor)
    victim = int(positives_of(index, law, layout, anchor).rows[0])
    index.exclusion[victim] = Exclusion.EXCLUDED
    index.usable[victim] = False
    index.lookup = RelativeLookup(index.table, index.relation, index.usable)
    found = positives_of(index, law, layout, anchor)
    assert found.barrier[layout.node_of(victim)] == Barrier.LEFT_OUT
    assert victim not in found.rows
    own = positives_of(index, law, layout, victim)
    assert own.loss is Exclusion.EXCLUDED
    assert not own.rows.size
    assert np.all(own.barrier == Barrier.NO_ANCHOR)


def test_an_offset_without_weight_is_said(coded_source: Path) -> None:
    index = make_index(coded_source, "descendant")
    law = TauLaw(index.tau_frames, 5000.0)
    table = index.table
    row = int(np.flatnonzero((table.fov_of() == 3) & (table.track_id[table.track] == 1) & (table.t == 0))[0])
    layout = family_layout(index, row)
    found = positives_of(index, law, layout, row)
    assert found.probability.tolist() == [1.0]
    assert np.count_nonzero(found.barrier == Barrier.ZERO_WEIGHT) >= 1


def test_every_code_has_words() -> None:
    assert set(BARRIER_TEXT) == set(Barrier)
    assert set(LOSS_TEXT) == set(Exclusion)
