from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynaclr.curation import Mark, MarkKind, Verdict, write_marks
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.embedding.rows import rows_in
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import IndexOptions, MultiExperimentIndex


@pytest.fixture(scope="module")
def index(coded_source: Path) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(coded_source)
    return MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0))


@pytest.fixture(scope="module")
def seen(index: MultiExperimentIndex) -> pd.DataFrame:
    dataset = MultiExperimentTripletDataset(index, fit=False)
    rows = np.random.default_rng(0).permutation(dataset.rows)
    return pd.DataFrame(dataset.identities(rows)).assign(row=rows)


def test_every_observation_is_found_in_any_order(index: MultiExperimentIndex, seen: pd.DataFrame) -> None:
    assert np.array_equal(rows_in(index, seen), seen["row"])
    assert np.array_equal(rows_in(index, seen[::3]), seen["row"][::3])
    assert rows_in(index, seen[:0]).size == 0


def test_in_an_index_of_some_the_others_are_absent(index: MultiExperimentIndex, seen: pd.DataFrame) -> None:
    names = index.registry.names
    some = MultiExperimentIndex(
        ExperimentRegistry(index.registry.experiments[1:]), (0, 1), (16, 16), (0.5, 1.0)
    )
    found = rows_in(some, seen)
    here = (seen["experiment"] != names[0]).to_numpy()
    assert here.any() and not here.all()
    assert (found[~here] == -1).all()
    assert (found[here] >= 0).all()
    again = pd.DataFrame(MultiExperimentTripletDataset(some, fit=False).identities(found[here]))
    columns = ["experiment", "fov_name", "track_id", "t", "y", "x"]
    assert again[columns].equals(seen.loc[here, columns].reset_index(drop=True))


@pytest.mark.parametrize(
    "change", [{"t": -1}, {"t": 10_000}, {"track_id": 10**12}, {"fov_name": "Z/9/9"}, {"experiment": "none"}]
)
def test_what_is_nowhere_is_absent(
    index: MultiExperimentIndex, seen: pd.DataFrame, change: dict[str, object]
) -> None:
    assert (rows_in(index, seen.assign(**change)) == -1).all()


def test_a_frame_of_another_fov_is_not_taken_for_one_of_this(
    index: MultiExperimentIndex, seen: pd.DataFrame
) -> None:
    frames = int(index.fovs[0].layout.shape[0])
    moved = seen.assign(t=seen["t"] + frames)
    known = set(zip(seen["experiment"], seen["fov_name"], seen["track_id"], seen["t"], strict=True))
    expected = [
        key in known
        for key in zip(moved["experiment"], moved["fov_name"], moved["track_id"], moved["t"], strict=True)
    ]
    assert np.array_equal(rows_in(index, moved) >= 0, expected)


def test_cells_of_a_track_that_was_cut_are_found(
    coded_source: Path, seen: pd.DataFrame, tmp_path: Path
) -> None:
    """An embedding from before a cut knows nothing of the parts."""
    cut = tmp_path / "curation.csv"
    when = datetime(2026, 1, 31, tzinfo=UTC)
    link = Mark(MarkKind.LINK, Verdict.EXCLUDE, "coded0", "A/1/0", "anna", when, track_id=4, t=4)
    write_marks(cut, [link])
    registry = ExperimentRegistry.from_yaml(coded_source)
    options = IndexOptions(curation=cut)
    parts = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0), options=options)
    assert parts.curation is not None and parts.curation.cut_links == 1
    found = rows_in(parts, seen)
    again = pd.DataFrame(MultiExperimentTripletDataset(parts, fit=False).identities(found))
    columns = ["experiment", "fov_name", "track_id", "t", "y", "x"]
    assert again[columns].equals(seen[columns])
