"""Faults put into synthetic experiments must rank first."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dynaclr.curation import MarkKind, Verdict, write_marks
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions
from dynaclr.suspicion import Finding, suspects
from dynaclr.testing import synthetic_experiments

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*centroids fill only a corner"),
    pytest.mark.filterwarnings("ignore:.*parents go on after their child starts"),
]

FOV = "A/1/1"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_experiments(tmp_path_factory.mktemp("faults"), size="demo").parent


@pytest.fixture
def experiments(source: Path, tmp_path: Path) -> Path:
    """A copy whose tables may be damaged; plates are links."""
    for item in source.iterdir():
        if item.suffix == ".zarr":
            (tmp_path / item.name).symlink_to(item, target_is_directory=True)
        elif item.is_dir():
            shutil.copytree(item, tmp_path / item.name)
        else:
            shutil.copy(item, tmp_path)
    return tmp_path


def table_path(folder: Path, fov: str = FOV) -> Path:
    return folder / "dengue_june.tracks" / fov / "tracks.csv"


def index_of(folder: Path, curation: Path | None = None) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(folder / "experiments.yaml")
    options = IndexOptions(curation=curation)
    return MultiExperimentIndex(registry, (0, 3), (32, 32), options=options)


def wholes(findings: list[Finding]) -> list[Finding]:
    return [item for item in findings if item.score >= 100]


def test_sound_experiments_have_no_fov_at_the_top(experiments: Path) -> None:
    findings = suspects(index_of(experiments), pixels=True)
    assert not wholes(findings)
    assert not [item for item in findings if item.check == "swap"]


def test_tables_of_two_fovs_exchanged(experiments: Path) -> None:
    one, two = table_path(experiments), table_path(experiments, "B/1/0")
    texts = one.read_text(), two.read_text()
    one.write_text(texts[1])
    two.write_text(texts[0])
    found = wholes(suspects(index_of(experiments), pixels=True))
    reasons = {item.fov_name: item.reason for item in found}
    assert set(reasons) == {FOV, "B/1/0"}
    exchanged = "tables of A/1/1 and B/1/0 look exchanged: exchange these two track files"
    assert all(reason.startswith(exchanged) for reason in reasons.values())
    assert "the table of B/1/0 fits" in reasons[FOV]
    assert "the table of A/1/1 fits" in reasons["B/1/0"]


def exchanged_yx(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(y=table.x, x=table.y)


def micrometres(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(y=table.y * 0.65, x=table.x * 0.65)


def from_one(table: pd.DataFrame) -> pd.DataFrame:
    later = table.assign(t=table.t + 1)
    return later[later.t < 24]


def shifted(table: pd.DataFrame) -> pd.DataFrame:
    moved = table.assign(y=table.y + 30, x=table.x - 12)
    return moved[(moved.y < 223) & (moved.x > 0)]


FAULTS = [
    (exchanged_yx, "y and x are exchanged"),
    (micrometres, "centroids are micrometres, not pixels"),
    (from_one, "frames are counted from 1"),
    (shifted, "centroids are shifted by (3"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
@pytest.mark.parametrize("everywhere", [False, True])
def test_wrong_tables(experiments: Path, fault: Callable[[Any], Any], reason: str, everywhere: bool) -> None:
    fovs = ["A/1/0", "A/1/1", "B/1/0", "B/1/1"] if everywhere else [FOV]
    if everywhere and fault is shifted:
        pytest.skip("without one FOV that fits, nothing says where cells are")
    for fov in fovs:
        path = table_path(experiments, fov)
        fault(pd.read_csv(path)).to_csv(path, index=False)
    found = wholes(suspects(index_of(experiments), pixels=True))
    assert sorted(item.fov_name for item in found) == fovs
    assert all(reason in item.reason for item in found), [item.reason for item in found]
    assert {item.experiment for item in found} == {"dengue_june"}


def exchange_links(folder: Path, share: float) -> set[tuple[str, str, int, float]]:
    """Exchange links of neighbours, the latest first; return where they arrive (.., t, y)."""
    rng = np.random.Generator(np.random.Philox(7))
    wrong = set()
    for path in sorted(folder.glob("*.tracks/*/*/*/tracks.csv")):
        parts = path.relative_to(folder).parts
        table = pd.read_csv(path)
        track, t = table.track_id.to_numpy().copy(), table.t.to_numpy()
        places = table[["y", "x"]].to_numpy()
        inner = [i for i in range(len(t)) if np.any((track == track[i]) & (t == t[i] - 1))]
        chosen: set[int] = set()
        for i in rng.permutation(inner).tolist():
            if len(chosen) >= share * len(inner):
                break
            beside = [j for j in inner if t[j] == t[i] and j != i]
            if i in chosen or not beside:
                continue
            j = min(beside, key=lambda k: float(np.hypot(*(places[k] - places[i]))))
            if j not in chosen:
                chosen |= {i, j}
                tails = [(track == track[k]) & (t >= t[i]) for k in (i, j)]
                track[tails[0]], track[tails[1]] = track[j], track[i]
        wrong |= {
            (parts[0].removesuffix(".tracks"), "/".join(parts[1:4]), int(t[k]), places[k, 0]) for k in chosen
        }
        parent = table.assign(track_id=track).sort_values("t").groupby("track_id").parent_track_id.first()
        table = table.assign(track_id=track, parent_track_id=parent.loc[track].to_numpy())
        table.drop(columns=["id", "parent_id"]).to_csv(path, index=False)
    return wrong


@pytest.mark.parametrize("pixels", [False, True])
def test_exchanged_links_fill_the_top_of_the_list(experiments: Path, tmp_path: Path, pixels: bool) -> None:
    wrong = exchange_links(experiments, 0.02)
    index = index_of(experiments)
    findings = suspects(index, pixels=pixels)
    hits = [
        item.kind is MarkKind.LINK and (item.experiment, item.fov_name, item.t, item.y) in wrong
        for item in findings
    ]
    assert len(wrong) > 80
    assert np.mean(hits[: len(wrong) // 2]) > 0.98
    assert np.mean(hits[: len(wrong)]) > 0.95
    assert sum(hits) > 0.95 * len(wrong)
    now = datetime(2026, 1, 31, tzinfo=UTC)
    marks = [item.mark(Verdict.EXCLUDE, "anna", now) for item in findings[: len(wrong) // 2]]
    write_marks(tmp_path / "curation.csv", marks)
    curated = index_of(experiments, tmp_path / "curation.csv")
    assert curated.curation is not None
    assert curated.curation.cut_links == len(marks)
    assert not curated.curation.unmatched
    left = suspects(curated, pixels=pixels)
    marked = {mark.identity for mark in marks}
    assert not marked & {item.mark(Verdict.EXCLUDE, "anna", now).identity for item in left}


def test_faults_in_a_real_recording(shared_data: Path, tmp_path: Path) -> None:
    from dynaclr.convert import CtcOptions, convert_ctc

    described = CtcOptions(
        name="hela",
        interval_minutes=30.0,
        pixel_size_um=0.645,
        z_step_um=1.0,
        conditions=["control"],
        channel_name="nuclei",
        start_hpi=0.0,
        version="0.4",
    )
    convert_ctc([shared_data / "hela" / "01", shared_data / "hela" / "02"], tmp_path, described)
    paths = [tmp_path / "hela.tracks" / fov / "tracks.csv" for fov in ("A/1/0", "A/1/1")]
    texts = [path.read_text() for path in paths]

    def found() -> list[Finding]:
        registry = ExperimentRegistry.from_yaml(tmp_path / "experiments.yaml")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the rows that a wrong table loses
            index = MultiExperimentIndex(registry, (0, 1), (68, 68), (0.5, 1.0))
        return wholes(suspects(index, pixels=True))

    assert not found()
    paths[0].write_text(texts[1])
    paths[1].write_text(texts[0])
    assert ["the table of A/1/0 fits" in item.reason for item in found()] == [True, False]
    paths[1].write_text(texts[1])
    for fault, reason in FAULTS[:3]:
        paths[0].write_text(texts[0])
        table = fault(pd.read_csv(paths[0]))
        table[table.t < 20].to_csv(paths[0], index=False)
        (only,) = found()
        assert only.fov_name == "A/1/0"
        assert reason in only.reason
