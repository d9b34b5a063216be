"""Observations and anchors against loops over the track files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dynaclr.base.errors import DataError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.experiment.fovs import select_fovs
from dynaclr.index.anchors import Exclusion
from dynaclr.index.arrays import IndexArrays
from dynaclr.index.options import IndexOptions
from dynaclr.index.source import load_index
from dynaclr.tracks.loading import locate_tracks

TAU_FRAMES = (1, 2)


def arrays_of(path: Path, **options: Any) -> tuple[IndexArrays, list[Path]]:
    registry = ExperimentRegistry.from_yaml(path).subset(["coded0"])
    fovs = select_fovs(registry, None, None)[0]
    arrays = IndexArrays(registry, fovs, (0, 1), (16, 16), (0.5, 1.0), IndexOptions(**options))
    assert arrays.tau_frames.tolist() == [list(TAU_FRAMES)] * len(fovs)
    files, _ = locate_tracks(registry, fovs, arrays.options.tracks)
    return arrays, [file for file in files if file is not None]


def test_an_anchor_has_a_positive_in_its_track(coded_source: Path) -> None:
    arrays, files = arrays_of(coded_source, relation="track")
    table, exclusion, counts, curation = load_index(arrays, files)
    seen = set()
    for number, file in enumerate(files):
        for _, row in pd.read_csv(file).iterrows():
            seen.add((number, int(row["track_id"]), int(row["t"])))
    assert len(table) == len(seen)
    fov, track = table.fov_of(slice(None)), table.track_id[table.track]
    for row, identity in enumerate(zip(fov.tolist(), track.tolist(), table.t.tolist(), strict=True)):
        assert identity in seen
        positive = any((*identity[:2], identity[2] + offset) in seen for offset in TAU_FRAMES)
        assert bool(exclusion[row] == Exclusion.NONE) is positive
    assert [item.rows for item in counts if item] == [len(pd.read_csv(file)) for file in files]
    assert curation is None


def test_the_cache_gives_the_same(coded_source: Path, tmp_path: Path) -> None:
    arrays, files = arrays_of(coded_source, cache_dir=tmp_path / "cache")
    built, cached = load_index(arrays, files), load_index(arrays, files)
    assert len(list((tmp_path / "cache").iterdir())) == 1
    for name in ("t", "y", "x", "track", "track_id"):
        assert np.array_equal(getattr(built[0], name), getattr(cached[0], name))
    assert np.array_equal(built[1], cached[1])
    assert built[2:] == cached[2:]


def test_no_observation_is_left(coded: Path) -> None:
    arrays, files = arrays_of(coded)
    for file in files:
        pd.read_csv(file).assign(y=-40.0).to_csv(file, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match=r"no observations are left; found 87 rows.*87 outside the image"):
            load_index(arrays, files)
