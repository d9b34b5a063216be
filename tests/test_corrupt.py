"""The example that makes tables wrong: what it writes is wrong in just the way that it says."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.faults import CORRUPT, corrupted

from dynaclr.experiment import read_experiments


def made(source: Path, folder: Path, *arguments: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Make data wrong; return their tables by experiment and field of view."""
    corrupted(source, folder, *arguments)
    return tables(folder / "experiments.yaml")


def tables(path: Path) -> dict[tuple[str, str], pd.DataFrame]:
    found = {}
    for config in read_experiments(path):
        assert config.plate_path.is_dir()
        for file in sorted(config.tracks_root.glob("*/*/*/*.csv")):
            fov = file.parent.relative_to(config.tracks_root).as_posix()
            found[config.name, fov] = pd.read_csv(file)
    return found


def test_places_are_changed_where_that_is_asked(synthetic_source: Path, tmp_path: Path) -> None:
    before = tables(synthetic_source)
    for fault in ("yx", "microns"):
        only = ("--experiment", "dengue_june", "--fovs", "A/1/1")
        after = made(synthetic_source, tmp_path / fault, fault, *only)
        assert [key for key in before if not after[key].equals(before[key])] == [("dengue_june", "A/1/1")]
        old, new = (found["dengue_june", "A/1/1"] for found in (before, after))
        expected = old[["x", "y"]] if fault == "yx" else old[["y", "x"]] * 0.65
        assert np.allclose(new[["y", "x"]], expected)
    everywhere = made(synthetic_source, tmp_path / "all", "yx")
    assert not any(everywhere[key].equals(before[key]) for key in before)
    assert len(pd.read_csv(tmp_path / "all" / "wrong.csv")) == len(before)


def test_tables_are_exchanged(synthetic_source: Path, tmp_path: Path) -> None:
    before = tables(synthetic_source)
    arguments = ("--experiment", "dengue_june", "--fovs", "A/1/1", "B/1/0")
    after = made(synthetic_source, tmp_path / "exchange", "exchange", *arguments)
    pair = [("dengue_june", fov) for fov in ("A/1/1", "B/1/0")]
    assert after[pair[0]].equals(before[pair[1]])
    assert after[pair[1]].equals(before[pair[0]])
    assert all(after[key].equals(before[key]) for key in before if key not in pair)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_links_are_exchanged_where_it_says(synthetic_source: Path, tmp_path: Path, seed: str) -> None:
    """Every step between two places that was not there before is one that wrong.csv names."""
    before = tables(synthetic_source)
    after = made(synthetic_source, tmp_path / "links", "links", "--share", "0.05", "--seed", seed)
    wrong = pd.read_csv(tmp_path / "links" / "wrong.csv")
    said = set(wrong.itertuples(index=False, name=None))
    assert len(said) == len(wrong) > 4
    found = set()
    for key in before:
        columns = ["t", "y", "x"]
        old, new = (table[key].sort_values(columns)[columns].to_numpy() for table in (before, after))
        assert np.array_equal(old, new)  # the same cells
        old_steps, new_steps = steps(before[key]), steps(after[key])
        found |= {(*key, *new_steps[step]) for step in new_steps if step not in old_steps}
    assert found == said


def steps(table: pd.DataFrame) -> dict[tuple[float, ...], tuple[int, int]]:
    """Return {(t, y, x of both ends): (track, t of arrival)}."""
    result = {}
    for track, own in table.sort_values("t").groupby("track_id"):
        rows = own[["t", "y", "x"]].to_numpy().tolist()
        for one, two in itertools.pairwise(rows):
            result[(*one, *two)] = (int(str(track)), int(two[0]))
    return result


def test_the_score_counts_places_in_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame(
        {"experiment": "june", "fov_name": "A/1/0", "track_id": [1, 2], "t": [5, 5]},
    ).to_csv(tmp_path / "wrong.csv", index=False)
    found = pd.DataFrame(
        {
            "kind": ["fov", "link", "track", "link", "link"],
            "experiment": "june",
            "fov_name": "A/1/0",
            "track_id": [np.nan, 1, 2, 9, 2],
            "t": [np.nan, 5, 5, 5, 5],
        }
    )
    found.to_csv(tmp_path / "suspicious.csv", index=False)
    assert CORRUPT["main"]([str(tmp_path), str(tmp_path / "suspicious.csv"), "--score"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 wrong, 5 findings; first at place 2",
        "among the first 2: 1 of 2",
        "among the first 4: 1 of 2",
    ]
    pd.DataFrame({"experiment": ["june"], "fov_name": ["A/1/0"]}).to_csv(tmp_path / "wrong.csv", index=False)
    assert CORRUPT["main"]([str(tmp_path), str(tmp_path / "suspicious.csv"), "--score"]) == 0
    assert "first at place 1" in capsys.readouterr().out
