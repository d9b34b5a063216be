from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dynaclr.base.errors import ConfigError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.testing import coded_value, decode, synthetic_experiments


def test_codes_are_exact_and_inverse() -> None:
    rng = np.random.default_rng(0)
    places = [rng.integers(0, size, 500) for size in (2, 3, 8, 3, 3, 64, 64)]
    values = coded_value(*places)
    assert values.max() < 2**24
    assert all(np.array_equal(a, b) for a, b in zip(decode(values.astype(np.float32)), places, strict=True))
    with pytest.raises(ValueError, match="fov must be below 3"):
        coded_value(0, 3, 0, 0, 0, 0, 0)


def test_it_holds_what_a_demonstration_needs(synthetic_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(synthetic_source)
    first, second = registry.experiments
    assert first.channel_names.index(first.source_channel[0]) != second.channel_names.index(
        second.source_channel[0]
    )
    assert first.interval_minutes != second.interval_minutes
    assert first.start_hpi != second.start_hpi
    index = MultiExperimentIndex(registry, (0, 2), (32, 32))
    assert set(index.condition_names) == {"infected", "uninfected"}
    assert sum(item.divisions for item in index.report.experiments) >= 1
    assert all(item.gaps >= 1 for item in index.report.experiments)
    assert index.near_border(slice(None)).any()


def test_tables_have_the_form_of_a_tracker(synthetic_source: Path) -> None:
    table = pd.read_csv(synthetic_source.parent / "dengue_june.tracks" / "A" / "1" / "0" / "tracks.csv")
    assert list(table.columns) == ["track_id", "t", "id", "parent_track_id", "parent_id", "y", "x"]
    assert table.id.is_unique
    linked = table[table.parent_id >= 0]
    before = table.set_index("id")
    assert (before.loc[linked.parent_id, "t"].to_numpy() < linked.t.to_numpy()).all()


def test_the_seed_decides(tmp_path: Path, synthetic_source: Path) -> None:
    again = synthetic_experiments(tmp_path / "same", size="tiny")
    name = "dengue_july.tracks/B/1/1/tracks.csv"
    assert (again.parent / name).read_text() == (synthetic_source.parent / name).read_text()
    other = synthetic_experiments(tmp_path / "other", size="tiny", seed=1)
    assert (other.parent / name).read_text() != (again.parent / name).read_text()
    with pytest.raises(ConfigError, match="unknown size"):
        synthetic_experiments(tmp_path, size="huge")  # type: ignore[arg-type]
